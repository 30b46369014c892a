"""Was it stored? Decides from the API's own list what became of leads without an answer.

Pure: rows and leads go in, findings come out. Three answers are possible, and only two
of them are acted on. A lead is *found* if one row, and one only, holds exactly what was
sent and could not be anybody else's. It is *absent* if no row even resembles it. All
else is *unclear*, and left to a human: to send it could double it, and to take it for
delivered could lose it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from target_octanist.delivery.reconcile.matching import ListedRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: What two clocks may differ by, after the difference that the API's answers show was
#: taken off.
CLOCK_SKEW_SECONDS: Final = 30.0

#: Windows that are closer than this are listed as one.
_JOIN_SECONDS: Final = 120.0

_FRACTION: Final = re.compile(r"\.(\d+)")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A lead that may be stored.

    Attributes:
        payload: What was sent.
        sent_at: Seconds since 1970 UTC, by this machine's clock.
        until: The last moment at which the request could have been carried out, or the
            moment at which it was given up.
    """

    source: str
    payload: Mapping[str, Any]
    sent_at: float
    until: float


@dataclass(frozen=True, slots=True)
class Found:
    """It is stored, under this id."""

    lead_id: str


@dataclass(frozen=True, slots=True)
class Absent:
    """It is surely not stored."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """Nobody can tell from the list; `why` holds no value of the lead."""

    why: str


Finding = Found | Absent | Unclear


def windows(doubts: Iterable[Doubt]) -> list[tuple[float, float, list[Doubt]]]:
    """Group doubts into few windows of time: (from, until, the doubts in it)."""
    grouped: list[tuple[float, float, list[Doubt]]] = []
    for doubt in sorted(doubts, key=lambda d: d.sent_at):
        start, end = doubt.sent_at - CLOCK_SKEW_SECONDS, doubt.until + CLOCK_SKEW_SECONDS
        if grouped and start <= grouped[-1][1] + _JOIN_SECONDS:
            first, last, members = grouped[-1]
            grouped[-1] = (first, max(last, end), [*members, doubt])
        else:
            grouped.append((start, end, [doubt]))
    return grouped


class Comparison:
    """What a list says of some leads, before anybody knows whose its rows are.

    Attributes:
        ids: Of all rows that could be one of these leads.
    """

    def __init__(self, doubts: Sequence[Doubt], rows: Iterable[Mapping[str, Any]]) -> None:
        """Compare the leads of one window with every row of the API's list in it."""
        listed = ListedRows(row for row in rows if isinstance(row.get("id"), str))
        self._same = {doubt.source: listed.same_as(doubt.payload) for doubt in doubts}
        like = {doubt.source: listed.like(doubt.payload) for doubt in doubts}
        # Many leads may have a sign in common, and with it all rows that have it.
        self._signed = {sign: ids for signs in like.values() for sign, ids in signs.items()}
        self._signs = {source: frozenset(signs) for source, signs in like.items()}
        self.ids = frozenset(chain(*self._same.values(), *self._signed.values()))

    def findings(self, taken: frozenset[str]) -> dict[str, Finding]:
        """Decide about each lead.

        Args:
            taken: Those of `ids` that the journal knows as other leads'.

        Returns:
            Source to finding, one for each lead. No row settles more than one of them.
        """
        same = {
            source: [lead_id for lead_id in ids if lead_id not in taken]
            for source, ids in self._same.items()
        }
        claims = Counter(chain.from_iterable(same.values()))
        alike = {sign for sign, ids in self._signed.items() if not taken.issuperset(ids)}
        findings: dict[str, Finding] = {}
        for source, ids in same.items():
            if len(ids) == 1 and claims[ids[0]] == 1:
                findings[source] = Found(ids[0])
            elif ids:
                findings[source] = Unclear("several leads in the list could be this one")
            elif not alike.isdisjoint(self._signs[source]):
                findings[source] = Unclear("a lead in the list is similar, but not the same")
            else:
                findings[source] = Absent()
        return findings


def read_time(text: object) -> float | None:
    """Read an ISO 8601 time of the API as seconds since 1970 UTC."""
    if not isinstance(text, str):
        return None
    # Python 3.10 reads no fraction but of three or six digits.
    text = _FRACTION.sub(lambda found: f".{found[1][:6]:0<6}", text.replace("Z", "+00:00"))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo is not None else None
