"""Times, durations and counts the way people say them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from target_octanist.reporting.outcomes import ALL_OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Mapping

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

#: Below this many seconds a tenth of one matters.
_SHORT = 10


def iso(milliseconds: int | None) -> str | None:
    """Give a time in ISO 8601, UTC."""
    if milliseconds is None:
        return None
    moment = datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def when(milliseconds: int, now: int) -> str:
    """Say ``today 03:00``, ``yesterday 23:15``, ``7 Nov 03:00`` or ``7 Nov 2025 03:00``.

    It is the time of the machine's own zone.

    Args:
        milliseconds: Since 1970 UTC.
        now: The same.
    """
    moment, today = local(milliseconds), local(now)
    clock = f"{moment:%H:%M}"
    if moment.date() == today.date():
        return f"today {clock}"
    if moment.date() == today.date() - timedelta(days=1):
        return f"yesterday {clock}"
    year = "" if moment.year == today.year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year} {clock}"


def local(milliseconds: int) -> datetime:
    """Give a time in the machine's own zone."""
    return datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc).astimezone()


def lasted(seconds: float) -> str:
    """Say ``4.2 s``, ``12 min``, ``3 h 05 min`` or ``2 d 4 h``."""
    if seconds < _SHORT:
        return f"{seconds:.1f} s"
    if round(seconds) < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR - 30:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        minutes = round(seconds / _MINUTE)
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(seconds / _HOUR)
    return f"{hours // 24} d {hours % 24} h"


def counts(outcomes: Mapping[str, int]) -> str:
    """Say ``1,725 delivered, 200 duplicate``; what there is none of is left out."""
    said = [f"{outcomes[name]:,} {spoken(name)}" for name in ALL_OUTCOMES if outcomes.get(name)]
    return ", ".join(said) or "no record was settled"


def spoken(outcome: str) -> str:
    """Give the name of an outcome as a word."""
    return outcome.replace("_", " ")
