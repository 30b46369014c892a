"""Was it stored? Decides from the API's own list what became of leads without an answer.

Pure: rows and leads go in, findings come out. Three answers are possible, and only two
of them are acted on. A lead is *found* if one row, and one only, holds exactly what was
sent and could not be anybody else's. It is *absent* if no row even resembles it. All
else is *unclear*, and left to a human: to send it could double it, and to take it for
delivered could lose it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from target_octanist.leads.schema import CONSENT_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: What two clocks may differ by, after the difference that the API's answers show was
#: taken off.
CLOCK_SKEW_SECONDS: Final = 30.0

#: Windows that are closer than this are listed as one.
_JOIN_SECONDS: Final = 120.0

_NAMES = ("email", "phone", "name")

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


def compare(
    doubts: Sequence[Doubt], rows: Sequence[Mapping[str, Any]], taken: frozenset[str]
) -> dict[str, Finding]:
    """Decide about each doubt.

    Args:
        doubts: The leads of one window.
        rows: Every row of the API's list in that window.
        taken: Ids that the journal knows as other leads'.

    Returns:
        Source to finding, one for each doubt. No row settles more than one doubt.
    """
    free = [row for row in rows if isinstance(row.get("id"), str) and row["id"] not in taken]
    same: dict[str, list[str]] = {d.source: [] for d in doubts}
    alike: dict[str, bool] = dict.fromkeys(same, False)
    claims: dict[str, int] = {}
    for doubt in doubts:
        for row in free:
            if is_same(doubt.payload, row):
                same[doubt.source].append(row["id"])
                claims[row["id"]] = claims.get(row["id"], 0) + 1
            elif resembles(doubt.payload, row):
                alike[doubt.source] = True
    findings: dict[str, Finding] = {}
    for doubt in doubts:
        ids = same[doubt.source]
        if len(ids) == 1 and claims[ids[0]] == 1:
            findings[doubt.source] = Found(ids[0])
        elif ids:
            findings[doubt.source] = Unclear("several leads of the list could be this one")
        elif alike[doubt.source]:
            findings[doubt.source] = Unclear("a lead of the list resembles it, but differs")
        else:
            findings[doubt.source] = Absent()
    return findings


def is_same(payload: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Say whether a row holds all that was sent, exactly.

    A key that the row does not have at all says nothing. With a sessionId the API takes
    attribution from the session, so those keys say nothing either.
    """
    identity = ("name", "email", "phone", "custom")
    asked = identity if "sessionId" in payload else payload.keys()
    told = [key for key in asked if key in payload and key in row and key != "sessionId"]
    if not any(key in told for key in identity):
        return False
    return all(_same_value(key, payload[key], row[key]) for key in told)


def resembles(payload: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Say whether a row could be this lead after some tidying by the API."""
    equal = {
        key: mine == theirs
        for key in _NAMES
        if (mine := _loose(key, payload.get(key))) and (theirs := _loose(key, row.get(key)))
    }
    if "email" in equal or "phone" in equal:
        return equal.get("email", False) or equal.get("phone", False)
    if "name" in equal:
        return equal["name"]
    # They share no field. Only where both have nothing but custom could they be one.
    return not any(_loose(key, side.get(key)) for side in (payload, row) for key in _NAMES)


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


def _same_value(key: str, mine: object, theirs: object) -> bool:
    if key == "custom":
        return _custom(mine) == _custom(theirs)
    if key in CONSENT_KEYS:
        return _consent(mine) == _consent(theirs)
    return mine == theirs


def _custom(value: object) -> object:
    """Give custom as the value that its text stands for; the API returns it as text."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _consent(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _loose(key: str, value: object) -> str:
    if not isinstance(value, str):
        return ""
    if key == "phone":
        # The last digits: a country code or a trunk zero may have come or gone.
        return re.sub(r"\D", "", value)[-8:]
    return " ".join(value.split()).casefold()
