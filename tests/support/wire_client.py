"""The wire, asked as if it were a client: one call for each lead, and the answer at its end."""

from __future__ import annotations

import queue
import weakref
from collections import deque
from typing import TYPE_CHECKING

from target_octanist.delivery.fast_client import FastClient
from target_octanist.delivery.job import Job, Result
from target_octanist.delivery.wire import Turnout, Wire

if TYPE_CHECKING:
    from target_octanist.delivery.outcome import Reply


class WireClient:
    """Sends over a wire of its own, which ends when the client is let go; safe for many threads."""

    def __init__(self, base_url: str, api_key: str, *, timeout_seconds: float) -> None:
        waiting: deque[Job] = deque()
        answers: dict[int, queue.SimpleQueue[Reply | None]] = {}
        over: list[bool] = []

        def take(now: float) -> Turnout:
            jobs = [waiting.popleft() for _ in range(len(waiting))]
            for job in jobs:
                job.started_at = now
            return Turnout(jobs, float("inf"), is_last=bool(over))

        def give(results: list[Result]) -> None:
            for result in results:
                answers.pop(id(result.job)).put(result.answer)

        client = FastClient(base_url, api_key, timeout_seconds=timeout_seconds)
        wire = Wire(client, take, give)

        def end() -> None:
            over.append(True)
            wire.ring()

        weakref.finalize(self, end)
        self._waiting, self._answers, self._wire = waiting, answers, wire
        self.listing, self.change, self.lead = client.listing, client.change, client.lead
        wire.start()

    def send(self, payload: bytes) -> Reply | None:
        """Post one lead, and wait for what comes of it."""
        answer: queue.SimpleQueue[Reply | None] = queue.SimpleQueue()
        job = Job("s" * 32, "leads", payload, None)
        self._answers[id(job)] = answer
        self._waiting.append(job)
        self._wire.ring()
        return answer.get(timeout=60)
