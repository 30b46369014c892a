"""Many requests at once, by one thread that waits for all of their connections together.

A thread for each request would have to wait for Python's lock a dozen times in one exchange,
beside those that map and write to the journal. All that is certain about a request is in
`connection`, whoever waits for it.
"""

from __future__ import annotations

import selectors
import socket
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from target_octanist.delivery.connection import Connection
from target_octanist.delivery.job import Result
from target_octanist.delivery.outcome import NoAnswer, NotSent
from target_octanist.delivery.trouble import TIMED_OUT, in_words
from target_octanist.errors import describe_bug
from target_octanist.kill_points import reached

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_octanist.delivery.fast_client import FastClient
    from target_octanist.delivery.job import Job
    from target_octanist.delivery.outcome import Answer

#: A thread that computes gives way to one that wakes after so long; by Python's default,
#: five times later. What has come over the wire would wait for that again and again.
_SWITCH_SECONDS: Final = 0.001


class Turnout(NamedTuple):
    """What is to be sent now.

    Attributes:
        jobs: In this order; one without a start time is not to be sent any more.
        wait: In how many seconds there may be others, if no answer comes before; may be
            infinite.
        is_last: Whether there will be no others.
    """

    jobs: Sequence[Job]
    wait: float
    is_last: bool


class _Exchange(NamedTuple):
    job: Job
    deadline: float


