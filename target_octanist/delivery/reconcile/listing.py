"""Fetches the API's list of leads for the windows in which some may have been stored."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from target_octanist.delivery.outcome import Answer, Response, text_of
from target_octanist.delivery.reconcile.comparison import Comparison, read_time, windows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_octanist.delivery.reconcile.comparison import Doubt

PAGE_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class ListingFailed:
    """The list could not be had; `answer` is what came instead."""

    answer: Answer


class Lister(Protocol):
    """What a listing needs of the other side."""

    def listing(self, query: Mapping[str, str]) -> Answer:
        """Ask for a page of the leads that are stored."""


def compare_with_list(sender: Lister, doubts: Iterable[Doubt]) -> list[Comparison] | ListingFailed:
    """Compare these leads with all that were created when they may have been."""
    # The list is asked for by the server's clock, so its difference to ours comes first.
    clock = sender.listing({"limit": "1", "page": "1", "fields": "id"})
    page = _read(clock)
    if page is None:
        return ListingFailed(clock)
    offset = 0.0 if page.told_at is None else page.told_at - time.time()
    found: list[Comparison] = []
    for start, end, members in windows(doubts):
        rows = _list_all(sender, start + offset, end + offset)
        if isinstance(rows, ListingFailed):
            return rows
        found.append(Comparison(members, rows))
    return found


def _list_all(sender: Lister, start: float, end: float) -> list[Mapping[str, Any]] | ListingFailed:
    rows: dict[str, Mapping[str, Any]] = {}
    number = 1
    while True:
        answer = sender.listing(
            {
                "createdAt[gte]": _iso(start),
                "createdAt[lte]": _iso(end),
                # Oldest first: what is added meanwhile comes after what was read.
                "sort": "createdAt:asc",
                "limit": str(PAGE_ROWS),
                "page": str(number),
            }
        )
        page = _read(answer)
        if page is None:
            return ListingFailed(answer)
        known = len(rows)
        rows.update((str(row.get("id")), row) for row in page.rows)
        if not page.has_more:
            return list(rows.values())
        if len(rows) == known:
            return ListingFailed(answer)  # it repeats itself, and would for ever
        number += 1


class _Page(NamedTuple):
    rows: list[Mapping[str, Any]]
    has_more: bool
    told_at: float | None


def _read(answer: Answer) -> _Page | None:
    """Read a page of the list; None for anything that is not surely one."""
    if not isinstance(answer, Response) or answer.status != 200 or not answer.complete:
        return None
    try:
        body = json.loads(answer.body)
        rows, meta = body["data"], body.get("meta") or {}
        pagination = meta.get("pagination") or {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    rows = [row | {"id": text_of(row.get("id"))} for row in rows]
    has_more = pagination.get("hasMore")
    if not isinstance(has_more, bool):
        # A server that does not say so is asked until it gives less than a full page.
        has_more = len(rows) >= PAGE_ROWS
    return _Page(rows, has_more and bool(rows), read_time(meta.get("timestamp")))


def _iso(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
