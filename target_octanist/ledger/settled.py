"""Which source records are settled for good: asked by the reader, beside the turns of a run.

A source gives its records mostly in the order in which it gave them the first time, and in
this order a SQLite journal has them. So the answer is read on from where the last one was
found, which costs a tenth of looking each record up; what is not there is looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, literal_column, null, select

from target_octanist.ledger.claims import FOR_GOOD
from target_octanist.ledger.database import open_to_read, transaction
from target_octanist.ledger.fingerprints import Done, find_done
from target_octanist.ledger.tables import leads

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import ColumnElement, Connection

#: A digest's hexadecimal digits.
_DIGITS: Final = 32

#: What was read on and never asked for: more of it means that the order is another one.
_MOST_AHEAD: Final = 10_000

#: Rows that are read ahead at once for `is_next`, and how few may be left before the next ones.
_BLOCK: Final = 500
_FEW: Final = 50

#: New records in a row before one is looked up; where all are new, more and more.
_SOME_PATIENCE: Final = 8
_MOST_PATIENCE: Final = 4096

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
        func.group_concat(_next.c.source, "").filter(_next.c.state.in_(sorted(FOR_GOOD))), ""
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
        #: Whether the journal has records in the order in which they came.
        self.keeps_order = self._engine.dialect.name == "sqlite"
        # Read on, and not yet asked for; and the place of the last of them, if in order.
        self._ahead: set[str] = set()
        self._place: int | None = None
        # How many records in a row were not there, and after how many the next is looked up.
        self._misses = 0
        self._patience = 1

    def any_yet(self) -> bool:
        """Say whether there is anything to ask for.

        Raises:
            LedgerError: The database failed.
        """
        with transaction(self._engine) as connection:
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
        with transaction(self._engine) as connection:
            if self._place is not None and len(rest) > len(sources) // 4:
                more = self._read_on(connection, len(rest)) & rest
                found |= more
                rest -= more
            self._ahead -= found
            if rest:
                settled, place = self._look_up(connection, sorted(rest))
                found |= settled
                if self._place is None:
                    self._place = place
        return found

    def done_among(self, sources: Collection[str]) -> dict[str, Done]:
        """Give what some records came to when they were mapped, if nothing of it is left to do.

        Args:
            sources: Those of the records; at least one.

        Raises:
            LedgerError: The database failed.
        """
        with transaction(self._engine) as connection:
            return find_done(connection, sources)

    def is_next(self, source: str) -> bool:
        """Say of one record after the other whether it makes no lead any more, as far as is known.

        It answers from what was read on, and looks a record up only now and then. Yes is
        sure; no may only mean that another way has to tell.

        Raises:
            LedgerError: The database failed.
        """
        if not self.keeps_order:
            return False
        if self._place is not None and len(self._ahead) < _FEW:
            with transaction(self._engine) as connection:
                self._read_on(connection, _BLOCK)
        if source in self._ahead:
            self._ahead.remove(source)
            self._misses, self._patience = 0, _SOME_PATIENCE
            return True
        self._misses += 1
        return self._misses >= self._patience and self._find(source)

    def _find(self, source: str) -> bool:
        """Look one record up, and go on from there if it is known; if not, have more patience."""
        with transaction(self._engine) as connection:
            settled, place = self._look_up(connection, [source])
        self._misses = 0
        if place is None:
            self._patience = min(2 * self._patience, _MOST_PATIENCE)
        else:
            self._place = place
            self._ahead.clear()
        return bool(settled)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _read_on(self, connection: Connection, count: int) -> set[str]:
        """Read on as many records, and some more as not all of them are still in order."""
        asked = {"after": self._place, "count": count + count // 4}
        place, text = connection.execute(_read_on, asked).one()
        self._place = place
        if place is None:
            return self._ahead
        if len(self._ahead) > _MOST_AHEAD:
            self._place = None
            self._ahead.clear()
            return self._ahead
        self._ahead.update([text[at : at + _DIGITS] for at in range(0, len(text), _DIGITS)])
        return self._ahead

    def _look_up(
        self, connection: Connection, sources: Sequence[str]
    ) -> tuple[set[str], int | None]:
        """Give those of these records that are settled, and from where to read on, if at all."""
        query = _look_up[connection.dialect.name]
        rows = connection.execute(query, {"sources": sources}).all()
        places = [place for _, _, place in rows if place is not None]
        # Close to each other: most likely, what comes next in the input is next there, too.
        in_order = bool(places) and max(places) - min(places) <= 2 * len(sources)
        settled = {source for source, state, _ in rows if state in FOR_GOOD}
        return settled, max(places) if in_order else None
