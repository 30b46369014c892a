"""What leads were told: it is written down when a change is sent, and when it is delivered."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, select, update

from target_octanist.ledger.tables import changes, leads, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from target_octanist.ledger.claims import Claim
    from target_octanist.ledger.standings import Delivered, Standing, Standings


def write_changes(
    connection: Connection, claimed: Sequence[tuple[Claim, Standing]], standings: Standings
) -> None:
    """Write down which leads the changes are about that are going to be sent."""
    fresh: dict[str, dict[str, str | None]] = {}
    known: dict[str, dict[str, str | None]] = {}
    elsewhere: list[Delivered] = []
    for claim, standing in claimed:
        assert claim.change is not None, "a change"
        values = {"lead": standing.lead, "status": claim.change.status}
        (known if standings.knows(claim.source) else fresh)[claim.source] = values
        if standing.own is not None and standing.own.lead != standing.lead:
            elsewhere.append(standing.own)
    _leave_behind(connection, elsewhere)
    if fresh:
        connection.execute(insert(changes), [{"source": s, **v} for s, v in fresh.items()])
    if known:
        connection.execute(
            update(changes)
            .where(changes.c.source == bindparam("b_source"))
            .values(lead=bindparam("b_lead"), status=bindparam("b_status")),
            [
                {"b_source": source, **{f"b_{name}": value for name, value in values.items()}}
                for source, values in known.items()
            ],
        )


def _leave_behind(connection: Connection, told: Sequence[Delivered]) -> None:
    """Keep what records told of leads that they are not about any more: of these it stays true.

    It gets a row of its own, for the record's is about another lead from now on.
    """
    if not told:
        return
    rows = [
        {
            "source": _told_source(delivered.source, delivered.lead),
            "lead": delivered.lead,
            "delivered_digest": delivered.digest,
            "delivered_status": delivered.status,
            "delivered_at": delivered.at,
        }
        for delivered in told
    ]
    this = changes.c.source == bindparam("b_source")
    connection.execute(delete(changes).where(this), [{"b_source": row["source"]} for row in rows])
    connection.execute(insert(changes), rows)
    connection.execute(
        update(changes)
        .where(this)
        .values(delivered_digest=None, delivered_status=None, delivered_at=None),
        [{"b_source": delivered.source} for delivered in told],
    )


def _told_source(source: str, lead: str) -> str:
    return blake2b(f"told {source} {lead}".encode(), digest_size=16).hexdigest()


def write_delivered(connection: Connection, sources: Iterable[str], *, now: int) -> None:
    """Write down that the last change of these records was delivered, where it is one."""
    rows = [{"b_source": source} for source in sources]
    if not rows:
        return
    this = leads.c.source == changes.c.source
    connection.execute(
        update(changes)
        .where(changes.c.source == bindparam("b_source"))
        .values(
            delivered_digest=select(leads.c.payload_digest).where(this).scalar_subquery(),
            delivered_status=func.coalesce(changes.c.status, changes.c.delivered_status),
            delivered_at=now,
        ),
        rows,
    )


def count_changed(connection: Connection, destination: str) -> int:
    """Count the records of which a change was delivered."""
    return int(
        connection.execute(
            select(func.count())
            .select_from(changes)
            .join(leads, leads.c.source == changes.c.source)
            .join(runs, runs.c.id == leads.c.run)
            .where(changes.c.delivered_digest.is_not(None), runs.c.destination == destination)
        ).scalar_one()
    )
