"""The journal of deliveries: claim, start sending, settle; each turn one transaction.

The order that everything rests on::

    claim ─ committed ─ start_sending ─ committed ─ request ─ answer ─ settle ─ committed

What a killed process leaves is therefore always readable: a row that is ``claimed``
was never sent, one that is ``sending`` may have been, and a settled one is known.
"""

from __future__ import annotations

import os
import secrets
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from target_octanist.errors import LedgerError
from target_octanist.ledger.database import open_database, serialise
from target_octanist.ledger.runs import RunRow, is_alive, this_place
from target_octanist.ledger.tables import (
    SCHEMA_VERSION,
    State,
    leads,
    meta,
    metadata,
    persons,
    runs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: Rows that a record of the same person must not be sent beside.
_TAKEN = (State.CLAIMED, State.SENDING, State.DELIVERED, State.IN_DOUBT)

#: ``code`` of dead letters that the API never judged: a re-run tries them again.
UNDELIVERABLE = "UNDELIVERABLE"
UNMAPPABLE = "UNMAPPABLE"


@dataclass(frozen=True, slots=True)
class Claim:
    """What one record asks of the journal.

    Attributes:
        source: Digest that names the source record.
        persons: Digests of the person; any match inside the window is a duplicate.
        window_start: The oldest time (ms) at which a person counts as already sent.
        payload: The lead as JSON text, or None if the record could not be mapped.
        reason: Why it could not be mapped; set if and only if `payload` is None.
        record: The source record as JSON text; kept only for a record that is rejected.
    """

    source: str
    stream: str
    persons: tuple[str, ...]
    window_start: int
    payload_digest: str
    payload: str | None
    reason: str | None = None
    record: str | None = None


class Verdict(NamedTuple):
    """What the journal says to a claim.

    Attributes:
        kind: ``send`` (it is now claimed), ``duplicate``, ``rejected`` (stored as dead
            letter), ``behind`` (wait for `other`, which this run is about to settle) or
            ``busy`` (another live run has it; ask again later).
        other: The source of the lead that decides, where there is one.
    """

    kind: str
    other: str | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a claimed lead ended.

    Attributes:
        reason: Our own sentence; it holds no value of the record.
        message: What the API said. It may quote the lead, so it is never logged.
        record: The source record as JSON text, for a dead letter.
    """

    source: str
    state: State
    lead_id: str | None = None
    request_id: str | None = None
    code: str | None = None
    reason: str | None = None
    message: str | None = None
    record: str | None = None


class Recovered(NamedTuple):
    """A lead that a dead run had claimed.

    Attributes:
        sent_at: When it may have been sent (ms since 1970 UTC); None if it surely was not.
    """

    source: str
    stream: str
    payload: str
    attempts: int
    sent_at: int | None


class Journal:
    """One open journal.

    It may be opened in one thread and used in another, but by one at a time.
    """

    def __init__(self, engine: Engine, salt: bytes) -> None:
        self._engine = engine
        self.salt = salt
        self.run = ""

    @classmethod
    def open(cls, ledger: str, *, create: bool = True) -> Journal:
        """Open the journal, and make its tables if it is new.

        Args:
            ledger: A file path, a ``postgresql://`` URL, or ``:memory:``.
            create: Whether a missing journal may be made.

        Raises:
            LedgerError: It cannot be read or written, or a newer version made it.
        """
        engine = open_database(ledger, create=create)
        try:
            with readable_errors(), engine.begin() as connection:
                serialise(connection)
                metadata.create_all(connection)
                rows = connection.execute(select(meta.c.name, meta.c.value))
                found = {row.name: row.value for row in rows}
                if not found:
                    # The salt makes digests useless outside of this journal.
                    found = {"version": str(SCHEMA_VERSION), "salt": secrets.token_hex(16)}
                    connection.execute(
                        insert(meta), [{"name": k, "value": v} for k, v in found.items()]
                    )
        except LedgerError:
            engine.dispose()
            raise
        if int(found["version"]) > SCHEMA_VERSION:
            engine.dispose()
            message = "ledger: a newer version of target-octanist made this journal; upgrade."
            raise LedgerError(message)
        return cls(engine, bytes.fromhex(found["salt"]))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    # A run

    def begin_run(self, destination: str, key_digest: str, *, now: int) -> bool:
        """Enter this process as a run.

        Returns:
            Whether the last run to the same destination used another API key.
        """
        with readable_errors(), self._engine.begin() as connection:
            serialise(connection)
            last = connection.execute(
                select(runs.c.key_digest)
                .where(runs.c.destination == destination)
                .order_by(runs.c.started_at.desc())
                .limit(1)
            ).scalar()
            self.run = uuid.uuid4().hex
            connection.execute(
                insert(runs).values(
                    id=self.run,
                    destination=destination,
                    key_digest=key_digest,
                    place=this_place(),
                    pid=os.getpid(),
                    started_at=now,
                    heartbeat_at=now,
                )
            )
        return last is not None and last != key_digest

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Do several things to the journal in one transaction.

        Raises:
            LedgerError: The database failed; nothing of this turn is written.
        """
        with readable_errors(), self._engine.begin() as connection:
            serialise(connection)
            yield Turn(connection, self.run)

    # What others ask

    def totals(self) -> list[tuple[str, str, int]]:
        """Count rows by stream and state, sorted."""
        with readable_errors(), self._engine.begin() as connection:
            rows = connection.execute(
                select(leads.c.stream, leads.c.state, func.count())
                .group_by(leads.c.stream, leads.c.state)
                .order_by(leads.c.stream, leads.c.state)
            )
            return [(stream, state, count) for stream, state, count in rows]

    def in_state(self, state: State, *, limit: int = 1000) -> list[dict[str, Any]]:
        """Give the rows of one state, oldest first, without what they hold of a person."""
        with readable_errors(), self._engine.begin() as connection:
            rows = connection.execute(
                select(
                    leads.c.source,
                    leads.c.stream,
                    leads.c.attempts,
                    leads.c.claimed_at,
                    leads.c.sent_at,
                    leads.c.settled_at,
                    leads.c.request_id,
                    leads.c.code,
                    leads.c.reason,
                )
                .where(leads.c.state == state.value)
                .order_by(leads.c.claimed_at, leads.c.source)
                .limit(limit)
            ).mappings()
            return [dict(row) for row in rows]


class Turn:
    """What can be done to the journal inside one transaction."""

    def __init__(self, connection: Connection, run: str) -> None:
        self._connection = connection
        self._run = run

    def heartbeat(self, *, now: int) -> bool:
        """Sign that this run lives.

        Returns:
            False if another run took this one for dead, and with it what it had
            claimed. It must then stop: to send now could double a lead.
        """
        result = self._connection.execute(
            update(runs)
            .where(runs.c.id == self._run, runs.c.ended_at.is_(None))
            .values(heartbeat_at=now)
        )
        return result.rowcount == 1

    def claim(self, claims: Sequence[Claim], *, now: int) -> list[Verdict]:
        """Decide for each record, in order, and write down what is to be sent."""
        if not claims:
            return []
        known = self._rows_of(claims)
        taken = self._persons_of(claims)
        verdicts: list[Verdict] = []
        fresh: list[dict[str, object]] = []
        changed: list[dict[str, object]] = []
        people: list[dict[str, object]] = []
        for claim in claims:
            verdict = _decide(claim, known.get(claim.source), taken, self._run)
            verdicts.append(verdict)
            if verdict.kind in {"behind", "busy"} or (
                verdict.kind == "duplicate" and verdict.other is None
            ):
                continue
            row = _row(claim, verdict, run=self._run, now=now)
            (changed if claim.source in known else fresh).append(row)
            known[claim.source] = _Known(
                str(row["state"]), self._run, claim.payload_digest, row["code"]
            )
            if verdict.kind == "send":
                for person in claim.persons:
                    people.append({"digest": person, "source": claim.source})
                    taken.setdefault(person, []).append(
                        _Taken(claim.source, State.CLAIMED.value, self._run, now)
                    )
        if fresh:
            self._connection.execute(insert(leads), fresh)
        if changed:
            columns = [name for name in changed[0] if name != "source"]
            self._connection.execute(
                update(leads)
                .where(leads.c.source == bindparam("b_source"))
                .values({name: bindparam(f"b_{name}") for name in columns}),
                [{f"b_{name}": value for name, value in row.items()} for row in changed],
            )
            self._connection.execute(
                delete(persons).where(persons.c.source.in_([row["source"] for row in changed]))
            )
        if people:
            self._connection.execute(insert(persons), people)
        return verdicts

    def start_sending(self, sources: Iterable[str], *, now: int) -> None:
        """Write down that requests for these leads may be on their way."""
        rows = [{"b_source": source} for source in sources]
        if rows:
            self._connection.execute(
                update(leads)
                .where(leads.c.source == bindparam("b_source"))
                .values(state=State.SENDING.value, sent_at=now, attempts=leads.c.attempts + 1),
                rows,
            )

    def not_stored(self, sources: Iterable[str]) -> None:
        """Write down that the API surely did not store these leads; they may be sent again."""
        rows = [{"b_source": source} for source in sources]
        if rows:
            self._connection.execute(
                update(leads)
                .where(leads.c.source == bindparam("b_source"))
                .values(state=State.CLAIMED.value),
                rows,
            )

    def known_ids(self, ids: Iterable[str]) -> frozenset[str]:
        """Say which of these lead ids belong to leads of this journal."""
        known = select(leads.c.lead_id).where(leads.c.lead_id.in_(set(ids)))
        return frozenset(self._connection.execute(known).scalars())

    def rivals(self, source: str) -> frozenset[str]:
        """Name the other leads that may be stored just now and have the same payload.

        A row of the API's list that looks like one of them could be any of them.
        """
        digest = select(leads.c.payload_digest).where(leads.c.source == source).scalar_subquery()
        rows = self._connection.execute(
            select(leads.c.source).where(
                leads.c.state == State.SENDING.value,
                leads.c.payload_digest == digest,
                leads.c.source != source,
            )
        )
        return frozenset(rows.scalars())

    def settle(self, settlements: Sequence[Settlement], *, now: int) -> None:
        """Write down how leads ended."""
        if not settlements:
            return
        self._connection.execute(
            update(leads)
            .where(leads.c.source == bindparam("b_source"))
            .values(
                state=bindparam("b_state"),
                run=self._run,
                lead_id=bindparam("b_lead_id"),
                request_id=bindparam("b_request_id"),
                code=bindparam("b_code"),
                reason=bindparam("b_reason"),
                message=bindparam("b_message"),
                record=bindparam("b_record"),
                # Kept for dead letters and for what is in doubt.
                payload=case((bindparam("b_done"), None), else_=leads.c.payload),
                settled_at=now,
            ),
            [
                {
                    "b_source": s.source,
                    "b_state": s.state.value,
                    "b_lead_id": s.lead_id,
                    "b_request_id": s.request_id,
                    "b_code": s.code,
                    "b_reason": s.reason,
                    "b_message": s.message,
                    "b_record": s.record,
                    "b_done": s.state in {State.DELIVERED, State.FILTERED},
                }
                for s in settlements
            ],
        )

    def take_over(self, destination: str, *, now: int) -> list[Recovered]:
        """Take over what dead runs to the same destination had claimed."""
        others = self._connection.execute(
            select(runs.c.id, runs.c.place, runs.c.pid, runs.c.heartbeat_at, runs.c.ended_at)
            .where(runs.c.destination == destination, runs.c.id != self._run)
            .where(
                or_(
                    runs.c.ended_at.is_(None),
                    select(leads.c.source)
                    .where(
                        leads.c.run == runs.c.id,
                        leads.c.state.in_([State.CLAIMED.value, State.SENDING.value]),
                    )
                    .exists(),
                )
            )
        ).all()
        place = this_place()
        dead = [
            row.id
            for row in others
            if not is_alive(RunRow(*row), now=now, place=place, pid=os.getpid())
        ]
        if not dead:
            return []
        unsettled = (
            leads.c.run.in_(dead),
            leads.c.state.in_([State.CLAIMED.value, State.SENDING.value]),
        )
        found = self._connection.execute(
            select(
                leads.c.source,
                leads.c.stream,
                leads.c.payload,
                leads.c.state,
                leads.c.attempts,
                leads.c.sent_at,
            )
            .where(*unsettled)
            .order_by(leads.c.claimed_at, leads.c.source)
        ).all()
        self._connection.execute(update(leads).where(*unsettled).values(run=self._run))
        self._connection.execute(
            update(runs).where(runs.c.id.in_(dead), runs.c.ended_at.is_(None)).values(ended_at=now)
        )
        return [
            Recovered(
                row.source,
                row.stream,
                row.payload or "{}",
                row.attempts,
                row.sent_at if row.state == State.SENDING else None,
            )
            for row in found
        ]

    def release(self, sources: Iterable[str]) -> None:
        """Forget leads that were claimed and never sent; their STATE is not out yet.

        The tap sends them again, and a mapping that is mended by then applies to them.
        """
        mine = (leads.c.run == self._run, leads.c.state == State.CLAIMED.value)
        for source in sources:
            this = (leads.c.source == source, *mine)
            self._connection.execute(
                delete(persons).where(persons.c.source.in_(select(leads.c.source).where(*this)))
            )
            self._connection.execute(delete(leads).where(*this))

    def sign_off(self, *, now: int, exit_code: int) -> None:
        """Write down that this run is over."""
        self._connection.execute(
            update(runs)
            .where(runs.c.id == self._run)
            .values(ended_at=now, heartbeat_at=now, exit_code=exit_code)
        )

    def _rows_of(self, claims: Sequence[Claim]) -> dict[str, _Known]:
        rows = self._connection.execute(
            select(
                leads.c.source, leads.c.state, leads.c.run, leads.c.payload_digest, leads.c.code
            ).where(leads.c.source.in_({claim.source for claim in claims}))
        )
        return {row.source: _Known(*row[1:]) for row in rows}

    def _persons_of(self, claims: Sequence[Claim]) -> dict[str, list[_Taken]]:
        digests = {person for claim in claims for person in claim.persons}
        taken: dict[str, list[_Taken]] = {}
        if digests:
            rows = self._connection.execute(
                select(
                    persons.c.digest,
                    leads.c.source,
                    leads.c.state,
                    leads.c.run,
                    func.coalesce(leads.c.settled_at, leads.c.claimed_at),
                )
                .join(leads, leads.c.source == persons.c.source)
                .where(persons.c.digest.in_(digests))
            )
            for row in rows:
                # Not a condition of the query: SQLite would take it for the more
                # selective one, and read every delivered lead for each batch.
                if row.state in _TAKEN:
                    taken.setdefault(row.digest, []).append(_Taken(*row[1:]))
        return taken


class _Known(NamedTuple):
    """The row of a source record that the journal already has."""

    state: str
    run: str
    payload_digest: str
    code: object


class _Taken(NamedTuple):
    """A lead of the same person that was sent, or is about to be."""

    source: str
    state: str
    run: str
    at: int


def _decide(claim: Claim, row: _Known | None, taken: dict[str, list[_Taken]], run: str) -> Verdict:
    """Decide about one record; the whole of deduplication is here."""
    if row is not None:
        if row.state in {State.CLAIMED, State.SENDING}:
            return Verdict("behind" if row.run == run else "busy", claim.source)
        if row.state in {State.DELIVERED, State.DUPLICATE, State.IN_DOUBT}:
            return Verdict("duplicate")
        # Filtered or rejected: no lead was made of it, so a changed payload has a
        # chance of its own. The same payload would only be refused again, unless
        # nobody ever judged it.
        judged = row.code not in {UNDELIVERABLE, UNMAPPABLE}
        if judged and claim.payload is not None and row.payload_digest == claim.payload_digest:
            return Verdict("duplicate")
    if claim.payload is None:
        return Verdict("rejected")
    for person in claim.persons:
        for other in taken.get(person, ()):
            if other.source == claim.source:
                continue
            if other.state in {State.CLAIMED, State.SENDING}:
                return Verdict("behind" if other.run == run else "busy", other.source)
            if other.state == State.IN_DOUBT or other.at >= claim.window_start:
                return Verdict("duplicate", other.source)
    return Verdict("send")


def _row(claim: Claim, verdict: Verdict, *, run: str, now: int) -> dict[str, object]:
    state = {
        "send": State.CLAIMED,
        "duplicate": State.DUPLICATE,
        "rejected": State.REJECTED,
    }[verdict.kind]
    return {
        "source": claim.source,
        "stream": claim.stream,
        "state": state.value,
        "run": run,
        "payload_digest": claim.payload_digest,
        "payload": claim.payload if state is State.CLAIMED else None,
        "record": claim.record if state is State.REJECTED else None,
        "attempts": 0,
        "claimed_at": now,
        "sent_at": None,
        "settled_at": None if state is State.CLAIMED else now,
        "lead_id": None,
        "request_id": None,
        "code": UNMAPPABLE if state is State.REJECTED else None,
        "reason": claim.reason,
        "message": None,
        "twin": verdict.other,
    }


@contextmanager
def readable_errors() -> Iterator[None]:
    """Turn a database's failure into one sentence without SQL, values or passwords."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        what = type(cause).__name__
        # SQLite's own messages are short and name no value; other drivers' may.
        if type(cause).__module__.startswith("sqlite3"):
            what = str(cause)
        message = (
            f"ledger: the journal cannot be used ({what}). Nothing is sent that cannot be "
            "written down first; see that the database is there, writable and has room."
        )
        raise LedgerError(message) from None


def now_ms() -> int:
    """Tell the wall-clock time in the journal's unit: milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000
