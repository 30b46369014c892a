"""A connection of our own to the API.

Two things are certain here, and they are why it may stand beside ``requests``. What goes
wrong in `connect` went wrong before any byte of a request left. And no request is ever
written twice: a connection that the server closed while it was idle is found out before
it is used, and one that dies afterwards is the end of that attempt.
"""

from __future__ import annotations

import queue
import selectors
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from target_octanist.delivery.answer_reader import AnswerReader, UnreadableError
from target_octanist.delivery.trouble import TIMED_OUT, in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_octanist.delivery.outcome import Answer

#: Common servers close a connection that was idle for five seconds. One that is let go
#: before that rarely meets a request half way.
IDLE_SECONDS: Final = 4.0

_RECEIVE_BYTES: Final = 16 * 1024

#: Knows connections by any number, and needs none of its own.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)

_NOTHING_THERE: Final = (BlockingIOError, ssl.SSLWantReadError)


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
    """An open connection; belongs to one thread at a time, and makes none wait by itself.

    An exchange begins with `begin` and goes on with `step`, until one of them gives the answer.

    Attributes:
        is_idle: Whether nothing is under way, and another request may follow.
        waits_to_write: Whether the next step needs room to write; otherwise something to read.
        watched_for: For whoever waits for it together with others.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        self._sock = sock
        self.is_idle = True
        self.waits_to_write = False
        self.watched_for = 0
        self._idle_since = time.monotonic()
        self._rest = memoryview(b"")
        self._reader = AnswerReader()

    def __del__(self) -> None:
        # A thread that ends takes its connection with it.
        self._sock.close()

    def fileno(self) -> int:
        """Give what a selector knows it by; -1 when it is closed."""
        return self._sock.fileno()

    @property
    def is_stale(self) -> bool:
        """Whether it was idle for so long that the server may be about to close it."""
        return time.monotonic() - self._idle_since > IDLE_SECONDS

    def can_serve(self) -> bool:
        """Say whether it may take another request.

        It may not if the last answer left anything open, after some seconds, or when the
        server has closed it or sent what nobody asked for.
        """
        if not self.is_idle or self.is_stale:
            return False
        try:
            self._sock.recv(1)
        except _NOTHING_THERE:
            return True
        except OSError:
            return False
        return False

    def exchange(self, request: bytes, deadline: float) -> Answer:
        """Send a request, once, and read its answer; waits for it.

        Args:
            request: Head and body, as they go over the wire.
            deadline: Monotonic seconds; for the last byte, however the answer drips.

        Returns:
            What came until then; never a `NotSent`, for the request may have been read.
        """
        answer = self.begin(request)
        while answer is None:
            answer = self.step() if self._wait(deadline) else self.expire()
        return answer

    def begin(self, request: bytes) -> Answer | None:
        """Send as much of a request as goes at once; see `exchange`."""
        self.is_idle = False
        self._reader = AnswerReader()
        self._rest = memoryview(request)
        return self._go_on(self._write)

    def step(self) -> Answer | None:
        """Go on when it can be read or written."""
        return self._go_on(self._write_and_read)

    def expire(self) -> Answer:
        """End an exchange whose time is up."""
        self.close()
        return self._reader.answer(TIMED_OUT)

    def close(self) -> None:
        """Let go of it."""
        self.is_idle = False
        self._sock.close()

    def _go_on(self, work: Callable[[], None]) -> Answer | None:
        self.waits_to_write = False
        try:
            work()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) as reason:
            is_plain = isinstance(reason, BlockingIOError)
            is_writing = is_plain and bool(self._rest)
            self.waits_to_write = is_writing or isinstance(reason, ssl.SSLWantWriteError)
            return None
        except OSError as error:
            return self._broken(in_words(error))
        except UnreadableError as error:
            return self._broken(str(error))
        if not self._reader.is_done:
            return None
        self.is_idle = self._reader.keeps_alive
        self._idle_since = time.monotonic()
        if not self.is_idle:
            self.close()
        return self._reader.answer()

    def _write(self) -> None:
        while self._rest:
            self._rest = self._rest[self._sock.send(self._rest) :]

    def _write_and_read(self) -> None:
        self._write()
        while not self._reader.is_done:
            self._reader.feed(self._sock.recv(_RECEIVE_BYTES))

    def _broken(self, why: str) -> Answer:
        self.close()
        return self._reader.answer(why)

    def _wait(self, deadline: float) -> bool:
        """Wait until a step can be taken; False when the time is up."""
        events = selectors.EVENT_WRITE if self.waits_to_write else selectors.EVENT_READ
        with _Selector() as selector:
            selector.register(self._sock, events)
            left = deadline - time.monotonic()
            return left > 0 and bool(selector.select(left))


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
    raise socket.gaierror
