"""Asks the API for one lead: was a change of it carried out, is one of the same person there?

A change says how things are to be, so a lead that is so needs no second request. It is
only asked for when the first one can be at it no more.
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from target_octanist.delivery.outcome import (
    AlreadyThere,
    Answer,
    Kind,
    NotSent,
    Outcome,
    Reply,
    Response,
    classify,
    text_of,
)
from target_octanist.leads.schema import MATCH_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_octanist.delivery.client import Sender

#: More leads than a search shows at once are not told apart.
_MOST: Final = 100


def ask(sender: Sender, payload: bytes) -> Answer:
    """Ask for the lead that a change is about: by its id, else by a search."""
    name, value = _identifier(json.loads(payload))
    if name == "id":
        return sender.lead(value)
    return sender.listing({"search": value, "limit": str(_MOST)})


def look_up(sender: Sender, payload: bytes) -> Reply | None:
    """Ask if a lead of the same person is there; None if there is none.

    Where that cannot be found out, the lead counts as not sent.
    """
    lead = json.loads(payload)
    for name in ("email", "phone"):
        if name not in lead:
            continue
        answer = sender.listing({"search": lead[name], "limit": str(_MOST)})
        if not isinstance(answer, Response):
            return NotSent("the API could not be asked for the lead")
        rows = _rows(answer, name, lead[name]) if 200 <= answer.status < 300 else None
        if rows is None:
            means = classify(answer, now=0).kind
            # What every request would meet means the same here; nothing else is about the lead.
            if means in {Kind.THROTTLED, Kind.DENIED}:
                return answer
            return NotSent("the API could not be asked for the lead")
        # The newest comes first.
        found = next(filter(None, (text_of(row.get("id")) for row in rows)), None)
        if found is not None:
            return AlreadyThere(found)
    return None


def carried_out(payload: bytes, answer: Reply, *, now: float) -> Outcome:
    """Say whether a change was carried out.

    Args:
        payload: The change.
        answer: To `ask`.
        now: Wall-clock time in seconds.

    Returns:
        Delivered; retry, if it surely was not; rejected, if there is no such lead; otherwise
        what kept the question from being answered.
    """
    outcome = classify(answer, now=now, is_change=True)
    if not isinstance(answer, Response) or not 200 <= answer.status < 300:
        return outcome
    change = json.loads(payload, parse_float=Decimal)
    rows = _rows(answer, *_identifier(change))
    if rows is None:
        return Outcome(
            Kind.UNKNOWN, f"HTTP {answer.status}, but its answer is not a lead", answer.status
        )
    if not rows:
        return Outcome(Kind.RETRY, "the API lists no such lead", answer.status)
    same = [_is_so(change, row) for row in rows]
    if all(same):
        lead_id = text_of(rows[0].get("id"))
        return Outcome(Kind.DELIVERED, "found in Octanist", answer.status, lead_id=lead_id)
    if any(same):
        return Outcome(
            Kind.UNKNOWN, "several leads match, and only some were changed", answer.status
        )
    return Outcome(Kind.RETRY, "the lead was not changed", answer.status)


def _identifier(change: Mapping[str, Any]) -> tuple[str, str]:
    return next((name, str(change[name])) for name in MATCH_KEYS if name in change)


def _rows(answer: Response, name: str, value: str) -> list[dict[str, Any]] | None:
    """Give the leads in an answer that the identifier names; None if it holds none."""
    try:
        body = json.loads(answer.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    data = body.get("data") if isinstance(body, dict) else None
    if isinstance(data, dict):
        data = [data]
    if not isinstance(data, list) or not answer.complete:
        return None
    rows = [row for row in data if isinstance(row, dict)]
    return [row for row in rows if str(row.get(name) or "").casefold() == value.casefold()]


def _is_so(change: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    for name, value in change.items():
        is_there = row.get(name)
        match name:
            case "id" | "email" | "phone":
                continue
            case "value":
                is_same = _number(is_there) == _number(value)
            case "note":
                # The API does not say whether a note is replaced or added to.
                is_same = isinstance(is_there, str) and str(value) in is_there
            case _:
                is_same = is_there == value
        if not is_same:
            return False
    return True


def _number(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
