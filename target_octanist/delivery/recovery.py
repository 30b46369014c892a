"""What earlier runs left open, and how this run goes on with it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from target_octanist.delivery.job import Decided, Job
from target_octanist.delivery.outcome import Kind, Outcome
from target_octanist.delivery.policy import Settle
from target_octanist.ledger.tables import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_octanist.ledger.recovery import Recovered

logger = logging.getLogger("target-octanist")

#: How long after it was marked as sending a lead of an earlier run may have been stored. Its
#: request may take an hour (``timeout_seconds``), and begin only after pauses or when the
#: machine has slept; what that run's settings were, nobody knows.
LONGEST_SENDING_SECONDS: Final = 24 * 60 * 60.0

CUT_OFF: Final = "the run was cut off between sending and the answer"


def job_of(lead: Recovered) -> Job:
    """Make a lead of an earlier run a job of this one; no record stands behind it."""
    job = Job(lead.source, lead.stream, lead.payload.encode(), None)
    job.attempts = lead.attempts
    job.first_at = time.monotonic()
    job.is_change = lead.is_change
    return job


def left_in_doubt(recovered: Sequence[Recovered]) -> list[Decided]:
    """Settle what may be stored, where nobody is to be asked."""
    outcome = Outcome(Kind.UNKNOWN, CUT_OFF)
    return [
        Decided(job_of(lead), outcome, Settle(State.IN_DOUBT), 0.0)
        for lead in recovered
        if lead.sent_at is not None
    ]


def given_up_at(sent_at: float, now: float) -> float:
    """Say until when a request may have been carried out; all are seconds since 1970 UTC."""
    return min(now, sent_at + LONGEST_SENDING_SECONDS)


def tell(recovered: Sequence[Recovered], on_unknown: str) -> None:
    """Say in the log what was found."""
    cut_off = [lead for lead in recovered if not lead.was_in_doubt]
    if not cut_off:
        return
    sent = sum(lead.sent_at is not None for lead in cut_off)
    logger.warning(
        "A run that was cut off left %d leads behind: %d were never sent and go out now; "
        "%d may have been stored (on_unknown: %s).",
        len(cut_off),
        len(cut_off) - sent,
        sent,
        on_unknown,
    )
