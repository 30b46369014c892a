"""Dead letters: records that made no lead and are kept, so that they can be tried again.

A rejected lead is one, and on request a filtered one, as long as its record or its payload
is kept.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, or_, select

from target_octanist.errors import OctanistError
from target_octanist.ledger.claims import INVALID_RECORD, Refused
from target_octanist.ledger.tables import State, changes, leads, runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection

    from target_octanist.ledger.journal import Journal

#: Records are read so many at a time: they may be large.
_PAGE: Final = 200

_ID: Final = re.compile(r"[0-9a-f]{4,32}", re.IGNORECASE)

#: What can be told of a dead letter without a value of its record.
_OUTSIDE: Final = (
    leads.c.source,
    leads.c.stream,
    leads.c.settled_at,
    leads.c.attempts,
    leads.c.code,
    leads.c.request_id,
    leads.c.reason,
)


@dataclass(frozen=True, slots=True)
class Which:
    """Which dead letters are meant: those for which all of this holds.

    Attributes:
        destination: The ``base_url`` that they were to be sent to.
        state: ``REJECTED``, or ``FILTERED`` for those that the organisation's rules refused.
        ids: Starts of source digests; each must name exactly one. None: any.
        stream: A stream's name, or a glob.
        reason: Is part of the reason or the code, in whatever case.
        since: The earliest time at which they were settled (ms since 1970 UTC).
        until: The time (same unit) before which they were settled.
    """

    destination: str
    state: State = State.REJECTED
    ids: tuple[str, ...] = ()
    stream: str | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """All that the journal has of one; payload and record are JSON texts with personal data.

    Attributes:
        message: What the API said; it may quote the lead.
        payload: What was sent, if it came to that.
        record: The source record as it came out of the stream maps, or as the tap sent it
            if it did not come so far; None if only the payload is known.
        is_change: Whether it is a change of a lead whose payload names that lead.
    """

    source: str
    stream: str
    state: State
    settled_at: int
    code: str | None
    reason: str | None
    message: str | None
    request_id: str | None
    payload: str | None
    payload_digest: str
    record: str | None
    is_change: bool = False

    @property
    def was(self) -> Refused:
        """What a claim must find in the journal to try it again."""
        return Refused(self.state, self.payload_digest)

    @property
    def is_raw(self) -> bool:
        """Whether the record never got as far as the mapping."""
        return self.code == INVALID_RECORD and self.payload is None


class DeadLetters:
    """The dead letters of an open journal that are meant, oldest first.

    Attributes:
        salt: That of the journal.
        state: What all of them have.
    """

    def __init__(self, journal: Journal, which: Which) -> None:
        """Find what the ids name.

        Raises:
            OctanistError: One of them names no dead letter, or several.
        """
        self._journal = journal
        self.salt = journal.salt
        self.state = which.state
        self._base = (
            leads.c.state == which.state.value,
            or_(leads.c.record.is_not(None), leads.c.payload.is_not(None)),
            leads.c.run.in_(select(runs.c.id).where(runs.c.destination == which.destination)),
        )
        with journal.reading() as connection:
            self._where = [*self._base, *self._conditions(connection, which)]

    def reasons(self) -> list[tuple[str, str, int]]:
        """Count them by stream and reason, most frequent first."""
        number = func.count()
        query = (
            select(leads.c.stream, leads.c.reason, number)
            .where(*self._where)
            .group_by(leads.c.stream, leads.c.reason)
            .order_by(number.desc(), leads.c.stream, leads.c.reason)
        )
        with self._journal.reading() as connection:
            return [
                (stream, reason or "", count) for stream, reason, count in connection.execute(query)
            ]

    def unread(self) -> int:
        """Count those that never got as far as the mapping."""
        query = select(func.count()).where(*self._where, leads.c.code == INVALID_RECORD)
        with self._journal.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def rows(self, limit: int | None = None) -> list[dict[str, Any]]:
        """Give what can be told of them without a value of their records.

        Args:
            limit: The most rows; None for all.

        Returns:
            Objects with source, stream, settled_at, attempts, code, request_id and reason.
        """
        query = select(*_OUTSIDE).where(*self._where)
        with self._journal.reading() as connection:
            rows = connection.execute(query.order_by(*_OLDEST_FIRST).limit(limit)).mappings()
            return [dict(row) for row in rows]

    def sources(self) -> list[str]:
        """Give their digests."""
        query = select(leads.c.source).where(*self._where).order_by(*_OLDEST_FIRST)
        with self._journal.reading() as connection:
            return list(connection.execute(query).scalars())

    def contents(self, sources: Sequence[str]) -> Iterator[DeadLetter]:
        """Give all that is kept of these, some at a time; what is none any more is left out."""
        for start in range(0, len(sources), _PAGE):
            page = sources[start : start + _PAGE]
            found = self._page(page)
            yield from (found[source] for source in page if source in found)

    def _page(self, sources: Sequence[str]) -> dict[str, DeadLetter]:
        named = select(changes.c.source).where(changes.c.source == leads.c.source).exists()
        query = select(
            leads.c.source,
            leads.c.stream,
            leads.c.settled_at,
            leads.c.code,
            leads.c.reason,
            leads.c.message,
            leads.c.request_id,
            leads.c.payload,
            leads.c.record,
            leads.c.payload_digest,
            named.label("is_change"),
        ).where(*self._base, leads.c.source.in_(sources))
        with self._journal.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["source"]: DeadLetter(state=self.state, **row) for row in rows}

    def _conditions(self, connection: Connection, which: Which) -> Iterator[ColumnElement[bool]]:
        if which.ids:
            yield leads.c.source.in_([self._named(connection, name) for name in which.ids])
        if which.stream is not None:
            query = select(leads.c.stream).where(*self._base).distinct()
            names = connection.execute(query).scalars()
            yield leads.c.stream.in_([name for name in names if _matches(which.stream, name)])
        if which.reason is not None:
            yield or_(
                leads.c.reason.icontains(which.reason, autoescape=True),
                leads.c.code.icontains(which.reason, autoescape=True),
            )
        if which.since is not None:
            yield leads.c.settled_at >= which.since
        if which.until is not None:
            yield leads.c.settled_at < which.until

    def _named(self, connection: Connection, name: str) -> str:
        if not _ID.fullmatch(name):
            message = f"{name} is no ID: it takes at least 4 hexadecimal digits of one."
            raise OctanistError(message, error_id="lead-id-unknown")
        begins = leads.c.source.startswith(name.lower())
        query = select(leads.c.source).where(*self._base, begins).limit(2)
        sources: Sequence[str] = connection.execute(query).scalars().all()
        if len(sources) != 1:
            how = "several dead letters" if sources else "no dead letter"
            message = f"{name} names {how}; `octanist dead-letters list` lists them."
            raise OctanistError(message, error_id="lead-id-unknown")
        return sources[0]


#: In the order in which their records came, as far as the journal knows it.
_OLDEST_FIRST: Final = (leads.c.claimed_at, leads.c.source)


def _matches(pattern: str, name: str) -> bool:
    return pattern == name or fnmatch.fnmatchcase(name, pattern)
