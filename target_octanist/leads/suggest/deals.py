"""A stream of deals makes no leads; which preset makes changes of leads of it?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_octanist.leads.change import split
from target_octanist.leads.link import Link, read_link
from target_octanist.leads.mapping import LeadMapping, Mapped, compile_mapping
from target_octanist.leads.presets import Preset, load_preset, preset_names
from target_octanist.leads.problems import Problems
from target_octanist.leads.schema import CHANGE_KEYS
from target_octanist.leads.suggest.places import properties_of
from target_octanist.leads.suggest.proposal import Proposal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

# So nearly everybody calls it; other names say which CRM it is.
_USUAL = frozenset(("status", "stage", "stage_id"))


@dataclass(frozen=True, slots=True)
class _Trial:
    """What a preset makes of some records: counts, and never a value."""

    preset: Preset
    link: Link
    changes: int
    linked: int
    fills: Counter[str]
    statuses: Counter[str]


def propose_changes(
    schema: Mapping[str, Any], records: Sequence[Mapping[str, Any]]
) -> Proposal | None:
    """Propose the preset that knows these deals; None if there is none."""
    columns = frozenset([*properties_of(schema), *(name for one in records for name in one)])
    known: list[_Trial] = []
    for preset in map(load_preset, preset_names()):
        link = read_link(preset.link, preset.name, Problems())
        if preset.mode != "update" or link is None:
            continue
        mapping = compile_mapping(preset.mapping, where=preset.name, mode="update", is_linked=True)
        trial = _try_out(preset, mapping, link, records)
        if _is_meant(trial, mapping, columns) if records else _fits(mapping, link, schema):
            known.append(trial)
    if not known:
        return None
    best = max(known, key=lambda one: (one.linked, one.fills.total()))
    why = {
        name: f"preset {best.preset.name}" for name in CHANGE_KEYS if name in best.preset.mapping
    }
    notes = tuple(_notes(best, len(records)))
    return Proposal({}, why, best.fills, 0, notes, preset=best.preset.name, changes=best.changes)


def _try_out(
    preset: Preset, mapping: LeadMapping, link: Link, records: Sequence[Mapping[str, Any]]
) -> _Trial:
    changes = linked = 0
    fills: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    for record in records:
        linked += link.key_of(record) is not None
        mapped = mapping.apply(record)
        _, change = split(mapped.payload, "update") if isinstance(mapped, Mapped) else (None, None)
        if change is None or change.changes_nothing:
            continue
        changes += 1
        fills.update(change.fields.keys())
        statuses.update([change.status] if change.status else [])
    return _Trial(preset, link, changes, linked, fills, statuses)


def _is_meant(trial: _Trial, mapping: LeadMapping, columns: frozenset[str]) -> bool:
    """Whether records are of this preset: it knows stages of theirs, by its link or its names."""
    read = frozenset[str]().union(*(path.columns for path in mapping.paths()["status"]))
    named = {name for name in read & columns if name.casefold() not in _USUAL}
    return trial.statuses.total() > 0 and bool(trial.linked or named)


def _fits(mapping: LeadMapping, link: Link, schema: Mapping[str, Any]) -> bool:
    """Without records: whether the schema has what the preset reads."""
    if not properties_of(schema):
        return False
    problems = mapping.check_schema(schema, mapping.paths())
    return not problems and not link.check_schema(schema, "")


def _notes(trial: _Trial, read: int) -> Iterator[str]:
    stream = trial.link.stream
    yield (
        f"Each deal changes the lead of a record of the stream {stream}, found by "
        f"{trial.link.by.description}; that stream has to make leads, too."
    )
    if read:
        if trial.linked < read:
            yield f"{read - trial.linked} of {read} name no record of {stream}, and so no lead."
        counted = [f"{trial.statuses[name]} {name}" for name in ("qualified", "won", "lost")]
        without = read - trial.statuses.total()
        yield f"Status: {', '.join(counted)}; {without} in other stages."
    yield f"For stages of your own see `octanist presets {trial.preset.name}`."
