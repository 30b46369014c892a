"""The connection under a request: answers, and the ways in which no proper answer is given."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, ClassVar, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send

    Headers = Sequence[tuple[str, str]]


class TransportTracker(asyncio.Protocol):
    """Mixed into the server's protocol class: remembers the transport of each client address.

    ASGI has no way to close a connection without an answer, so the transport is needed. The
    client's address names it in the scope of each request, whatever protocol class is in use.
    """

    by_client: ClassVar[dict[tuple[str, int], asyncio.Transport]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        self._client = transport.get_extra_info("peername")[:2]
        self.by_client[self._client] = cast("asyncio.Transport", transport)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the transport."""
        self.by_client.pop(self._client, None)
        super().connection_lost(exc)


class Stop:
    """Tells whatever waits that the server stops."""

    def __init__(self) -> None:
        """Start unset; needs no running loop yet."""
        self._future: asyncio.Future[None] | None = None
        self.is_set = False

    def set(self) -> None:
        """Wake all that wait, now and later."""
        self.is_set = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    def future(self) -> asyncio.Future[None]:
        """Return the future that is done once the server stops."""
        if self._future is None:
            self._future = asyncio.get_running_loop().create_future()
            if self.is_set:
                self._future.set_result(None)
        return self._future

    async def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the stop of the server."""
        if seconds > 0:
            await asyncio.wait([self.future()], timeout=seconds)


class Connection:
    """One request's side of the connection."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the three parts of an ASGI call."""
        self._scope = scope
        self._receive = receive
        self._send = send

    async def body(self) -> bytes | None:
        """Read the whole body; None where the client left before its end."""
        parts = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(parts)

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer."""
        await self._start(status, headers, len(body))
        await self._send({"type": "http.response.body", "body": body})

    async def answer_half(self, status: int, headers: Headers, body: bytes) -> None:
        """Send the head and the first half of an answer, then close the connection."""
        await self._start(status, headers, len(body))
        half = body[: len(body) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        await self.drop()

    async def drop(self, *, reset: bool = False) -> None:
        """Close the connection as it is; ``reset``: in such a way that the client sees a reset."""
        client = self._scope["client"]
        transport = TransportTracker.by_client.get((client[0], client[1]))
        if transport is not None and reset:
            # Lingering for zero seconds makes the system send RST in place of FIN.
            linger = struct.pack("ii", 1, 0)
            raw = transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        elif transport is not None:
            transport.close()
        await self._client_gone()

    async def hang(self, stop: Stop, seconds: float | None) -> None:
        """Stay silent for this long, or until the client leaves or the server stops; then close."""
        gone = asyncio.ensure_future(self._client_gone())
        try:
            await asyncio.wait(
                [gone, stop.future()], timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if gone.done():
                return
        finally:
            gone.cancel()
        await self.drop()

    async def _start(self, status: int, headers: Headers, length: int) -> None:
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        raw.append((b"content-length", str(length).encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def _client_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
