"""Times on the command line: a date, a time, or an age."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from typing import Final

import click

_AGE: Final = re.compile(r"(\d{1,6})([mhdw])")

_MILLISECONDS: Final = {
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
}


class Moment(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on
    """An ISO date or time (UTC unless it says otherwise), or an age such as ``24h`` or ``7d``.

    Its value is in milliseconds since 1970 UTC.
    """

    name = "time"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Read a time; click tells whoever gave something else."""
        if isinstance(value, int):
            return value
        if age := _AGE.fullmatch(value):
            return time.time_ns() // 1_000_000 - int(age[1]) * _MILLISECONDS[age[2]]
        try:
            # Python 3.10 does not know the Z.
            moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", value))
        except ValueError:
            self.fail(
                f"{value!r} is no time: give a date (2026-01-31), a time "
                "(2026-01-31T08:00) or an age (24h, 7d).",
                param,
                ctx,
            )
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return int(moment.timestamp() * 1000)
