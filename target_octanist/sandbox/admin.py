"""What lies outside the API: the live page and the endpoints for tests under ``/_sandbox/``.

They need no key, but answer no page of another origin (see guard.py). Rules and sessions are JSON;
a malformed one is answered 400 with ``{"error": "what is wrong"}``.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from target_octanist.sandbox.contract import check_session
from target_octanist.sandbox.inbox import VIEWS, Inbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from target_octanist.sandbox.activity import Activity
    from target_octanist.sandbox.faults import Faults
    from target_octanist.sandbox.store import Store
    from target_octanist.sandbox.wire import Stop

_FOLDER = Path(__file__).parent
_PERIOD = 0.25  # seconds between two looks at what changed, for the page
_ROWS = 200
_SECURITY = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


@dataclass
class Admin:
    """The handlers, over the parts that they show and change."""

    store: Store
    faults: Faults
    activity: Activity
    stop: Stop
    any_key: bool

    def __post_init__(self) -> None:
        self._inbox = Inbox(self.store, self.activity)

    def app(self) -> Starlette:
        """Build the application."""
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/page.css", self.page),
                Route("/page.js", self.page),
                Route("/_sandbox/leads", self.leads, methods=["GET"]),
                Route("/_sandbox/leads", self.clear_leads, methods=["DELETE"]),
                Route("/_sandbox/leads/{id}", self.lead, methods=["GET"]),
                Route("/_sandbox/requests", self.requests, methods=["GET"]),
                Route("/_sandbox/requests", self.clear_requests, methods=["DELETE"]),
                Route("/_sandbox/requests/{number:int}", self.request, methods=["GET"]),
                Route("/_sandbox/inbox/{view}", self.inbox, methods=["GET"]),
                Route("/_sandbox/faults", self.show_faults, methods=["GET"]),
                Route("/_sandbox/faults", self.change_faults, methods=["PUT", "POST"]),
                Route("/_sandbox/faults", self.clear_faults, methods=["DELETE"]),
                Route("/_sandbox/faults/{number:int}", self.remove_fault, methods=["DELETE"]),
                Route("/_sandbox/sessions", self.add_session, methods=["POST"]),
                Route("/_sandbox/stats", self.stats, methods=["GET"]),
                Route("/_sandbox/events", self.events, methods=["GET"]),
            ]
        )

    async def page(self, request: Request) -> Response:
        """Show the live page, or a part of it."""
        name = request.url.path.removeprefix("/") or "page.html"
        return FileResponse(_FOLDER / name, headers=_SECURITY)

    async def leads(self, _request: Request) -> Response:
        """List every lead of every organisation in the order of arrival, set columns only."""
        return _json([lead.shown() for lead in self.store.all()])

    async def clear_leads(self, _request: Request) -> Response:
        """Forget every lead."""
        self.store.clear()
        return Response(status_code=204)

    async def lead(self, request: Request) -> Response:
        """Show one lead: attribution, consent, updates and the requests about it."""
        return _one(self._inbox.lead(request.path_params["id"]))

    async def requests(self, _request: Request) -> Response:
        """List the latest 10,000 requests that have ended, oldest first."""
        return _json([exchange.shown() for exchange in self.activity.ended])

    async def clear_requests(self, _request: Request) -> Response:
        """Forget the log of requests and its totals."""
        self.activity.clear()
        return Response(status_code=204)

    async def request(self, request: Request) -> Response:
        """Show one request of the log: headers, body, and why it was refused."""
        return _one(self._inbox.request(request.path_params["number"]))

    async def inbox(self, request: Request) -> Response:
        """List what a view of the page shows, newest first: ``?search=WORDS&limit=ROWS``."""
        view, query = request.path_params["view"], request.query_params
        search, limit = query.get("search", ""), query.get("limit", str(_ROWS))
        if view != "leads" and view not in VIEWS:
            return _one(None)
        if not limit.isdecimal():
            return _json({"error": "limit must be a whole number"}, 400)
        if view == "leads":
            return _json(self._inbox.leads(search, int(limit)))
        return _json(self._inbox.requests(view, search, int(limit)))

    async def show_faults(self, _request: Request) -> Response:
        """List the rules in force with their counters."""
        return _json([rule.shown() for rule in self.faults.rules])

    async def change_faults(self, request: Request) -> Response:
        """PUT replaces all rules, POST appends; the body is a rule or a list of rules."""
        try:
            rules = json.loads(await request.body())
            specs = rules if isinstance(rules, list) else [rules]
            (self.faults.replace if request.method == "PUT" else self.faults.add)(*specs)
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        return await self.show_faults(request)

    async def clear_faults(self, _request: Request) -> Response:
        """Go back to good behaviour. What hangs already goes on hanging."""
        self.faults.replace()
        return Response(status_code=204)

    async def remove_fault(self, request: Request) -> Response:
        """Take one rule away by its number; the others keep their counters."""
        self.faults.remove(request.path_params["number"])
        return await self.show_faults(request)

    async def add_session(self, request: Request) -> Response:
        """Register a pixel session: attribution fields and, unless it may be new, a sessionId."""
        try:
            given = json.loads(await request.body() or b"{}")
            if not isinstance(given, dict):
                return _json({"error": "a session is an object"}, 400)
            session_id = check_session(given.pop("sessionId", str(uuid.uuid4())), given)
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        self.store.add_session(session_id, given)
        return _json({"sessionId": session_id}, 201)

    async def stats(self, _request: Request) -> Response:
        """Count leads, duplicates, requests and outcomes."""
        return _json(self._counts())

    async def events(self, _request: Request) -> Response:
        """Stream counts and rules as server-sent events whenever they have changed."""
        return StreamingResponse(
            self._changes(), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    def _counts(self) -> dict[str, object]:
        return {
            **self.store.counts(),
            **self.activity.counts(),
            "faults": len(self.faults.rules),
        }

    async def _changes(self) -> AsyncIterator[str]:
        before = ""
        while not self.stop.is_set:
            now = json.dumps(
                {
                    "counts": self._counts(),
                    "faults": [rule.shown() for rule in self.faults.rules],
                    "any_key": self.any_key,
                    "received": self.activity.total,  # Counts may be the same after a clearance.
                }
            )
            if now != before:
                yield f"data: {now}\n\n"
                before = now
            await self.stop.sleep(_PERIOD)


def _json(content: object, status: int = 200) -> Response:
    # ASCII: a lone surrogate, which a body may have escaped, has no other encoding.
    text = json.dumps(content)
    return Response(text, status, headers=_SECURITY, media_type="application/json")


def _one(found: dict[str, object] | None) -> Response:
    return _json({"error": "there is no such thing"}, 404) if found is None else _json(found)
