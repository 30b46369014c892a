"""Whether a stream has the shape of a preset, and what the preset would make of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_octanist.leads.presets import Preset, load_preset, preset_names
from target_octanist.leads.schema import CONSENT_KEYS
from target_octanist.leads.suggest.trial import Trial, try_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# Reads what most people call things, so it has the shape of nearly everything a little.
_GENERIC = "generic"
_BETWEEN_WORDS = re.compile(r"[-_./]")


def about_presets(stream: str, trial: Trial, records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Name the preset that finds the person as well as the trial's mapping did, as a sentence."""
    known: list[tuple[int, Preset, Trial]] = []
    for preset in _presets_for(stream) if records else ():
        tried = try_out(preset.mapping, records)
        if tried.leads and _finds_the_same_people(tried, trial):
            known.append((_total(tried), preset, tried))
    if known:
        _, preset, tried = max(known, key=lambda one: (one[1].name != _GENERIC, one[0]))
        yield (
            f"Or, in place of the mapping, preset: {preset.name}; with it {tried.leads} records "
            f"would make a lead{_compared(tried, trial)}."
        )


def preset_of_answers(stream: str, records: Sequence[Mapping[str, Any]]) -> str | None:
    """The preset that takes the answers of a form one by one, where that makes a lead."""
    for preset in _presets_for(stream) if records else ():
        if preset.name != _GENERIC and try_out(preset.mapping, records).leads:
            return preset.name
    return None


def _finds_the_same_people(preset: Trial, mapping: Trial) -> bool:
    ours, theirs = (
        {key: trial.fills.get(key, 0) for key in ("name", "email", "phone")}
        for trial in (mapping, preset)
    )
    # Somebody with a name alone cannot be reached, and a preset may leave them out.
    can_reach = theirs["email"] >= ours["email"] and theirs["phone"] >= ours["phone"]
    return can_reach and bool(theirs["name"]) >= bool(ours["name"])


def _presets_for(stream: str) -> Iterator[Preset]:
    """Those of leads in streams of this name, or of its last word: ``sales-leads``."""
    names = {stream.casefold(), _BETWEEN_WORDS.split(stream.casefold())[-1]}
    for name in preset_names():
        preset = load_preset(name)
        if preset.mode == "create" and names & {one.casefold() for one in preset.streams}:
            yield preset


def _compared(preset: Trial, mapping: Trial) -> str:
    ours, theirs = _by_meaning(mapping), _by_meaning(preset)
    more = [key for key in theirs if theirs[key] > ours.get(key, 0)]
    less = [key for key in ours if ours[key] > theirs.get(key, 0)]
    parts = [
        f"with {word} {', '.join(keys)}" for word, keys in (("more", more), ("less", less)) if keys
    ]
    return f", {' and '.join(parts)}" if parts else ", with the same fields"


def _total(trial: Trial) -> int:
    return sum(_by_meaning(trial).values())


def _by_meaning(trial: Trial) -> dict[str, int]:
    """The fills, with consent as one thing however it is mapped."""
    found: dict[str, int] = {}
    for key, count in trial.fills.items():
        name = "consent" if key in CONSENT_KEYS else key
        found[name] = max(found.get(name, 0), count)
    return found
