"""Changes whose leads are not there yet: they are kept, and come again when the leads are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, insert, select

from target_octanist.ledger.changes import Change
from target_octanist.ledger.claims import Claim
from target_octanist.ledger.statements import Question
from target_octanist.ledger.tables import State, leads, pending

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import Connection

#: Pending changes that a turn can write; their places must not run into the next turn's.
_MOST_IN_A_TURN: Final = 100_000

_PENDING_AMONG: Final = Question(
    select(pending.c.source).where(pending.c.source.in_(bindparam("sources", expanding=True))),
    "sources",
)


def write_pending(
    connection: Connection,
    waiting: Sequence[Claim],
    over: Iterable[str],
    destination: str,
    *,
    now: int,
) -> None:
    """Keep changes whose leads are not there yet, and forget those that are `over`."""
    gone = {*over, *(claim.source for claim in waiting)}
    if gone:
        connection.execute(delete(pending).where(pending.c.source.in_(gone)))
    latest = {claim.source: (place, claim) for place, claim in enumerate(waiting)}
    rows = [
        {
            "source": claim.source,
            "waits_for": link,
            "destination": destination,
            "stream": claim.stream,
            "payload_digest": claim.payload_digest,
            "payload": claim.payload,
            "status": claim.change.status,
            "since": now,
            "place": now * _MOST_IN_A_TURN + place,
        }
        for place, claim in latest.values()
        if claim.change is not None
        for link in claim.change.links
    ]
    if rows:
        connection.execute(insert(pending), rows)


def due_changes(
    connection: Connection,
    destination: str,
    *,
    forward: bool,
    behind: Collection[str] | None = None,
    after: int = 0,
    limit: int = 500,
) -> tuple[list[Claim], int]:
    """Give pending changes whose leads may be known by now, in the order in which they came.

    Args:
        connection: In the transaction of the turn.
        destination: The ``base_url`` of all of them.
        forward: As `Change` has it.
        behind: Only those that wait for one of these sources; None for all whose lead's
            record is settled.
        after: Only those behind this place.
        limit: The most of them.

    Returns:
        The changes, and the place of the last one.
    """
    ready = pending.c.destination == destination
    found = select(pending.c.source, pending.c.place).where(ready, pending.c.place > after)
    if behind is None:
        found = found.join(leads, leads.c.source == pending.c.waits_for).where(
            leads.c.state.in_((State.DELIVERED.value, State.DUPLICATE.value))
        )
    else:
        found = found.where(pending.c.waits_for.in_(behind))
    page = connection.execute(found.distinct().order_by(pending.c.place).limit(limit)).all()
    rows = connection.execute(
        select(pending)
        .where(pending.c.source.in_([row.source for row in page]))
        .order_by(pending.c.place)
    ).all()
    links: dict[str, list[str]] = {}
    for row in rows:
        links.setdefault(row.source, []).append(row.waits_for)
    claims = [
        Claim(
            source=row.source,
            stream=row.stream,
            persons=(),
            window_start=0,
            payload_digest=row.payload_digest,
            payload=row.payload,
            change=Change(row.status, None, tuple(links[row.source]), forward, row.place),
        )
        for row in {row.source: row for row in rows}.values()
    ]
    return claims, page[-1].place if page else after


def pending_among(connection: Connection, sources: Iterable[str]) -> set[str]:
    """Name those of these changes of which a version is pending."""
    return {source for (source,) in _PENDING_AMONG.ask(connection, set(sources))}


def no_longer_pending(connection: Connection, claims: Iterable[Claim]) -> set[str]:
    """Name those of these changes that were pending, and are not any more."""
    places = {
        claim.source: claim.change.place
        for claim in claims
        if claim.change is not None and claim.change.place is not None
    }
    if not places:
        return set()
    # Two runs may have given the same place to different changes.
    still = {
        source
        for source, place in connection.execute(
            select(pending.c.source, pending.c.place).where(pending.c.place.in_(places.values()))
        )
        if places.get(source) == place
    }
    return places.keys() - still


def count_pending(connection: Connection) -> list[tuple[str, int]]:
    """Count the changes that wait for their leads, by stream."""
    rows = connection.execute(
        select(pending.c.stream, func.count(pending.c.source.distinct()))
        .group_by(pending.c.stream)
        .order_by(pending.c.stream)
    )
    return [(stream, number) for stream, number in rows]
