"""Values of typed files, as JSON would have them."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    """Give a value as JSON would have it, without losing a digit.

    Dates and times become ISO 8601; a date-time at midnight is a date, as spreadsheets
    and data frames know no other. A float without a fraction becomes an integer. What is
    no number (NaN) or no text is null.
    """
    match value:
        case None | bool() | int() | str() | Decimal():
            return value
        case float():
            if not math.isfinite(value):
                return None
            return int(value) if value.is_integer() else value
        case datetime():
            is_date = value.time() == time.min and value.tzinfo is None
            return value.date().isoformat() if is_date else value.isoformat()
        case date() | time():
            return value.isoformat()
        case bytes():
            return _text(value)
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {str(name): plain(item) for name, item in value.items()}
        case _:
            return str(value)


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
