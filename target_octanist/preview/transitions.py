"""What a run would tell of leads that are there: which change each record is, and what of it.

The temporary journal of the preview decides, as if each change were delivered at once. As a
run does, it keeps what waits for its lead, and holds repeated updates until all are counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from target_octanist.delivery.brake import Brake
from target_octanist.delivery.job import Candidate
from target_octanist.delivery.reasons import REPLACED, SAME_CHANGE, SAME_OUTCOME
from target_octanist.ledger.changes import NO_WAY_BACK
from target_octanist.ledger.journal import now_ms
from target_octanist.ledger.preview import borrow, lend, statuses
from target_octanist.ledger.tables import State
from target_octanist.ledger.turn import Settlement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_octanist.ledger.claims import Claim, Verdict
    from target_octanist.ledger.journal import Journal
    from target_octanist.settings import Settings

#: Outcome of a change, to how it is shown.
OUTCOMES: Mapping[str, str] = {
    "sent": "would be sent",
    "duplicate": "duplicate",
    "pending": "would wait for their leads",
    "skipped": "would be skipped: nothing to update",
    "filtered": "would be refused",
    "rejected": "rejected",
}

NOT_THERE: Final = "no record of the input makes their leads, and the journal has none"
NOT_ASKED: Final = "no record of the input makes their leads; --diff asks the journal, too"

#: A change whose lead's status nobody knows, and one that leaves the status as it is.
UNKNOWN, SAME = "?", "–"

#: How many pending changes are looked at together.
_PAGE: Final = 500


class Settled(NamedTuple):
    """What becomes of one change."""

    claim: Claim
    outcome: str
    why: str


class Transitions:
    """Decides about the changes of a preview.

    Attributes:
        reasons: (stream, outcome, why) to number of records.
        moves: (stream, from, to) to number of changes that would be sent.
    """

    def __init__(self, settings: Settings, journal: Journal, known: Journal | None) -> None:
        """Begin without any.

        Args:
            settings: Of the run.
            journal: That of the preview.
            known: That of the runs, if it is to be asked; both have one salt.
        """
        self._journal = journal
        self._known = known
        self._batch = settings.batch_size_rows
        self._forward = settings.transitions == "forward"
        self._setting = settings.max_changes
        self._told_before = known.changed(settings.base_url) if known is not None else 0
        self._brake = Brake(settings.max_changes, self._told_before)
        self._waiting: dict[str, Claim] = {}
        self._anew = 0
        self.is_stopped = False
        self.reasons: Counter[tuple[str, str, str]] = Counter()
        self.moves: Counter[tuple[str, str, str]] = Counter()

    def decide(self, claims: Sequence[Claim]) -> list[Settled]:
        """Decide about changes of the input, in their order; some are settled later.

        Returns:
            What became of changes just now, these or earlier ones.
        """
        if self._known is not None:
            borrow(self._journal, lend(self._known, claims))
        settled = self._come_true() if self._waiting else []
        return self._counted(settled + self._settle(claims))

    def end(self) -> list[Settled]:
        """Settle what waited for a lead of the input, and what was held."""
        settled = self._come_true()
        held = [candidate.claim for candidate in self._brake.release()]
        if not self.is_stopped:
            self._anew = len(held)
        for start in range(0, len(held), self._batch):
            settled += self._settle(held[start : start + self._batch])
        why = NOT_THERE if self._known is not None else NOT_ASKED
        settled += [Settled(claim, "pending", why) for claim in self._waiting.values()]
        return self._counted(settled)

    def told_anew(self) -> str | None:
        """Say what `max_changes` makes of it, if the journal was asked and it matters."""
        if self._known is None or not self._anew:
            return None
        told = (
            "1 lead would be updated again"
            if self._anew == 1
            else f"{self._anew:,} leads would be updated again"
        )
        what = (
            f"{told}, and {self._brake.most:,} "
            f"may be (max_changes is {self._setting}; {self._told_before:,} were updated before)"
        )
        return f"A run would stop: {what}." if self.is_stopped else f"{what}."

    def _come_true(self) -> list[Settled]:
        """Settle the changes that waited for leads which are there by now."""
        settled: list[Settled] = []
        after: int | None = 0
        while after is not None:
            with self._journal.turn() as turn:
                page, last = turn.due_changes(forward=self._forward, after=after, limit=_PAGE)
            due = [self._waiting.pop(claim.source, claim) for claim in page]
            settled += self._settle(due)
            after = last if len(page) == _PAGE else None
        return settled

    def _settle(self, claims: Sequence[Claim]) -> list[Settled]:
        """Settle changes; those of one lead one after the other."""
        settled: list[Settled] = []
        todo = list(claims)
        while todo:
            verdicts = self._claim(todo)
            behind = [c for c, v in zip(todo, verdicts, strict=True) if v.kind == "behind"]
            for claim, verdict in zip(todo, verdicts, strict=True):
                settled += self._verdict(claim, verdict)
            todo = behind
        return settled

    def _claim(self, claims: Sequence[Claim]) -> list[Verdict]:
        now = now_ms()
        before = statuses(self._journal, claims)
        with self._journal.turn() as turn:
            verdicts = turn.claim(claims, now=now, holding=self._brake.holding)
            sent = [
                (claim, status)
                for claim, status, verdict in zip(claims, before, verdicts, strict=True)
                if verdict.kind == "send"
            ]
            turn.settle(
                [Settlement(claim.source, State.DELIVERED, is_change=True) for claim, _ in sent],
                now=now,
            )
        for claim, status in sent:
            assert claim.change is not None, "a change"
            self.moves[claim.stream, status or UNKNOWN, claim.change.status or SAME] += 1
        return verdicts

    def _verdict(self, claim: Claim, verdict: Verdict) -> list[Settled]:
        """Give what a verdict settles: this change, or an older one of the record."""
        if verdict.kind == "behind" or (verdict.kind == "replaced" and _was_pending(claim)):
            return []
        if verdict.kind == "skipped":
            return [Settled(claim, "skipped", "")]
        older = self._waiting.pop(claim.source, None)
        if verdict.kind == "held":
            held = self._brake.hold(Candidate(None, None, claim, None), verdict.other)
            if self._brake.is_broken:
                # A run would end here, whatever comes after it.
                self.is_stopped = True
                self._anew = max(self._anew, len(self._brake))
            older = held.claim if held is not None else older
        elif (held := self._brake.drop(claim.source)) is not None:
            older = held.claim
        if verdict.kind == "pending":
            self._waiting[claim.source] = claim
        settled = [] if older is None else [Settled(older, "duplicate", REPLACED)]
        outcome = _outcome(claim, verdict)
        if outcome is not None:
            settled.append(Settled(claim, *outcome))
        return settled

    def _counted(self, settled: list[Settled]) -> list[Settled]:
        self.reasons.update((s.claim.stream, s.outcome, s.why) for s in settled)
        return settled


def _was_pending(claim: Claim) -> bool:
    return claim.change is not None and claim.change.place is not None


def _outcome(claim: Claim, verdict: Verdict) -> tuple[str, str] | None:
    """Give what becomes of a change, and why; None while it waits."""
    match verdict.kind:
        case "send" | "start":
            return "sent", ""
        case "filtered":
            return "filtered", NO_WAY_BACK
        case "duplicate":
            return "duplicate", SAME_CHANGE if verdict.other is None else SAME_OUTCOME
        case "rejected":
            return "rejected", claim.reason or ""
        case "replaced":
            return "duplicate", REPLACED
        case "behind" | "busy" | "pending" | "held" | "skipped":
            return None
