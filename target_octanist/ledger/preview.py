"""What only a preview asks: what would be decided, and what one journal lends to another.

A preview writes into a journal of its own, and may only read that of the runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert, inspect, select

from target_octanist.ledger.claims import decide, undecided
from target_octanist.ledger.known import known_rows, taken_persons
from target_octanist.ledger.standings import Standings
from target_octanist.ledger.tables import UNSETTLED, State, changes, leads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Table

    from target_octanist.ledger.claims import Claim, Known, Verdict
    from target_octanist.ledger.journal import Journal
    from target_octanist.ledger.standings import Delivered, Standing


class Lent(NamedTuple):
    """What decides about one change, as the journal of the runs has it."""

    claim: Claim
    row: Known | None
    standing: Standing


def look(journal: Journal, claims: Sequence[Claim]) -> list[tuple[Known | None, Verdict]]:
    """For each lead what the journal has of it and would say, writing nothing down.

    The records are not held against each other.
    """
    with journal.reading() as connection:
        known = known_rows(connection, claims)
        taken = taken_persons(connection, undecided(claims, known))
    rows = (known.get(claim.source) for claim in claims)
    return [
        (row, decide(claim, row, taken, journal.run))
        for claim, row in zip(claims, rows, strict=True)
    ]


def statuses(journal: Journal, claims: Sequence[Claim]) -> list[str | None]:
    """For each change the status of its lead, as last delivered; None if none was."""
    with journal.reading() as connection:
        standings = Standings(connection, journal.salt, claims)
    return [standings.of(claim).status for claim in claims]


def lend(journal: Journal, claims: Sequence[Claim]) -> list[Lent]:
    """Give what decides about some changes, for another journal to `borrow`.

    Args:
        journal: That of the runs; an earlier version that knew no changes may have made it.
        claims: Of changes.
    """
    with journal.reading() as connection:
        if not inspect(connection).has_table(changes.name):
            return []
        known = known_rows(connection, claims)
        standings = Standings(connection, journal.salt, claims)
    return [Lent(claim, known.get(claim.source), standings.of(claim)) for claim in claims]


def borrow(journal: Journal, lent: Iterable[Lent]) -> None:
    """Write down in the journal of the preview what that of the runs knows; both have one salt.

    What is there already stays: it is newer.
    """
    of_leads: dict[str, dict[str, Any]] = {}
    of_changes: dict[str, dict[str, Any]] = {}
    for claim, row, standing in lent:
        if claim.change is None or standing.lead is None:
            continue
        if standing.linked is not None and standing.linked.lead_id is not None:
            link = claim.change.links[0]
            of_leads[link] = _lead(link, journal.run, lead_id=standing.linked.lead_id)
        if row is not None and row.state not in UNSETTLED:
            of_leads[claim.source] = _lead(
                claim.source, journal.run, state=row.state, digest=row.payload_digest, code=row.code
            )
        own, last = standing.own, standing.last
        if own is not None:
            of_changes[own.source] = _change(own, own.status, at=1)
        if last is not None:
            of_changes[last.source] = _change(last, standing.status, at=2)
    with journal.tidying() as connection:
        _add(connection, leads, of_leads)
        _add(connection, changes, of_changes)


def _lead(
    source: str,
    run: str,
    *,
    state: str = State.DELIVERED.value,
    digest: str = "",
    code: object = None,
    lead_id: str | None = None,
) -> dict[str, Any]:
    return {
        "source": source,
        "stream": "",
        "state": state,
        "run": run,
        "payload_digest": digest,
        "attempts": 0,
        "claimed_at": 0,
        "code": code,
        "lead_id": lead_id,
    }


def _change(delivered: Delivered, status: str | None, *, at: int) -> dict[str, Any]:
    return {
        "source": delivered.source,
        "lead": delivered.lead,
        "delivered_digest": delivered.digest,
        "delivered_status": status,
        "delivered_at": at,
    }


def _add(connection: Connection, table: Table, rows: Mapping[str, dict[str, Any]]) -> None:
    """Insert the rows whose sources the table does not have yet."""
    there = connection.execute(select(table.c.source).where(table.c.source.in_(rows.keys())))
    fresh = rows.keys() - set(there.scalars())
    if fresh:
        connection.execute(insert(table), [rows[source] for source in sorted(fresh)])
