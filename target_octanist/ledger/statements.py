"""Statements that every turn needs: compiled once, and run for many rows at a time."""

from __future__ import annotations

from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Boolean,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    null,
    select,
    update,
)

from target_octanist.ledger.tables import leads, persons, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import (
        BindParameter,
        Column,
        Connection,
        Delete,
        Function,
        Insert,
        Select,
        Update,
    )

    Values = Mapping[str, object]


class Statement:
    """A statement with a parameter for everything that differs from row to row.

    SQLAlchemy would look at each parameter of each row on its way to the driver, which takes
    several times as long as the database does.
    """

    def __init__(self, clause: Insert | Update | Delete) -> None:
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


#: Keys that are asked for at once: SQLite takes 32,766 parameters, and PostgreSQL 65,535.
_MOST_KEYS: Final = 4096


class Question:
    """A SELECT of the rows whose key is one of many, which is asked each time for others."""

    def __init__(self, clause: Select[Any], keys: str) -> None:
        """Take the statement, and the name of its parameter for the keys."""
        self._clause = clause
        self._keys = keys
        self._compiled: dict[tuple[str, int], tuple[str, list[str] | None]] = {}

    def ask(self, connection: Connection, keys: Iterable[str]) -> list[Any]:
        """Give the rows of these keys, of which there may be any number."""
        rest = list(keys)
        portions = (rest[at : at + _MOST_KEYS] for at in range(0, len(rest), _MOST_KEYS))
        return [row for portion in portions for row in self._ask(connection, portion)]

    def _ask(self, connection: Connection, keys: Sequence[str]) -> Sequence[Any]:
        # To ask for one key often changes nothing, and keeps the statements few.
        width = 1 << (len(keys) - 1).bit_length()
        given = [*keys, *repeat(keys[0], width - len(keys))]
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

# Each parameter costs, in a row that has no outcome yet, too.
_OF_CLAIMS: Final = (
    "source",
    "stream",
    "state",
    "run",
    "payload_digest",
    "persons",
    "payload",
    "attempts",
    "claimed_at",
    "sent_at",
)

#: For rows of leads that are to be sent.
INSERT_CLAIMS: Final = Statement(insert(leads).values({n: bindparam(n) for n in _OF_CLAIMS}))

INSERT_PERSONS: Final = Statement(insert(persons))

#: Takes what `INSERT_PERSONS` took.
DELETE_PERSONS: Final = Statement(
    delete(persons).where(
        persons.c.digest == bindparam("digest"), persons.c.source == bindparam("source")
    )
)

START_SENDING: Final = Statement(
    update(leads)
    .where(_this)
    .values(
        state=bindparam("b_state"),
        sent_at=bindparam("b_now"),
        attempts=leads.c.attempts + bindparam("b_attempts"),
    )
)

CLAIM_AGAIN: Final = Statement(
    update(leads)
    .where(_this)
    .values(state=bindparam("b_state"), attempts=leads.c.attempts - bindparam("b_unsent"))
)

_OUTCOME: Final[dict[Column[Any], BindParameter[Any]]] = {
    leads.c.state: bindparam("b_state"),
    leads.c.run: bindparam("b_run"),
    leads.c.lead_id: bindparam("b_lead_id"),
    leads.c.request_id: bindparam("b_request_id"),
    leads.c.code: bindparam("b_code"),
    leads.c.reason: bindparam("b_reason"),
    leads.c.message: bindparam("b_message"),
    leads.c.settled_at: bindparam("b_now"),
}

#: For leads of which nothing is kept that was needed to send them.
SETTLE_DONE: Final = Statement(
    update(leads).where(_this).values({**_OUTCOME, leads.c.record: null(), leads.c.payload: null()})
)

_is_filtered = bindparam("b_is_filtered", type_=Boolean)
# A dead letter that was tried again has its record already.
_record: Function[str | None] = func.coalesce(bindparam("b_record"), leads.c.record)

#: For dead letters and what is in doubt, which keep it. Filter rules are to be tried on the
#: record, where there is one.
SETTLE_KEPT: Final = Statement(
    update(leads)
    .where(_this)
    .values(
        {
            **_OUTCOME,
            leads.c.record: _record,
            leads.c.payload: case(
                (and_(_is_filtered, _record.is_not(None)), None), else_=leads.c.payload
            ),
        }
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

#: Which of some ids are those of leads.
KNOWN_IDS: Final = Question(
    select(leads.c.lead_id).where(leads.c.lead_id.in_(bindparam("ids", expanding=True))), "ids"
)

HEARTBEAT: Final = (
    update(runs)
    .where(runs.c.id == bindparam("b_run"), runs.c.ended_at.is_(None))
    .values(heartbeat_at=bindparam("b_now"), turns=bindparam("b_number"))
)
