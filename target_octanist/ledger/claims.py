"""Has it been sent before? Decides about one record from what the journal knows; pure.

All of deduplication is here: the same source record, the same person, and what must
wait because somebody is just about to settle it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from msgspec import Struct

from target_octanist.ledger.tables import UNSETTLED, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_octanist.ledger.changes import Change

#: Rows that a record of the same person must not be sent beside.
TAKEN = (State.CLAIMED, State.SENDING, State.DELIVERED, State.IN_DOUBT)

#: What nobody sends again by itself, whatever the record says by now (see `decide`).
FOR_GOOD: Final = frozenset({State.DELIVERED.value, State.DUPLICATE.value, State.IN_DOUBT.value})

#: Rows whose record may have another chance.
_REFUSED = {State.FILTERED, State.REJECTED}

#: ``code`` of dead letters that the API never judged: a re-run tries them again.
UNDELIVERABLE = "UNDELIVERABLE"
UNMAPPABLE = "UNMAPPABLE"
#: Refused before the mapping; what is kept is as the tap sent it, ahead of any stream map.
INVALID_RECORD = "INVALID_RECORD"

#: ``code`` of changes that this side held back: each time anew, for things may have changed.
TRANSITION = "TRANSITION"

#: ``code`` of changes of a lead that the API does not have. It may have it the next time.
NOT_FOUND = "NOT_FOUND"

#: ``code`` of a claim that leaves a lead as it is; it is written down nowhere.
NOTHING = "NOTHING"

#: Nobody judged these for good.
_UNJUDGED = {UNDELIVERABLE, UNMAPPABLE, INVALID_RECORD, TRANSITION, NOT_FOUND}

#: ``code`` of what was a dead letter, until a human gave it up.
DISCARDED = "DISCARDED"


class Refused(NamedTuple):
    """A filtered or rejected row, as a human saw it who wants its record tried again."""

    state: State
    payload_digest: str


class Fingerprint(NamedTuple):
    """By what a record is known if it comes again as it is.

    Attributes:
        record: The source of the record.
        digest: Of its bytes, and of all that decides how they are mapped.
        makes_lead: Whether a lead is made of it.
    """

    record: str
    digest: str
    makes_lead: bool


# Created once per record; a Struct is ten times cheaper than a dataclass.
class Claim(Struct, frozen=True, gc=False):
    """What one record asks of the journal.

    Attributes:
        source: Digest that names the source record.
        persons: Digests of the person; any match inside the window is a duplicate.
        window_start: The oldest time (ms) at which a person counts as already sent.
        payload: The lead as JSON text, or None if the record could not be mapped.
        reason: Why it could not be mapped; set if and only if `payload` is None.
        record: The source record as JSON text; kept only for a record that is rejected.
        code: Of the dead letter, if it becomes one.
        again: What became of the record, if a human wants it tried again. The journal keeps
            what it has of the record, for the case that it is refused once more.
        change: Set if it is not a lead, but what became of one; `payload` is then without
            the lead's id where that is still to be found out.
        looks_up: Whether the API is to be asked for a lead of the same person first.
        fingerprint: That of its record, if this is all (or the last) that is made of it.
    """

    source: str
    stream: str
    persons: tuple[str, ...]
    window_start: int
    payload_digest: str
    payload: str | None
    reason: str | None = None
    record: str | None = None
    code: str = UNMAPPABLE
    again: Refused | None = None
    change: Change | None = None
    looks_up: bool = False
    fingerprint: Fingerprint | None = None


VerdictKind = Literal[
    "send",
    "start",
    "duplicate",
    "rejected",
    "behind",
    "busy",
    "filtered",
    "pending",
    "held",
    "skipped",
    "replaced",
]


class Verdict(NamedTuple):
    """What the journal says to a claim.

    Attributes:
        kind: ``send`` (it is now claimed), ``start`` (the same, and it is sent as soon as
            this is on disk), ``duplicate``, ``rejected`` (stored as dead
            letter), ``behind`` (wait for `other`, which this run is about to settle) or
            ``busy`` (another live run has it; ask again later). To a change also
            ``filtered`` (not allowed), ``pending`` (kept until its lead is there), ``held``
            (not before all of them are counted), ``skipped`` (there is nothing to change) or
            ``replaced`` (a later version of its record has come since it was pending, or a dead
            letter).
        other: The source of the lead that decides, where there is one; of what is held, the
            lead that it is about.
        payload: What is to be sent, if that is not what was claimed.
    """

    kind: VerdictKind
    other: str | None = None
    payload: str | None = None


_SENDS = Verdict("send")
STARTS = Verdict("start")
REPLACED = Verdict("replaced")


class Known(NamedTuple):
    """The row of a source record that the journal already has."""

    state: str
    run: str
    payload_digest: str
    code: object


class Taken(NamedTuple):
    """A lead of the same person that was sent, or is about to be."""

    source: str
    state: str
    run: str
    at: int


def undecided(claims: Sequence[Claim], known: Mapping[str, Known]) -> list[Claim]:
    """Give the claims about which persons may decide; of the others their own row does."""
    return [
        claim
        for claim in claims
        if (row := known.get(claim.source)) is None or row.state in _REFUSED
    ]


def decide(
    claim: Claim, row: Known | None, taken: Mapping[str, Sequence[Taken]], run: str
) -> Verdict:
    """Decide about one record.

    Args:
        claim: The record.
        row: What the journal has of this source record, if anything.
        taken: Digest of a person to the leads of that person which count.
        run: This run, whose own claims are waited for in another way than others'.
    """
    if row is not None:
        if row.state in UNSETTLED:
            return Verdict("behind" if row.run == run else "busy", claim.source)
        if row.state in {State.DELIVERED, State.DUPLICATE, State.IN_DOUBT}:
            return Verdict("duplicate")
        if not has_a_chance(claim, row):
            return Verdict("duplicate")
    if claim.payload is None:
        return Verdict("rejected")
    for person in claim.persons:
        for other in taken.get(person, ()):
            if other.source == claim.source:
                continue
            if other.state in UNSETTLED:
                return Verdict("behind" if other.run == run else "busy", other.source)
            if other.state == State.IN_DOUBT or other.at >= claim.window_start:
                return Verdict("duplicate", other.source)
    return _SENDS


def has_a_chance(claim: Claim, row: Known) -> bool:
    """Say whether a record may be tried again that was filtered or rejected.

    No lead was made of it, so a changed payload has a chance of its own. The same payload
    would only be refused again, unless nobody ever judged it or a human asks for it.
    """
    if claim.again is not None:
        # Another run may have had a newer version of the record by now.
        return row.code != DISCARDED and (row.state, row.payload_digest) == claim.again
    if claim.payload is None:
        return row.code != DISCARDED
    judged = row.code not in _UNJUDGED
    return not judged or row.payload_digest != claim.payload_digest
