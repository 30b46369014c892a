"""Meta's ``fbc``, made of a click id and the time of the click.

Sources keep the bare ``fbclid``; the API wants what the pixel makes of it:
``fb.1.<milliseconds since 1970>.<fbclid>``.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_octanist.leads.text import number_text

if TYPE_CHECKING:
    from target_octanist.leads.text import Normal

_FBC = re.compile(r"fb\.[0-9]\.[0-9]+\..+")
_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<clock>[0-9]{2}:[0-9]{2})(?P<second>:[0-9]{2})?(?:[.,](?P<part>[0-9]+))?"
    r"\s*(?P<zone>Z|UTC|GMT|(?P<sign>[+-])(?P<hours>[0-9]{2}):?(?P<minutes>[0-9]{2})?)?)?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[0-9]{9,16}(?:\.[0-9]+)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MILLISECOND = timedelta(milliseconds=1)
# The size of a number shows its unit: these seconds last until the year 5138.
_MOST_SECONDS = 10**11
_MOST_MILLISECONDS = 10**14
_MOST_MICROSECONDS = 10**17


def fbc(click_id: Normal, time: Any) -> Normal:
    """The ``fbc`` of a click id; one that is made already stays as it is.

    Args:
        click_id: The ``fbclid``, as text that is cleaned already.
        time: When it was clicked; see `milliseconds`.
    """
    text, rule = click_id
    if text is None or _FBC.fullmatch(text):
        return text, rule
    moment = milliseconds(time)
    return (None, "no_time") if moment is None else (f"fb.1.{moment}.{text}", None)


def milliseconds(time: Any) -> int | None:
    """A moment in milliseconds since 1970; None if it is not a readable time.

    It may be ISO 8601 text, a number of seconds, milliseconds or microseconds, or a
    datetime. Without a time zone it is UTC.
    """
    if isinstance(time, str):
        text = time.strip()
        return _of_number(Decimal(text)) if _NUMBER.fullmatch(text) else _of_text(text)
    if isinstance(time, datetime):
        return _of_datetime(time)
    if isinstance(time, date):
        return _of_datetime(datetime(time.year, time.month, time.day, tzinfo=timezone.utc))
    if isinstance(time, (int, float, Decimal)) and not isinstance(time, bool):
        digits = number_text(time)
        return None if digits is None else _of_number(Decimal(digits))
    return None


def _of_number(number: Decimal) -> int | None:
    if not 0 < number < _MOST_MICROSECONDS:
        return None
    if number < _MOST_SECONDS:
        return int(number * 1000)
    return int(number if number < _MOST_MILLISECONDS else number / 1000)


def _of_text(text: str) -> int | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    clock = f"{match['clock'] or '00:00'}{match['second'] or ':00'}"
    offset = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
    try:
        local = datetime.fromisoformat(f"{match['date']}T{clock}+00:00")
        moment = local + offset if match["sign"] == "-" else local - offset
    except (ValueError, OverflowError):
        return None
    part = int((match["part"] or "0")[:3].ljust(3, "0"))
    return _of_datetime(moment + part * _MILLISECOND)


def _of_datetime(moment: datetime) -> int | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    since = (moment - _EPOCH) // _MILLISECOND
    return since if since > 0 else None
