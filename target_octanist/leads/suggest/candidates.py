"""Which places can fill which lead field, best first, and what speaks for each of them.

Two witnesses are heard: the name of a place and the values in it. A name whose values
contradict it is not believed; values without a name are, where they cannot be mistaken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from target_octanist.leads.schema import FIELDS
from target_octanist.leads.suggest.consent import Consent, consent
from target_octanist.leads.suggest.evidence import CLICK_ID_LOOKS, Evidence, examine
from target_octanist.leads.suggest.vocabulary import (
    Meaning,
    is_transparent,
    meaning,
    names_people,
    of_others,
    unwrapped,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_octanist.leads.suggest.places import Place

Basis = Literal["name and values", "name", "values"]
SURE: Basis = "name and values"

_HALF = 0.5
# A place without a telling name has to be what it looks like nearly always, and not by chance.
_NEARLY_ALL = 0.8
_NOT_BY_CHANCE = 3
# Forms that identify a value, whatever its column is called → the field.
_TELLING = {
    "email": "email",
    "sure_phone": "phone",
    **{name: name for name in CLICK_ID_LOOKS},
}
_NUMBERS = frozenset(("integer", "number"))
# These are in everything that has a name; only in a person's own object are they the person's.
_EVERYTHING_HAS_ONE = (
    "name",
    "bare_name",
    "note",
    "path",
    "website",
    "created",
    "deleted",
    "country",
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that can fill a field.

    Attributes:
        place: Where it is.
        field: A lead field, or a part that one is made of.
        basis: What speaks for it.
        evidence: What its values look like.
        is_doubtful: Whether it is in an object that may be about somebody else.
        plainness: 0 for the plainest name, more for one that is less so.
    """

    place: Place
    field: str
    basis: Basis
    evidence: Evidence
    is_doubtful: bool
    plainness: int

    @property
    def path(self) -> str:
        return self.place.path

    def is_mirror_of(self, other: Candidate) -> bool:
        """Whether the two are one column that a tap writes at two places."""
        return unwrapped(self.place.long_name) == unwrapped(other.place.long_name)

    @property
    def order(self) -> tuple[bool, bool, int, int]:
        """Sorts the best first."""
        depth = len(self.place.within)
        return self.is_doubtful, self.basis == "values", self.plainness, depth


@dataclass(frozen=True, slots=True)
class ConsentCandidate:
    """A place whose name speaks of consent."""

    place: Place
    said: Consent
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in a stream.

    Attributes:
        by_field: Lead field or part → candidates, best first.
        consents: In the order of the stream.
        contradicted: Lead field or part → places that are called like it and hold
            something else.
    """

    by_field: Mapping[str, Sequence[Candidate]]
    consents: Sequence[ConsentCandidate]
    contradicted: Mapping[str, Sequence[Place]]


def find_candidates(places: Sequence[Place], records: Sequence[Mapping[str, Any]]) -> Findings:
    """Hear both witnesses on every place."""
    by_field: dict[str, list[Candidate]] = {}
    contradicted: dict[str, list[Place]] = {}
    consents: list[ConsentCandidate] = []
    for place in places:
        evidence = examine(place.path, records)
        found, around = _what_is_named(place)
        is_doubtful = not all(map(_is_of_the_lead, around))
        if found is not None:
            if is_doubtful and found.field in _EVERYTHING_HAS_ONE:
                continue
            agrees = _agrees(found.field, place, evidence)
            if agrees is False:
                contradicted.setdefault(found.field, []).append(place)
                continue
            basis: Basis = SURE if agrees else "name"
            candidate = Candidate(place, found.field, basis, evidence, is_doubtful, found.rank)
        elif (said := consent(place.long_name)) is not None:
            consents.append(ConsentCandidate(place, said, evidence))
            continue
        elif (field := _told_by_values(place, evidence)) is not None:
            candidate = Candidate(place, field, "values", evidence, is_doubtful, 0)
        else:
            continue
        by_field.setdefault(candidate.field, []).append(candidate)
    for candidates in by_field.values():
        candidates.sort(key=lambda candidate: candidate.order)
    return Findings(by_field, consents, contradicted)


def reason(basis: Basis, *, is_doubtful: bool = False) -> str:
    """How sure a source is, in a word, and what speaks for it."""
    if is_doubtful:
        return f"low: {basis}, but perhaps another's"
    return f"high: {basis}" if basis == SURE else f"medium: {basis}"


def _what_is_named(place: Place) -> tuple[Meaning | None, tuple[str, ...]]:
    """What the name of a place means, and the names around it that this does not explain.

    ``source`` in ``utm``, ``first`` in ``name`` and ``value`` in ``property_email`` mean
    something together with what they are in.
    """
    alone = meaning(place.words)
    if alone is not None or not place.within:
        return alone, place.within
    return meaning(place.long_name), place.within[:-1]


def _is_of_the_lead(name: str) -> bool:
    return is_transparent(words(name)) or names_people(words(name))


def _agrees(field: str, place: Place, evidence: Evidence) -> bool | None:
    """Whether SCHEMA and values are what the name says; None where there are no values."""
    kind = FIELDS[field].kind if field in FIELDS else _KINDS_OF_PARTS.get(field, "text")
    if kind == "any":
        return bool(evidence.filled) or None
    if kind != "time" and place.form in ("date-time", "date", "time"):
        return False
    is_id = field == "phone" or (field in FIELDS and FIELDS[field].group == "click")
    if kind == "boolean":
        fitting = frozenset(("boolean", "string", "integer"))
    else:
        fitting = frozenset(("string", "array")) | (_NUMBERS if is_id else frozenset())
    if place.types and kind != "time" and not place.types & fitting:
        return False
    if not evidence.filled:
        return None
    share = evidence.share
    match kind:
        case "email" | "phone" | "url" | "uuid":
            fits = share(kind)
        case "time":
            fits = share("time", "number")
        case "boolean":
            fits = share("flag", "word")
        case _:
            # What it looks like is what it is not: most text looks like nothing.
            fits = 1 - share("email", "url", "uuid", "time", "flag")
            fits -= 0 if is_id else share("number")
    return fits >= _HALF


_KINDS_OF_PARTS = {"landing_page": "url", "created": "time", "deleted": "any"}


def _told_by_values(place: Place, evidence: Evidence) -> str | None:
    if evidence.filled < _NOT_BY_CHANCE or of_others(place.long_name):
        return None
    for look, field in _TELLING.items():
        if evidence.share(look) >= _NEARLY_ALL:
            return field
    # A web address is the lead's landing page if it has what advertisements add to one.
    is_landing_page = evidence.parameters.total() >= _NOT_BY_CHANCE
    return "landing_page" if is_landing_page and evidence.share("url") >= _NEARLY_ALL else None
