"""What runs did: kept as figures, one JSON text for each run, and listed for people."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import Connection, delete, func, insert, inspect, select

from target_octanist.ledger.claims import DISCARDED, INVALID_RECORD
from target_octanist.ledger.runs import RunRow, is_alive, this_place
from target_octanist.ledger.tables import State, figures, leads, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The figures of so many runs are kept.
KEPT: Final = 1000


class PastRun(NamedTuple):
    """A run of the journal; times are milliseconds since 1970 UTC.

    Attributes:
        seen_at: When it last gave a sign of life.
        state: ``running``, ``ended``, or ``cut_off``: it died without signing off.
    """

    id: str
    started_at: int
    seen_at: int
    ended_at: int | None
    exit_code: int | None
    state: str


def past_runs(
    connection: Connection,
    *,
    now: int,
    since: int | None = None,
    until: int | None = None,
    prefix: str = "",
    limit: int | None = None,
) -> list[PastRun]:
    """Give runs, the last one first.

    Args:
        connection: In a transaction.
        now: Milliseconds since 1970 UTC, as `since` and `until`.
        since: Only runs that started then or later.
        until: Only runs that started before.
        prefix: The first digits of their ids.
        limit: At most so many.
    """
    query = select(
        runs.c.id,
        runs.c.place,
        runs.c.pid,
        runs.c.heartbeat_at,
        runs.c.ended_at,
        runs.c.started_at,
        runs.c.exit_code,
    )
    if since is not None:
        query = query.where(runs.c.started_at >= since)
    if until is not None:
        query = query.where(runs.c.started_at < until)
    if prefix:
        query = query.where(runs.c.id.startswith(prefix.lower(), autoescape=True))
    rows = connection.execute(query.order_by(runs.c.started_at.desc(), runs.c.id).limit(limit))
    place = this_place()
    found = []
    for row in rows:
        # Who takes over from a dead run sets its end, but only a run itself its exit code.
        ended = row.exit_code is not None
        alive = is_alive(RunRow(*row[:5]), now=now, place=place, pid=os.getpid())
        found.append(
            PastRun(
                id=row.id,
                started_at=row.started_at,
                seen_at=row.heartbeat_at,
                ended_at=row.ended_at if ended else None,
                exit_code=row.exit_code,
                state="ended" if ended else "running" if alive else "cut_off",
            )
        )
    return found


def keep_figures(connection: Connection, run: str, text: str, *, now: int) -> None:
    """Write down the figures of a run in place of its earlier ones."""
    connection.execute(delete(figures).where(figures.c.run == run))
    connection.execute(insert(figures).values(run=run, updated_at=now, figures=text))


def forget_old_figures(connection: Connection) -> None:
    """Delete the figures of all but the last runs."""
    last = select(figures.c.run).order_by(figures.c.updated_at.desc()).limit(KEPT)
    connection.execute(delete(figures).where(figures.c.run.not_in(last)))


def figures_of(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Give the figures of these runs as JSON text, where there are any."""
    # An earlier version made no such table, and whoever reads makes none.
    if not ids or not inspect(connection).has_table(figures.name):
        return {}
    rows = connection.execute(
        select(figures.c.run, figures.c.figures).where(figures.c.run.in_(ids))
    )
    return {row.run: row.figures for row in rows}


def count_dead_letters(connection: Connection, *, unread: bool = False) -> int:
    """Count the rejected leads whose record is still kept.

    Args:
        connection: In a transaction.
        unread: Only those whose record never got as far as the mapping.
    """
    kept = func.coalesce(leads.c.code, "") != DISCARDED
    if unread:
        kept = leads.c.code == INVALID_RECORD
    query = select(func.count()).where(leads.c.state == State.REJECTED.value, kept)
    return int(connection.execute(query).scalar_one())
