"""What lies outside the API: the live page and the endpoints for tests under ``/_sandbox/``.

They need no key. Rules and sessions are JSON; a malformed one is answered 400 with
``{"error": "what is wrong"}``.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from target_octanist.sandbox.contract import check_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from target_octanist.sandbox.activity import Activity
    from target_octanist.sandbox.faults import Faults
    from target_octanist.sandbox.store import Store
    from target_octanist.sandbox.wire import Stop

_PAGE = Path(__file__).with_name("page.html")
_PERIOD = 0.25  # seconds between two looks at the store for the page
_AT_ONCE = 100  # requests in one event, so that a page keeps up with a busy server
_SECURITY = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
        " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
    ),
    "cache-control": "no-store",
}


@dataclass
class Admin:
    """The handlers, over the parts that they show and change."""

    store: Store
    faults: Faults
    activity: Activity
    stop: Stop

    def app(self) -> Starlette:
        """Build the application."""
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/_sandbox/leads", self.leads, methods=["GET"]),
                Route("/_sandbox/leads", self.clear_leads, methods=["DELETE"]),
                Route("/_sandbox/requests", self.requests, methods=["GET"]),
                Route("/_sandbox/requests", self.clear_requests, methods=["DELETE"]),
                Route("/_sandbox/faults", self.show_faults, methods=["GET"]),
                Route("/_sandbox/faults", self.change_faults, methods=["PUT", "POST"]),
                Route("/_sandbox/faults", self.clear_faults, methods=["DELETE"]),
                Route("/_sandbox/sessions", self.add_session, methods=["POST"]),
                Route("/_sandbox/stats", self.stats, methods=["GET"]),
                Route("/_sandbox/events", self.events, methods=["GET"]),
            ]
        )

    async def page(self, _request: Request) -> Response:
        """Show the live page."""
        return HTMLResponse(_PAGE.read_bytes(), headers=_SECURITY)

    async def leads(self, _request: Request) -> Response:
        """List every lead of every organisation in the order of arrival, set columns only."""
        return JSONResponse([lead.shown() for lead in self.store.all()])

    async def clear_leads(self, _request: Request) -> Response:
        """Forget every lead."""
        self.store.clear()
        return Response(status_code=204)

    async def requests(self, _request: Request) -> Response:
        """List the latest 10,000 requests that have ended, oldest first."""
        return JSONResponse([exchange.shown() for exchange in self.activity.ended])

    async def clear_requests(self, _request: Request) -> Response:
        """Forget the log of requests and its totals."""
        self.activity.clear()
        return Response(status_code=204)

    async def show_faults(self, _request: Request) -> Response:
        """List the rules in force with their counters."""
        return JSONResponse([rule.shown() for rule in self.faults.rules])

    async def change_faults(self, request: Request) -> Response:
        """PUT replaces all rules, POST appends; the body is a rule or a list of rules."""
        try:
            rules = json.loads(await request.body())
            specs = rules if isinstance(rules, list) else [rules]
            (self.faults.replace if request.method == "PUT" else self.faults.add)(*specs)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return await self.show_faults(request)

    async def clear_faults(self, _request: Request) -> Response:
        """Go back to good behaviour. What hangs already goes on hanging."""
        self.faults.replace()
        return Response(status_code=204)

    async def add_session(self, request: Request) -> Response:
        """Register a pixel session: attribution fields and, unless it may be new, a sessionId."""
        try:
            given = json.loads(await request.body() or b"{}")
            if not isinstance(given, dict):
                return JSONResponse({"error": "a session is an object"}, status_code=400)
            session_id = check_session(given.pop("sessionId", str(uuid.uuid4())), given)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        self.store.add_session(session_id, given)
        return JSONResponse({"sessionId": session_id}, status_code=201)

    async def stats(self, _request: Request) -> Response:
        """Count leads, duplicates, requests and outcomes."""
        return JSONResponse(self._counts())

    async def events(self, _request: Request) -> Response:
        """Stream what changed as server-sent events, for the page."""
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
        epoch, revision, ended = -1, 0, 0
        before: dict[str, object] = {}
        while not self.stop.is_set:
            counts = self._counts()
            fresh = epoch != self.store.epoch
            if fresh:
                epoch, revision = self.store.epoch, 0
            ended = min(ended, self.activity.outcomes.total())  # the log may have been cleared
            if fresh or counts != before:
                leads = self.store.changed_since(revision)
                requests = self.activity.ended_since(ended, _AT_ONCE)
                event = {
                    "reset": fresh,
                    "counts": counts,
                    "leads": [{**lead.shown(), "revision": lead.revision} for lead in leads],
                    "requests": [exchange.shown() for exchange in requests],
                }
                yield f"data: {json.dumps(event)}\n\n"
                before, revision = counts, self.store.revision
                ended = self.activity.outcomes.total()
            await self.stop.sleep(_PERIOD)
