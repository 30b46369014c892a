"""The way of a request to the API: log, faults, endpoint, answer."""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from math import ceil
from time import monotonic, time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from target_octanist.sandbox.api import Answer, Api, Request
from target_octanist.sandbox.faults import Action, Faults, Seen
from target_octanist.sandbox.wire import Connection, Stop

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from target_octanist.sandbox.activity import Activity, Exchange

PREFIX = "/api"
_JSON = [("content-type", "application/json")]


class Gate:
    """The ASGI application of everything below ``/api``."""

    def __init__(
        self,
        api: Api,
        faults: Faults,
        activity: Activity,
        stop: Stop,
        *,
        latency_ms: int,
        log: bool,
    ) -> None:
        """Take the parts; ``latency_ms`` comes before every answer, ``log`` prints each request."""
        self._api = api
        self._faults = faults
        self._activity = activity
        self._stop = stop
        self._latency = latency_ms / 1000
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = dict(scope["headers"])
        request = Request(
            method=scope["method"],
            path=scope["path"][len(PREFIX) :],
            query=scope["query_string"].decode("latin-1"),
            key=headers.get(b"x-api-key", b"").decode("latin-1"),
            content_type=headers.get(b"content-type", b"").decode("latin-1"),
            body=b"",
        )
        exchange = self._activity.begin(
            request.method, request.path, request.query, headers, key_present=bool(request.key)
        )
        try:
            await self._serve(request, exchange, Connection(scope, receive, send))
        finally:
            self._activity.end(exchange)
            if self._log:
                line = f"{request.method} {request.path}: {exchange.outcome()}"
                print(line, file=sys.stderr, flush=True)  # noqa: T201

    async def _serve(self, request: Request, exchange: Exchange, connection: Connection) -> None:
        # A rule that does not look at the body decides before it is read, so that a dropped
        # connection can meet a client that is still sending.
        action = None
        early = not self._faults.look_at_fields()
        if early:
            action = self._choose(request)
        if not early or action is None or action.kind != "drop" or action.commit:
            body = await connection.body()
            if body is None:
                return
            request = replace(request, body=body)
            exchange.keep(body)
            if not early:
                action = self._choose(request)
        await self._stop.sleep(self._latency)
        if action is None:
            await self._reply(self._carry_out(request, exchange), exchange, connection)
        else:
            exchange.fault = action.kind
            await self._misbehave(action, request, exchange, connection)

    def _choose(self, request: Request) -> Action | None:
        if not self._faults.rules:
            return None
        fields: object = None
        if request.body:
            try:
                fields = json.loads(request.body)
            except (ValueError, RecursionError):
                fields = None
        if not isinstance(fields, dict):
            fields = dict(parse_qsl(request.query, keep_blank_values=True))
        return self._faults.choose(Seen(request.method, request.path, fields, monotonic()))

    def _carry_out(self, request: Request, exchange: Exchange) -> Answer:
        try:
            answer = self._api.handle(request)
        except Exception:  # noqa: BLE001 - as a real server would answer
            traceback.print_exc()
            answer = self._api.error(500, "INTERNAL_ERROR", "Internal server error")
        exchange.lead_id = answer.lead_id
        exchange.committed = answer.status < HTTPStatus.MULTIPLE_CHOICES
        return answer

    async def _reply(self, answer: Answer, exchange: Exchange, connection: Connection) -> None:
        exchange.status, exchange.code, exchange.reason = answer.status, answer.code, answer.reason
        await connection.answer(answer.status, [*_JSON, *answer.headers], _encode(answer.body))

    async def _misbehave(
        self, action: Action, request: Request, exchange: Exchange, connection: Connection
    ) -> None:
        true_answer = self._carry_out(request, exchange) if action.commit else None
        await self._stop.sleep(action.latency_ms / 1000)
        if action.kind == "drop":
            await connection.drop(reset=action.reset)
        elif action.kind == "hang":
            await connection.hang(self._stop, None if action.seconds < 0 else action.seconds)
        elif action.kind == "status":
            exchange.status, exchange.code = action.status, None
            if action.body == "envelope":
                exchange.code = action.code
            headers, body = self._faulty(action)
            await connection.answer(action.status, headers, body)
        elif action.kind == "success-false":
            message = action.message or "Something went wrong"
            exchange.status, exchange.code = 200, action.code
            answer = self._api.error(200, action.code, message)
            # Whatever the style in use: older servers are not known to do this.
            body = _encode({**answer.body, "success": False})
            await connection.answer(200, _JSON, body)
        else:
            answer = true_answer or self._carry_out(request, exchange)
            exchange.status, exchange.code = answer.status, answer.code
            if action.kind == "half":
                await connection.answer_half(answer.status, _JSON, _encode(answer.body))
            elif action.kind == "unreadable":
                # The status stays true; what is unreadable is which lead it was.
                await connection.answer(answer.status, _JSON, b'{"success": true, "data": {"id')
            else:
                await self._reply(answer, exchange, connection)

    def _faulty(self, action: Action) -> tuple[list[tuple[str, str]], bytes]:
        title = f"{action.status} {_phrase(action.status)}"
        if action.body == "envelope":
            answer = self._api.error(action.status, action.code, action.message or title)
            headers, body = list(_JSON), _encode(answer.body)
        elif action.body == "html":
            text = action.message or "The web server reported an error."
            page = (
                f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n"
                f"<body><center><h1>{title}</h1></center><p>{text}</p></body></html>\n"
            )
            headers, body = [("content-type", "text/html; charset=utf-8")], page.encode()
        elif action.body == "text":
            text = action.message or title
            headers, body = [("content-type", "text/plain; charset=utf-8")], text.encode()
        else:
            headers, body = [], b""
        if action.location:
            headers.append(("location", action.location))
        if action.retry_after >= 0:
            value = str(action.retry_after)
            if action.retry_after_form == "date":
                # Dates have no fractions: round up, or the wait would be too short.
                value = formatdate(ceil(time()) + action.retry_after, usegmt=True)
            headers.append(("retry-after", value))
        return headers, body


def _encode(body: dict[str, object]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Web Server Returned an Unknown Error"
