"""What the engine moves about: records to be claimed, leads to be sent, and decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import Struct

from target_octanist.delivery.policy import Decision, GiveUp, Settle
from target_octanist.ledger.claims import UNDELIVERABLE, Claim, Refused
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

if TYPE_CHECKING:
    from target_octanist.delivery.outcome import Outcome, Reply
    from target_octanist.delivery.pair import Pair

#: Of these the API has a lead. A duplicate that it was asked for has that lead's id.
_THERE = {State.DELIVERED, State.DUPLICATE}

#: By these a job is settled.
_FINAL: Final = (Settle, GiveUp)

#: Of these the record is kept, so that a human can have it tried again.
_DEAD = {State.REJECTED, State.FILTERED}


#: What a record has more than that counts as further ones: a few large ones fill the memory, too.
_CHARACTERS_OF_ONE: Final = 16 * 1024


class Candidate(Struct, frozen=True, gc=False):
    """A record on its way to being claimed, or one of the two claims that it makes.

    Attributes:
        number: Counts the records that were handed over, from 1; None for a change that was
            pending, whose record was settled by that.
        place: Where it is in the input, as people are told: the number of a record or row.
        record: The source record as JSON text, for a dead letter; None if the journal has it
            already.
        pair: Of a record that makes two claims; the other one has it, too.
    """

    number: int | None
    place: int | None
    claim: Claim
    record: str | None
    pair: Pair | None = None

    @property
    def weight(self) -> int:
        """How much of what may be in hand it takes up."""
        return _weight_of(self.record)


class Job(Struct, eq=False):
    """A lead that this run has claimed and not yet settled.

    Attributes:
        number: As of the candidate; None if a dead run left it behind.
        place: As of the candidate; None where there is no record.
        record: As of the candidate; None where there is no record.
        again: As of the claim.
        pair: As of the candidate.
        attempts: Requests that counted as attempts.
        first_at: When it was first sent (monotonic seconds), or None.
        started_at: When its last request started (monotonic seconds); 0 if it was not sent.
        marked_at: When it was last marked as sending in the journal (seconds since 1970 UTC).
        is_change: Whether it says what became of a lead, and is not one itself.
        asks: Whether its next request is to ask if the change was carried out.
        asked: How often that was asked.
        why: Why that is not known.
        looks_up: Whether the API is asked for a lead of the same person before it is sent.
    """

    source: str
    stream: str
    payload: bytes
    number: int | None
    place: int | None = None
    record: str | None = None
    again: Refused | None = None
    pair: Pair | None = None
    attempts: int = 0
    first_at: float | None = None
    started_at: float = 0.0
    marked_at: float = 0.0
    is_change: bool = False
    asks: bool = False
    asked: int = 0
    why: str = ""
    looks_up: bool = False

    @classmethod
    def of(cls, candidate: Candidate, payload: str = "") -> Job:
        """Make a job of a record: to send this payload, or to be settled without one."""
        claim = candidate.claim
        return cls(
            claim.source,
            claim.stream,
            payload.encode(),
            candidate.number,
            candidate.place,
            candidate.record,
            claim.again,
            candidate.pair,
            is_change=claim.change is not None,
            looks_up=claim.looks_up,
        )

    @property
    def weight(self) -> int:
        """As of the candidate."""
        return _weight_of(self.record)


def _weight_of(record: str | None) -> int:
    return 1 + len(record or "") // _CHARACTERS_OF_ONE


class Result(NamedTuple):
    """What came of a job; no answer at all if it was never started."""

    job: Job
    answer: Reply | None
    finished_at: float


class Decided(Struct, frozen=True, gc=False):
    """What is going to be written down about one job."""

    job: Job
    outcome: Outcome
    decision: Decision
    finished_at: float

    @property
    def is_final(self) -> bool:
        """Whether the job is settled by it."""
        return isinstance(self.decision, _FINAL)

    @property
    def has_arrived(self) -> bool:
        """Whether the API has the lead, so that the next one may go out."""
        return isinstance(self.decision, Settle) and self.decision.state in _THERE

    def settlement(self) -> Settlement:
        """Give the row of a final decision."""
        gave_up = isinstance(self.decision, GiveUp)
        state = self.decision.state if isinstance(self.decision, Settle) else State.REJECTED
        return Settlement(
            source=self.job.source,
            state=state,
            lead_id=self.outcome.lead_id if state in _THERE else None,
            request_id=self.outcome.request_id,
            code=UNDELIVERABLE if gave_up else self.outcome.code,
            reason=self.outcome.reason,
            message=self.outcome.message,
            record=self.job.record if state in _DEAD else None,
            is_change=self.job.is_change,
        )