class Wire:
    """Sends leads over connections that it keeps open."""

    def __init__(
        self,
        client: FastClient,
        take: Callable[[float], Turnout],
        give: Callable[[list[Result]], None],
    ) -> None:
        """Make it; its thread begins with `start`.

        Args:
            client: Knows the way and the words.
            take: Gives what is to be sent at a time (monotonic seconds).
            give: Takes what came of jobs. Both are called from the thread of the wire.
        """
        self._client = client
        self._take = take
        self._give = give
        self._selector = selectors.DefaultSelector()
        self._bell, self._rope = socket.socketpair()
        for end in (self._bell, self._rope):
            end.settimeout(0)
        self._selector.register(self._bell, selectors.EVENT_READ)
        # The one that was used last is the least likely to have been closed.
        self._idle: list[Connection] = []
        self._open: dict[Connection, _Exchange] = {}
        # No deadline is before this (monotonic seconds).
        self._earliest = float("inf")
        self._dialling = 0
        self._dialled: deque[tuple[_Exchange, Connection | Answer]] = deque()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)

    def start(self) -> None:
        """Begin."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait for its end, so long at most."""
        self._thread.join(seconds)

    def ring(self) -> None:
        """Let it look at once what is to be sent; may be called from any thread."""
        # Full of rings that it has not heard yet, or closed as it has ended.
        with suppress(OSError):
            self._rope.send(b"!")

    def _run(self) -> None:
        try:
            while self._goes_on():
                pass
        finally:
            for connection in (*self._idle, *self._open):
                connection.close()
            self._selector.close()
            self._bell.close()
            self._rope.close()

    def _goes_on(self) -> bool:
        """Send what may be sent and wait for what comes; False when nothing is left."""
        results: list[Result] = []
        try:
            turnout = self._take(time.monotonic())
            if turnout.jobs:
                # First of all, which of the idle connections are closed.
                results = self._listen(0.0)
                for job in turnout.jobs:
                    if (result := self._begin(job)) is not None:
                        results.append(result)
            if turnout.is_last and not (results or self._open or self._dialling):
                return False
            if not results:
                results = self._listen(turnout.wait)
        except Exception as bug:  # noqa: BLE001 - the run must end, not wait for ever
            answer = NoAnswer(describe_bug(bug))
            lost, self._open = self._open, {}
            for connection in lost:
                self._let_go(connection)
            ended_at = time.monotonic()
            results += [Result(exchange.job, answer, ended_at) for exchange in lost.values()]
        if results:
            self._give(results)
        return True

    def _begin(self, job: Job) -> Result | None:
        """Send a job on its way; gives what came of it if that is known already."""
        now = time.monotonic()
        if not job.started_at:
            return Result(job, None, now)
        reached("request")
        exchange = _Exchange(job, now + self._client.timeout)
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_stale:
                return self._write(exchange, connection)
            self._let_go(connection)
        dialler = threading.Thread(target=self._dial, args=(exchange,), name="dial", daemon=True)
        try:
            dialler.start()
        except RuntimeError as error:  # the system has no more threads
            return Result(job, NotSent(str(error)), now)
        self._dialling += 1
        return None

    def _dial(self, exchange: _Exchange) -> None:
        """Make a connection, which may take long; in a thread of its own."""
        found: Connection | Answer
        try:
            found = self._client.connect(exchange.deadline)
        except OSError as error:
            found = NotSent(in_words(error))
        except Exception as bug:  # noqa: BLE001 - the job must come back
            found = NotSent(describe_bug(bug))
        self._dialled.append((exchange, found))
        self.ring()

    def _write(self, exchange: _Exchange, connection: Connection) -> Result | None:
        return self._go_on(
            exchange,
            connection,
            lambda: connection.begin(self._client.request(exchange.job.payload)),
        )

    def _go_on(
        self, exchange: _Exchange, connection: Connection, step: Callable[[], Answer | None]
    ) -> Result | None:
        """Take an exchange a step further; gives its end."""
        try:
            answer = step()
            if answer is None:
                self._watch(connection)
                self._open[connection] = exchange
                self._earliest = min(self._earliest, exchange.deadline)
                return None
        except Exception as bug:  # noqa: BLE001 - the job must come back, and may have been sent
            connection.close()
            answer = NoAnswer(describe_bug(bug))
        reached("answer")
        self._open.pop(connection, None)
        if connection.is_idle:
            self._watch(connection)
            self._idle.append(connection)
        else:
            self._let_go(connection)
        return Result(exchange.job, answer, time.monotonic())

    def _listen(self, wait: float) -> list[Result]:
        """Wait for what comes next, and give the exchanges that have come to an end."""
        if self._open:
            wait = min(wait, self._earliest - time.monotonic())
        events = self._selector.select(None if wait == float("inf") else max(wait, 0.0))
        ends: list[Result | None] = []
        for key, _ in events:
            if key.fileobj is self._bell:
                with suppress(BlockingIOError):
                    self._bell.recv(4096)
                continue
            connection = key.data
            if (exchange := self._open.get(connection)) is not None:
                ends.append(self._go_on(exchange, connection, connection.step))
            else:
                # An idle one has nothing to say but that it is closed.
                self._idle.remove(connection)
                self._let_go(connection)
        while self._dialled:
            exchange, found = self._dialled.popleft()
            self._dialling -= 1
            if isinstance(found, Connection) and exchange.deadline <= time.monotonic():
                # Made in time and met too late: what would be sent now, nobody would wait for.
                found.close()
                found = NotSent(TIMED_OUT)
            if isinstance(found, Connection):
                ends.append(self._write(exchange, found))
            else:
                reached("answer")
                ends.append(Result(exchange.job, found, time.monotonic()))
        ends += self._expired()
        return [end for end in ends if end is not None]

    def _expired(self) -> list[Result | None]:
        now = time.monotonic()
        if now < self._earliest:
            return []
        late = [(c, exchange) for c, exchange in self._open.items() if exchange.deadline <= now]
        ends = [
            self._go_on(exchange, connection, connection.expire) for connection, exchange in late
        ]
        deadlines = [exchange.deadline for exchange in self._open.values()]
        self._earliest = min(deadlines, default=float("inf"))
        return ends

    def _watch(self, connection: Connection) -> None:
        events = selectors.EVENT_WRITE if connection.waits_to_write else selectors.EVENT_READ
        if connection.watched_for == events:
            return
        if connection.watched_for:
            self._selector.modify(connection, events, connection)
        else:
            self._selector.register(connection, events, connection)
        connection.watched_for = events

    def _let_go(self, connection: Connection) -> None:
        if connection.watched_for:
            self._selector.unregister(connection)
            connection.watched_for = 0
        connection.close()
