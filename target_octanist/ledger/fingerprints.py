"""What records came to that may come again as they are: so that they need not be mapped again.

The same bytes, mapped in the same way, ask the same of the journal. So beside the fingerprint
of a record and its mapping it is kept what that was, and nothing else: whether it is still to
be done is not kept, but asked for each time, of the same rows that decide about a claim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    String,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
)

from target_octanist.ledger.claims import FOR_GOOD, NOTHING
from target_octanist.ledger.statements import Statement
from target_octanist.ledger.tables import State, changes, leads, metadata, pending

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import Connection

    from target_octanist.ledger.claims import Claim, Verdict

fingerprints = Table(
    "octanist_fingerprints",
    metadata,
    Column("source", String(32), primary_key=True, comment="Of the record."),
    Column(
        "fingerprint",
        String(32),
        nullable=False,
        comment="Keyed digest of the record as it came, and of all that decides how it is mapped.",
    ),
    Column("makes_lead", Boolean, nullable=False, comment="Whether the record makes a lead."),
    Column(
        "change", String(32), comment="The source of what it says of a lead; empty if it cannot."
    ),
    Column(
        "change_digest", String(32), comment="Keyed digest of the change; empty if there is none."
    ),
    Column("written_at", BigInteger, nullable=False, comment="When this was written down."),
    comment="What records came to whose content decides; may be deleted at any time.",
    sqlite_with_rowid=False,
)

#: Verdicts after which the same claim may have nothing left to do.
_MAY_BE_DONE: Final = {"send", "start", "duplicate", "skipped"}

#: A row of a change in these states leaves it to what was delivered (see `decide_change`).
_AT_REST: Final = (State.DELIVERED.value, State.DUPLICATE.value)

_insert = Statement(insert(fingerprints))

_lead, _change = leads.alias("lead"), leads.alias("change")
# What `decide` and `decide_change` ask first, and in the same words. Pending is what another
# version of the record says: with this one it is no more to be sent.
_done = and_(
    or_(~fingerprints.c.makes_lead, _lead.c.state.in_(sorted(FOR_GOOD))),
    or_(_change.c.state.is_(None), _change.c.state.in_(_AT_REST)),
    or_(
        fingerprints.c.change_digest.is_(None),
        fingerprints.c.change_digest == changes.c.delivered_digest,
    ),
    ~exists().where(pending.c.source == fingerprints.c.change),
)
_look_up = (
    select(
        fingerprints.c.source,
        fingerprints.c.fingerprint,
        fingerprints.c.makes_lead,
        fingerprints.c.change,
        fingerprints.c.change_digest,
    )
    .outerjoin(_lead, _lead.c.source == fingerprints.c.source)
    .outerjoin(_change, _change.c.source == fingerprints.c.change)
    .outerjoin(changes, changes.c.source == fingerprints.c.change)
    .where(fingerprints.c.source.in_(bindparam("sources", expanding=True)), _done)
)


class Done(NamedTuple):
    """What a record came to of which nothing is left to do.

    Attributes:
        fingerprint: Of the record.
        makes_lead: Whether it makes a lead, which is settled for good.
        change: The source of what it says of a lead; None if it cannot say anything.
        change_digest: Of the change, which was delivered last; None if it says nothing.
    """

    fingerprint: str
    makes_lead: bool
    change: str | None
    change_digest: str | None


def find_done(connection: Connection, sources: Collection[str]) -> dict[str, Done]:
    """Give what some records came to, by their sources, where nothing of it is left to do."""
    rows = connection.execute(_look_up, {"sources": list(sources)})
    return {source: Done(*rest) for source, *rest in rows}


def write_fingerprints(
    connection: Connection, claims: Sequence[Claim], verdicts: Iterable[Verdict], *, now: int
) -> None:
    """Write down what records came to that have a fingerprint."""
    rows: dict[str, dict[str, object]] = {}
    for claim, verdict in zip(claims, verdicts, strict=True):
        mark = claim.fingerprint
        if mark is None or verdict.kind not in _MAY_BE_DONE:
            continue
        if claim.payload is None and claim.code != NOTHING:
            continue
        rows[mark.record] = {
            "source": mark.record,
            "fingerprint": mark.digest,
            "makes_lead": mark.makes_lead,
            "change": claim.source if claim.change is not None else None,
            "change_digest": claim.payload_digest if claim.change and claim.payload else None,
            "written_at": now,
        }
    if rows:
        connection.execute(delete(fingerprints).where(fingerprints.c.source.in_(list(rows))))
        _insert.run(connection, list(rows.values()))


def forget_fingerprints(connection: Connection, *, before: int) -> None:
    """Forget those that were written before a time; such records are mapped again."""
    connection.execute(delete(fingerprints).where(fingerprints.c.written_at < before))
