"""What follows from a turn once it is on disk: what goes out, what waits, and what is counted."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from target_octanist.delivery.job import Candidate, Decided, Job
from target_octanist.delivery.outcome import Kind
from target_octanist.delivery.pair import Part
from target_octanist.delivery.policy import Ask, GiveUp, SendAgain, Settle, Stop
from target_octanist.delivery.reasons import why_not, why_replaced, why_settled
from target_octanist.delivery.recovery import CUT_OFF, given_up_at, job_of, tell
from target_octanist.delivery.stopping import denied, unreachable
from target_octanist.ledger.tables import State, short_id
from target_octanist.reporting.outcomes import PENDING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_octanist.delivery.pending import Due
    from target_octanist.delivery.policy import Policy
    from target_octanist.delivery.quota import Quota
    from target_octanist.delivery.work import Gathered, Work, Written
    from target_octanist.errors import OctanistError
    from target_octanist.ledger.claims import Verdict
    from target_octanist.ledger.recovery import Recovered
    from target_octanist.reporting.tally import Tally, Why
    from target_octanist.settings import Settings

logger = logging.getLogger("target-octanist")


class Settled(NamedTuple):
    """What a turn has settled of this run's input.

    Attributes:
        records: Of each its number, and whether it is rejected.
        room: For how much more there is room (`Candidate.weight`): what is settled, and what is
            held until the input ends and must not keep it from being read.
    """

    records: list[tuple[int, bool]]
    room: int


class Consequences:
    """Acts on turns; belongs to the dispatcher."""

    def __init__(
        self,
        work: Work,
        settings: Settings,
        *,
        policy: Policy,
        quota: Quota,
        tally: Tally,
        fail: Callable[[OctanistError], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        """Take what is acted on.

        Args:
            work: Everything in hand.
            settings: Of the run.
            policy: How long to wait.
            quota: Where stored leads are counted against what is left.
            tally: Where records are counted.
            fail: Ends the run.
            is_stopping: Whether it is ending.
        """
        self._work = work
        self._settings = settings
        self._policy = policy
        self._quota = quota
        self._tally = tally
        self._fail = fail
        self._is_stopping = is_stopping
        self._settled: list[tuple[int, bool]] = []
        self._unexplained: Counter[tuple[str, str]] = Counter()
        self._arrived: dict[str, list[bytes]] = {}
        self._made_room = 0

    def act(self, gathered: Gathered, written: Written) -> list[Job]:
        """Act on a turn that is on disk.

        Returns:
            The leads that were claimed in it and marked as sending: they go out now.
        """
        if gathered.reopens is not None:
            self._tally.settled_by_hand(len(gathered.reopens.delivered))
        self._adopt(written.recovered)
        self._free(written.due)
        for d in written.decided:
            self._apply(d)
        return self._apply_verdicts(written)

    def take_settled(self) -> Settled:
        """Count what was settled since the last time, and give it."""
        # Most records come to the same, and to count them together costs less.
        arrived, self._arrived = self._arrived, {}
        for stream, payloads in arrived.items():
            self._tally.arrived(stream, payloads, recovered=False)
        unexplained, self._unexplained = self._unexplained, Counter()
        for (stream, outcome), count in unexplained.items():
            self._tally.settled(stream, outcome, count)
        settled = Settled(self._settled, self._made_room)
        self._settled, self._made_room = [], 0
        return settled

    def _apply(self, d: Decided) -> None:
        """Act on what was written down about one result."""
        job, outcome = d.job, d.outcome
        self._work.reconciler.remove(job)
        if d.is_final:
            self._work.waiting.let_go(job.source)
        match d.decision:
            case Settle(state):
                self._settle(job, state.value, why_settled(d, state))
                if outcome.updated is not None and outcome.updated > 1:
                    _tell_many(job, outcome.updated)
            case Ask() if job.is_change:
                self._ask_later(d)
            case Ask():
                asked_at = time.time()
                sent_at = asked_at - (time.monotonic() - job.started_at)
                self._work.reconciler.add(
                    job, sent_at=sent_at, until=asked_at, reason=outcome.reason
                )
            case SendAgain(wait_seconds, is_attempt):
                job.attempts += is_attempt
                job.asks = False
                if job.started_at and not self._is_stopping():
                    self._tally.retried()
                self._work.put_off(job, d.finished_at + wait_seconds)
            case GiveUp():
                self._settle(job, State.REJECTED.value, why_settled(d, State.REJECTED))
            case Stop():
                self._work.ready.append(job)
                why = denied if outcome.kind is Kind.DENIED else unreachable
                self._fail(why(outcome, self._settings.base_url))

    def _apply_verdicts(self, written: Written) -> list[Job]:
        """Act on what the journal said to records; gives the leads that go out at once."""
        started: list[Job] = []
        for candidate, verdict in zip(written.batch, written.verdicts, strict=True):
            match verdict.kind:
                case "send":
                    self._outdate(candidate)
                    self._work.ready.append(_job(candidate, verdict))
                case "start":
                    job = _job(candidate, verdict)
                    self._work.in_flight[job.source] = job
                    started.append(job)
                case "behind":
                    self._work.waiting.add(candidate, verdict.other)
                case "busy":
                    self._work.waiting.add(candidate, None)
                case "held":
                    self._hold(candidate, verdict.other)
                case "pending":
                    self._keep_pending(candidate)
                case "replaced" if candidate.number is None:
                    pass  # its record was settled when it was put aside
                case "replaced":
                    self._settle(Job.of(candidate), State.DUPLICATE.value, why_replaced(candidate))
                case "skipped":  # it says nothing, and takes back nothing that was said before
                    self._settle(Job.of(candidate), verdict.kind, why_not(candidate, verdict))
                case "duplicate" | "rejected" | "filtered":
                    self._outdate(candidate)
                    self._settle(Job.of(candidate), verdict.kind, why_not(candidate, verdict))
        return started

    def _settle(self, job: Job, outcome: str, why: Why | None) -> None:
        """Count a settled record, or one of the two claims that it makes."""
        waited = job.number is None and self._work.pending.is_over(job.source)
        recovered = job.number is None and not waited
        if job.number is not None:
            self._made_room += job.weight
        if outcome == State.DELIVERED:
            self._count_delivered(job, recovered=recovered)
        if recovered:
            self._tally.left_behind(job.stream, outcome, why)
        elif job.pair is None:
            self._settle_record(job, Part(outcome, why), was=PENDING if waited else None)
        else:
            was = job.pair.counted
            whole = job.pair.settle(Part(outcome, why), is_change=job.is_change)
            if whole is not None:
                self._settle_record(job, whole, was=was)

    def _settle_record(self, job: Job, whole: Part, *, was: str | None) -> None:
        """Count a record of this run's input, and no longer as what it was before."""
        if was is not None:
            self._tally.no_longer(job.stream, was)
        if whole.why is None:
            self._unexplained[job.stream, whole.outcome] += 1
        else:
            self._tally.settled(job.stream, whole.outcome, why=whole.why)
        if job.number is not None:
            self._settled.append((job.number, whole.outcome == State.REJECTED))

    def _count_delivered(self, job: Job, *, recovered: bool) -> None:
        """Count what the API took: a lead, or what became of one."""
        if job.is_change:
            if not recovered:
                self._tally.told(job.stream)
            return
        self._quota.delivered()
        if recovered:
            self._tally.arrived(job.stream, [job.payload], recovered=True)
        else:
            self._arrived.setdefault(job.stream, []).append(job.payload)

    def _hold(self, candidate: Candidate, lead: str | None) -> None:
        """Hold a change until all are counted; the input must not wait for that."""
        older = self._work.brake.hold(candidate, lead)
        if candidate.number is not None:
            self._made_room += candidate.weight
        self._replace(older)
        if self._work.brake.is_broken:
            self._fail(self._work.brake.stopped())

    def _replace(self, older: Candidate | None) -> None:
        """Settle a change that was held, and that a later one takes the place of."""
        if older is None:
            return
        if older.number is not None:
            self._made_room -= older.weight
        self._settle(Job.of(older), State.DUPLICATE.value, why_replaced(older))

    def _outdate(self, candidate: Candidate) -> None:
        """Settle what was held or pending of a record, now that a later version is decided about."""
        source, pending = candidate.claim.source, self._work.pending
        self._replace(self._work.brake.drop(source))
        if candidate.number is not None and pending.is_own(source):
            self._replace(Candidate(None, None, candidate.claim, None, pending.pair_of(source)))

    def _keep_pending(self, candidate: Candidate) -> None:
        is_own = candidate.number is not None
        self._outdate(candidate)
        if is_own:
            self._settle(Job.of(candidate), PENDING, None)
        self._work.pending.keep(candidate.claim.source, is_own=is_own, pair=candidate.pair)

    def _free(self, due: Due) -> None:
        """Queue up pending changes that may go out now."""
        self._work.pending.took(due)
        queued = {candidate.claim.source for candidate in self._work.freed}
        for claim in due.claims:
            if claim.source not in queued:
                queued.add(claim.source)
                pair = self._work.pending.pair_of(claim.source)
                self._work.freed.append(Candidate(None, None, claim, None, pair))

    def _ask_later(self, d: Decided) -> None:
        """Ask for the lead when the request can be at it no more."""
        job = d.job
        wait = self._policy.absent_after_seconds
        if job.asks:
            wait = max(self._policy.backoff_seconds(job.asked), d.outcome.wait_seconds or 0.0)
        else:
            job.asks, job.why = True, d.outcome.reason
        self._work.put_off(job, d.finished_at + wait)

    def _adopt(self, recovered: Sequence[Recovered]) -> None:
        """Go on with what earlier runs had begun."""
        on_unknown = self._settings.on_unknown
        tell(recovered, on_unknown)
        for lead in recovered:
            job = job_of(lead)
            job.looks_up = self._settings.stream(job.stream).lookup
            if lead.sent_at is None or on_unknown == "resend":
                self._work.ready.append(job)
            elif on_unknown == "reconcile":
                sent_at = lead.sent_at / 1000
                until = given_up_at(sent_at, time.time())
                if job.is_change:
                    job.asks, job.why = True, CUT_OFF
                    wait = until + self._policy.absent_after_seconds - time.time()
                    self._work.put_off(job, time.monotonic() + max(wait, 0.0))
                else:
                    self._work.reconciler.add(job, sent_at=sent_at, until=until, reason=CUT_OFF)


def _job(candidate: Candidate, verdict: Verdict) -> Job:
    payload = verdict.payload or candidate.claim.payload
    assert payload is not None, "what is to be sent"
    return Job.of(candidate, payload)


def _tell_many(job: Job, number: int) -> None:
    logger.warning(
        "Stream %s: one change went to %d leads that have the same e-mail address or phone "
        "number (ID %s); with a `link` it goes to one.",
        job.stream,
        number,
        short_id(job.source),
    )
