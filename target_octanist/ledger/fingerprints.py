"""What records came to that may come again as they are: so that they need not be mapped again.

The same bytes, mapped in the same way, ask the same of the journal. So besides the fingerprint
of a record and its mapping it is kept what that was, and nothing else: whether it is still to
be done is not kept, but asked for each time, of the same rows that decide about a claim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    String,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    literal_column,
    or_,
    select,
)

from target_octanist.ledger.claims import FOR_GOOD, NOTHING
from target_octanist.ledger.statements import Question, Statement
from target_octanist.ledger.tables import State, leads, metadata, pending

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection

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
    Column("lead", String(32), comment="The source again, if the record makes a lead."),
    Column(
        "change", String(32), comment="The source of the change, if it is to say one of a lead."
    ),
    Column(
        "change_digest", String(32), comment="Keyed digest of the change; empty if it says nothing."
    ),
    Column("written_at", BigInteger, nullable=False, comment="When this was written down."),
    comment="What records came to whose content decides; may be deleted at any time.",
    sqlite_with_rowid=False,
)

#: Verdicts after which the same claim may have nothing left to do.
_MAY_BE_DONE: Final = {"send", "start", "duplicate", "skipped"}

#: Fingerprints that are looked at in one go when old ones are forgotten.
_PAGE: Final = 1000

_insert = Statement(insert(fingerprints))

# Written out, for a `Question` has no parameters besides its keys.
_DELIVERED: ColumnElement[str] = literal_column(f"'{State.DELIVERED.value}'")
_FOR_GOOD: list[ColumnElement[str]] = [literal_column(f"'{state}'") for state in sorted(FOR_GOOD)]

# Where there is none of either, the empty name is found at once in no row.
_lead, _change = leads.alias("lead"), leads.alias("change")
# A part of what `decide` and `decide_change` leave as it is; all else goes the whole way. What
# is pending is what another version of the record says: now it is not to be sent any more.
_nothing_left = and_(
    or_(fingerprints.c.lead.is_(None), _lead.c.state.in_(_FOR_GOOD)),
    or_(
        and_(
            fingerprints.c.change_digest.is_(None),
            or_(_change.c.state.is_(None), _change.c.state == _DELIVERED),
        ),
        and_(
            fingerprints.c.change_digest == _change.c.payload_digest,
            _change.c.state == _DELIVERED,
        ),
    ),
    ~exists().where(pending.c.source == fingerprints.c.change),
)
_LOOK_UP: Final = Question(
    select(
        fingerprints.c.source,
        fingerprints.c.fingerprint,
        fingerprints.c.lead,
        fingerprints.c.change,
        fingerprints.c.change_digest,
    )
    .outerjoin(_lead, _lead.c.source == fingerprints.c.lead)
    .outerjoin(_change, _change.c.source == fingerprints.c.change)
    .where(fingerprints.c.source.in_(bindparam("sources", expanding=True)), _nothing_left),
    "sources",
)


class Done(NamedTuple):
    """What a record came to of which nothing is left to do.

    Attributes:
        fingerprint: Of the record.
        lead: The source of the lead that it makes, which is settled for good; or None.
        change: The source of the change that it is to say of a lead; or None.
        change_digest: Of that change, which was delivered last; None if it says nothing.
    """

    fingerprint: str
    lead: str | None
    change: str | None
    change_digest: str | None


def find_done(connection: Connection, sources: Collection[str]) -> dict[str, Done]:
    """Give what some records came to, where nothing of that is left to do.

    Args:
        connection: In a transaction.
        sources: Those of the records; at least one.
    """
    rows = _LOOK_UP.ask(connection, sources)
    return {
        source: Done(fingerprint, lead, change, digest)
        for source, fingerprint, lead, change, digest in rows
    }


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
            "lead": mark.record if mark.makes_lead else None,
            "change": claim.source if claim.change is not None else None,
            "change_digest": claim.payload_digest if claim.change and claim.payload else None,
            "written_at": now,
        }
    if rows:
        connection.execute(delete(fingerprints).where(fingerprints.c.source.in_(list(rows))))
        _insert.run(connection, list(rows.values()))


def forget_fingerprints(connection: Connection, *, before: int, after: str) -> str | None:
    """Forget those of a page that were written before a time; such records are mapped again.

    Args:
        connection: In a transaction.
        before: Milliseconds since 1970 UTC.
        after: The source behind which the page begins.

    Returns:
        The last source of the page; None where there is no more.
    """
    page = (
        select(fingerprints.c.source, fingerprints.c.written_at)
        .where(fingerprints.c.source > after)
        .order_by(fingerprints.c.source)
        .limit(_PAGE)
    )
    rows = connection.execute(page).all()
    old = [row.source for row in rows if row.written_at < before]
    connection.execute(delete(fingerprints).where(fingerprints.c.source.in_(old)))
    return rows[-1].source if rows else None
