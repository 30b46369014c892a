"""Journals that an earlier version made: brought to the tables of this one, or read as they are.

Version 1 had the digests of a lead's persons in `octanist_persons` alone, and found them by an
index on their sources.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import MetaData, func, insert, inspect, select, text, update

from target_octanist.errors import LedgerError
from target_octanist.ledger.failures import place_of
from target_octanist.ledger.runs import has_live_runs
from target_octanist.ledger.tables import SCHEMA_VERSION, leads, meta, persons, runs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

#: What `leads.c.persons` has, made of the other table.
_GATHERED: Final = (
    select(func.aggregate_strings(persons.c.digest, " "))
    .where(persons.c.source == leads.c.source)
    .correlate(leads)
    .scalar_subquery()
)


def persons_of_leads(connection: Connection) -> ColumnElement[str | None]:
    """Give what to select as the digests of a lead's persons, in a journal of any version."""
    columns = {column["name"] for column in inspect(connection).get_columns(leads.name)}
    return leads.c.persons if leads.c.persons.name in columns else _GATHERED


def upgrade(connection: Connection) -> None:
    """Bring a journal of version 1 to this one, inside of the transaction.

    Raises:
        LedgerError: A run of the earlier version may be writing to it.
    """
    if has_live_runs(connection):
        message = (
            f"ledger: a run of an earlier version may still be using the journal "
            f"{place_of(connection.engine)}, whose tables this version changes once; run again "
            "when that run is over."
        )
        raise LedgerError(message, error_id="ledger-older-run")
    # One that was suspended notices by this that it has to stop.
    connection.execute(
        update(runs).where(runs.c.ended_at.is_(None)).values(ended_at=runs.c.heartbeat_at)
    )
    connection.execute(text("ALTER TABLE octanist_leads ADD COLUMN persons TEXT"))
    connection.execute(
        update(leads).where(leads.c.source.in_(select(persons.c.source))).values(persons=_GATHERED)
    )
    connection.execute(text("DROP INDEX octanist_persons_by_source"))
    _drop_reference(connection)
    connection.execute(
        update(meta).where(meta.c.name == "version").values(value=str(SCHEMA_VERSION))
    )


def _drop_reference(connection: Connection) -> None:
    """Let the sources of persons be no foreign key: without an index it would be slow."""
    if connection.dialect.name == "postgresql":
        constraint = "octanist_persons_source_fkey"
        connection.execute(text(f"ALTER TABLE octanist_persons DROP CONSTRAINT {constraint}"))
        return
    # SQLite cannot change a table so far.
    before = persons.to_metadata(MetaData(), name="octanist_persons_before")
    connection.execute(text("ALTER TABLE octanist_persons RENAME TO octanist_persons_before"))
    persons.create(connection)
    rows = select(before).order_by(*before.primary_key)
    connection.execute(insert(persons).from_select(before.columns.keys(), rows))
    before.drop(connection)
