"""What of the journal can be forgotten, and at which price.

Nothing is decided by why and by which request an old lead was delivered, nor by runs of which
nothing is left. Old leads themselves are a memory: a record whose row is gone makes a new lead
if it comes again, and so does a person. Never forgotten is what is not settled, what waits for
a human, and what changes of leads are linked by.

Everything is done in small transactions, so that runs may go on meanwhile.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, exists, inspect, or_, select, update

from target_octanist.errors import LedgerError
from target_octanist.ledger.changes import lead_digest
from target_octanist.ledger.claims import DISCARDED
from target_octanist.ledger.fingerprints import forget_fingerprints
from target_octanist.ledger.rows import person_rows
from target_octanist.ledger.runs import has_live_runs
from target_octanist.ledger.standings import find_linked
from target_octanist.ledger.statements import DELETE_PERSONS, Question
from target_octanist.ledger.tables import (
    State,
    changes,
    figures,
    leads,
    pending,
    runs,
)
from target_octanist.ledger.upgrade import persons_of_leads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from sqlalchemy import Connection, Row, Select

    from target_octanist.ledger.journal import Journal

#: Leads that are looked at in one go, and changed in one transaction at most.
_PAGE: Final = 1000

#: Runs that are deleted in one transaction.
_RUNS: Final = 100

#: What some leads are duplicates of.
_TWINS_OF: Final = Question(
    select(leads.c.twin).where(
        leads.c.source.in_(bindparam("sources", expanding=True)), leads.c.twin.is_not(None)
    ),
    "sources",
)

_SETTLED_WELL: Final = (State.DELIVERED.value, State.DUPLICATE.value)
_FORGETTABLE: Final = (*_SETTLED_WELL, State.FILTERED.value)
_DETAILS: Final = (leads.c.request_id, leads.c.reason, leads.c.message)


@dataclass(frozen=True, slots=True)
class Ages:
    """What is old: settled, or ended, before these times (ms since 1970 UTC).

    Attributes:
        details: Of which leads it is forgotten by which request and why they were settled, and
            which runs are forgotten of which nothing is left.
        persons: Of which leads it is forgotten whose they were; None: of none.
        leads: Which leads are forgotten; None: none.
    """

    details: int
    persons: int | None = None
    leads: int | None = None


@dataclass(slots=True)
class Pruned:
    """How much was forgotten, or would be.

    Attributes:
        leads: Rows of leads, by the state that they had.
        persons: Digests of persons.
        details: Leads of which request id, reason and message were erased.
        runs: Runs of which nothing was left.
        kept: Leads that are old enough, and stay because changes are linked by them.
    """

    leads: dict[str, int] = field(default_factory=dict)
    persons: int = 0
    details: int = 0
    runs: int = 0
    kept: int = 0

    def add(self, plan: _Plan) -> None:
        """Count what a plan forgets."""
        for state in plan.leads.values():
            self.leads[state] = self.leads.get(state, 0) + 1
        self.persons += len(plan.persons)
        self.details += len(plan.details)
        self.kept += plan.kept


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to become of some leads.

    Attributes:
        leads: Sources of those that are forgotten, with their states.
        anonymous: Sources of others of which it is forgotten whose they were.
        persons: Rows that say whose all these are.
        details: Sources of which the details are erased.
        kept: How many stay only because changes are linked by them.
    """

    leads: dict[str, str]
    anonymous: list[str]
    persons: list[dict[str, object]]
    details: list[str]
    kept: int


