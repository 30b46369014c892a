"""A connection of our own to the API, on a blocking socket.

Two things are certain here, and they are why it may stand beside ``requests``. What goes
wrong in `connect` went wrong before any byte of a request left. And no request is ever
written twice: a connection that the server closed while it was idle is found out before
it is used, and one that dies afterwards is the end of that attempt.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from target_octanist.delivery.answer_reader import AnswerReader, UnreadableError
from target_octanist.delivery.trouble import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_octanist.delivery.outcome import Answer

#: Common servers close a connection that was idle for five seconds. One that is let go
#: before that rarely meets a request half way.
IDLE_SECONDS: Final = 4.0

_RECEIVE_BYTES: Final = 16 * 1024

_NOTHING_THERE: Final = (BlockingIOError, ssl.SSLWantReadError)


class UnknownHostError(OSError):
    """No address could be found for the name of the host."""


def connect(host: str, port: int, tls: ssl.SSLContext | None, deadline: float) -> Connection:
    """Make a connection.

    Args:
        host: Name or address.
        port: Its number.
        tls: Whom to trust; None for plain text.
        deadline: Monotonic seconds, for the look-up of the name and the handshake, too.

    Raises:
        OSError: There is none, so nothing was sent.
    """
    sock = _dial(_look_up(host, port, deadline), deadline)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(_left(deadline))
        if tls is not None:
            sock = tls.wrap_socket(sock, server_hostname=host)
        _left(deadline)
    except BaseException:
        sock.close()
        raise
    return Connection(sock)


class Connection:
    """An open connection; belongs to one thread at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._is_idle = True
        self._idle_since = time.monotonic()

    def __del__(self) -> None:
        # A thread that ends takes its connection with it.
        self._sock.close()

    def can_serve(self) -> bool:
        """Say whether it may take another request.

        It may not if the last answer left anything open, after some seconds, or when the
        server has closed it or sent what nobody asked for.
        """
        if not self._is_idle or time.monotonic() - self._idle_since > IDLE_SECONDS:
            return False
        try:
            self._sock.settimeout(0)
            self._sock.recv(1)
        except _NOTHING_THERE:
            return True
        except OSError:
            return False
        return False

    def exchange(self, request: bytes, deadline: float) -> Answer:
        """Send a request, once, and read its answer.

        Args:
            request: Head and body, as they go over the wire.
            deadline: Monotonic seconds; for the last byte, however the answer drips.

        Returns:
            What came until then; never a `NotSent`, for the request may have been read.
        """
        self._is_idle = False
        reader = AnswerReader()
        try:
            self._write(request, deadline)
            while not reader.is_done:
                self._sock.settimeout(_left(deadline))
                reader.feed(self._sock.recv(_RECEIVE_BYTES))
            self._is_idle = reader.keeps_alive
            self._idle_since = time.monotonic()
        except OSError as error:
            return reader.answer(in_words(error))
        except UnreadableError as error:
            return reader.answer(str(error))
        finally:
            if not self._is_idle:
                self.close()
        return reader.answer()

    def close(self) -> None:
        """Let go of it."""
        self._is_idle = False
        self._sock.close()

    def _write(self, request: bytes, deadline: float) -> None:
        rest = memoryview(request)
        while rest:
            self._sock.settimeout(_left(deadline))
            rest = rest[self._sock.send(rest) :]


def _left(deadline: float) -> float:
    """Give the seconds that are left; TimeoutError if there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


#: What `socket.getaddrinfo` gives for one address.
_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


def _look_up(host: str, port: int, deadline: float) -> Sequence[_Address]:
    """Find the addresses of a host.

    The system's own look-up knows no deadline. It has a thread to itself, which is left
    behind if it takes too long.
    """
    found: queue.SimpleQueue[Sequence[_Address]] = queue.SimpleQueue()

    def look_up() -> None:
        addresses: Sequence[_Address] = ()
        with suppress(OSError, UnicodeError):
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found.put(addresses)

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    try:
        addresses = found.get(timeout=_left(deadline))
    except queue.Empty:
        raise TimeoutError from None
    return addresses


def _dial(addresses: Sequence[_Address], deadline: float) -> socket.socket:
    """Connect to the first address that answers."""
    left = len(addresses)
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            # An address that swallows everything must leave time for the others.
            sock.settimeout(_left(deadline) / left)
            sock.connect(address)
        except OSError:
            sock.close()
            left -= 1
            if not left:
                raise
        else:
            return sock
    raise UnknownHostError
