"""From what was found in a stream to a mapping for it, with reasons.

Everything is decided by rules that can be said in a sentence: nothing is weighed, and the
same stream always gives the same proposal.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from target_octanist.leads.normalise import boolean
from target_octanist.leads.paths import compile_path
from target_octanist.leads.schema import CONSENT_KEYS, FIELDS
from target_octanist.leads.suggest.candidates import (
    SURE,
    Candidate,
    Findings,
    find_candidates,
    reason,
)
from target_octanist.leads.suggest.flags import choose_flags
from target_octanist.leads.suggest.known import about_presets
from target_octanist.leads.suggest.names import choose_name
from target_octanist.leads.suggest.options import (
    Option,
    from_column,
    from_page,
    is_mirror,
    spec_of,
    that_add_something,
    that_differ,
)
from target_octanist.leads.suggest.places import find_places
from target_octanist.leads.suggest.trial import Trial, try_out
from target_octanist.leads.urls import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NAME_PARTS = ("name", "bare_name", "first_name", "middle_name", "last_name")
_OF_A_PERSON = frozenset((*_NAME_PARTS, "email", "phone"))
_CLICK_IDS = tuple(name for name, one in FIELDS.items() if one.group == "click")
# Of these a second column may know what the first does not; of the others one is meant.
_SEVERAL = frozenset(("email", "phone", *_CLICK_IDS))
# Lead field → the part that it is made of.
_MADE_OF = {"website": "landing_page"}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping for one stream, or a preset that makes changes of leads of it.

    Attributes:
        mapping: As it goes into the configuration; it compiles.
        why: Key of the mapping → how sure it is, and what speaks for it.
        fills: Key of the mapping → how many of the records would fill it.
        leads: How many of the records would make a lead.
        notes: What was not found, left out or should be looked at, as sentences.
        preset: The name of the preset that takes the place of the mapping, or None.
        changes: How many of the records would change a lead.
    """

    mapping: Mapping[str, Any]
    why: Mapping[str, str]
    fills: Mapping[str, int]
    leads: int
    notes: Sequence[str]
    preset: str | None = None
    changes: int = 0

    @property
    def settings(self) -> dict[str, Any]:
        """What goes into the settings of the stream."""
        if self.preset is None:
            return {"mapping": dict(self.mapping)}
        return {"mode": "update", "preset": self.preset}


def propose(
    stream: str, schema: Mapping[str, Any], records: Sequence[Mapping[str, Any]]
) -> Proposal | None:
    """Propose a mapping for a stream; None if it has neither e-mail nor phone."""
    findings = find_candidates(find_places(schema, records), records)
    draft = _Draft(findings, _person(findings), records)
    if not (draft.best("email") or draft.best("phone")):
        return None
    draft.add_name()
    for name in FIELDS:
        draft.add_field(name)
    draft.add_consent()
    trial = draft.try_out()
    notes = (
        *about_presets(stream, trial, records),
        *(*trial.notes, *draft.notes, *draft.warnings(), *draft.missing()),
    )
    return Proposal(draft.mapping, draft.why, trial.fills, trial.leads, notes)


def _person(findings: Findings) -> str:
    """Where the person is: in the record itself, or in a list of people that it has."""
    filled: Counter[str] = Counter()
    for name in ("email", "phone"):
        for candidate in findings.by_field.get(name, ()):
            if not candidate.is_doubtful:
                filled[candidate.place.person] += candidate.evidence.filled
    # The record itself comes first, unless only a list has somebody who can be reached.
    return min(filled, key=lambda person: (not filled[person], person), default="")


