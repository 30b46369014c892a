"""What the dispatcher has in hand, and what one of its turns is about."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from target_octanist.delivery.inquiry import Looked
    from target_octanist.delivery.job import Candidate, Decided, Job
    from target_octanist.delivery.pending import Due
    from target_octanist.ledger.changes import Holding
    from target_octanist.ledger.claims import Verdict
    from target_octanist.ledger.recovery import Recovered, Reopen


@dataclass(slots=True)
class Work:
    """What the dispatcher holds; no other thread looks at it."""

    ready: deque[Job] = field(default_factory=deque)
    later: list[tuple[float, int, Job]] = field(default_factory=list)
    busy: list[tuple[float, int, Candidate]] = field(default_factory=list)
    # Records that wait for the lead that is named first to be settled.
    behind: dict[str, deque[Candidate]] = field(default_factory=dict)
    in_flight: dict[str, Job] = field(default_factory=dict)
    # Changes that may go out now: their leads have come, or all that were held are counted.
    freed: deque[Candidate] = field(default_factory=deque)

    def unsent(self) -> list[Job]:
        return [*self.ready, *(job for _, _, job in self.later)]


class Gathered(NamedTuple):
    """What a turn is about, before it is written down.

    Attributes:
        now: Monotonic seconds.
        starting: Leads that go out, and were claimed in an earlier turn.
        may_start: How many of those may go out that are claimed in this one.
        looks_around: Whether dead runs are looked for.
        reopens: How leads in doubt are taken up again, if at all.
        figures: What the run has counted up to here as JSON, if it is to be kept now.
        holding: Which changes are to be held; None if none is.
    """

    now: float
    decided: list[Decided]
    looked: Looked | None
    batch: list[Candidate]
    starting: list[Job]
    may_start: int
    looks_around: bool
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