class Pruner:
    """Forgets what is old in an open journal."""

    def __init__(self, journal: Journal, ages: Ages) -> None:
        """Find what must stay because changes wait for it.

        Args:
            journal: May be opened to read, for `count`.
            ages: What is old.
        """
        self._journal = journal
        self._ages = ages
        with journal.reading() as connection:
            # An earlier version made no such tables, and whoever reads makes none.
            tables = inspect(connection).get_table_names()
            self._has_changes = {changes.name, pending.name} <= set(tables)
            self._has_figures = figures.name in tables
            self._persons = persons_of_leads(connection)
            self._awaited = _awaited(connection) if self._has_changes else set()

    def count(self) -> Pruned:
        """Say what `prune` would forget."""
        pruned = Pruned()
        with self._journal.reading() as connection:
            pruned.runs = len(self._idle_runs(connection))
        for sources in self._old():
            with self._journal.reading() as connection:
                pruned.add(self._plan(connection, sources))
        return pruned

    def prune(self) -> Pruned:
        """Forget what is old."""
        pruned = Pruned(runs=self._forget_runs())
        self._forget_fingerprints()
        for sources in self._old():
            began = time.monotonic()
            with self._journal.tidying() as connection:
                plan = self._plan(connection, sources)
                _carry_out(connection, plan)
                pruned.add(plan)
                others = has_live_runs(connection)
            if others:
                # They get every other moment, however slow the disk is.
                time.sleep(time.monotonic() - began)
        return pruned

    def _forget_runs(self) -> int:
        with self._journal.reading() as connection:
            idle = self._idle_runs(connection)
        for start in range(0, len(idle), _RUNS):
            with self._journal.tidying(checked=False) as connection:
                connection.execute(delete(runs).where(runs.c.id.in_(idle[start : start + _RUNS])))
        return len(idle)

    def _forget_fingerprints(self) -> None:
        """Forget what records as old as the leads that are forgotten came to."""
        last: str | None = ""
        while last is not None and self._ages.leads is not None:
            with self._journal.tidying() as connection:
                last = forget_fingerprints(connection, before=self._ages.leads, after=last)

    def _idle_runs(self, connection: Connection) -> list[str]:
        """Name the old runs that have neither leads nor figures; they get none any more."""
        # With the states SQLite finds a run in its index, and need not read all leads.
        left = exists().where(leads.c.state.in_(list(State)), leads.c.run == runs.c.id)
        query = select(runs.c.id).where(runs.c.ended_at < self._ages.details, ~left)
        if self._has_figures:
            query = query.where(~exists().where(figures.c.run == runs.c.id))
        return list(connection.execute(query).scalars())

    def _old(self) -> Iterator[list[str]]:
        """Give the sources of leads about which there may be something to forget, by the page."""
        last = ""
        while True:
            beyond = self._looked_at().where(leads.c.source > last)
            page = beyond.order_by(leads.c.source).limit(_PAGE)
            with self._journal.reading() as connection:
                rows = connection.execute(page).all()
            if not rows:
                return
            last = rows[-1].source
            sources = [
                row.source
                for row in rows
                if self._is_forgettable(row)
                or (row.persons and self._loses_persons(row))
                or (row.has_details and self._loses_details(row))
            ]
            if sources:
                yield sources

    def _plan(self, connection: Connection, sources: Sequence[str]) -> _Plan:
        """Decide about leads inside the transaction in which they are changed."""
        rows = connection.execute(self._looked_at().where(leads.c.source.in_(sources))).all()
        old = {row.source for row in rows if self._is_forgettable(row)}
        needed = self._needed(connection, old)
        go = [row for row in rows if row.source in old - needed]
        stay = [row for row in rows if row.source not in old or row.source in needed]
        anonymous = [row for row in stay if row.persons and self._loses_persons(row)]
        return _Plan(
            leads={row.source: row.state for row in go},
            anonymous=[row.source for row in anonymous],
            persons=[p for row in go + anonymous for p in person_rows(row.source, row.persons)],
            details=[row.source for row in stay if row.has_details and self._loses_details(row)],
            kept=len(needed),
        )

    def _needed(self, connection: Connection, sources: Collection[str]) -> set[str]:
        """Say which of these leads are changes, have had any, or are waited for by some."""
        if not (sources and self._has_changes):
            return set()
        needed = {source for source in sources if source in self._awaited}
        query = select(changes.c.source).where(changes.c.source.in_(sources))
        needed |= set(connection.execute(query).scalars())
        named = {
            source: lead_digest(self._journal.salt, "id", linked.lead_id)
            for source, linked in find_linked(connection, sources).items()
            if linked.lead_id is not None
        }
        query = select(changes.c.lead).where(changes.c.lead.in_(set(named.values())))
        told = set(connection.execute(query).scalars())
        return needed | {source for source, lead in named.items() if lead in told}

    def _looked_at(self) -> Select[Any]:
        """Select what decides about leads.

        There are no conditions on state or time: SQLite would take the index on states for
        the more selective one, and sort all leads for each page.
        """
        return select(
            leads.c.source,
            leads.c.state,
            leads.c.settled_at,
            leads.c.code,
            or_(*(column.is_not(None) for column in _DETAILS)).label("has_details"),
            self._persons.label("persons"),
        )

    def _is_forgettable(self, row: Row[Any]) -> bool:
        settled = row.state in _FORGETTABLE or row.code == DISCARDED
        return settled and _is_before(row.settled_at, self._ages.leads)

    def _loses_persons(self, row: Row[Any]) -> bool:
        return row.state in _SETTLED_WELL and _is_before(row.settled_at, self._ages.persons)

    def _loses_details(self, row: Row[Any]) -> bool:
        return row.state in _SETTLED_WELL and _is_before(row.settled_at, self._ages.details)


def compact(journal: Journal) -> str | None:
    """Give the space of what was forgotten back to the file system.

    Returns:
        Why not; None if it was done.
    """
    with journal.reading() as connection:
        if connection.dialect.name != "sqlite":
            return "PostgreSQL's autovacuum sees to it that the space is used again"
        if has_live_runs(connection):
            return "a run is under way, which would have to wait; the space is used again"
    try:
        journal.compact()
    except LedgerError as error:
        return str(error)
    return None


def _is_before(settled_at: int | None, age: int | None) -> bool:
    return settled_at is not None and age is not None and settled_at < age


def _awaited(connection: Connection) -> set[str]:
    """Name the leads that pending changes wait for, and those that they are duplicates of."""
    waits = select(pending.c.waits_for).join(leads, leads.c.source == pending.c.waits_for)
    found: set[str] = set()
    more = set(connection.execute(waits).scalars())
    while more := more - found:
        found |= more
        more = {twin for (twin,) in _TWINS_OF.ask(connection, more)}
    return found


def _carry_out(connection: Connection, plan: _Plan) -> None:
    """Forget it."""
    DELETE_PERSONS.run(connection, plan.persons)
    connection.execute(delete(leads).where(leads.c.source.in_(list(plan.leads))))
    for sources, columns in ((plan.anonymous, (leads.c.persons,)), (plan.details, _DETAILS)):
        connection.execute(
            update(leads).where(leads.c.source.in_(sources)).values(dict.fromkeys(columns))
        )
