"""Statements that every turn needs: compiled once, and run for many rows at a time."""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Boolean, and_, bindparam, case, func, insert, select, update

from target_octanist.ledger.tables import leads, persons, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import Connection, Insert, Select, Update

    Values = Mapping[str, object]


class Statement:
    """A statement with a parameter for everything that differs from row to row.

    SQLAlchemy would look at each parameter of each row on its way to the driver, which takes
    several times as long as the database does.
    """

    def __init__(self, clause: Insert | Update) -> None:
        """Take the statement; it is compiled when it is first run on a kind of database."""
        self._clause = clause
        self._compiled: dict[str, tuple[str, Callable[[Values], object]]] = {}

    def run(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Run it for each row, which is parameter to value."""
        if not rows:
            return
        name = connection.dialect.name
        if name not in self._compiled:
            self._compiled[name] = self._compile(connection)
        sql, given = self._compiled[name]
        connection.exec_driver_sql(sql, [given(row) for row in rows])

    def _compile(self, connection: Connection) -> tuple[str, Callable[[Values], object]]:
        compiled = self._clause.compile(dialect=connection.dialect)
        names = compiled.positiontup
        # A driver takes its parameters by position or by name.
        return str(compiled), dict if names is None else itemgetter(*names)


class Question:
    """A SELECT of the rows whose key is one of many, which is asked each time for others."""

    def __init__(self, clause: Select[Any], keys: str) -> None:
        """Take the statement, and the name of its parameter for the keys."""
        self._clause = clause
        self._keys = keys
        self._compiled: dict[tuple[str, int], tuple[str, list[str] | None]] = {}

    def ask(self, connection: Connection, keys: Collection[str]) -> Sequence[Any]:
        """Give the rows of these keys, of which there is at least one."""
        # To ask for one key often changes nothing, and keeps the statements few.
        width = 1 << (len(keys) - 1).bit_length()
        given = [*keys, *repeat(next(iter(keys)), width - len(keys))]
        name = connection.dialect.name
        if (name, width) not in self._compiled:
            self._compiled[name, width] = self._compile(connection, given)
        sql, names = self._compiled[name, width]
        parameters = tuple(given) if names is None else dict(zip(names, given, strict=True))
        return connection.exec_driver_sql(sql, parameters).all()

    def _compile(
        self, connection: Connection, given: Sequence[str]
    ) -> tuple[str, list[str] | None]:
        compiled = self._clause.compile(dialect=connection.dialect)
        expanded = compiled.construct_expanded_state({self._keys: given})
        return expanded.statement, None if compiled.positional else list(expanded.parameters)


_this = leads.c.source == bindparam("b_source")

INSERT_LEADS: Final = Statement(insert(leads))

INSERT_PERSONS: Final = Statement(insert(persons))

START_SENDING: Final = Statement(
    update(leads)
    .where(_this)
    .values(
        state=bindparam("b_state"),
        sent_at=bindparam("b_now"),
        attempts=leads.c.attempts + bindparam("b_attempts"),
    )
)

SET_STATE: Final = Statement(update(leads).where(_this).values(state=bindparam("b_state")))

_is_done = bindparam("b_is_done", type_=Boolean)
_is_filtered = bindparam("b_is_filtered", type_=Boolean)
# A dead letter that was tried again has its record already.
_record = case((_is_done, None), else_=func.coalesce(bindparam("b_record"), leads.c.record))

SETTLE: Final = Statement(
    update(leads)
    .where(_this)
    .values(
        state=bindparam("b_state"),
        run=bindparam("b_run"),
        lead_id=bindparam("b_lead_id"),
        request_id=bindparam("b_request_id"),
        code=bindparam("b_code"),
        reason=bindparam("b_reason"),
        message=bindparam("b_message"),
        record=_record,
        # Kept for dead letters and for what is in doubt. Filter rules are to be tried
        # on the record, where there is one.
        payload=case(
            (_is_done, None),
            (and_(_is_filtered, _record.is_not(None)), None),
            else_=leads.c.payload,
        ),
        settled_at=bindparam("b_now"),
    )
)

#: What the journal has of some records.
ROWS_OF: Final = Question(
    select(leads.c.source, leads.c.state, leads.c.run, leads.c.payload_digest, leads.c.code).where(
        leads.c.source.in_(bindparam("sources", expanding=True))
    ),
    "sources",
)

#: The leads of some people.
LEADS_OF: Final = Question(
    select(
        persons.c.digest,
        leads.c.source,
        leads.c.state,
        leads.c.run,
        func.coalesce(leads.c.settled_at, leads.c.claimed_at),
    )
    .join(leads, leads.c.source == persons.c.source)
    .where(persons.c.digest.in_(bindparam("digests", expanding=True))),
    "digests",
)

HEARTBEAT: Final = (
    update(runs)
    .where(runs.c.id == bindparam("b_run"), runs.c.ended_at.is_(None))
    .values(heartbeat_at=bindparam("b_now"), turns=bindparam("b_number"))
)
