"""The pipeline behind the mapping: claim, send, classify, settle, while reading goes on.

One dispatcher thread owns the journal and every decision; the senders do nothing but
send. The dispatcher works in turns, and a turn is one transaction::

    results of requests ─┐                          ┌─ settled: the frontier moves on
    records waiting ─────┼─► one commit on disk ────┼─ claimed: they queue up
    leads about to go ───┘                          └─ sending: the senders may post them

so nothing is posted that is not written down, and nothing counts as settled before
its outcome is on disk.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from target_octanist.delivery.brake import Brake
from target_octanist.delivery.budget import ErrorBudget
from target_octanist.delivery.frontier import Frontier
from target_octanist.delivery.inbox import Inbox
from target_octanist.delivery.inquiry import Inquiry
from target_octanist.delivery.job import Candidate, Decided, Job, Result
from target_octanist.delivery.judge import Judge
from target_octanist.delivery.looker import Looker
from target_octanist.delivery.outcome import Kind, Outcome
from target_octanist.delivery.pending import Due, Pending
from target_octanist.delivery.policy import (
    Ask,
    GiveUp,
    SendAgain,
    Settle,
    Stop,
)
from target_octanist.delivery.reasons import why_not, why_replaced, why_settled
from target_octanist.delivery.recovery import CUT_OFF, given_up_at, job_of, tell
from target_octanist.delivery.senders import Senders
from target_octanist.delivery.stopping import denied, over_budget, unreachable
from target_octanist.delivery.work import Gathered, Work, Written
from target_octanist.errors import OctanistError, describe_bug
from target_octanist.ledger.journal import now_ms
from target_octanist.ledger.runs import HEARTBEAT_SECONDS
from target_octanist.ledger.tables import State

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_octanist.delivery.client import Sender
    from target_octanist.delivery.inquiry import Looked
    from target_octanist.delivery.pace import Pace
    from target_octanist.delivery.policy import Policy
    from target_octanist.delivery.quota import Quota
    from target_octanist.ledger.claims import Verdict
    from target_octanist.ledger.journal import Journal
    from target_octanist.ledger.recovery import Recovered, Reopen
    from target_octanist.ledger.turn import Turn
    from target_octanist.reporting.tally import Tally, Why
    from target_octanist.settings import Settings

logger = logging.getLogger("target-octanist")

#: How often a record is looked at again that another live run has claimed.
BUSY_SECONDS: Final = 0.5

#: Results are written down in groups: a commit costs the same for one as for many. So long
#: they are waited for at most.
TURN_EVERY_SECONDS: Final = 0.02

#: Beside those of `State`: kept until its lead is there, and nothing to be told.
PENDING: Final = "pending"
SKIPPED: Final = "skipped"

#: How often a thread that waits looks up, so that signals and deadlines are seen.
_BLINK_SECONDS: Final = 0.2


class Engine:
    """Delivers leads; see the module's text for how.

    Its public methods belong to the thread that reads the input.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        sender: Sender,
        *,
        policy: Policy,
        pace: Pace,
        quota: Quota,
        tally: Tally,
        reopens: Reopen | None = None,
        figures_if_due: Callable[[], str | None] = lambda: None,
        brake: Brake | None = None,
    ) -> None:
        """Put it together; nothing is started yet.

        Args:
            settings: Of the run.
            journal: Open, with the run entered.
            sender: The other side.
            policy: What becomes of a lead.
            pace: How fast leads go out; the engine's alone from now on.
            quota: How many may go out at all.
            tally: Where they are counted.
            reopens: How to take up again what is in doubt, if at all.
            figures_if_due: Gives what is counted as JSON whenever it is time to keep it.
            brake: Holds changes of leads, if at all.
        """
        self._settings = settings
        self._figures_if_due = figures_if_due
        self._reopens = reopens
        self._journal = journal
        self._policy = policy
        self._judge = Judge(policy, tally)
        self._quota = quota
        self._tally = tally
        self._budget = ErrorBudget(settings.max_rejected_percent)
        self._frontier = Frontier(self._budget)
        self._inquiry = Inquiry(policy)
        self._work = Work()
        self._brake = Brake.off() if brake is None else brake
        self._pending = Pending(
            any_yet=bool(journal.pending()), forward=settings.transitions == "forward"
        )
        self._ticket = itertools.count()
        self._senders = Senders(sender, pace, settings.max_concurrency, self._take_results)
        self._looker = Looker(self._senders, self._take_look)
        self._turn_ended_at = float("-inf")
        self._looked_around_at = float("-inf")
        # What threads share, all of it guarded by this lock.
        self._lock = threading.Lock()
        self._work_came = threading.Condition(self._lock)
        self._room_came = threading.Condition(self._lock)
        self._enough = 1
        self._came_back = 0
        self._sends_few = False
        # What this turn has settled, to be counted at its end.
        self._settled: list[tuple[int, bool]] = []
        self._delivered: dict[str, list[bytes]] = {}
        self._inbox = Inbox(settings.batch_size_rows, settings.batch_wait_ms / 1000)
        self._results: list[Result] = []
        self._looked: Looked | None = None
        self._flushing = False
        self._stopping = False
        self._failure: OctanistError | None = None
        self._dispatcher = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    # For the thread that reads

    def start(self) -> None:
        """Start to work; what dead runs left behind comes before any record."""
        self._dispatcher.start()

    @property
    def settled_through(self) -> int:
        """The number of the last record up to which every one is settled on disk."""
        return self._frontier.settled_through

    @property
    def failure(self) -> OctanistError | None:
        """Why the run must end, or None."""
        return self._failure

    def submit(self, candidate: Candidate, while_waiting: Callable[[], None]) -> bool:
        """Hand over a record; waits while there is too much work in hand.

        Args:
            candidate: Its number must be one more than that of the one before.
            while_waiting: Called every now and then during a wait.

        Returns:
            False if the engine is stopping and did not take it.
        """
        while True:
            with self._lock:
                if self._stopping:
                    return False
                if not self._inbox.is_full:
                    if self._inbox.put(candidate):
                        self._work_came.notify()
                    return True
                self._room_came.wait(_BLINK_SECONDS)
            while_waiting()

    def pass_over(self, first: int, count: int) -> None:
        """Take note of records that earlier runs have settled: nothing is to be done.

        Args:
            first: The number of the first; one more than that of the record before.
            count: How many there are, one after the other.
        """
        with self._lock:
            self._frontier.settle_next(first, count)
        if self._frontier.is_broken:
            self._fail(over_budget(self._budget))

    def flush(self) -> None:
        """Let the engine end as soon as all that was handed over is settled."""
        with self._lock:
            self._flushing = True
            self._work_came.notify()

    def halt(self) -> None:
        """Start nothing more; the engine ends when what is in flight is settled."""
        with self._lock:
            self._stopping = True
            self._work_came.notify()
            self._room_came.notify_all()
        self._senders.halt()

    def wait(self) -> bool:
        """Wait a moment and say whether the engine has ended."""
        self._dispatcher.join(_BLINK_SECONDS)
        return not self._dispatcher.is_alive()

    def gauges(self) -> dict[str, int]:
        """Tell what is going on, for metrics; the numbers may be a turn old."""
        return {
            "in_flight": len(self._work.in_flight),
            "pace": self._senders.limit,
            "queue_depth": len(self._inbox) + len(self._work.ready) + len(self._work.later),
        }

    def let_go(self, turn: Turn) -> None:
        """Let go of this run's own input that is claimed and surely not stored.

        To be called after the engine has ended. What dead runs left behind is not let
        go of: no tap will send it again, so the journal must keep it.
        """
        own = [job for job in self._work.unsent() if job.number is not None]
        turn.release(job.source for job in own if job.again is None)
        turn.put_back({job.source: job.again for job in own if job.again is not None})

    # The dispatcher

    def _run(self) -> None:
        try:
            while self._wait_for_work():
                self._turn()
        except OctanistError as failure:
            self._fail(failure)
        except Exception as bug:  # noqa: BLE001 - it must end the run, not leave the reader waiting
            self._fail(OctanistError(describe_bug(bug), error_id="internal-failure"))
        finally:
            with self._lock:
                self._stopping = True
                self._room_came.notify_all()
            self._senders.close()

    def _fail(self, failure: OctanistError) -> None:
        with self._lock:
            self._failure = self._failure or failure
        self.halt()

    def _wait_for_work(self) -> bool:
        """Wait until there is something for a turn; False when all is done."""
        with self._lock:
            while True:
                if self._results or self._looked is not None:
                    rest = self._turn_ended_at + TURN_EVERY_SECONDS - time.monotonic()
                    if rest <= 0 or len(self._results) >= self._enough:
                        return True
                    self._work_came.wait(rest)
                    continue
                idle = not self._work.in_flight
                if self._stopping:
                    if idle:
                        return False
                    self._work_came.wait(_BLINK_SECONDS)
                    continue
                if self._flushing and idle and not self._has_work():
                    return False
                due = self._next_due(time.monotonic())
                if due <= 0:
                    return True
                self._work_came.wait(due)

    def _has_work(self) -> bool:
        work = self._work
        waiting = (self._inbox, work.ready, work.later, work.busy, work.behind, work.freed)
        return any((*waiting, self._inquiry, self._pending.sweeps, self._brake))

    def _may_release(self) -> bool:
        """Whether all changes that are to be held are held by now."""
        work = self._work
        unclaimed = (self._inbox, work.busy, work.behind, work.freed)
        return bool(self._flushing and self._brake and not any(unclaimed))

    def _next_due(self, now: float) -> float:
        """Say in how many seconds the next turn has something to do."""
        work = self._work
        due = [self._turn_ended_at + HEARTBEAT_SECONDS - now]
        if self._inbox and self._wanted(self._may_start(self._room()) - len(work.ready)) > 0:
            due.append(0.0 if self._flushing else self._inbox.due_in(now))
        if self._pending.sweeps or work.freed or self._may_release():
            due.append(0.0)
        if work.later:
            due.append(work.later[0][0] - now)
        if work.busy:
            due.append(work.busy[0][0] - now)
        if not self._looker.is_busy:
            due.append(max(self._inquiry.next_look() - now, self._senders.delay(now)))
        if work.ready and self._room() > 0:
            # With the quota used up, what is in flight decides whether there is room.
            waits = work.in_flight and self._quota.room(len(work.in_flight)) == 0
            due.append(float("inf") if waits else 0.0)
        return min(due)

    def _room(self, *, arrived: int = 0) -> int:
        """Say how many more leads may be on their way to a sender.

        Twice as many as may be in flight, and half as many again as came back for the last
        turn: the faster the answers come, the more leads share a commit, and no sender waits
        for one. They are marked as sending, and so may have to be asked about after a crash:
        that is why they are no more.
        """
        limit = self._senders.limit
        ahead = limit + min(self._came_back * 3 // 2, self._settings.batch_size_rows)
        return limit + ahead + arrived - len(self._work.in_flight)

    def _turn(self) -> None:
        now = time.monotonic()
        gathered = self._gather(now)
        written = self._journal.write(lambda turn: self._write(turn, gathered))
        # All of it is on disk now.
        self._tally.journal(time.monotonic() - now)
        if gathered.reopens is not None:
            self._tally.settled_by_hand(len(gathered.reopens.delivered))
        self._adopt(written.recovered)
        self._free(written.due)
        if gathered.looked is not None:
            self._looker.is_busy = False
        self._take_back(written.decided)
        for d in written.decided:
            self._apply(d)
        started = self._apply_verdicts(written)
        self._count_settled()
        self._senders.send([*gathered.starting, *started])
        self._tally.under_way(self._senders.in_flight, self._senders.limit)
        self._look_if_due(now)
        # Half of what is on its way is worth a turn at once; the other half goes on meanwhile.
        self._enough = max(1, len(self._work.in_flight) // 2)
        self._turn_ended_at = time.monotonic()

    def _gather(self, now: float) -> Gathered:
        looks_around = self._looks_around(now)
        with self._lock:
            results, self._results = self._results, []
            self._came_back = len(results)
            looked, self._looked = self._looked, None
        wall = time.time()
        decided = self._judge.decide(results, wall)
        self._due_jobs(now)
        reopens, self._reopens = self._reopens, None
        # What has arrived makes room at once; what has not may be a reason to send no more.
        may_start = self._may_start(self._room(arrived=sum(d.has_arrived for d in decided)))
        starting = self._starting(may_start)
        may_start -= len(starting)
        with self._lock:
            batch = self._take_batch(now, may_start)
        return Gathered(
            now=now,
            decided=decided,
            looked=looked,
            batch=batch,
            starting=starting,
            may_start=may_start,
            looks_around=looks_around,
            reopens=reopens,
            figures=self._figures_if_due(),
            holding=self._brake.holding,
        )

    def _write(self, turn: Turn, gathered: Gathered) -> Written:
        """Write a turn down; nothing but the journal may be changed here for good."""
        at = now_ms()
        decided = list(gathered.decided)
        recovered: list[Recovered] = []
        if gathered.looks_around:
            recovered = turn.take_over(self._settings.base_url, now=at)
            decided += self._left_in_doubt(recovered)
        if gathered.reopens is not None:
            recovered += turn.reopen(self._settings.base_url, gathered.reopens, now=at)
        turn.settle([d.settlement() for d in decided if d.is_final], now=at)
        if gathered.looked is not None:
            concluded = self._inquiry.conclude(turn, gathered.looked, now=gathered.now)
            turn.settle([d.settlement() for d in concluded if d.is_final], now=at)
            decided += concluded
        turn.not_stored(
            (d.job.source for d in decided if isinstance(d.decision, (SendAgain, Stop))),
            unsent={d.job.source for d in gathered.decided if not d.job.started_at},
        )
        batch = [*self._no_longer_behind(decided), *gathered.batch]
        verdicts = turn.claim(
            [c.claim for c in batch], now=at, holding=gathered.holding, start=gathered.may_start
        )
        settled = _settled_leads(decided, batch, verdicts) if self._pending.is_any else ()
        due = self._pending.due(turn, settled)
        turn.start_sending((job.source for job in gathered.starting if not job.asks), now=at)
        if gathered.figures is not None:
            turn.keep_figures(gathered.figures, now=at)
        return Written(recovered, decided, batch, verdicts, due)

    def _take_batch(self, now: float, may_start: int) -> list[Candidate]:
        """Take the records that this turn is to claim; the lock is held."""
        if self._stopping:
            return []
        batch: list[Candidate] = []
        while self._work.busy and self._work.busy[0][0] <= now:
            batch.append(heapq.heappop(self._work.busy)[2])
        rows = self._settings.batch_size_rows
        if self._may_release():
            for candidate in self._brake.release():
                self._work.freed.append(candidate)
                if candidate.number is not None:
                    self._inbox.took_back()
        while self._work.freed and len(batch) < rows:
            batch.append(self._work.freed.popleft())
        is_due = self._flushing or self._inbox.due_in(now) <= 0
        if is_due:
            batch += self._inbox.take(self._wanted(may_start) - len(batch), now)
        return batch

    def _wanted(self, may_start: int) -> int:
        """Say how many records are to be claimed: as many as can go out.

        These are written down as claimed and as sending in one. Where most come to nothing,
        or nothing may go out any more, many are claimed in one turn.
        """
        rows = self._settings.batch_size_rows
        if self._sends_few or self._quota.room(len(self._work.in_flight)) == 0:
            return rows if len(self._work.ready) < rows else 0
        return min(rows, may_start)

    def _no_longer_behind(self, decided: list[Decided]) -> list[Candidate]:
        if self._stopping:
            return []
        behind = self._work.behind
        return [c for d in decided if d.is_final for c in behind.get(d.job.source, ())]

    def _due_jobs(self, now: float) -> None:
        """Put the leads whose wait is over before all others: they are the oldest."""
        due: list[Job] = []
        while self._work.later and self._work.later[0][0] <= now:
            due.append(heapq.heappop(self._work.later)[2])
        self._work.ready.extendleft(reversed(due))

    def _may_start(self, room: int) -> int:
        """Say how many leads may go out, in this room and with what is left of the quota."""
        if self._stopping:
            return 0
        allowed = self._quota.room(len(self._work.in_flight) + len(self._inquiry))
        return max(0, room if allowed is None else min(room, allowed))

    def _starting(self, most: int) -> list[Job]:
        work, starting = self._work, []
        if work.ready and not (most or self._stopping or work.in_flight or self._inquiry):
            # With nothing on its way there is always room: it is the quota that is used up.
            self._fail(self._quota.exhausted())
        for _ in range(min(most, len(work.ready))):
            job = work.ready.popleft()
            # From here on it counts as in flight, whether or not the commit succeeds.
            work.in_flight[job.source] = job
            starting.append(job)
        return starting

    def _take_back(self, decided: Sequence[Decided]) -> None:
        """Take out of what is in flight what came back, and let the pace learn from it."""
        in_flight = self._work.in_flight
        came = [d for d in decided if in_flight.pop(d.job.source, None) is not None]
        # Without a start time the run was stopping, and it was never sent.
        self._senders.learn([d for d in came if d.job.started_at])

    def _apply(self, d: Decided) -> None:
        """Act on what was written down about one result."""
        job, outcome = d.job, d.outcome
        self._inquiry.remove(job)
        if d.is_final:
            self._work.behind.pop(job.source, None)
        match d.decision:
            case Settle(state):
                lead = job.payload if state is State.DELIVERED else None
                self._settle(job, state.value, why_settled(d, state), lead)
                if outcome.updated is not None and outcome.updated > 1:
                    _tell_many(job, outcome.updated)
            case Ask() if job.is_change:
                self._ask_later(d)
            case Ask():
                asked_at = time.time()
                sent_at = asked_at - (time.monotonic() - job.started_at)
                self._inquiry.add(job, sent_at=sent_at, until=asked_at, reason=outcome.reason)
            case SendAgain(wait_seconds, is_attempt):
                job.attempts += is_attempt
                job.asks = False
                if not self._stopping:
                    self._tally.retried()
                heapq.heappush(
                    self._work.later, (d.finished_at + wait_seconds, next(self._ticket), job)
                )
            case GiveUp():
                if self._judge.answered_at < (job.first_at or 0.0):
                    self._fail(unreachable(outcome, self._settings.base_url))
                else:
                    self._settle(job, State.REJECTED.value, why_settled(d, State.REJECTED))
            case Stop():
                self._work.ready.append(job)
                self._fail(denied(outcome, self._settings.base_url))

    def _take_results(self, results: list[Result]) -> None:
        """Take what came of jobs; called by the senders' threads."""
        with self._lock:
            before = len(self._results)
            self._results += results
            if not before or before < self._enough <= len(self._results):
                self._work_came.notify()

    def _apply_verdicts(self, written: Written) -> list[Job]:
        """Act on what the journal said to records; gives the leads that go out at once."""
        work, started, ready = self._work, list[Job](), len(self._work.ready)
        for candidate, verdict in zip(written.batch, written.verdicts, strict=True):
            payload = verdict.payload or candidate.claim.payload
            if payload is None or verdict.kind not in {"send", "start"}:
                self._apply_verdict(candidate, verdict)
                continue
            job = Job.of(candidate, payload)
            if verdict.kind == "send":
                work.ready.append(job)
            else:
                work.in_flight[job.source] = job
                started.append(job)
        if written.batch:
            sends = len(started) + len(work.ready) - ready
            self._sends_few = 2 * sends < len(written.batch)
        return started

    def _apply_verdict(self, candidate: Candidate, verdict: Verdict) -> None:
        """Act on a verdict on a record that is not to be sent, or not yet."""
        claim = candidate.claim
        if verdict.kind == "behind" and verdict.other is not None:
            self._work.behind.setdefault(verdict.other, deque()).append(candidate)
        elif verdict.kind == "busy":
            due = time.monotonic() + BUSY_SECONDS
            heapq.heappush(self._work.busy, (due, next(self._ticket), candidate))
        elif verdict.kind == "held":
            self._hold(candidate, verdict.other)
        elif verdict.kind == "pending":
            self._keep_pending(candidate)
        else:
            self._replace(self._brake.drop(claim.source))
            self._settle(Job.of(candidate), verdict.kind, why_not(candidate, verdict))

    def _settle(
        self, job: Job, outcome: str, why: Why | None, payload: bytes | None = None
    ) -> None:
        """Count a settled record."""
        number = job.number
        if number is not None and payload is not None and not job.is_change:
            self._delivered.setdefault(job.stream, []).append(payload)
        else:
            waited = number is None and self._pending.is_over(job.source)
            if waited:
                self._tally.no_longer(job.stream, PENDING)
            self._tally.settled(
                job.stream,
                outcome,
                recovered=number is None and not waited,
                why=why,
                payload=payload,
                is_change=job.is_change,
            )
        if outcome == State.DELIVERED and not job.is_change:
            self._quota.delivered()
        if number is not None:
            self._settled.append((number, outcome == State.REJECTED))

    def _count_settled(self) -> None:
        """Let STATE and the reader know what the turn has settled, unless it breaks the budget."""
        delivered, self._delivered = self._delivered, {}
        for stream, payloads in delivered.items():
            self._tally.delivered(stream, payloads)
        settled, self._settled = self._settled, []
        if not settled:
            return
        with self._lock:
            self._frontier.settle(settled)
            self._inbox.settled(len(settled))
            self._room_came.notify()
        if self._frontier.is_broken:
            self._fail(over_budget(self._budget))

    # What becomes of leads

    def _hold(self, candidate: Candidate, lead: str | None) -> None:
        """Hold a change until all are counted; the input must not wait for that."""
        older = self._brake.hold(candidate, lead)
        if candidate.number is not None:
            with self._lock:
                self._inbox.settled()
                self._room_came.notify()
        self._replace(older)
        if self._brake.is_broken:
            self._fail(self._brake.stopped())

    def _replace(self, older: Candidate | None) -> None:
        """Settle a change that was held, and that a later one takes the place of."""
        if older is None:
            return
        if older.number is not None:
            with self._lock:
                self._inbox.took_back()
        self._settle(Job.of(older), State.DUPLICATE.value, why_replaced(older))

    def _keep_pending(self, candidate: Candidate) -> None:
        is_own = candidate.number is not None
        if is_own:
            self._settle(Job.of(candidate), PENDING, None)
        self._pending.keep(candidate.claim.source, is_own=is_own)

    def _free(self, due: Due) -> None:
        """Queue up pending changes that may go out now."""
        self._pending.took(due)
        queued = {candidate.claim.source for candidate in self._work.freed}
        for claim in due.claims:
            if claim.source not in queued:
                queued.add(claim.source)
                self._work.freed.append(Candidate(None, None, claim, None))

    def _ask_later(self, d: Decided) -> None:
        """Ask for the lead when the request can be at it no more."""
        job = d.job
        wait = self._policy.absent_after_seconds
        if job.asks:
            wait = max(self._policy.backoff_seconds(job.asked), d.outcome.wait_seconds or 0.0)
        else:
            job.asks, job.why = True, d.outcome.reason
        heapq.heappush(self._work.later, (d.finished_at + wait, next(self._ticket), job))

    # What dead runs left behind

    def _looks_around(self, now: float) -> bool:
        """Say whether to look for dead runs: at first, and while another run is waited for."""
        waits = bool(self._work.busy) and now >= self._looked_around_at + HEARTBEAT_SECONDS
        if self._looked_around_at != float("-inf") and not waits:
            return False
        self._looked_around_at = now
        return True

    def _left_in_doubt(self, recovered: Sequence[Recovered]) -> list[Decided]:
        """Settle what may be stored, where nobody is to be asked."""
        if self._settings.on_unknown != "hold":
            return []
        outcome = Outcome(Kind.UNKNOWN, CUT_OFF)
        return [
            Decided(job_of(lead), outcome, Settle(State.IN_DOUBT), 0.0)
            for lead in recovered
            if lead.sent_at is not None
        ]

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
                    due = time.monotonic() + max(wait, 0.0)
                    heapq.heappush(self._work.later, (due, next(self._ticket), job))
                    continue
                self._inquiry.add(job, sent_at=sent_at, until=until, reason=CUT_OFF)

    # Asking about what may be stored

    def _look_if_due(self, now: float) -> None:
        if self._looker.is_busy or self._stopping or self._senders.delay(now) > 0:
            return
        if self._inquiry.next_look() <= now:
            self._looker.look(self._inquiry.doubts())

    def _take_look(self, looked: Looked) -> None:
        """Take what a look brought; called by its thread."""
        with self._lock:
            self._looked = looked
            self._work_came.notify()


def _settled_leads(
    decided: Sequence[Decided], batch: Sequence[Candidate], verdicts: Sequence[Verdict]
) -> set[str]:
    """Name the records of leads that this turn settles: changes may wait for them."""
    found = {d.job.source for d in decided if d.is_final and not d.job.is_change}
    for candidate, verdict in zip(batch, verdicts, strict=True):
        if verdict.kind == "duplicate" and candidate.claim.change is None:
            found.add(candidate.claim.source)
    return found


def _tell_many(job: Job, number: int) -> None:
    logger.warning(
        "Stream %s: one change went to %d leads that have the same e-mail address or phone "
        "number (ID %s); with a `link` it goes to one.",
        job.stream,
        number,
        job.source[:12],
    )
