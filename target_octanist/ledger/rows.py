"""What verdicts make of the rows of the journal."""

from __future__ import annotations

from typing import Final

from target_octanist.ledger.changes import NO_WAY_BACK
from target_octanist.ledger.claims import TRANSITION, Claim, Known, Verdict, VerdictKind
from target_octanist.ledger.tables import State

#: By these verdicts something is written down.
_STATES: Final[dict[VerdictKind, State]] = {
    "send": State.CLAIMED,
    "start": State.SENDING,
    "duplicate": State.DUPLICATE,
    "rejected": State.REJECTED,
    "filtered": State.FILTERED,
}

#: Of these the record is kept, where there is one.
_DEAD = {State.REJECTED, State.FILTERED}

#: What changes when a dead letter is tried again. The rest says why it is one, and is
#: needed if it is not sent after all.
_TRIED_AGAIN = (
    "source",
    "state",
    "run",
    "payload_digest",
    "persons",
    "payload",
    "attempts",
    "claimed_at",
    "sent_at",
)


class Rows:
    """What a turn's verdicts make of the rows of the journal.

    Attributes:
        fresh: Rows of records that it did not know, in the order in which they came.
        changed: Rows that take the place of those that it had.
        again: Of dead letters that are tried again, what changes.
        persons: Rows that say whose leads those are that are to be sent.
    """

    def __init__(self, known: dict[str, Known], run: str, now: int) -> None:
        self._known = known
        self._run = run
        self._now = now
        self.fresh: list[dict[str, object]] = []
        self.changed: list[dict[str, object]] = []
        self.again: list[dict[str, object]] = []
        self.persons: list[dict[str, object]] = []

    def add(self, claim: Claim, verdict: Verdict) -> None:
        """Add what a verdict asks for; those on later records of the batch rest on it."""
        row = _row(claim, verdict, run=self._run, now=self._now)
        self.persons += person_rows(claim.source, row["persons"])
        if claim.source not in self._known:
            self.fresh.append(row)
        elif claim.again is not None and verdict.kind in {"send", "start"}:
            self.again.append({name: row[name] for name in _TRIED_AGAIN})
        else:
            self.changed.append(row)
        self._known[claim.source] = Known(
            str(row["state"]), self._run, claim.payload_digest, row["code"]
        )


def person_rows(source: str, digests: object) -> list[dict[str, object]]:
    """Give a lead's rows of `octanist_persons`, from the text in which its own row names them."""
    return [{"digest": digest, "source": source} for digest in str(digests or "").split()]


def _row(claim: Claim, verdict: Verdict, *, run: str, now: int) -> dict[str, object]:
    state = _STATES[verdict.kind]
    is_open = state in {State.CLAIMED, State.SENDING}
    # A change's persons only tell which leads it waits for.
    has_persons = is_open and claim.change is None
    code, reason = claim.code, claim.reason
    if verdict.kind == "filtered":
        code, reason = TRANSITION, NO_WAY_BACK
    return {
        "source": claim.source,
        "stream": claim.stream,
        "state": state.value,
        "run": run,
        "payload_digest": claim.payload_digest,
        "persons": (" ".join(claim.persons) or None) if has_persons else None,
        "payload": (verdict.payload or claim.payload) if is_open else None,
        "record": claim.record if state in _DEAD else None,
        "attempts": int(state is State.SENDING),
        "claimed_at": now,
        "sent_at": now if state is State.SENDING else None,
        "settled_at": None if is_open else now,
        "lead_id": None,
        "request_id": None,
        "code": code if state in _DEAD else None,
        "reason": reason,
        "message": None,
        "twin": verdict.other,
    }
