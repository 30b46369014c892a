"""A deadline for a whole exchange, however slowly its bytes drip in.

A socket's own timeout begins anew with each byte. Here a thread looks after all the
exchanges of a client, and cuts the connection of one that is overdue.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The socket's own timeout, which names its cause, is to come first where it can.
SLACK_SECONDS: Final = 1.0

_LOOK_EVERY_SECONDS: Final = 0.5


class Deadlines:
    """Knows which connection serves which exchange, and until when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchanges: dict[int, tuple[float, Any]] = {}
        self._watching = False

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Cut what this thread does in the block if it lasts longer.

        Args:
            deadline: Monotonic seconds.
        """
        me = threading.get_ident()
        with self._lock:
            self._exchanges[me] = (deadline, None)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="deadlines", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                del self._exchanges[me]

    def uses(self, connection: Any) -> None:
        """Take note of the connection that serves this thread's exchange."""
        me = threading.get_ident()
        with self._lock:
            if me in self._exchanges:
                self._exchanges[me] = (self._exchanges[me][0], connection)

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY_SECONDS)
            now = time.monotonic()
            with self._lock:
                for deadline, connection in self._exchanges.values():
                    if now > deadline + SLACK_SECONDS and connection is not None:
                        _cut(connection)


def _cut(connection: Any) -> None:
    sock = connection.sock or connection.wire
    if isinstance(sock, socket.socket):
        with suppress(OSError):
            # The plain socket's own method: that of TLS would pull the rug from under
            # the thread that reads.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
