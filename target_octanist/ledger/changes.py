"""What became of a lead: is it to be told, and of which lead? With what the journal knows.

A change is sent only if it differs from what was last delivered: by its own record, and
about its lead by whichever record. Changes of one lead go out one after the other, and
behind the lead itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, select, update

from target_octanist.ledger.claims import NOTHING, Claim, Known, Taken, Verdict, has_a_chance
from target_octanist.ledger.statements import Question
from target_octanist.ledger.tables import State, changes, leads, pending, runs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

_UNDER_WAY: Final = (State.CLAIMED.value, State.SENDING.value)

#: Pending changes that a turn can write; their places must not run into the next turn's.
_MOST_IN_A_TURN: Final = 100_000

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

_PENDING_AMONG: Final = Question(
    select(pending.c.source).where(pending.c.source.in_(bindparam("sources", expanding=True))),
    "sources",
)

NO_WAY_BACK: Final = "the lead is won, and with `transitions: forward` it stays won"


@dataclass(frozen=True, slots=True)
class Change:
    """What a claim of a change has besides its payload.

    Attributes:
        status: The status in it, if any.
        lead: `lead_digest` of the identifier in the payload; None if it is linked instead.
        links: What the record may be called of which the lead was made: sources, of which
            the journal knows one at most.
        forward: Whether a lead that is won stays won.
        place: Where it stood among the pending ones; None for what a record says now.
        yields: Whether the record is an old one, and what was said of it since counts more.
    """

    status: str | None
    lead: str | None
    links: tuple[str, ...] = ()
    forward: bool = True
    place: int | None = None
    yields: bool = False


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


class Holding(NamedTuple):
    """Which changes are held until all of them are counted.

    Attributes:
        leads: Those of which changes are held already.
        began: Changes are held of what was told before this time (ms since 1970 UTC).
    """

    leads: Collection[str]
    began: int


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


def lead_digest(salt: bytes, name: str, value: str) -> str:
    """Give the keyed digest of how a lead is named: by ``id``, ``email`` or ``phone``."""
    text = f"lead {name} {value.casefold()}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, key=salt).hexdigest()


def change_source(salt: bytes, source: str) -> str:
    """Give the source of a change, from that of its record: it may make a lead as well."""
    return blake2b(f"change {source}".encode(), digest_size=16, key=salt).hexdigest()


def decide_change(
    claim: Claim,
    row: Known | None,
    standing: Standing,
    taken: Mapping[str, Sequence[Taken]],
    run: str,
    *,
    holding: Holding | None,
) -> Verdict:
    """Decide about one change.

    Args:
        claim: The change.
        row: What the journal has of its last change, if anything.
        standing: What it has of its lead.
        taken: Digest of a person to the leads of that person which count.
        run: This run.
        holding: What is to be held; None if nothing is.
    """
    asked = claim.change
    assert asked is not None, "a change"
    if row is not None:
        if row.state in _UNDER_WAY:
            return Verdict("behind" if row.run == run else "busy", claim.source)
        if row.state == State.IN_DOUBT and row.payload_digest == claim.payload_digest:
            return Verdict("duplicate")
        if row.state in {State.REJECTED, State.FILTERED} and not has_a_chance(claim, row):
            return Verdict("duplicate")
    if claim.payload is None:
        return Verdict("skipped" if claim.code == NOTHING else "rejected")
    in_doubt = row is not None and row.state == State.IN_DOUBT
    own = standing.own
    if own is not None and own.digest == claim.payload_digest and not in_doubt:
        return Verdict("duplicate")
    if holding is not None and standing.lead in holding.leads:
        return Verdict("held", standing.lead)
    waits = _waits_for_lead(claim, standing, taken, run)
    if waits is not None:
        return waits
    if standing.other is not None:
        other, owner = standing.other
        return Verdict("behind" if owner == run else "busy", other)
    last = standing.last
    if last is not None and last.digest == claim.payload_digest and last.source != claim.source:
        return Verdict("duplicate", last.source)
    goes_back = standing.status == "won" and asked.status not in {None, "won"}
    if asked.forward and goes_back:
        return Verdict("filtered")
    if holding is not None and own is not None and own.at < holding.began and not in_doubt:
        return Verdict("held", standing.lead)
    return Verdict("send", payload=_addressed(claim.payload, standing.linked))


def _waits_for_lead(
    claim: Claim, standing: Standing, taken: Mapping[str, Sequence[Taken]], run: str
) -> Verdict | None:
    assert claim.change is not None, "a change"
    linked = standing.linked
    if linked is not None and linked.state in _UNDER_WAY:
        return Verdict("behind" if linked.run == run else "busy", linked.source)
    if standing.lead is None:
        return Verdict("pending")
    for person in claim.persons:
        for lead in taken.get(person, ()):
            if lead.state in _UNDER_WAY:
                return Verdict("behind" if lead.run == run else "busy", lead.source)
    return None


def _addressed(payload: str, linked: Linked | None) -> str:
    """Name the lead in a payload, if that was still to be done."""
    if linked is None:
        return payload
    return f'{{"id":{json.dumps(linked.lead_id)},{payload[1:]}'


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
            if row.state in _UNDER_WAY:
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


def replaced(connection: Connection, claims: Iterable[Claim]) -> set[str]:
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


def count_pending(connection: Connection) -> list[tuple[str, int]]:
    """Count the changes that wait for their leads, by stream."""
    rows = connection.execute(
        select(pending.c.stream, func.count(pending.c.source.distinct()))
        .group_by(pending.c.stream)
        .order_by(pending.c.stream)
    )
    return [(stream, number) for stream, number in rows]
