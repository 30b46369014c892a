"""From what came of a request to what is to be done about its lead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from target_octanist.delivery.job import Decided, Job, Result
from target_octanist.delivery.lead_search import carried_out
from target_octanist.delivery.outcome import Kind, Outcome, Reply, Response, classify
from target_octanist.delivery.policy import Ask, Decision, GiveUp, Policy, SendAgain, Stop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_octanist.reporting.tally import Tally


class Judge:
    """Decides about results, and counts the requests behind them."""

    def __init__(self, policy: Policy, tally: Tally) -> None:
        """Take what decisions rest on."""
        self._policy = policy
        self._tally = tally
        # When anything answered last (monotonic seconds).
        self._answered_at = float("-inf")

    def decide(self, results: Sequence[Result], wall: float) -> list[Decided]:
        """Decide about results.

        Args:
            results: What came of jobs.
            wall: Wall-clock time in seconds.
        """
        answered = [r.finished_at for r in results if isinstance(r.answer, Response)]
        self._answered_at = max([self._answered_at, *answered])
        decided = [self._decide(result, wall) for result in results]
        self._tally.requested(
            [
                (d.outcome.status, d.finished_at - d.job.started_at)
                for result, d in zip(results, decided, strict=True)
                if result.answer is not None
            ]
        )
        return decided

    def _decide(self, result: Result, wall: float) -> Decided:
        job, answer = result.job, result.answer
        if answer is None:
            # What is asked about may have been carried out: it does not become unsent by this.
            held: Decision = Ask() if job.asks else SendAgain(0.0, is_attempt=False)
            outcome = Outcome(Kind.RETRY, "the run was stopping")
            return Decided(job, outcome, held, result.finished_at)
        elapsed = result.finished_at - (job.first_at or result.finished_at)
        if job.asks:
            outcome, decision = self._after_asking(job, answer, wall, elapsed)
        else:
            outcome = classify(answer, now=wall, is_change=job.is_change)
            attempts = job.attempts + (outcome.kind is not Kind.THROTTLED)
            decision = self._policy.decide(outcome, attempts=attempts, elapsed=elapsed)
        if isinstance(decision, GiveUp) and self._answered_at < (job.first_at or 0.0):
            # Nothing answers at all: that is not this lead's fault, and goes for all of them.
            decision = Stop()
        return Decided(job, outcome, decision, result.finished_at)

    def _after_asking(
        self, job: Job, answer: Reply, wall: float, elapsed: float
    ) -> tuple[Outcome, Decision]:
        """Decide after the API was asked if a change was carried out."""
        job.asked += 1
        outcome = carried_out(job.payload, answer, now=wall)
        decision = self._policy.after_asking(outcome, attempts=job.attempts + 1, elapsed=elapsed)
        return replace(outcome, reason=f"{job.why}; {outcome.reason}"), decision
