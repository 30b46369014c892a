"""A first mapping for a stream never seen before, from its SCHEMA and its records.

It is for people to look over. Everything in it can be explained: by the name of a column,
and by what its values look like. Offline, and the same for the same stream. No value of a
record gets into a suggestion.

The way: `places` finds where values are, `evidence` looks at them, `candidates` brings both
together, `proposal` chooses, `trial` tries it out, `known` compares it with the presets,
`document` writes it down. Of deals no leads are made: `deals` looks for the preset that makes
changes of leads of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_octanist.leads.suggest.deals import propose_changes
from target_octanist.leads.suggest.known import preset_of_answers
from target_octanist.leads.suggest.places import properties_of
from target_octanist.leads.suggest.proposal import Proposal, propose
from target_octanist.leads.suggest.sample import Sample
from target_octanist.leads.suggest.streams import DEALS, why_no_leads, why_one_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Sample", "Suggestion", "suggest", "suggest_mapping"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What there is to say about one stream.

    Attributes:
        stream: Its name.
        count: How many records it has.
        read: How many of them were looked at.
        proposal: A mapping or a preset, or None.
        why_not: Why there is none, as half a sentence.
    """

    stream: str
    count: int
    read: int
    proposal: Proposal | None
    why_not: str | None = None


def suggest(stream: str, schema: Mapping[str, Any], sample: Sample) -> Suggestion:
    """Suggest a mapping for a stream, or say why there is none.

    Args:
        stream: Its name.
        schema: The JSON schema of its SCHEMA message; may be empty.
        sample: Its records; may be empty.
    """
    records = sample.records
    columns = list(dict.fromkeys([*properties_of(schema), *(k for r in records for k in r)]))
    why_not = why_no_leads(stream, columns)
    if why_not == DEALS:
        proposal = propose_changes(schema, records)
        why_not = None if proposal else why_not
    else:
        proposal = None if why_not else propose(stream, schema, records)
    if proposal is None and why_not is None:
        why_not = _why_nobody(stream, columns, records)
    return Suggestion(stream, sample.count, len(records), proposal, why_not)


def _why_nobody(stream: str, columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> str:
    why_not = why_one_answer(columns, records)
    if why_not is None:
        return "it has neither e-mail addresses nor phone numbers"
    preset = preset_of_answers(stream, records)
    return f"{why_not}; or see `octanist presets {preset}`" if preset else why_not


def suggest_mapping(stream: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping for a stream with this SCHEMA; empty if it looks like no lead."""
    proposal = suggest(stream, schema, Sample()).proposal
    return {} if proposal is None else dict(proposal.mapping)
