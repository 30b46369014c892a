"""Which columns become the two flags of the consent shorthand.

Consent is the one field that must not be guessed: a column counts only if its name says what
for, its values are yes and no, and a yes is a yes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_octanist.leads.suggest.vocabulary import unwrapped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_octanist.leads.suggest.candidates import ConsentCandidate
    from target_octanist.leads.suggest.consent import Purpose
    from target_octanist.leads.suggest.vocabulary import Words

# A word or two that nobody knows is a slip; more of them are another kind of column.
_NEARLY_ALL = 0.9


def choose_flags(
    consents: Iterable[ConsentCandidate],
) -> tuple[dict[Purpose, ConsentCandidate], list[str]]:
    """Choose the column of each flag, and say why the others are left out."""
    flags: dict[Purpose, ConsentCandidate] = {}
    notes: dict[Words, str] = {}
    for candidate in sorted(consents, key=lambda one: len(one.place.within)):
        purpose = candidate.said.purpose
        against = _why_not(candidate)
        if against is None and purpose is not None:
            best = flags.get(purpose)
            if best is None or best.evidence.filled < candidate.evidence.filled:
                flags[purpose] = candidate
        elif candidate.said.named:
            # Taps write one column at two places.
            note = f"Left out of consent: {candidate.place.path}: {against}."
            notes.setdefault(unwrapped(candidate.place.long_name), note)
    return dict(sorted(flags.items())), list(notes.values())


def _why_not(candidate: ConsentCandidate) -> str | None:
    said, evidence, types = candidate.said, candidate.evidence, candidate.place.types
    if said.inverted:
        return "its yes is a no"
    if said.purpose is None:
        return "it does not say whether to marketing or to analytics"
    if types and not types & {"boolean", "string", "integer"}:
        return "its type is not yes or no"
    if candidate.place.form in ("date-time", "date"):
        return "it is a date"
    if evidence.filled and evidence.share("flag", "word") < _NEARLY_ALL:
        return "its values are not all yes or no"
    # Without the word consent, a 1 or a true may be about anything in marketing.
    if not said.named and evidence.looks["word"] <= evidence.looks["number"]:
        return "its values are not words of consent"
    return None
