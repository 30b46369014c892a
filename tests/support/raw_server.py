"""A server on a bare socket, for what no proper server does.

::

    def behave(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 201 Created")  # and no more


    with RawServer(behave) as server:
        ...  # point the code under test at server.base_url
        assert len(server.requests) == 1
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

_PATIENCE_SECONDS = 60


class Peer:
    """One connection, seen from the server.

    Attributes:
        number: Which connection it is, from 1.
    """

    def __init__(self, number: int, connection: socket.socket, requests: list[bytes]) -> None:
        self.number = number
        self._connection = connection
        self._requests = requests
        self._read = b""

    def request(self) -> bytes:
        """Read one whole request and count it; ConnectionError if none comes."""
        while b"\r\n\r\n" not in self._read:
            self._receive()
        head, _, rest = self._read.partition(b"\r\n\r\n")
        stated = re.search(rb"content-length: (\d+)", head.lower())
        length = int(stated.group(1)) if stated else 0
        while len(rest) < length:
            self._receive()
            rest = self._read[len(head) + 4 :]
        self._read = rest[length:]
        self._requests.append(head + b"\r\n\r\n" + rest[:length])
        return self._requests[-1]

    def start_of_request(self) -> None:
        """Read a few bytes."""
        self._connection.recv(5)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._connection.sendall(data)

    def answer(self, body: bytes = b"{}", *headers: bytes) -> None:
        """Send a proper 201."""
        lines = [b"HTTP/1.1 201 Created", b"Content-Length: %d" % len(body), *headers]
        self.send(b"\r\n".join(lines) + b"\r\n\r\n" + body)

    def wait_for_close(self) -> None:
        """Do nothing until the client closes the connection."""
        with suppress(OSError):
            while self._connection.recv(65536):
                pass

    def close(self) -> None:
        """End it cleanly."""
        self._connection.close()

    def reset(self) -> None:
        """End it with a TCP reset instead of an orderly end."""
        linger = struct.pack("ii", 1, 0)
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._connection.close()

    def _receive(self) -> None:
        data = self._connection.recv(65536)
        if not data:
            raise ConnectionError
        self._read += data


class RawServer:
    """Listens on loopback; each connection has a thread, and ends when `behave` returns.

    Attributes:
        base_url: Where it is.
        requests: The requests that were read whole, in the order of their arrival.
        connections: How many were accepted.
    """

    def __init__(self, behave: Callable[[Peer], None], tls: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._tls = tls
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.base_url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}/api"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A shutdown wakes the thread that accepts; closing alone does not.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(_PATIENCE_SECONDS)
                self.connections += 1
                thread = threading.Thread(
                    target=self._serve, args=(self.connections, connection), daemon=True
                )
                thread.start()

    def _serve(self, number: int, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._tls is None:
                self._behave(Peer(number, connection, self.requests))
                return
            with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                self._behave(Peer(number, wrapped, self.requests))
