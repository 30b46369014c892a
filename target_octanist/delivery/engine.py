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

import threading
import time
from typing import TYPE_CHECKING, Final

from target_octanist.delivery.brake import Brake
from target_octanist.delivery.budget import ErrorBudget
from target_octanist.delivery.consequences import Consequences
from target_octanist.delivery.frontier import Frontier
from target_octanist.delivery.inbox import Inbox
from target_octanist.delivery.judge import Judge
from target_octanist.delivery.pending import Pending
from target_octanist.delivery.policy import SendAgain, Stop
from target_octanist.delivery.reconcile.listing_thread import ListingThread
from target_octanist.delivery.reconcile.reconciler import Reconciler
from target_octanist.delivery.recovery import left_in_doubt
from target_octanist.delivery.room import Room
from target_octanist.delivery.senders import Senders
from target_octanist.delivery.stopping import over_budget
from target_octanist.delivery.work import Gathered, Work, Written
from target_octanist.errors import OctanistError, describe_bug
from target_octanist.ledger.journal import now_ms
from target_octanist.ledger.runs import HEARTBEAT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_octanist.delivery.client import Sender
    from target_octanist.delivery.job import Candidate, Decided, Job, Result
    from target_octanist.delivery.pace import Pace
    from target_octanist.delivery.policy import Policy
    from target_octanist.delivery.quota import Quota
    from target_octanist.delivery.reconcile.reconciler import Listed
    from target_octanist.ledger.claims import Verdict
    from target_octanist.ledger.journal import Journal
    from target_octanist.ledger.recovery import Recovered, Reopen
    from target_octanist.ledger.turn import Turn
    from target_octanist.reporting.tally import Tally
    from target_octanist.settings import Settings

