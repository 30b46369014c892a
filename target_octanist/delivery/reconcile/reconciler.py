"""Leads that may be stored: when to ask the API about them, and what to make of its list."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from target_octanist.delivery.job import Decided, Job
from target_octanist.delivery.outcome import Kind, Outcome, classify
from target_octanist.delivery.policy import MAX_SECONDS_PER_LEAD, Policy, Settle
from target_octanist.delivery.reconcile.comparison import (
    Absent,
    Comparison,
    Doubt,
    Finding,
    Found,
    Unclear,
)
from target_octanist.delivery.reconcile.listing import ListingFailed
from target_octanist.ledger.tables import State

if TYPE_CHECKING:
    from target_octanist.ledger.turn import Turn


@dataclass(slots=True)
class _Question:
    """A lead that may be stored, and what was done so far to find out.

    Attributes:
        doubt: What is asked about; its times are wall-clock seconds.
        reason: Why nobody knows.
        look_at: When to look next (monotonic seconds).
    """

    job: Job
    doubt: Doubt
    reason: str
    look_at: float
    looks: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """What a listing brought.

    Attributes:
        asked_at: When it was asked for (wall-clock seconds).
    """

    asked_at: float
    found: list[Comparison] | ListingFailed


class Reconciler:
    """Keeps the leads that the API is to be asked about; belongs to the dispatcher."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._questions: dict[str, _Question] = {}

    def __len__(self) -> int:
        return len(self._questions)

    def add(self, job: Job, *, sent_at: float, until: float, reason: str) -> None:
        """Begin to ask about a lead.

        Args:
            job: The lead; it must not be in flight any more.
            sent_at: When its request started (wall-clock seconds).
            until: When it was given up (wall-clock seconds).
            reason: Why nobody knows what came of it.
        """
        doubt = Doubt(job.source, json.loads(job.payload), sent_at, until)
        look_at = time.monotonic() + self._policy.look_after_seconds
        self._questions[job.source] = _Question(job, doubt, reason, look_at)

    def remove(self, job: Job) -> None:
        """Stop asking about a lead, if it was asked about."""
        self._questions.pop(job.source, None)

    def next_look(self) -> float:
        """Say when to look next (monotonic seconds); infinity if there is nothing to ask."""
        return min((q.look_at for q in self._questions.values()), default=float("inf"))

    def doubts(self) -> list[Doubt]:
        """Give all that there is to ask: one look serves also those whose turn is later."""
        return [question.doubt for question in self._questions.values()]

    def conclude(self, turn: Turn, listed: Listed, *, now: float) -> list[Decided]:
        """Decide what can be decided after a look, and when to look again for the rest.

        Args:
            turn: A turn of the journal in which all other results are settled already, so
                that the ids which they brought are known as theirs.
            listed: What a listing brought.
            now: Monotonic seconds.
        """
        if isinstance(listed.found, ListingFailed):
            return self._without_list(classify(listed.found.answer, now=listed.asked_at), now)
        taken = turn.known_ids(lead_id for one in listed.found for lead_id in one.ids)
        contested = turn.contested(self._questions.keys())
        decided: list[Decided] = []
        for source, finding in chain(*(one.findings(taken).items() for one in listed.found)):
            question = self._questions[source]
            question.looks += 1
            question.look_at = now + self._policy.look_after_seconds
            if isinstance(finding, Found) and source in contested:
                continue  # the row could be that other one's, whose answer is still to come
            done = self._act_on(finding, question, listed.asked_at, now)
            if done is not None:
                decided.append(done)
        return decided

    def _act_on(
        self, finding: Finding, question: _Question, asked_at: float, now: float
    ) -> Decided | None:
        """Act on a finding; None to look again later."""
        job = question.job
        match finding:
            case Found(lead_id):
                outcome = Outcome(Kind.DELIVERED, "found in the API's list", lead_id=lead_id)
                return Decided(job, outcome, Settle(State.DELIVERED), now)
            case Absent():
                if asked_at < question.doubt.until + self._policy.absent_after_seconds:
                    return None
                outcome = Outcome(Kind.RETRY, f"{question.reason}; it is not in the API's list")
                decision = self._policy.decide(outcome, attempts=job.attempts + 1, elapsed=0.0)
                return Decided(job, outcome, decision, now)
            case Unclear(why):
                return _in_doubt(question, why, now)

    def _without_list(self, outcome: Outcome, now: float) -> list[Decided]:
        """Wait if the list cannot be had now; give up if it never can."""
        decided: list[Decided] = []
        refused = outcome.kind in {Kind.REJECTED, Kind.FILTERED, Kind.DENIED}
        for question in self._questions.values():
            question.looks += 1
            waited = now - (question.job.first_at or now)
            if refused or waited > MAX_SECONDS_PER_LEAD:
                why = f"the API's list cannot be read ({outcome.reason})"
                decided.append(_in_doubt(question, why, now))
                continue
            wait = self._policy.backoff_seconds(question.looks)
            least = self._policy.look_after_seconds
            question.look_at = now + max(wait, outcome.wait_seconds or 0.0, least)
        return decided


def _in_doubt(question: _Question, why: str, now: float) -> Decided:
    outcome = Outcome(Kind.UNKNOWN, f"{question.reason}; {why}")
    return Decided(question.job, outcome, Settle(State.IN_DOUBT), now)
