"""The threads that post leads, and all other requests of a run, as fast as the pace allows."""

from __future__ import annotations

import threading
import time
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from target_octanist.delivery.fast_client import FastClient
from target_octanist.delivery.job import Result
from target_octanist.delivery.lead_search import ask, look_up
from target_octanist.delivery.outcome import Kind, NoAnswer, NotSent, Response, classify
from target_octanist.delivery.wire import Turnout, Wire
from target_octanist.errors import describe_bug
from target_octanist.kill_points import reached
from target_octanist.ledger.runs import SILENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_octanist.delivery.client import Sender
    from target_octanist.delivery.job import Decided, Job
    from target_octanist.delivery.outcome import Answer, Reply
    from target_octanist.delivery.pace import Pace


#: What was marked as sending longer ago is not sent on that mark: if this process was suspended
#: meanwhile, another run may have taken it for dead, and with it what it was sending.
STALE_SECONDS: Final = SILENCE_SECONDS / 2

_PAUSES: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class Senders:
    """Takes jobs and gives results; every job comes back, sent or not.

    Where the transport allows, leads go over a `Wire`. All else, and leads through
    ``requests``, go through threads that are started as they are needed. They are
    daemons: a server that never answers must not keep the process from ending.
    """

    def __init__(
        self, sender: Sender, pace: Pace, most: int, give: Callable[[list[Result]], None]
    ) -> None:
        """Make the pool.

        Args:
            sender: The other side.
            pace: From now on only these threads' methods may touch it.
            most: The most threads.
            give: Takes results; called from any thread.
        """
        self._sender = sender
        self._pace = pace
        self._most = most
        self._give = give
        self._threads: list[threading.Thread] = []
        # All of the rest is guarded by this lock.
        self._lock = threading.Lock()
        self._may_send = threading.Condition(self._lock)
        self._may_ask = threading.Condition(self._lock)
        self._outbox: deque[Job] = deque()
        self._by_wire: deque[Job] = deque()
        self._in_flight = 0
        # The API has asked for a pause, and the pace does not know yet how long it is.
        self._holds = False
        self._halted = False
        self._closed = False
        self._wire: Wire | None = None

    @property
    def limit(self) -> int:
        """The most requests that may be in flight now."""
        return self._pace.limit

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return self._in_flight

    def delay(self, now: float) -> float:
        """Say how many seconds the next request has to wait."""
        with self._lock:
            return self._pace.delay(now)

    def send(self, jobs: Iterable[Job], *, marked_at: float) -> None:
        """Take jobs, to be sent in this order as soon as the pace allows.

        Args:
            jobs: Marked as sending.
            marked_at: Since when (seconds since 1970 UTC).
        """
        plain: list[Job] = []
        others: list[Job] = []
        for job in jobs:
            job.marked_at = marked_at
            is_plain = not (job.asks or job.is_change or job.looks_up)
            (plain if is_plain and isinstance(self._sender, FastClient) else others).append(job)
        if plain:
            self._send_by_wire(plain)
        if others:
            self._send_by_threads(others)

    def _send_by_wire(self, jobs: list[Job]) -> None:
        with self._lock:
            self._by_wire.extend(jobs)
            if self._wire is None:
                assert isinstance(self._sender, FastClient), "no other can"
                self._wire = Wire(self._sender, self._turnout, self._came_back)
                self._wire.start()
            self._wire.ring()

    def _send_by_threads(self, jobs: list[Job]) -> None:
        with self._lock:
            self._outbox.extend(jobs)
            wanted = min(len(self._outbox) + self._in_flight, self._most)
            while len(self._threads) < wanted:
                name = f"sender-{len(self._threads) + 1}"
                thread = threading.Thread(target=self._work, name=name, daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # the system has no more
                    if not self._threads:
                        raise
                    break
                self._threads.append(thread)
            # One sleeper for each: to wake all of them for a few jobs would cost more than these.
            self._may_send.notify(len(jobs))

    def listing(self, query: Mapping[str, str]) -> Answer:
        """Ask for a page of the leads that are stored, at the pace of everything else.

        It waits through a pause and counts against ``requests_per_second``, but needs no
        place among the leads in flight. If the run is stopping it is not asked any more.
        """
        with self._lock:
            while (delay := self._pace.delay(time.monotonic())) > 0 and not self._halted:
                self._may_ask.wait(delay)
            if self._halted:
                return NotSent("the run was stopping")
            started_at = time.monotonic()
            self._pace.started(started_at, self._in_flight)
        answer = self._sender.listing(query)
        outcome = classify(answer, now=time.time())
        if outcome.kind is Kind.THROTTLED:
            with self._lock:
                self._pace.refused(time.monotonic(), started_at, outcome.wait_seconds)
        return answer

    def learn(self, decided: Sequence[Decided]) -> None:
        """Let the pace know what came of requests, in the order in which they came back."""
        with self._lock:
            before = self._pace.limit
            for d in decided:
                _tell(self._pace, d)
            risen = max(0, self._pace.limit - before)
            held, self._holds = self._holds, False
            if self._outbox:
                self._may_send.notify(len(self._threads) if held else len(decided) + risen)
            if self._by_wire and (held or risen) and self._wire is not None:
                self._wire.ring()

    def halt(self) -> None:
        """Send nothing more: what is left comes back without an answer."""
        with self._lock:
            self._halted = True
            self._may_send.notify_all()
            self._may_ask.notify_all()
            if self._wire is not None:
                self._wire.ring()

    def close(self) -> None:
        """Let the threads end when nothing is left."""
        with self._lock:
            self._closed = True
            self._may_send.notify_all()
            if self._wire is not None:
                self._wire.ring()

    def _work(self) -> None:
        while (job := self._next_job()) is not None:
            answer = self._post(job) if job.started_at else None
            self._came_back([Result(job, answer, time.monotonic())])

    def _came_back(self, results: list[Result]) -> None:
        with self._lock:
            self._in_flight -= len(results)
            self._holds |= any(_asks_for_pause(result.answer) for result in results)
            if self._outbox:
                self._may_send.notify(len(results))
            if self._by_wire and self._wire is not None:
                self._wire.ring()
        self._give(results)

    def _post(self, job: Job) -> Reply:
        reached("request")
        try:
            return _request(self._sender, job)
        except Exception as bug:  # noqa: BLE001 - the job must come back, and may have been sent
            return NoAnswer(describe_bug(bug))
        finally:
            reached("answer")

    def _next_job(self) -> Job | None:
        """Wait until a job may be sent; None at the end.

        A job that is not to be sent any more comes out without a start time.
        """
        with self._lock:
            while True:
                now = time.monotonic()
                delay = 0.0 if self._halted else self._pace.delay(now)
                free = self._halted or self._has_room()
                if self._outbox and free and delay <= 0:
                    break
                if self._closed and not self._outbox:
                    return None
                self._may_send.wait(delay if self._outbox and free else None)
            return self._start(self._outbox, now)

    def _turnout(self, now: float) -> Turnout:
        """Give the leads that may go over the wire at once."""
        jobs: list[Job] = []
        wait = float("inf")
        with self._lock:
            while self._by_wire and (self._halted or self._has_room()):
                wait = 0.0 if self._halted else self._pace.delay(now)
                if wait > 0:
                    break
                jobs.append(self._start(self._by_wire, now))
            else:
                wait = float("inf")
            return Turnout(jobs, wait, is_last=self._closed and not self._by_wire)

    def _has_room(self) -> bool:
        return self._in_flight < self._pace.limit and not self._holds

    def _start(self, outbox: deque[Job], now: float) -> Job:
        """Let the next job go out; the lock is held."""
        job = outbox.popleft()
        self._in_flight += 1
        if self._halted or time.time() - job.marked_at > STALE_SECONDS:
            job.started_at = 0.0
        else:
            job.started_at = now
            self._pace.started(now, self._in_flight)
            job.first_at = job.first_at or now
        return job


def _asks_for_pause(answer: Reply | None) -> bool:
    return isinstance(answer, Response) and answer.status in _PAUSES


def _tell(pace: Pace, d: Decided) -> None:
    started_at = d.job.started_at
    match d.outcome.kind:
        case Kind.RETRY | Kind.UNKNOWN if d.job.asks and d.outcome.status == HTTPStatus.OK:
            pace.answered(d.finished_at, started_at)
        case Kind.THROTTLED:
            pace.refused(d.finished_at, started_at, d.outcome.wait_seconds)
        case Kind.RETRY | Kind.UNKNOWN:
            pace.failed(d.finished_at, started_at)
        case _:
            pace.answered(d.finished_at, started_at)


def _request(sender: Sender, job: Job) -> Reply:
    if job.asks:
        return ask(sender, job.payload)
    if job.is_change:
        return sender.change(job.payload)
    there = look_up(sender, job.payload) if job.looks_up else None
    return sender.send(job.payload) if there is None else there
