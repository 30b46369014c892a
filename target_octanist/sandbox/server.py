"""Puts the parts together and runs them until a signal."""

from __future__ import annotations

import importlib.util
import ipaddress
import signal
import socket
import sys
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from target_octanist.sandbox.activity import Activity
from target_octanist.sandbox.admin import Admin
from target_octanist.sandbox.api import Api, Rules
from target_octanist.sandbox.envelope import Envelope, Style
from target_octanist.sandbox.faults import Faults
from target_octanist.sandbox.gate import PREFIX, Gate
from target_octanist.sandbox.guard import is_foreign_page, is_known_host
from target_octanist.sandbox.store import Store
from target_octanist.sandbox.wire import Stop, TransportTracker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

# Longer than any client keeps a connection unused: a connection that the server closes just when
# the next request arrives is a fault, and faults come by rule only.
_KEEP_ALIVE_SECONDS = 600
_SHUTDOWN_SECONDS = 2


@dataclass
class Options:
    """Everything that can be set when the sandbox starts. ``port`` 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 8321
    rules: Rules = field(default_factory=Rules)
    style: Style = "modern"
    sessions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    latency_ms: int = 0
    data: Path | None = None
    ready_file: Path | None = None
    log_requests: bool = False
    allowed_hosts: frozenset[str] = frozenset()


def run(options: Options, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``announce`` gets the base URL once requests are taken.

    Raises OSError where the address, the data file or the ready file cannot be used.
    """
    store = Store(options.data)
    try:
        for session_id, attribution in options.sessions.items():
            store.add_session(session_id, attribution)
        with _listener(options.host, options.port) as listener:
            _serve(options, store, listener, announce)
    finally:
        store.close()


def _serve(
    options: Options, store: Store, listener: socket.socket, announce: Callable[[str], None]
) -> None:
    stop = Stop()
    config = uvicorn.Config(
        _app(options, store, stop),
        http="httptools" if importlib.util.find_spec("httptools") else "h11",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        # Client addresses name connections here; no header may change them.
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    config.load()
    config.http_protocol_class = type(
        "TrackedProtocol", (TransportTracker, config.http_protocol_class), {}
    )

    def ready() -> None:
        url = _base_url(options.host, listener.getsockname()[1])
        if options.ready_file is not None:
            # Renamed into place, so that a reader sees no file or all of it.
            draft = options.ready_file.with_name(options.ready_file.name + ".new")
            draft.write_text(f"{url}\n", encoding="utf-8")
            draft.replace(options.ready_file)
        announce(url)

    server = _Server(config, ready, stop)

    def handle(_signal: int, _frame: object) -> None:
        server.should_exit = True

    # uvicorn handles signals while it runs and raises them again at its end for whoever handled
    # them before. That is this handler, so that a stop on request is an exit with 0.
    before = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if options.ready_file is not None:
            options.ready_file.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """A server that says when it takes requests, and wakes what waits when it stops."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], stop: Stop) -> None:
        super().__init__(config)
        self._ready = ready
        self._stop = stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stop.set()
        await super().shutdown(sockets)


def _app(options: Options, store: Store, stop: Stop) -> ASGIApp:
    activity = Activity()
    api = Api(store, options.rules, Envelope(options.style))
    gate = Gate(
        api,
        options.faults,
        activity,
        stop,
        latency_ms=options.latency_ms,
        log=options.log_requests,
    )
    any_key = not options.rules.api_keys
    rest = Admin(store, options.faults, activity, stop, any_key).app()
    names = options.allowed_hosts | {options.host}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        inside = path == PREFIX or path.startswith(f"{PREFIX}/")
        refusal = _refuse(path, Headers(scope=scope), names)
        await (refusal or (gate if inside else rest))(scope, receive, send)

    return app


def _refuse(path: str, headers: Headers, names: frozenset[str]) -> Response | None:
    """Keep web pages of others away; see guard.py."""
    host = headers.get("host", "")
    if not is_known_host(host, names):
        problem = f"Nobody here is called {host}; --allow-host NAME lets a sandbox answer to a name"
        return JSONResponse({"error": problem}, HTTPStatus.MISDIRECTED_REQUEST)
    origin, site = headers.get("origin", ""), headers.get("sec-fetch-site", "")
    if path.startswith("/_sandbox/") and is_foreign_page(host, origin, site):
        problem = "A page of another origin may neither look in here nor change anything"
        return JSONResponse({"error": problem}, HTTPStatus.FORBIDDEN)
    return None


def _listener(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":
            # There it would let two servers share the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach what listens on ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _base_url(host: str, port: int) -> str:
    # A client connects to an address, not to "all addresses".
    shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{shown}]:{port}{PREFIX}" if ":" in shown else f"http://{shown}:{port}{PREFIX}"
