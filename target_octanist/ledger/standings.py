"""How things stand with a lead, before a change of it: who made it, and what was told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import bindparam, select

from target_octanist.ledger.changes import lead_digest
from target_octanist.ledger.statements import Question
from target_octanist.ledger.tables import UNSETTLED, State, changes, leads

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from target_octanist.ledger.claims import Claim

#: A duplicate of a duplicate of …: more than this is a mistake in the journal.
_LONGEST_CHAIN: Final = 8

_told = select(changes, leads.c.state, leads.c.run).outerjoin(
    leads, leads.c.source == changes.c.source
)

#: What was told of some records.
_TOLD_OF: Final = Question(
    _told.where(changes.c.source.in_(bindparam("sources", expanding=True))), "sources"
)

#: What was told about some leads.
_TOLD_ABOUT: Final = Question(
    _told.where(changes.c.lead.in_(bindparam("leads", expanding=True))), "leads"
)

_LEADS_MADE_OF: Final = Question(
    select(leads.c.source, leads.c.state, leads.c.run, leads.c.lead_id, leads.c.twin).where(
        leads.c.source.in_(bindparam("sources", expanding=True))
    ),
    "sources",
)


class Linked(NamedTuple):
    """The record that a lead was made of, as far as the journal knows."""

    source: str
    state: str
    run: str
    lead_id: str | None


class Delivered(NamedTuple):
    """A change that was delivered."""

    source: str
    lead: str
    digest: str
    status: str | None
    at: int


class Standing(NamedTuple):
    """All that decides about a change.

    Attributes:
        lead: The digest of the lead it is about; None if that is not known yet.
        linked: The record that the lead was made of; None if there is none or no link.
        own: What was last delivered of the same record.
        last: What was last delivered about the same lead.
        status: The lead's, as last delivered.
        other: Source and run of another change of the lead that is under way.
    """

    lead: str | None
    linked: Linked | None
    own: Delivered | None
    last: Delivered | None
    status: str | None
    other: tuple[str, str] | None


class Standings:
    """What the journal knows about the leads of a batch of changes."""

    def __init__(self, connection: Connection, salt: bytes, claims: Sequence[Claim]) -> None:
        """Look all of them up at once.

        Args:
            connection: In the transaction of the turn.
            salt: That of the journal.
            claims: Of changes.
        """
        self._connection = connection
        asked = [claim.change for claim in claims if claim.change is not None]
        links = {link for change in asked for link in change.links}
        self._linked = find_linked(connection, links)
        self._lead_of: dict[str, str] = {}
        for link, linked in self._linked.items():
            if linked.lead_id is not None:
                self._lead_of[link] = lead_digest(salt, "id", linked.lead_id)
        named = {change.lead for change in asked if change.lead is not None}
        self._load({claim.source for claim in claims}, named | set(self._lead_of.values()))

    def of(self, claim: Claim) -> Standing:
        """Give what decides about one of them."""
        asked = claim.change
        assert asked is not None, "a change"
        linked = next((self._linked[link] for link in asked.links if link in self._linked), None)
        lead = asked.lead
        if asked.links:
            lead = next(
                (self._lead_of[link] for link in asked.links if link in self._lead_of), None
            )
        last, status, other = None, None, None
        if lead is not None:
            last, status = self._last.get(lead), self._status.get(lead)
            other = self._under_way.get(lead)
        return Standing(lead, linked, self._own.get(claim.source), last, status, other)

    def claimed(self, claim: Claim, standing: Standing, run: str) -> None:
        """Take note that one of them is going to be sent."""
        if standing.lead is not None:
            self._under_way[standing.lead] = (claim.source, run)

    def knows(self, source: str) -> bool:
        """Say whether the journal has a row of this change."""
        return source in self._known

    def _load(self, sources: Collection[str], about: Collection[str]) -> None:
        self._known: set[str] = set()
        self._own: dict[str, Delivered] = {}
        self._last: dict[str, Delivered] = {}
        self._status: dict[str, str] = {}
        self._under_way: dict[str, tuple[str, str]] = {}
        rows = [
            *_TOLD_OF.ask(self._connection, sources),
            *_TOLD_ABOUT.ask(self._connection, about),
        ]
        for row in sorted(rows, key=lambda row: row.delivered_at or 0):
            self._known.add(row.source)
            if row.state in UNSETTLED:
                self._under_way[row.lead] = (row.source, row.run)
            if row.delivered_digest is None:
                continue
            delivered = Delivered(
                row.source, row.lead, row.delivered_digest, row.delivered_status, row.delivered_at
            )
            self._own[row.source] = delivered
            self._last[row.lead] = delivered  # the latest comes last
            if row.delivered_status is not None:
                self._status[row.lead] = row.delivered_status


class _Row(NamedTuple):
    source: str
    state: str
    run: str
    lead_id: str | None
    twin: str | None


def find_linked(connection: Connection, links: Collection[str]) -> dict[str, Linked]:
    """Follow each source to the record that made the lead, through duplicates."""
    found: dict[str, Linked] = {}
    at = {link: link for link in links}
    for _ in range(_LONGEST_CHAIN):
        rows = _rows(connection, set(at.values()))
        further: dict[str, str] = {}
        for link, source in at.items():
            if (row := rows.get(source)) is None:
                continue
            found[link] = Linked(*row[:4])
            if row.lead_id is None and row.state == State.DUPLICATE and row.twin:
                further[link] = row.twin
        if not further:
            break
        at = further
    return found


def _rows(connection: Connection, sources: Collection[str]) -> dict[str, _Row]:
    return {row.source: _Row(*row) for row in _LEADS_MADE_OF.ask(connection, sources)}