@dataclass(slots=True)
class _Draft:
    """A proposal being made."""

    findings: Findings
    person: str
    records: Sequence[Mapping[str, Any]]
    mapping: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def best(self, name: str) -> list[Candidate]:
        """The candidates of a field that are of this person, those without values last."""
        places = {self.person} if name in _OF_A_PERSON else {"", self.person}
        fitting = [
            candidate
            for candidate in self.findings.by_field.get(name, ())
            if candidate.place.person in places
        ]
        # What may be somebody else's is better than nothing, but no second choice.
        sure = [candidate for candidate in fitting if not candidate.is_doubtful]
        return sorted(sure or fitting, key=lambda candidate: not candidate.evidence.filled)

    def add_name(self) -> None:
        best = {part: found[0] for part in _NAME_PARTS if (found := self.best(part))}
        choice = choose_name(best, self.records)
        if choice is not None:
            self._add("name", choice.spec, choice.used)

    def add_field(self, name: str) -> None:
        options = self._options(name)
        if name in self.mapping or not options:
            return
        chosen = (that_add_something if self.records else that_differ)(options)
        self._add(name, self._spec(name, chosen), (option.candidate for option in chosen))
        self._note_others(name, chosen, options)

    def _options(self, name: str) -> list[Option]:
        """Columns, and parameters of the landing page, that can fill a field."""
        names = ("fbc", "fbclid") if name == "fbc" and self.best("created") else (name,)
        options: list[Option] = []
        for one in names:
            found = self.best(_MADE_OF.get(one, one))
            found = found if name in _SEVERAL else found[:1]
            options += (from_column(candidate, self.records) for candidate in found)
        for page in self.best("landing_page")[:1]:
            if page.evidence.parameters[names[-1]]:
                options.append(from_page(page, names[-1], self.records))
        return options or self._page(name)

    def _page(self, name: str) -> list[Option]:
        pages = self.best("landing_page")[:1] if name == "path" else []
        return [from_column(page, self.records) for page in pages]

    def _spec(self, name: str, chosen: list[Option]) -> Any:
        spec = spec_of(chosen)
        if any(option.candidate.field == "landing_page" for option in chosen) and name in PARTS:
            return {"from": spec, "part": name}
        if name == "fbc" and any(option.candidate.field != "fbc" for option in chosen):
            whole = spec if isinstance(spec, dict) else {"from": spec}
            return {**whole, "time": self.best("created")[0].path}
        return spec

    def add_consent(self) -> None:
        if set(CONSENT_KEYS) <= self.mapping.keys():
            return
        flags, notes = choose_flags(self.findings.consents)
        self.notes += notes
        if flags:
            self.mapping["consent"] = {flag: found.place.path for flag, found in flags.items()}
            has_values = all(found.evidence.filled for found in flags.values())
            self.why["consent"] = reason(SURE if has_values else "name")

    def _add(self, name: str, spec: Any, used: Iterable[Candidate]) -> None:
        self.mapping[name] = spec
        weakest = max(used, key=lambda candidate: (candidate.is_doubtful, candidate.basis != SURE))
        self.why[name] = reason(weakest.basis, is_doubtful=weakest.is_doubtful)

    def _note_others(self, name: str, chosen: list[Option], options: list[Option]) -> None:
        others: list[Option] = []
        for option in options:
            is_column = isinstance(option.entry, str)
            if is_column and option not in chosen and not is_mirror(option, [*chosen, *others]):
                others.append(option)
        if others:
            listed = ", ".join(option.candidate.path for option in others)
            self.notes.append(f"Also {name}, but adding nothing to these records: {listed}.")

    def try_out(self) -> Trial:
        """Try the mapping out, and phone numbers with their country where that helps."""
        trial = try_out(self.mapping, self.records)
        phone, countries = self.mapping.get("phone"), self.best("country")
        if phone is None or not trial.without_country or not countries:
            return trial
        mapping = {**self.mapping, "phone": {"from": phone, "region": countries[0].path}}
        helped = try_out(mapping, self.records)
        if helped.without_country < trial.without_country and helped.leads >= trial.leads:
            self.mapping, trial = mapping, helped
        return trial

    def warnings(self) -> Iterable[str]:
        """What to look at before such records are sent."""
        if self.person:
            where = self.person.removesuffix("[0]")
            second = compile_path(f"{where}[1]").read
            more = sum(second(record) is not None for record in self.records)
            yield f"A record makes one lead, of the first in {where}; {more} records have more."
        for candidate in self.best("deleted")[:1]:
            read = compile_path(candidate.path).read
            # A date of deletion is not a word, and means yes.
            deleted = sum(any(boolean(read(record))) for record in self.records)
            if deleted:
                yield (
                    f"{candidate.path} is set in {deleted} of the records, which are sent all "
                    "the same; a __filter__ in stream_maps can leave them out."
                )

    def missing(self) -> Iterable[str]:
        """What was looked for in vain."""
        for name in ("name", "email", "phone"):
            if name not in self.mapping:
                called_so = self.findings.contradicted.get(name, ())
                but = f"; {called_so[0].path} holds something else" if called_so else ""
                yield f"Not found: {name}{but}."
        for candidate in self.best("fbclid")[: "fbc" not in self.mapping]:
            yield f"Left out: {candidate.path}: fbc is made of fbclid and a time, and none was found."
        ids = [name for name in _CLICK_IDS if name not in self.mapping]
        if ids:
            yield f"Not found: {', '.join(ids)}."
        if not {"consent", *CONSENT_KEYS} & self.mapping.keys():
            yield (
                "Not found: a column that is clearly consent to marketing or to analytics; "
                "without one Octanist takes it as denied."
            )
