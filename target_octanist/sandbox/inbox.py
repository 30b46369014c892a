"""What the page shows: rows of a list, and all about one lead or one request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_octanist.sandbox.contract import (
    ATTRIBUTION,
    CAMPAIGN,
    CLICK_IDS,
    CONSENT,
    IDENTITY,
    PAGE,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    from target_octanist.sandbox.activity import Activity, Exchange
    from target_octanist.sandbox.store import Lead, Store

    T = TypeVar("T")

VIEWS: dict[str, Callable[[Exchange], bool]] = {
    "refused": lambda exchange: exchange.refused,
    "faulted": lambda exchange: exchange.faulted,
    "requests": lambda _exchange: True,
}
"""The lists of requests; there is also one of leads."""


@dataclass
class Inbox:
    """The lists and details, over the parts that hold them."""

    store: Store
    activity: Activity

    def leads(self, search: str, limit: int) -> dict[str, object]:
        """List the latest ``limit`` leads that hold every word, and say how many there are."""
        found, total = _latest(self.store.all(), _lead_text, search, limit)
        return {"total": total, "rows": [_lead_row(lead) for lead in found]}

    def requests(self, view: str, search: str, limit: int) -> dict[str, object]:
        """List the latest requests in the same way; ``view`` is a key of VIEWS."""
        exchanges = [exchange for exchange in self.activity.ended if VIEWS[view](exchange)]
        found, total = _latest(exchanges, _request_text, search, limit)
        return {"total": total, "rows": [_request_row(exchange) for exchange in found]}

    def lead(self, lead_id: str) -> dict[str, object] | None:
        """Tell all about one lead, and about the requests for it that are still in the log."""
        lead = self.store.find(lead_id)
        if lead is None:
            return None
        about = [exchange for exchange in self.activity.ended if exchange.lead_id == lead_id]
        session = lead.fields.get("sessionId")
        ignored = [key for key in _read(lead.body) if key in ATTRIBUTION] if session else []
        return {
            "lead": lead.shown(),
            "body": lead.body,
            "attribution": _attribution(lead),
            "ignored": ignored,
            "consent": self._consent(lead),
            "history": lead.history,
            "requests": [_request(exchange) for exchange in about],
        }

    def request(self, number: int) -> dict[str, object] | None:
        """Tell all about one request of the log."""
        found = (exchange for exchange in self.activity.ended if exchange.number == number)
        exchange = next(found, None)
        return None if exchange is None else _request(exchange)

    def _consent(self, lead: Lead) -> list[dict[str, object]]:
        """Tell for each key whether it is granted, and what was given for it, if anything was.

        ``recorded`` is None if unknown: an older data file does not have the request.
        """
        session = lead.fields.get("sessionId")
        given: Mapping[str, object] = _read(lead.body)
        if isinstance(session, str):
            given = self.store.sessions.get(session.lower(), {})
        known = isinstance(session, str) or lead.body != ""
        return [
            {
                "key": key,
                "granted": lead.fields.get(key) is True,
                "recorded": key in given if known else None,
                "given": given.get(key),
            }
            for key in CONSENT
        ]


def _latest(
    things: list[T], text: Callable[[T], str], search: str, limit: int
) -> tuple[list[T], int]:
    words = search.lower().split()
    if words:
        things = [thing for thing in things if _has_all(text(thing), words)]
    return things[: -limit - 1 : -1], len(things)


def _has_all(text: str, words: Iterable[str]) -> bool:
    text = text.lower()
    return all(word in text for word in words)


def _lead_text(lead: Lead) -> str:
    return "\n".join(map(str, (lead.id, *lead.fields.values(), *lead.state.values())))


def _request_text(exchange: Exchange) -> str:
    body = exchange.body.decode(errors="replace")
    if "\\u" in body:
        # Parsed and serialised again, so that a letter is found however it was escaped.
        body = json.dumps(_read(body), ensure_ascii=False)
    parts = (exchange.method, exchange.path, exchange.query, exchange.outcome(), exchange.lead_id)
    return "\n".join(map(str, (*parts, exchange.reason, exchange.fault, body)))


def _lead_row(lead: Lead) -> dict[str, object]:
    fields = lead.fields
    return {
        "id": lead.id,
        "at": lead.created_at,
        **{key: fields.get(key) for key in IDENTITY},
        "status": lead.state.get("status", "open"),
        "value": lead.state.get("value"),
        "came_by": _came_by(fields),
        "granted": sum(fields.get(key) is True for key in CONSENT),
    }


def _came_by(fields: Mapping[str, object]) -> str:
    """Say in a few words how the lead came about: campaign, else click ids, else its session."""
    campaign = [str(fields[key]) for key in CAMPAIGN if fields.get(key)]
    clicks = [key for key in CLICK_IDS if key in fields]
    if campaign or clicks:
        return " / ".join(campaign) or ", ".join(clicks)
    return "pixel session" if "sessionId" in fields else ""


def _attribution(lead: Lead) -> dict[str, object]:
    return {key: lead.fields[key] for key in (*PAGE, *CAMPAIGN, *CLICK_IDS) if key in lead.fields}


def _request_row(exchange: Exchange) -> dict[str, object]:
    payload = _read(exchange.body)
    who = next((payload[key] for key in (*IDENTITY, "id") if payload.get(key)), None)
    return {**exchange.shown(), "reason": exchange.reason, "who": None if who is None else str(who)}


def _request(exchange: Exchange) -> dict[str, object]:
    return {
        **_request_row(exchange),
        "query": exchange.query,
        "headers": exchange.headers,
        "body": exchange.body.decode(errors="replace"),
        "size": exchange.size,
    }


def _read(body: str | bytes) -> dict[str, object]:
    """Read a JSON object; anything else is an empty one."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}
