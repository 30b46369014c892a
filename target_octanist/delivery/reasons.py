"""Why a record made no lead, or told nothing new of one: in words, for logs and summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_octanist.ledger.changes import NO_WAY_BACK
from target_octanist.ledger.tables import State
from target_octanist.reporting.tally import Reference, Why

if TYPE_CHECKING:
    from target_octanist.delivery.job import Candidate, Decided
    from target_octanist.ledger.claims import Verdict

SAME_RECORD: Final = "this record was settled before"
SAME_PERSON: Final = "a lead of the same person was sent before"
SAME_CHANGE: Final = "this change was delivered before"
SAME_OUTCOME: Final = "its lead already has this update"
REPLACED: Final = "a later record replaces it"


def why_settled(d: Decided, state: State) -> Why | None:
    """Say why a request came to this; None if it was delivered."""
    if state is State.DELIVERED:
        return None
    reference = Reference(d.job.place, d.job.source, d.outcome.request_id)
    return Why(d.outcome.reason, reference)


def why_not(candidate: Candidate, verdict: Verdict) -> Why:
    """Say why a record is settled without a request."""
    reason = candidate.claim.reason or _reason(candidate, verdict)
    return Why(reason, Reference(candidate.place, candidate.claim.source, None))


def why_replaced(candidate: Candidate) -> Why:
    """Say why a change is not sent that was held, or is tried again."""
    return Why(REPLACED, Reference(candidate.place, candidate.claim.source, None))


def _reason(candidate: Candidate, verdict: Verdict) -> str:
    if verdict.kind == "filtered":
        return NO_WAY_BACK
    if candidate.claim.change is not None:
        return SAME_CHANGE if verdict.other is None else SAME_OUTCOME
    return SAME_RECORD if verdict.other is None else SAME_PERSON
