"""Records that were handed over and wait to be claimed, never more than can be in hand."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_octanist.delivery.job import Candidate

#: What is in hand, as a multiple of a batch: enough to read on while some records are sent.
_BATCHES_IN_HAND = 4


class Inbox:
    """The engine's condition guards it: whoever calls it holds that."""

    def __init__(self, batch_rows: int, batch_wait_seconds: float) -> None:
        """Make an empty one.

        Args:
            batch_rows: The most records that are claimed at once.
            batch_wait_seconds: How long the oldest waits at most for others to come.
        """
        self._rows = batch_rows
        self._wait = batch_wait_seconds
        self._waiting: deque[Candidate] = deque()
        self._since = 0.0
        self._in_hand = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether so much is in hand that reading has to wait."""
        return self._in_hand >= _BATCHES_IN_HAND * self._rows

    def put(self, candidate: Candidate) -> bool:
        """Take a record; say whether the dispatcher has to look up because of it."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(candidate)
        self._in_hand += candidate.weight
        return len(self._waiting) in {1, self._rows}

    def due_in(self, now: float) -> float:
        """Say in how many seconds a batch is to be taken; infinity if nothing waits."""
        if not self._waiting:
            return float("inf")
        return 0.0 if len(self._waiting) >= self._rows else self._since + self._wait - now

    def take(self, most: int, now: float) -> list[Candidate]:
        """Take at most so many records out, the oldest first."""
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._since = now
        return taken

    def settled(self, weight: int) -> None:
        """Make room: so much that was put in is settled, or held until the input ends."""
        self._in_hand -= weight

    def took_back(self, weight: int) -> None:
        """Take note that so much that was held is not any more."""
        self._in_hand += weight
