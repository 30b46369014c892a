"""What verdicts make of the rows of the journal, and how these are written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select, update

from target_octanist.ledger.changes import NO_WAY_BACK
from target_octanist.ledger.claims import TRANSITION, Claim, Known, Verdict, VerdictKind
from target_octanist.ledger.statements import (
    DELETE_PERSONS,
    INSERT_CLAIMS,
    INSERT_LEADS,
    INSERT_PERSONS,
)
from target_octanist.ledger.tables import State, leads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

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
        if not self._is_written(claim, verdict):
            return
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

    def _is_written(self, claim: Claim, verdict: Verdict) -> bool:
        if verdict.kind == "duplicate":
            # Without another lead it is one of its own row, which stays as it is.
            return verdict.other is not None
        if verdict.kind == "filtered":
            # What was delivered is still how things are.
            row = self._known.get(claim.source)
            return row is None or row.state != State.DELIVERED
        return verdict.kind in _STATES


def write_rows(connection: Connection, rows: Rows) -> None:
    """Write down what the verdicts of a turn ask for."""
    only_claims = all(row["settled_at"] is None for row in rows.fresh)
    insert_leads = INSERT_CLAIMS if only_claims else INSERT_LEADS
    insert_leads.run(connection, rows.fresh)
    _overwrite(connection, rows.changed)
    _overwrite(connection, rows.again)
    INSERT_PERSONS.run(connection, rows.persons)


def forget_persons(connection: Connection, *which: ColumnElement[bool]) -> None:
    """Delete the rows that say whose these leads are."""
    named = select(leads.c.source, leads.c.persons).where(*which, leads.c.persons.is_not(None))
    found = connection.execute(named).all()
    DELETE_PERSONS.run(connection, [r for row in found for r in person_rows(*row)])


def person_rows(source: str, digests: object) -> list[dict[str, object]]:
    """Give a lead's rows of `octanist_persons`, from the text in which its own row names them."""
    return [{"digest": digest, "source": source} for digest in str(digests or "").split()]


def _overwrite(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Give known rows, which all name the same columns, other values; nobody's at first."""
    if not rows:
        return
    forget_persons(connection, leads.c.source.in_([row["source"] for row in rows]))
    columns = [name for name in rows[0] if name != "source"]
    connection.execute(
        update(leads)
        .where(leads.c.source == bindparam("b_source"))
        .values({name: bindparam(f"b_{name}") for name in columns}),
        [{f"b_{name}": value for name, value in row.items()} for row in rows],
    )


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
