"""The journal of deliveries: claim, start sending, settle; each turn one transaction.

The order that everything rests on::

    claim ─ committed ─ start_sending ─ committed ─ request ─ answer ─ settle ─ committed

What a killed process leaves is therefore always readable: a row that is ``claimed``
was never sent, one that is ``sending`` may have been, and a settled one is known.
"""

from __future__ import annotations

import logging
import os
import secrets
import time
import uuid
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, TypeVar

import backoff
from sqlalchemy import Engine, func, insert, inspect, select, true

from target_octanist.errors import LedgerAway, LedgerError
from target_octanist.kill_points import reached
from target_octanist.ledger.database import (
    compact,
    open_database,
    open_to_read,
    serialise,
    size,
    transaction,
    unchecked,
)
from target_octanist.ledger.failures import place_of, readable_errors
from target_octanist.ledger.history import (
    PastRun,
    count_dead_letters,
    figures_of,
    past_runs,
)
from target_octanist.ledger.pending import count_pending
from target_octanist.ledger.runs import this_place
from target_octanist.ledger.tables import (
    SCHEMA_VERSION,
    State,
    changes,
    leads,
    meta,
    metadata,
    pending,
    runs,
)
from target_octanist.ledger.told import count_changed
from target_octanist.ledger.turn import Turn
from target_octanist.ledger.upgrade import upgrade

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection


logger = logging.getLogger("target-octanist")

T = TypeVar("T")

#: How long a database that has gone away is waited for. Meanwhile nothing is sent.
AWAY_SECONDS: Final = 300.0


