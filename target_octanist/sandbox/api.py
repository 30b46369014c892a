"""The endpoints of the API: a whole request in, a whole answer out. No network here."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from target_octanist.sandbox.contract import (
    ApiError,
    Contract,
    Update,
    check_create,
    invalid,
    is_uuid,
    read_object,
    stored_fields,
)
from target_octanist.sandbox.query import format_instant, read_query
from target_octanist.sandbox.store import Lead, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_octanist.sandbox.envelope import Envelope
    from target_octanist.sandbox.filtering import FilterRule


@dataclass(frozen=True)
class Rules:
    """How strict and how old the stand-in is, and what the pretended organisation has set up.

    With no ``api_keys`` every key that is not empty is good. Each key is an organisation of its
    own, as in life: a wrong one shows and writes somebody else's leads.
    """

    contract: Contract = "full"
    api_keys: frozenset[str] = frozenset()
    filters: tuple[FilterRule, ...] = ()
    leads_limit: int | None = None
    bulk_updates: bool = False
    list_lag_ms: int = 0


@dataclass(frozen=True)
class Request:
    """A request to the API; ``path`` is below the prefix and decoded, ``query`` is not."""

    method: str
    path: str
    query: str
    key: str
    content_type: str
    body: bytes


@dataclass(frozen=True)
class Answer:
    """An answer; ``code``, ``reason`` and ``lead_id`` are for the log."""

    status: int
    body: dict[str, object]
    code: str | None = None
    reason: str | None = None
    lead_id: str | None = None
    headers: tuple[tuple[str, str], ...] = field(default=())


class Api:
    """The API over a store of leads."""

    def __init__(self, store: Store, rules: Rules, envelope: Envelope) -> None:
        """Take the store and the rules."""
        self._store = store
        self._rules = rules
        self._envelope = envelope
        self._endpoints: dict[str, dict[str, Callable[[Request, str], Answer]]] = {
            "/check": {"POST": self._check},
            "/leads": {"POST": self._create, "PATCH": self._update, "GET": self._list},
            "/leads/{id}": {"GET": self._get},
            "/stats": {"POST": self._stats},
            "/ad-spend": {"POST": self._ad_spend},
        }

    def handle(self, request: Request) -> Answer:
        """Carry out one request. Never raises an ApiError: those are answers."""
        try:
            organisation = self._organisation(request.key)
            return self._endpoint(request)(request, organisation)
        except ApiError as error:
            return self.error(error.status, error.code, error.message)
        except _MethodNotAllowed as error:
            # The contract has no code of its own for this.
            answer = self.error(405, "NOT_FOUND", "Method not allowed")
            return replace(answer, headers=(("allow", str(error)),))

    def error(self, status: int, code: str, message: str) -> Answer:
        """Build an error answer in the envelope in use."""
        return Answer(status, self._envelope.error(code, message), code, message)

    def _organisation(self, key: str) -> str:
        if not key or (self._rules.api_keys and key not in self._rules.api_keys):
            raise ApiError(401, "UNAUTHORIZED", "Missing or invalid API key")
        # A digest, so that no key gets into the data file or onto the page.
        return sha256(key.encode()).hexdigest()[:8]

    def _endpoint(self, request: Request) -> Callable[[Request, str], Answer]:
        path = request.path
        if path.startswith("/leads/") and "/" not in path[len("/leads/") :] and path != "/leads/":
            path = "/leads/{id}"
        methods = self._endpoints.get(path)
        if methods is None:
            raise ApiError(404, "NOT_FOUND", "No such endpoint")
        if request.method not in methods:
            raise _MethodNotAllowed(", ".join(methods))
        return methods[request.method]

    def _check(self, _request: Request, _organisation: str) -> Answer:
        return Answer(200, {"success": True})

    def _create(self, request: Request, organisation: str) -> Answer:
        payload = read_object(request.content_type, request.body)
        check_create(payload, self._rules.contract)
        session = self._session(payload.get("sessionId"))
        if any(rule.refuses(payload) for rule in self._rules.filters):
            raise ApiError(403, "FORBIDDEN", "Lead rejected by filtering rules")
        lead = Lead(
            id=f"lead_{os.urandom(8).hex()}",
            organisation=organisation,
            created_at=_now(),
            fields=stored_fields(payload, session),
            body=request.body.decode(errors="replace"),
        )
        self._store.create(lead, payload)
        return Answer(201, self._envelope.created(lead.id), lead_id=lead.id)

    def _session(self, session_id: object) -> dict[str, object] | None:
        if session_id is None:
            return None
        if not isinstance(session_id, str) or not is_uuid(session_id):
            raise invalid("Invalid sessionId: not a UUID")
        session = self._store.sessions.get(session_id.lower())
        if session is None:
            raise invalid("Invalid sessionId: no such session")
        return session

    def _update(self, request: Request, organisation: str) -> Answer:
        payload = read_object(request.content_type, request.body)
        update = Update(payload, value_required=self._envelope.style == "old")
        leads = self._store.matching(organisation, update.match_key, update.match_value)
        if not leads:
            raise ApiError(404, "NOT_FOUND", "No lead matches")
        if len(leads) > 1 and not self._rules.bulk_updates:
            raise ApiError(409, "CONFLICT", "Several leads match")
        status = update.changes.get("status")
        if "lossReason" in update.changes and status is None:
            for lead in leads:
                if lead.state.get("status") != "lost":
                    raise invalid("lossReason is only allowed with status lost")
        now = _now()
        changes = {**update.changes, "updatedAt": now}
        if status == "qualified":
            changes["qualifiedAt"] = now
        for lead in leads:
            self._store.update(lead, changes)
        message = "Lead updated" if len(leads) == 1 else "Leads updated"
        data = {"leadId": leads[0].id, "leadsUpdated": len(leads), "message": message}
        return Answer(200, self._envelope.ok(data), lead_id=leads[0].id)

    def _list(self, request: Request, organisation: str) -> Answer:
        query = read_query(parse_qsl(request.query, keep_blank_values=True))
        lag = timedelta(milliseconds=self._rules.list_lag_ms)
        # One millisecond more than now, so that without a lag the newest lead is in.
        visible_before = datetime.now(timezone.utc) - lag + timedelta(milliseconds=1)
        rows, total = self._store.select(organisation, query, format_instant(visible_before))
        pages = -(-total // query.limit)
        pagination: dict[str, object] = {
            "limit": query.limit,
            "page": query.page,
            "totalPages": pages,
            "total": total,
            "hasMore": query.page < pages,
        }
        return Answer(200, self._envelope.ok(rows, pagination))

    def _get(self, request: Request, organisation: str) -> Answer:
        lead = self._store.get(organisation, request.path[len("/leads/") :])
        if lead is None:
            raise ApiError(404, "NOT_FOUND", "Lead not found")
        return Answer(200, self._envelope.ok(lead.row()), lead_id=lead.id)

    def _stats(self, request: Request, organisation: str) -> Answer:
        read_object(request.content_type, request.body)
        total, by_status, by_source = self._store.totals(organisation)
        limit = self._rules.leads_limit
        start = datetime.now(timezone.utc).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        end = (start + timedelta(days=32)).replace(day=1)
        usage = {
            "leadsUsed": total,
            "leadsLimit": limit,
            "lockedLeads": 0 if limit is None else max(0, total - limit),
            "periodStart": format_instant(start),
            "periodEnd": format_instant(end),
        }
        leads = {"total": total, "byStatus": by_status, "bySource": by_source}
        return Answer(200, self._envelope.ok({"usage": usage, "leads": leads}))

    def _ad_spend(self, request: Request, _organisation: str) -> Answer:
        read_object(request.content_type, request.body)
        return Answer(200, self._envelope.ok([]))


class _MethodNotAllowed(Exception):  # noqa: N818
    """The path exists, the method does not; its text is the Allow header."""


def _now() -> str:
    return format_instant(datetime.now(timezone.utc))
