"""A change of a lead: is it to be told? Decides from what the journal knows; pure.

A change is sent only if it differs from what was last delivered: by its own record, and
about its lead by whichever record. Changes of one lead go out one after the other, and
behind the lead itself. Of each change

1. `versions` says whether a later one of the same record has come already,
2. `standings` finds its lead, and what was told of it before,
3. `decide_change` says what becomes of it,
4. `told` writes down what is sent and delivered, and `pending` what waits for its lead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from target_octanist.ledger.claims import NOTHING, Claim, Known, Taken, Verdict, has_a_chance
from target_octanist.ledger.tables import UNSETTLED, State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from target_octanist.ledger.standings import Linked, Standing

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


class Holding(NamedTuple):
    """Which changes are held until all of them are counted.

    Attributes:
        leads: Those of which changes are held already.
        began: Changes are held of what was told before this time (ms since 1970 UTC).
    """

    leads: Collection[str]
    began: int


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
        if row.state in UNSETTLED:
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
    if linked is not None and linked.state in UNSETTLED:
        return Verdict("behind" if linked.run == run else "busy", linked.source)
    if standing.lead is None:
        return Verdict("pending")
    for person in claim.persons:
        for lead in taken.get(person, ()):
            if lead.state in UNSETTLED:
                return Verdict("behind" if lead.run == run else "busy", lead.source)
    return None


def _addressed(payload: str, linked: Linked | None) -> str:
    """Name the lead in a payload, if that was still to be done."""
    if linked is None:
        return payload
    return f'{{"id":{json.dumps(linked.lead_id)},{payload[1:]}'
