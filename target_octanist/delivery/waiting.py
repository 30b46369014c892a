"""Records that nothing can be decided about yet; belongs to the dispatcher.

Of one source record the versions keep their order: a later one waits where an earlier one does,
even if there is nothing else that it would have to wait for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_octanist.delivery.job import Candidate

#: How often a record is looked at again that another live run has claimed.
BUSY_SECONDS: Final = 0.5


class Waiting:
    """Records behind a lead or change of this run, and records that another live run has.

    Attributes:
        busy_until: When the latter are to be looked at again (monotonic seconds).
    """

    def __init__(self) -> None:
        self._behind: dict[str, list[Candidate]] = {}
        self._busy: list[Candidate] = []
        # Source of a record to what it waits for; None is another run.
        self._waits_for: dict[str, str | None] = {}
        self.busy_until = float("inf")

    def __bool__(self) -> bool:
        return bool(self._waits_for)

    @property
    def is_busy(self) -> bool:
        """Whether anything waits for another run."""
        return bool(self._busy)

    def add(self, candidate: Candidate, other: str | None) -> None:
        """Let a record wait.

        Args:
            candidate: The record.
            other: The source of what this run is about to settle; None to wait for another run.
        """
        self._waits_for[candidate.claim.source] = other
        if other is not None:
            self._behind.setdefault(other, []).append(candidate)
            return
        if not self._busy:
            self.busy_until = time.monotonic() + BUSY_SECONDS
        self._busy.append(candidate)

    def join(self, candidate: Candidate) -> bool:
        """Let a record wait if an earlier version of it does; say whether it is so."""
        source = candidate.claim.source
        if source not in self._waits_for:
            return False
        self.add(candidate, self._waits_for[source])
        return True

    def behind(self, source: str) -> Sequence[Candidate]:
        """Name what waits for a lead or change, in the order in which it came."""
        return self._behind.get(source, ())

    def let_go(self, source: str) -> None:
        """Take note that what waited for a lead or change is in hand again."""
        self._forget(self._behind.pop(source, []))

    def take_busy(self, now: float) -> list[Candidate]:
        """Take out what waits for another run, in the order in which it came, if it is time."""
        if now < self.busy_until:
            return []
        busy, self._busy = self._busy, []
        self.busy_until = float("inf")
        self._forget(busy)
        return busy

    def _forget(self, candidates: Sequence[Candidate]) -> None:
        for candidate in candidates:
            self._waits_for.pop(candidate.claim.source, None)
