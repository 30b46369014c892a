"""The load server: answers leads as the API does, and as fast as one core of Python can.

It runs in a process of its own and stores nothing but counts, so that what is measured is the
system that sends. Each request is answered after the same latency, and no request waits for
another one::

    with LoadServer(latency_ms=50) as server:
        ...  # post leads to f"{server.base_url}/leads"
        assert server.count().leads == 1000

``python -m benchmarks.server --latency-ms 50`` starts it by hand; it ends with its standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import select
import selectors
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import httptools

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

ROOT = Path(__file__).parents[1]


@dataclass
class Count:
    """What the server got since it started.

    Attributes:
        leads: requests that were answered with a new lead.
        distinct: how many different bodies they had.
        connections: that were opened, this question's own included.
        cpu_seconds: of the server's process.
    """

    leads: int = 0
    distinct: int = 0
    connections: int = 0
    cpu_seconds: float = 0.0


class LoadServer:
    """A running load server; ends with the ``with`` block, and with this process.

    Attributes:
        base_url: where the API is, such as ``http://127.0.0.1:40123/api``.
    """

    base_url: str

    def __init__(self, latency_ms: float = 0) -> None:
        """Start it, and wait until it takes requests."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", "--latency-ms", str(latency_ms)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.base_url = self._process.stdout.readline().strip()
        assert self.base_url, "the load server did not start"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def count(self) -> Count:
        """Ask what it got so far."""
        return ask_count(self.base_url)


def ask_count(base_url: str) -> Count:
    """Ask a load server what it got so far."""
    host = base_url.removeprefix("http://").removesuffix("/api")
    connection = HTTPConnection(host, timeout=30)
    try:
        connection.request("GET", "/count")
        return Count(**json.loads(connection.getresponse().read()))
    finally:
        connection.close()


class Api:
    """The answers, and when they are due."""

    def __init__(self, loop: asyncio.AbstractEventLoop, latency: float) -> None:
        """Take the seconds that each answer takes."""
        self.count = Count()
        self._loop = loop
        self._latency = latency
        self._bodies: set[int] = set()
        # All wait equally long, so the first to come is the first to go, and one timer will do.
        self._waiting: deque[tuple[float, Callable[[bytes], None], bytes]] = deque()

    def connect(self) -> Connection:
        """Take a new connection."""
        self.count.connections += 1
        return Connection(self)

    def request(
        self, method: bytes, path: bytes, body: bytes, write: Callable[[bytes], None]
    ) -> None:
        """Answer a request, now or when its time has come."""
        if path == b"/count":
            self.count.distinct = len(self._bodies)
            self.count.cpu_seconds = time.process_time()
            write(answer(200, json.dumps(asdict(self.count)).encode()))
            return
        content = self._answer(method, path, body)
        if not self._latency:
            write(content)
            return
        due = self._loop.time() + self._latency
        if not self._waiting:
            self._loop.call_at(due, self._send_due)
        self._waiting.append((due, write, content))

    def _answer(self, method: bytes, path: bytes, body: bytes) -> bytes:
        if method == b"GET":
            return NO_LEADS if path.partition(b"?")[0].endswith(b"/leads") else NOT_FOUND
        if method == b"PATCH":
            return CHANGED
        if path.endswith(b"/check"):
            return CHECKED
        if path.endswith(b"/stats"):
            return USAGE
        self.count.leads += 1
        self._bodies.add(hash(body))
        return CREATED % self.count.leads

    def _send_due(self) -> None:
        now = self._loop.time()
        waiting = self._waiting
        while waiting and waiting[0][0] <= now:
            _, write, content = waiting.popleft()
            write(content)
        if waiting:
            self._loop.call_at(waiting[0][0], self._send_due)


class Connection(asyncio.BufferedProtocol):
    """Reads the requests of one connection; each method that begins with ``on_`` is httptools'."""

    #: Read and parsed at once, so one is enough for all connections.
    _buffer = memoryview(bytearray(64 * 1024))

    def __init__(self, api: Api) -> None:
        self._api = api
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  # asyncio's name
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        try:
            self._parser.feed_data(self._buffer[:nbytes])
        except httptools.HttpParserError:
            self._transport.write(answer(400, b'{"error": "not HTTP"}'))
            self._transport.close()

    def on_url(self, path: bytes) -> None:
        self._path = path

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        keep = self._parser.should_keep_alive()
        body, self._body = self._body, b""
        self._api.request(
            self._parser.get_method(), self._path, body, self._write if keep else self._write_last
        )

    def _write(self, content: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(content)

    def _write_last(self, content: bytes) -> None:
        self._write(content)
        self._transport.close()


def answer(status: int, body: bytes) -> bytes:
    """Give an answer as it goes over the wire."""
    reason = {200: b"OK", 201: b"Created", 400: b"Bad Request", 404: b"Not Found"}[status]
    return (
        b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\n"
        b"Date: Sat, 21 Nov 2026 11:27:49 GMT\r\nContent-Length: %d\r\n\r\n%b"
    ) % (status, reason, len(body), body)


def success(data: bytes, **more: bytes) -> bytes:
    """Give the body of the API for what went well; ``data`` is JSON."""
    return (
        b'{"success":true,"data":%b,'
        b'"meta":{"requestId":"req_0123456789abcdef","timestamp":"2026-11-21T11:27:49.000Z"%b}}'
    ) % (data, b"".join(b',"%b":%b' % (name.encode(), value) for name, value in more.items()))


# What does not depend on the request, made once. The number of the lead is always as wide.
CREATED = answer(201, success(b'{"id":"lead_000000000000","message":"Lead added"}')).replace(
    b"000000000000", b"%012d"
)
CHANGED = answer(
    200, success(b'{"leadId":"lead_000000000001","leadsUpdated":1,"message":"Lead updated"}')
)
CHECKED = answer(200, b'{"success":true}')
USAGE = answer(
    200,
    success(
        b'{"usage":{"leadsUsed":0,"leadsLimit":null,"lockedLeads":0,"periodStart":null,'
        b'"periodEnd":null},"leads":{"total":0,"byStatus":{},"bySource":{}}}'
    ),
)
NO_LEADS = answer(
    200,
    success(b"[]", pagination=b'{"limit":50,"page":1,"totalPages":0,"total":0,"hasMore":false}'),
)
NOT_FOUND = answer(
    404, b'{"success":false,"error":{"code":"NOT_FOUND","message":"Not found","details":{}}}'
)


class PreciseSelector(selectors.DefaultSelector):
    """Waits to the microsecond; ``epoll`` by itself rounds up to the next millisecond."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            select.select([self.fileno()], [], [], timeout)
            timeout = 0
        return super().select(timeout)


async def serve(latency: float) -> None:
    """Tell the base_url on standard output, and serve until standard input ends."""
    loop = asyncio.get_running_loop()
    api = Api(loop, latency)
    server = await loop.create_server(api.connect, "127.0.0.1", 0, backlog=1024)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api", flush=True)
    ended = asyncio.Event()
    loop.add_reader(0, lambda: None if os.read(0, 1024) else ended.set())
    await ended.wait()


def main() -> None:
    """Start the server."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=0)
    latency = parser.parse_args().latency_ms / 1000
    asyncio.SelectorEventLoop(PreciseSelector()).run_until_complete(serve(latency))


if __name__ == "__main__":
    main()
