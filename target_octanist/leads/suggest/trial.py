"""What a mapping makes of records: the figures and warnings of a proposal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_octanist.leads.mapping import Mapped, compile_mapping
from target_octanist.leads.schema import CONSENT_SHORTHAND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    Attributes:
        leads: How many records made a lead.
        fills: Key of the mapping → how many records fill it and make a lead.
        without_country: How many phone numbers have no country code.
        notes: What to look at, as sentences without a value.
    """

    leads: int
    fills: Mapping[str, int]
    without_country: int
    notes: Sequence[str]


def try_out(mapping: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> Trial:
    """Map the records. The mapping has to compile."""
    compiled = compile_mapping(mapping, where="suggested")
    fills: Counter[str] = Counter(dict.fromkeys(mapping, 0))
    reasons: Counter[str] = Counter()
    rules: Counter[str] = Counter()
    leads = 0
    for record in records:
        mapped = compiled.apply(record)
        if not isinstance(mapped, Mapped):
            reasons.update(reason.sentence() for reason in mapped.reasons)
            continue
        leads += 1
        rules.update(note.rule for note in mapped.notes)
        fills.update(name for name in mapping if _is_filled(name, mapping, mapped.payload))
    notes = [
        f"Would be rejected: {count} × {sentence}"
        for sentence, count in reasons.most_common(_MOST_REASONS)
    ]
    if rules["no_region"]:
        what = "phone number has" if rules["no_region"] == 1 else "phone numbers have"
        notes.append(
            f"{rules['no_region']} {what} no country code: set phone_region (such as NL) for them."
        )
    return Trial(leads, fills, rules["no_region"], notes)


def _is_filled(name: str, mapping: Mapping[str, Any], payload: Mapping[str, Any]) -> bool:
    if name != "consent":
        return name in payload
    return any(key in payload for flag in mapping[name] for key in CONSENT_SHORTHAND[flag])
