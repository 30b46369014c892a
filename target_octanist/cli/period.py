"""``--since`` and ``--until``: a date, a time, or an age."""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

_AGE: Final = re.compile(r"(\d{1,6})\s*([smhdw])")

_SECONDS: Final[Mapping[str, int]] = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def check_span(since: int | None, until: int | None) -> None:
    """Refuse a span of time in which nothing can be.

    Raises:
        UsageError: It ends before it begins, or at once.
    """
    if since is not None and until is not None and since >= until:
        raise click.UsageError(
            "--until has to be later than --since; an age counts back from now, as in "
            "--since 8d --until 7d."
        )


class Moment(click.ParamType):  # type: ignore[type-arg]  # at run time only since 8.4
    """A moment, given to the command as milliseconds since 1970 UTC.

    ``2026-11-20`` is midnight, ``2026-11-20T03:00`` a time, both of the machine's own zone
    unless one is named; ``24h`` or ``7d`` is that long ago.
    """

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; click reports what is none."""
        if isinstance(value, int):
            return value
        text = str(value).strip()
        try:
            if age := _AGE.fullmatch(text):
                seconds = time.time() - int(age[1]) * _SECONDS[age[2]]
            else:
                # Python 3.10 does not know the Z.
                moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
                seconds = moment.astimezone().timestamp()
        except (ValueError, OverflowError, OSError):
            self.fail(
                f"{text!r} is not a date, time or age; write 2026-11-20, 2026-11-20T03:00, 24h or 7d.",
                param,
                ctx,
            )
        return int(seconds * 1000)