#: Results are written down in groups: a commit costs the same for one as for many. So long
#: they are waited for at most.
TURN_EVERY_SECONDS: Final = 0.02

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
        # What threads share, all of it guarded by this lock.
        self._lock = threading.Lock()
        self._work_came = threading.Condition(self._lock)
        self._room_came = threading.Condition(self._lock)
        self._enough = 1
        self._inbox = Inbox(settings.batch_size_rows, settings.batch_wait_ms / 1000)
        self._results: list[Result] = []
        self._listed: Listed | None = None
        self._flushing = False
        self._stopping = False
        self._failure: OctanistError | None = None
        # The rest is the dispatcher's.
        self._settings = settings
        self._figures_if_due = figures_if_due
        self._reopens = reopens
        self._journal = journal
        self._judge = Judge(policy, tally)
        self._quota = quota
        self._tally = tally
        self._budget = ErrorBudget(settings.max_rejected_percent)
        self._frontier = Frontier(self._budget)
        self._work = Work(
            Reconciler(policy),
            Pending(any_yet=bool(journal.pending()), forward=settings.transitions == "forward"),
            Brake.off() if brake is None else brake,
        )
        self._consequences = Consequences(
            self._work,
            settings,
            policy=policy,
            quota=quota,
            tally=tally,
            fail=self._fail,
            is_stopping=lambda: self._stopping,
        )
        self._senders = Senders(sender, pace, settings.max_concurrency, self._take_results)
        self._room = Room(self._work, self._senders, quota, settings.batch_size_rows)
        self._listing_thread = ListingThread(self._senders, self._take_listed)
        self._turn_ended_at = float("-inf")
        self._took_over_at = float("-inf")
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

    def submit(self, candidates: Sequence[Candidate], while_waiting: Callable[[], None]) -> bool:
        """Hand over a record; waits while there is too much work in hand.

        Args:
            candidates: One for each claim that it makes. Their number is one more than that of
                the record before.
            while_waiting: Called every now and then during a wait.

        Returns:
            False if the engine is stopping and did not take it.
        """
        while True:
            with self._lock:
                if self._stopping:
                    return False
                if not self._inbox.is_full:
                    for candidate in candidates:
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
                if self._results or self._listed is not None:
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
                if self._flushing and idle and not (self._inbox or self._work.is_any()):
                    return False
                due = self._next_due(time.monotonic())
                if due <= 0:
                    return True
                self._work_came.wait(due)

    def _may_release(self) -> bool:
        """Whether all changes that are to be held are held by now."""
        unclaimed = bool(self._inbox) or self._work.unclaimed()
        return self._flushing and bool(self._work.brake) and not unclaimed

    def _next_due(self, now: float) -> float:
        """Say in how many seconds the next turn has something to do."""
        work = self._work
        due = [self._turn_ended_at + HEARTBEAT_SECONDS - now]
        if self._inbox and self._room.records(self._room.leads() - len(work.ready)) > 0:
            due.append(0.0 if self._flushing else self._inbox.due_in(now))
        if work.pending.sweeps or work.freed or self._may_release():
            due.append(0.0)
        if work.later:
            due.append(work.later[0][0] - now)
        due.append(work.waiting.busy_until - now)
        if not self._listing_thread.is_busy:
            due.append(max(work.reconciler.next_look() - now, self._senders.delay(now)))
        # With the quota used up, what is in flight decides whether there is room.
        waits = bool(work.in_flight or work.reconciler) and self._room.is_used_up()
        if work.ready and self._room.requests() > 0 and not waits:
            due.append(0.0)
        return min(due)

    def _turn(self) -> None:
        now = time.monotonic()
        gathered = self._gather(now)
        written = self._journal.write(lambda turn: self._write(turn, gathered))
        # All of it is on disk now.
        self._tally.journal(time.monotonic() - now, claimed=bool(written.batch))
        if gathered.listed is not None:
            self._listing_thread.is_busy = False
        self._room.claimed(written.verdicts)
        self._take_back(written.decided)
        started = self._consequences.act(gathered, written)
        self._tell_settled()
        self._senders.send([*gathered.starting, *started], marked_at=gathered.wall)
        self._tally.under_way(self._senders.in_flight, self._senders.limit)
        self._list_if_due(now)
        # Half of what is on its way is worth a turn at once; the other half goes on meanwhile.
        self._enough = max(1, len(self._work.in_flight) // 2)
        self._turn_ended_at = time.monotonic()

    def _gather(self, now: float) -> Gathered:
        takes_over = self._takes_over(now)
        with self._lock:
            results, self._results = self._results, []
            listed, self._listed = self._listed, None
        self._room.came_back(len(results))
        wall = time.time()
        decided = self._judge.decide(results, wall)
        self._work.take_due(now)
        reopens, self._reopens = self._reopens, None
        # What has arrived makes room at once; what has not may be a reason to send no more.
        arrived = sum(d.has_arrived for d in decided)
        starting = self._starting(self._room.requests(arrived=arrived))
        may_start = 0 if self._stopping else self._room.leads(arrived=arrived)
        with self._lock:
            batch = self._take_batch(now, may_start)
        return Gathered(
            now=now,
            wall=wall,
            decided=decided,
            listed=listed,
            batch=batch,
            starting=starting,
            may_start=may_start,
            takes_over=takes_over,
            reopens=reopens,
            figures=self._figures_if_due(),
            holding=self._work.brake.holding,
        )

    def _write(self, turn: Turn, gathered: Gathered) -> Written:
        """Write a turn down; nothing but the journal may be changed here for good."""
        at = now_ms()
        decided = list(gathered.decided)
        recovered: list[Recovered] = []
        if gathered.takes_over:
            recovered = turn.take_over(self._settings.base_url, now=at)
            if self._settings.on_unknown == "hold":
                decided += left_in_doubt(recovered)
        if gathered.reopens is not None:
            recovered += turn.reopen(self._settings.base_url, gathered.reopens, now=at)
        turn.settle([d.settlement() for d in decided if d.is_final], now=at)
        if gathered.listed is not None:
            concluded = self._work.reconciler.conclude(turn, gathered.listed, now=gathered.now)
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
        settled = _settled_leads(decided, batch, verdicts) if self._work.pending.is_any else ()
        due = self._work.pending.due(turn, settled)
        turn.start_sending((job.source for job in gathered.starting if not job.asks), now=at)
        if gathered.figures is not None:
            turn.keep_figures(gathered.figures, now=at)
        return Written(recovered, decided, batch, verdicts, due)

    def _take_batch(self, now: float, may_start: int) -> list[Candidate]:
        """Take the records that this turn is to claim; the lock is held."""
        if self._stopping:
            return []
        work = self._work
        batch = work.waiting.take_busy(now)
        if self._may_release():
            released = work.brake.release()
            work.freed.extend(released)
            self._inbox.took_back(sum(c.weight for c in released if c.number is not None))
        while work.freed and len(batch) < self._settings.batch_size_rows:
            batch.append(work.freed.popleft())
        if self._flushing or self._inbox.due_in(now) <= 0:
            taken = self._inbox.take(self._room.records(may_start) - len(batch), now)
            batch += [candidate for candidate in taken if not work.waiting.join(candidate)]
        return batch

    def _no_longer_behind(self, decided: list[Decided]) -> list[Candidate]:
        if self._stopping:
            return []
        waiting = self._work.waiting
        return [c for d in decided if d.is_final for c in waiting.behind(d.job.source)]

    def _starting(self, most: int) -> list[Job]:
        """Take the requests that go out next; leads only as far as the quota lasts."""
        if self._stopping:
            return []
        work = self._work
        starting: list[Job] = []
        kept: list[Job] = []
        leads = self._room.leads_left()
        while work.ready and len(starting) < most:
            job = work.ready.popleft()
            leads -= not job.is_change
            if leads < 0 and not job.is_change:
                kept.append(job)
                continue
            # From here on it counts as in flight, whether or not the commit succeeds.
            work.in_flight[job.source] = job
            starting.append(job)
        work.ready.extendleft(reversed(kept))
        if kept and not (work.in_flight or work.reconciler):
            self._fail(self._quota.exhausted())
        return starting

    def _take_back(self, decided: Sequence[Decided]) -> None:
        """Take out of what is in flight what came back, and let the pace learn from it."""
        in_flight = self._work.in_flight
        came = [d for d in decided if in_flight.pop(d.job.source, None) is not None]
        # Without a start time the run was stopping, and it was never sent.
        self._senders.learn([d for d in came if d.job.started_at])

    def _take_results(self, results: list[Result]) -> None:
        """Take what came of jobs; called by the senders' threads."""
        with self._lock:
            before = len(self._results)
            self._results += results
            if not before or before < self._enough <= len(self._results):
                self._work_came.notify()

    def _tell_settled(self) -> None:
        """Let STATE and the reader know what the turn has settled, unless it breaks the budget."""
        settled = self._consequences.take_settled()
        if not (settled.records or settled.room):
            return
        with self._lock:
            self._frontier.settle(settled.records)
            self._inbox.settled(settled.room)
            self._room_came.notify()
        if self._frontier.is_broken:
            self._fail(over_budget(self._budget))

    def _takes_over(self, now: float) -> bool:
        """Say whether to take over from dead runs: at first, and while another run is waited for."""
        waits = self._work.waiting.is_busy and now >= self._took_over_at + HEARTBEAT_SECONDS
        if self._took_over_at != float("-inf") and not waits:
            return False
        self._took_over_at = now
        return True

    def _list_if_due(self, now: float) -> None:
        if self._listing_thread.is_busy or self._stopping or self._senders.delay(now) > 0:
            return
        if self._work.reconciler.next_look() <= now:
            self._listing_thread.start(self._work.reconciler.doubts())

    def _take_listed(self, listed: Listed) -> None:
        """Take what a listing brought; called by its thread."""
        with self._lock:
            self._listed = listed
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
