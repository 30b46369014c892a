"""What the dispatcher has in hand, and what one of its turns is about."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from target_octanist.delivery.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_octanist.delivery.brake import Brake
    from target_octanist.delivery.job import Candidate, Decided, Job
    from target_octanist.delivery.pending import Due, Pending
    from target_octanist.delivery.reconcile.reconciler import Listed, Reconciler
    from target_octanist.ledger.changes import Holding
    from target_octanist.ledger.claims import Verdict
    from target_octanist.ledger.recovery import Recovered, Reopen


@dataclass(slots=True)
class Work:
    """What the dispatcher holds; no other thread looks at it.

    Attributes:
        reconciler: Has the leads that the API is asked about.
        pending: Changes whose leads are not there yet.
        brake: Changes that are held until all of them are counted.
        ready: Leads that go out next.
        later: Leads that wait for their time (monotonic seconds).
        in_flight: By source; sent and not answered, or about to be.
        waiting: Records that nothing can be decided about yet.
        freed: Changes that may go out now: their leads have come, or all that were held
            are counted.
    """

    reconciler: Reconciler
    pending: Pending
    brake: Brake
    ready: deque[Job] = field(default_factory=deque)
    later: list[tuple[float, int, Job]] = field(default_factory=list)
    in_flight: dict[str, Job] = field(default_factory=dict)
    waiting: Waiting = field(default_factory=Waiting)
    freed: deque[Candidate] = field(default_factory=deque)
    # What is due at the same time keeps its order.
    _ticket: Iterator[int] = field(default_factory=itertools.count)

    def put_off(self, job: Job, until: float) -> None:
        """Let a lead wait until a time (monotonic seconds)."""
        heapq.heappush(self.later, (until, next(self._ticket), job))

    def take_due(self, now: float) -> None:
        """Put the leads whose wait is over before all others: they are the oldest."""
        due: list[Job] = []
        while self.later and self.later[0][0] <= now:
            due.append(heapq.heappop(self.later)[2])
        self.ready.extendleft(reversed(due))

    def unclaimed(self) -> bool:
        """Say whether records wait to be claimed that were taken up before."""
        return bool(self.waiting or self.freed)

    def is_any(self) -> bool:
        """Say whether anything is left to do besides what is in flight."""
        return bool(
            self.ready
            or self.later
            or self.unclaimed()
            or self.reconciler
            or self.pending.sweeps
            or self.brake
        )

    def unsent(self) -> list[Job]:
        """Give the leads that are surely not stored."""
        return [*self.ready, *(job for _, _, job in self.later)]


class Gathered(NamedTuple):
    """What a turn is about, before it is written down.

    Attributes:
        now: Monotonic seconds.
        wall: The same, in seconds since 1970 UTC.
        starting: Leads that go out, and were claimed in an earlier turn.
        may_start: How many of those may go out that are claimed in this one.
        takes_over: Whether what dead runs left behind is taken over.
        reopens: How leads in doubt are taken up again, if at all.
        figures: What the run has counted up to here as JSON, if it is to be kept now.
        holding: Which changes are to be held; None if none is.
    """

    now: float
    wall: float
    decided: list[Decided]
    listed: Listed | None
    batch: list[Candidate]
    starting: list[Job]
    may_start: int
    takes_over: bool
    reopens: Reopen | None
    figures: str | None
    holding: Holding | None


class Written(NamedTuple):
    """What a turn has come to, and is acted on when it is on disk."""

    recovered: list[Recovered]
    decided: list[Decided]
    batch: list[Candidate]
    verdicts: list[Verdict]
    due: Due
