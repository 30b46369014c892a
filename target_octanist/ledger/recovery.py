"""What earlier runs left open, made this run's own inside of one of its turns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection, bindparam, or_, select, update

from target_octanist.ledger.runs import RunRow, is_alive, this_place
from target_octanist.ledger.tables import UNSETTLED, State, changes, leads, runs

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

_UNSETTLED = leads.c.state.in_(UNSETTLED)


class Reopen(NamedTuple):
    """How the leads in doubt are to be taken up again: what is not named is asked about.

    Attributes:
        delivered: Sources of which a human said that they are stored.
        send: Sources of which a human said that they are not.
    """

    delivered: frozenset[str] = frozenset()
    send: frozenset[str] = frozenset()


class Recovered(NamedTuple):
    """A lead that an earlier run left open.

    Attributes:
        sent_at: When it may have been sent (ms since 1970 UTC); None if it surely was not.
        was_in_doubt: Whether that run had settled it as in doubt.
        is_change: Whether it is a change of a lead.
    """

    source: str
    stream: str
    payload: str
    attempts: int
    sent_at: int | None
    was_in_doubt: bool = False
    is_change: bool = False


def take_over(connection: Connection, run: str, destination: str, *, now: int) -> list[Recovered]:
    """Give this run what dead runs to the same destination had claimed.

    Args:
        connection: In the transaction of the turn.
        run: The id of this run.
        destination: The ``base_url`` of all of them.
        now: Milliseconds since 1970 UTC.
    """
    dead = _dead_runs(connection, run, destination, now)
    if not dead:
        return []
    theirs = (leads.c.run.in_(dead), _UNSETTLED)
    found = connection.execute(
        select(
            leads.c.source,
            leads.c.stream,
            leads.c.payload,
            leads.c.state,
            leads.c.attempts,
            leads.c.sent_at,
            changes.c.source.label("change"),
        )
        .outerjoin(changes, changes.c.source == leads.c.source)
        .where(*theirs)
        .order_by(leads.c.claimed_at, leads.c.source)
    ).all()
    connection.execute(update(leads).where(*theirs).values(run=run))
    connection.execute(
        update(runs).where(runs.c.id.in_(dead), runs.c.ended_at.is_(None)).values(ended_at=now)
    )
    return [
        Recovered(
            row.source,
            row.stream,
            row.payload or "{}",
            row.attempts,
            row.sent_at if row.state == State.SENDING else None,
            is_change=row.change is not None,
        )
        for row in found
    ]


def reopen(
    connection: Connection, run: str, destination: str, *, send: AbstractSet[str]
) -> list[Recovered]:
    """Give this run all that is in doubt: as sent, or as claimed if it is in `send`."""
    found = connection.execute(
        select(
            leads.c.source,
            leads.c.stream,
            leads.c.payload,
            leads.c.sent_at,
            changes.c.source.label("change"),
        )
        .join(runs, runs.c.id == leads.c.run)
        .outerjoin(changes, changes.c.source == leads.c.source)
        .where(leads.c.state == State.IN_DOUBT.value, runs.c.destination == destination)
        .order_by(leads.c.claimed_at, leads.c.source)
    ).all()
    recovered = [
        Recovered(
            row.source,
            row.stream,
            row.payload or "{}",
            0,
            None if row.source in send else row.sent_at,
            was_in_doubt=True,
            is_change=row.change is not None,
        )
        for row in found
    ]
    rows = [
        {
            "b_source": lead.source,
            "b_state": (State.CLAIMED if lead.sent_at is None else State.SENDING).value,
        }
        for lead in recovered
    ]
    if rows:
        connection.execute(
            update(leads)
            .where(leads.c.source == bindparam("b_source"))
            .values(state=bindparam("b_state"), run=run, settled_at=None),
            rows,
        )
    return recovered


def _dead_runs(connection: Connection, run: str, destination: str, now: int) -> list[str]:
    """Name the other runs that are over, or taken for dead, and may have left something."""
    others = connection.execute(
        select(runs.c.id, runs.c.place, runs.c.pid, runs.c.heartbeat_at, runs.c.ended_at)
        .where(runs.c.destination == destination, runs.c.id != run)
        .where(
            or_(
                runs.c.ended_at.is_(None),
                select(leads.c.source).where(leads.c.run == runs.c.id, _UNSETTLED).exists(),
            )
        )
    ).all()
    place = this_place()
    return [
        row.id
        for row in others
        if not is_alive(RunRow(*row), now=now, place=place, pid=os.getpid())
    ]
