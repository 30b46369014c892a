"""Whether the name of a column speaks of consent, and to what."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_octanist.leads.suggest.vocabulary import Words

Purpose = Literal["analytics", "marketing"]

# Beginnings of words, as `vocabulary.words` folds them: one for `zustimmen` and `Zustimmung`.
_PURPOSES: Mapping[Purpose, tuple[str, ...]] = {
    "analytics": tuple("analytic analytisch analiti analityk statist estadist".split()),
    "marketing": tuple("marketing advertis werbung publicit publicid pubblicit reklam".split()),
}
_CONSENT = tuple(
    "consent optin optedin optout optedout toestemming akkoord einwillig zustimm consenso "
    "consentim aceit acepto accept accett agree zgod permission gdpr dsgvo rgpd rodo cookie "
    "newsletter nieuwsbrief subscri unsubscri basis".split()
)
_INVERTED = tuple("optout optedout unsubscri uitschrij abmeld declin denied refus revok".split())
_INVERTING = frozenset("out not no dont withdrawn".split())
# A consent has a time, a text and a version, which are neither yes nor no.
_ABOUT_IT = frozenset(
    "date at time timestamp on datum text version ip source url id method count reason".split()
)


@dataclass(frozen=True, slots=True)
class Consent:
    """What a name says about consent.

    Attributes:
        purpose: What it is given for; None where the name does not say.
        named: Whether the name speaks of consent, and not of its purpose alone.
        inverted: Whether a yes in this column is a no, as in ``Email_Opt_Out``.
    """

    purpose: Purpose | None
    named: bool
    inverted: bool


def consent(name: Words) -> Consent | None:
    """What these words say about consent; None if nothing."""
    # `opt in`, `opted out` and `opt_in` are two words of one thing.
    said = (*name, *(first + second for first, second in pairwise(name)))
    named = any(word.startswith(_CONSENT) for word in said)
    purposes = [
        purpose for purpose, stems in _PURPOSES.items() if any(w.startswith(stems) for w in name)
    ]
    if not (named or purposes) or not _ABOUT_IT.isdisjoint(name):
        return None
    inverted = any(word.startswith(_INVERTED) for word in said)
    return Consent(
        purposes[0] if len(purposes) == 1 else None,
        named,
        inverted or not _INVERTING.isdisjoint(name),
    )
