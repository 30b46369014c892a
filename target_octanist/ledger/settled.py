"""Which source records are settled for good: asked by the reader, beside the turns of a run.

A source gives its records mostly in the order in which it gave them the first time, and in
this order a SQLite journal has them. So the answer is read on from where the last one was
found, which costs a tenth of looking each record up; what is not there is looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, literal_column, null, select

from target_octanist.ledger.database import open_to_read, readable_errors
from target_octanist.ledger.tables import State, leads

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection

#: What nobody sends again by itself, whatever the record says by now (see `claims.decide`).
_FOR_GOOD: Final = frozenset({State.DELIVERED.value, State.DUPLICATE.value, State.IN_DOUBT.value})

#: A digest's hexadecimal digits.
_DIGITS: Final = 32

#: What was read on and never asked for: more of it means that the order is another one.
_MOST_AHEAD: Final = 10_000

# By its source alone: an index on the state would have SQLite walk through all of them.
_wanted = leads.c.source.in_(bindparam("sources", expanding=True))
_rowid: ColumnElement[int] = literal_column("octanist_leads.rowid")
_look_up = {
    "sqlite": select(leads.c.source, leads.c.state, _rowid).where(_wanted),
    "postgresql": select(leads.c.source, leads.c.state, null()).where(_wanted),
}
_next = (
    select(leads.c.source, leads.c.state, _rowid.label("place"))
    .where(_rowid > bindparam("after"))
    .order_by(_rowid)
    .limit(bindparam("count"))
    .subquery()
)
_read_on = select(
    func.max(_next.c.place),
    func.coalesce(
        func.group_concat(_next.c.source, "").filter(_next.c.state.in_(sorted(_FOR_GOOD))), ""
    ),
)


class SettledRecords:
    """The settled records of a journal, seen through a connection of its own.

    It sees what is committed; what a run has in hand is not settled yet. It belongs to the
    thread that made it.
    """

    def __init__(self, ledger: str) -> None:
        """Open the journal to read.

        Args:
            ledger: A file path or a ``postgresql://`` URL; the journal exists.

        Raises:
            LedgerError: It cannot be read.
        """
        self._engine = open_to_read(ledger)
        # Read on, and not yet asked for; and the place of the last of them, if in order.
        self._ahead: set[str] = set()
        self._place: int | None = None

    def any_yet(self) -> bool:
        """Say whether there is anything to ask for.

        Raises:
            LedgerError: The database failed.
        """
        with readable_errors(), self._engine.begin() as connection:
            return connection.execute(select(leads.c.source).limit(1)).first() is not None

    def among(self, sources: Collection[str]) -> set[str]:
        """Give those of these records that make no lead any more.

        Args:
            sources: Their sources, best in the order of the input.

        Raises:
            LedgerError: The database failed.
        """
        rest = set(sources)
        found = rest & self._ahead
        rest -= found
        with readable_errors(), self._engine.begin() as connection:
            if self._place is not None and len(rest) > len(sources) // 4:
                more = self._read_on(connection, len(rest)) & rest
                found |= more
                rest -= more
            self._ahead -= found
            if rest:
                found |= self._look_up(connection, sorted(rest))
        return found

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _read_on(self, connection: Connection, count: int) -> set[str]:
        """Read on as many records, and some more as not all of them are still in order."""
        asked = {"after": self._place, "count": count + count // 4}
        place, text = connection.execute(_read_on, asked).one()
        if place is None or len(self._ahead) > _MOST_AHEAD:
            self._place = None
            self._ahead.clear()
            return self._ahead
        self._place = place
        self._ahead.update([text[at : at + _DIGITS] for at in range(0, len(text), _DIGITS)])
        return self._ahead

    def _look_up(self, connection: Connection, sources: Sequence[str]) -> set[str]:
        query = _look_up[connection.dialect.name]
        rows = connection.execute(query, {"sources": sources}).all()
        places = [place for _, _, place in rows if place is not None]
        # Close to each other: most likely, what comes next in the input is next there, too.
        if places and max(places) - min(places) <= 2 * len(sources) and self._place is None:
            self._place = max(places)
        return {source for source, state, _ in rows if state in _FOR_GOOD}