class Journal:
    """One open journal.

    It may be opened in one thread and used in another, but by one at a time.
    """

    def __init__(self, engine: Engine, salt: bytes) -> None:
        self._engine = engine
        self._turns = 0
        self.salt = salt
        self.run = ""
        self.destination = ""

    @classmethod
    def open(cls, ledger: str, *, create: bool = True) -> Journal:
        """Open the journal, make its tables if it is new, and change those of earlier versions.

        Args:
            ledger: A file path, a ``postgresql://`` URL, or `TEMPORARY`.
            create: Whether a missing journal may be made.

        Raises:
            LedgerError: It cannot be read or written, a newer version made it, or a run of an
                earlier version may be using it.
        """
        engine = open_database(ledger, create=create)
        try:
            with transaction(engine) as connection:
                serialise(connection)
                metadata.create_all(connection)
                found = _read_meta(connection)
                if not found:
                    # The salt makes digests useless outside of this journal.
                    found = {"version": str(SCHEMA_VERSION), "salt": secrets.token_hex(16)}
                    connection.execute(
                        insert(meta), [{"name": k, "value": v} for k, v in found.items()]
                    )
                _check_version(found, place_of(engine))
                if int(found["version"]) < SCHEMA_VERSION:
                    upgrade(connection)
        except LedgerError:
            engine.dispose()
            raise
        return cls(engine, bytes.fromhex(found["salt"]))

    @classmethod
    def open_to_read(cls, ledger: str) -> Journal:
        """Open a journal that exists, to ask it.

        Nothing can be written to it, and no run has to wait for it.

        Raises:
            LedgerError: It cannot be read, or a newer version made it.
        """
        engine = open_to_read(ledger)
        try:
            with transaction(engine) as connection:
                is_one = inspect(connection).has_table(meta.name)
                found = _read_meta(connection) if is_one else {}
            if not found:
                message = (
                    f"ledger: {place_of(engine)} is not a journal yet; see that it names the one "
                    "that the runs use."
                )
                raise LedgerError(message, error_id="ledger-missing")
            _check_version(found, place_of(engine))
        except LedgerError:
            engine.dispose()
            raise
        return cls(engine, bytes.fromhex(found["salt"]))

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    # A run

    def begin_run(
        self, destination: str, key_digest: str, *, now: int, run: str | None = None
    ) -> bool:
        """Enter this process as a run, with the id `run` or a new one.

        Returns:
            Whether the last run to the same destination used another API key.
        """
        with transaction(self._engine) as connection:
            serialise(connection)
            last = connection.execute(
                select(runs.c.key_digest)
                .where(runs.c.destination == destination)
                .order_by(runs.c.started_at.desc())
                .limit(1)
            ).scalar()
            self.run = run or uuid.uuid4().hex
            self.destination = destination
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
        with transaction(self._engine) as connection:
            serialise(connection)
            turn = Turn(connection, self.run, self.salt, self.destination)
            yield turn
        for what in turn.done:
            reached(f"{what}-committed")

    def write(self, work: Callable[[Turn], T]) -> T:
        """Do a turn of this run, once, and wait for a database that has gone away.

        Args:
            work: What to do. After a lost connection it may be called anew, so what it
                changes outside of the journal must bear repetition.

        Returns:
            What the call gave whose changes are on disk.

        Raises:
            LedgerError: The database failed or stays away, or another run took this one
                for dead; nothing of the turn is written.
        """
        self._turns += 1
        done: list[T] = []

        def attempt() -> T:
            with self.turn() as turn:
                # A commit whose answer was lost may have gone through all the same.
                if done and turn.last_number() == self._turns:
                    return done[0]
                if not turn.heartbeat(now=now_ms(), number=self._turns):
                    raise _taken_for_dead()
                done[:] = [work(turn)]
            return done[0]

        patient = backoff.on_exception(
            backoff.expo,
            LedgerAway,
            max_time=AWAY_SECONDS,
            max_value=5,
            factor=0.1,
            on_backoff=_tell_once,
            logger=None,
        )
        return patient(attempt)()

    # What others ask

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Ask the database in one transaction.

        Raises:
            LedgerError: The database failed.
        """
        with transaction(self._engine) as connection:
            yield connection

    @contextmanager
    def tidying(self, *, checked: bool = True) -> Iterator[Connection]:
        """Change the journal in one transaction, outside of any run.

        Args:
            checked: Whether SQLite looks for references to rows that are deleted.

        Raises:
            LedgerError: The database failed; nothing of this is written.
        """
        with (
            readable_errors(self._engine),
            self._engine.connect() as connection,
            nullcontext() if checked else unchecked(connection),
            connection.begin(),
        ):
            serialise(connection)
            yield connection

    def size(self) -> int:
        """Give the bytes that it takes on disk."""
        with transaction(self._engine) as connection:
            return size(connection)

    def compact(self) -> None:
        """Give the space of what was deleted back; SQLite lets nobody write meanwhile.

        Raises:
            LedgerError: There is no room for a second one, or it is in use.
        """
        with readable_errors(self._engine), self._engine.connect() as connection:
            compact(connection)

    def past_runs(
        self,
        *,
        since: int | None = None,
        until: int | None = None,
        prefix: str = "",
        limit: int | None = None,
    ) -> list[PastRun]:
        """Give runs, the last one first (see `history.past_runs`)."""
        with transaction(self._engine) as connection:
            return past_runs(
                connection, now=now_ms(), since=since, until=until, prefix=prefix, limit=limit
            )

    def figures(self, runs: Sequence[str]) -> dict[str, str]:
        """Give what was kept of these runs' figures: run to JSON text."""
        with transaction(self._engine) as connection:
            return figures_of(connection, runs)

    def changed(self, destination: str) -> int:
        """Count the records of which a change was delivered."""
        with transaction(self._engine) as connection:
            is_there = inspect(connection).has_table(changes.name)
            return count_changed(connection, destination) if is_there else 0

    def pending(self) -> list[tuple[str, int]]:
        """Count the changes that wait for their leads, by stream."""
        with transaction(self._engine) as connection:
            is_there = inspect(connection).has_table(pending.name)
            return count_pending(connection) if is_there else []

    def dead_letters(self, *, unread: bool = False) -> int:
        """Count the rejected leads whose record is still kept (see `history`)."""
        with transaction(self._engine) as connection:
            return count_dead_letters(connection, unread=unread)

    def totals(self) -> list[tuple[str, str, int]]:
        """Count rows by stream and state, sorted."""
        with transaction(self._engine) as connection:
            rows = connection.execute(
                select(leads.c.stream, leads.c.state, func.count())
                .group_by(leads.c.stream, leads.c.state)
                .order_by(leads.c.stream, leads.c.state)
            )
            return [(stream, state, count) for stream, state, count in rows]

    def reasons(self, state: State) -> list[tuple[str, str, int]]:
        """Count the rows of one state by stream and reason, most frequent first."""
        with transaction(self._engine) as connection:
            number = func.count()
            rows = connection.execute(
                select(leads.c.stream, leads.c.reason, number)
                .where(leads.c.state == state.value)
                .group_by(leads.c.stream, leads.c.reason)
                .order_by(number.desc(), leads.c.stream, leads.c.reason)
            )
            return [(stream, reason or "", count) for stream, reason, count in rows]

    def in_state(
        self, state: State, *, destination: str | None = None, limit: int | None = 1000
    ) -> list[dict[str, Any]]:
        """Give the rows of one state, oldest first, without what they hold of a person.

        Args:
            state: Where they stand.
            destination: Only leads to this ``base_url``.
            limit: The most rows; None for all.
        """
        here = true() if destination is None else runs.c.destination == destination
        with transaction(self._engine) as connection:
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
                .join(runs, runs.c.id == leads.c.run)
                .where(leads.c.state == state.value, here)
                .order_by(leads.c.claimed_at, leads.c.source)
                .limit(limit)
            ).mappings()
            return [dict(row) for row in rows]


def _read_meta(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(meta.c.name, meta.c.value))
    return {row.name: row.value for row in rows}


def _check_version(found: Mapping[str, str], place: str) -> None:
    if int(found["version"]) > SCHEMA_VERSION:
        message = f"ledger: a newer version of target-octanist made the journal {place}; upgrade."
        raise LedgerError(message, error_id="ledger-newer")


def _tell_once(details: Any) -> None:
    if details["tries"] == 1:
        logger.warning("%s Waiting for it to come back.", details["exception"])


def _taken_for_dead() -> LedgerError:
    return LedgerError(
        "ledger: another run took this one for dead (was it suspended?) and took over its "
        "leads; this one stops, so that none is sent twice.",
        error_id="ledger-taken-over",
    )


def now_ms() -> int:
    """Tell the wall-clock time in the journal's unit: milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000
