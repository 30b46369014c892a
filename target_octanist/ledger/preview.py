"""What one journal knows of leads and their changes, lent to another: to the one of a preview.

A preview writes into a journal of its own, and may only read that of the runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert, select

from target_octanist.ledger.standings import Standings
from target_octanist.ledger.tables import UNSETTLED, State, changes, leads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Table

    from target_octanist.ledger.claims import Claim, Known
    from target_octanist.ledger.standings import Delivered, Standing


class Lent(NamedTuple):
    """What decides about one change, as the journal of the runs has it."""

    claim: Claim
    row: Known | None
    standing: Standing


def lend(
    connection: Connection, salt: bytes, claims: Sequence[Claim], known: Mapping[str, Known]
) -> list[Lent]:
    """Give what decides about some changes.

    Args:
        connection: In a transaction on the journal of the runs.
        salt: Of that journal.
        claims: Of changes.
        known: Source to the row that the journal has of it.
    """
    standings = Standings(connection, salt, claims)
    return [Lent(claim, known.get(claim.source), standings.of(claim)) for claim in claims]


def borrow(connection: Connection, run: str, lent: Iterable[Lent]) -> None:
    """Write it down in the journal of the preview, which has the same salt.

    What is there already stays: it is newer.
    """
    of_leads: dict[str, dict[str, Any]] = {}
    of_changes: dict[str, dict[str, Any]] = {}
    for claim, row, standing in lent:
        if claim.change is None or standing.lead is None:
            continue
        if standing.linked is not None and standing.linked.lead_id is not None:
            link = claim.change.links[0]
            of_leads[link] = _lead(link, run, lead_id=standing.linked.lead_id)
        if row is not None and row.state not in UNSETTLED:
            of_leads[claim.source] = _lead(
                claim.source, run, state=row.state, digest=row.payload_digest, code=row.code
            )
        own, last = standing.own, standing.last
        if own is not None:
            of_changes[own.source] = _change(own, own.status, at=1)
        if last is not None:
            of_changes[last.source] = _change(last, standing.status, at=2)
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
