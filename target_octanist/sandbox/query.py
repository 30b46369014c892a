"""The query of ``GET /leads``: paging, sorting, search, columns and filters. Pure.

Email, phone, name and custom are deliberately not filters: the API has only ``search`` for them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from target_octanist.sandbox.contract import (
    CAMPAIGN,
    CLICK_IDS,
    CREATE_KEYS,
    ApiError,
    invalid,
    read_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Test = Callable[[object], bool]

ROW_KEYS = (
    "id",
    "status",
    "value",
    "lossReason",
    "source",
    "createdAt",
    "updatedAt",
    "qualifiedAt",
    "expiresAt",
    "labelId",
    *CREATE_KEYS,
)
"""The columns of one row of the list, in the order in which they are answered."""

STATUSES = ("open", "qualified", "won", "lost")
SOURCES = ("inbound", "gtm", "api", "manual", "wordpress", "import")
_DATES = frozenset({"createdAt", "updatedAt", "qualifiedAt"})
_CHOICES = {"status": STATUSES, "source": SOURCES}
_TEXTS = frozenset({"labelId", "website", *CAMPAIGN})
_FILTERS = frozenset({"value", *_DATES, *_CHOICES, *_TEXTS, *CLICK_IDS})
_FILTER_KEY = re.compile(r"(\w+)(?:\[(\w+)\])?", re.ASCII)
_COMPARE: dict[str, Callable[[float | str, float | str], bool]] = {
    "eq": lambda have, want: have == want,
    "gte": lambda have, want: have >= want,  # type: ignore[operator]
    "gt": lambda have, want: have > want,  # type: ignore[operator]
    "lte": lambda have, want: have <= want,  # type: ignore[operator]
    "lt": lambda have, want: have < want,  # type: ignore[operator]
}
_MAX_LIMIT = 100


@dataclass
class ListQuery:
    """A checked list query."""

    limit: int = 50
    page: int = 1
    sort_by: str = "createdAt"
    descending: bool = True
    search: str = ""
    columns: tuple[str, ...] = ROW_KEYS
    tests: list[tuple[str, Test]] = field(default_factory=list)

    def accepts(self, row: dict[str, object]) -> bool:
        """Tell whether a full row passes every filter."""
        return all(test(row[key]) for key, test in self.tests)


def read_query(pairs: Iterable[tuple[str, str]]) -> ListQuery:
    """Check decoded query pairs. Raises ApiError (VALIDATION_ERROR, INVALID_FILTER, …)."""
    query = ListQuery()
    for key, value in pairs:
        if key == "limit":
            query.limit = _whole_number(key, value)
            if query.limit > _MAX_LIMIT:
                raise invalid(f"limit must be at most {_MAX_LIMIT}")
        elif key == "page":
            query.page = _whole_number(key, value)
        elif key == "sort":
            query.sort_by, _, direction = value.partition(":")
            if query.sort_by not in ROW_KEYS or direction not in {"asc", "desc"}:
                raise invalid("sort must be <field>:asc or <field>:desc")
            query.descending = direction == "desc"
        elif key == "search":
            query.search = value.lower()
        elif key == "fields":
            query.columns = tuple(name.strip() for name in value.split(","))
            for name in query.columns:
                if name not in ROW_KEYS:
                    raise invalid(f"Unknown field: {name}")
        else:
            query.tests.append(_read_filter(key, value))
    return query


def read_instant(text: str) -> str:
    """Normalise an ISO 8601 date or time to UTC text that sorts: ``2026-03-10T12:00:00.000Z``."""
    try:
        # Python 3.10 does not read the Z of UTC.
        moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return format_instant(moment)
    except (ValueError, OverflowError):
        raise ApiError(400, "INVALID_DATE", f"Not a date: {text}") from None


def format_instant(moment: datetime) -> str:
    """Write an aware time as the API does: UTC, milliseconds, Z."""
    utc = moment.astimezone(timezone.utc)
    return utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _read_filter(key: str, value: str) -> tuple[str, Test]:
    parsed = _FILTER_KEY.fullmatch(key)
    if parsed is None or parsed[1] not in _FILTERS:
        raise _bad_filter(f"Unknown filter: {key}")
    name, operator = parsed[1], parsed[2] or "eq"
    if operator == "exists":
        if value not in {"true", "false"}:
            raise _bad_filter(f"{key} must be true or false")
        return name, lambda have: (have is not None) == (value == "true")
    if operator not in _COMPARE or (parsed[2] == "eq"):
        raise _bad_filter(f"Unknown operator: {key}")
    if name in CLICK_IDS or (operator != "eq" and name not in _DATES and name != "value"):
        raise _bad_filter(f"Filter does not take this operator: {key}")
    return name, _comparison(operator, _operand(name, value))


def _operand(name: str, value: str) -> float | str:
    if name in _DATES:
        return read_instant(value)
    if name == "value":
        try:
            return read_number(value)
        except ApiError:
            raise _bad_filter("value must be compared with a number") from None
    if value not in _CHOICES.get(name, (value,)):
        raise _bad_filter(f"Unknown {name}: {value}")
    return value


def _comparison(operator: str, want: float | str) -> Test:
    compare = _COMPARE[operator]

    def test(have: object) -> bool:
        return isinstance(have, int | float | str) and compare(have, want)

    return test


def _whole_number(key: str, value: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", value):
        raise invalid(f"{key} must be a whole number from 1")
    return int(value)


def _bad_filter(message: str) -> ApiError:
    return ApiError(400, "INVALID_FILTER", message)
