"""The configuration of a mapping, read and checked: from plain JSON to `Spec`.

Nothing here sees a record. Every mistake becomes one sentence, and all of them are
collected, so that a mapping is corrected in one go and not in ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from target_octanist.leads.problems import Problems, did_you_mean, yaml_text
from target_octanist.leads.sources import (
    ORIGINS,
    TAKES,
    Source,
    read_path,
    read_paths,
    read_sources,
)
from target_octanist.leads.translate import SCALARS, Translation, read_map, spellings
from target_octanist.leads.words import fold_word

if TYPE_CHECKING:
    from target_octanist.leads.paths import Path

SPEC_KEYS = (
    *(*ORIGINS, *TAKES, "map", "type", "region", "time"),
    *("required", "default", "true_values", "false_values", "max_length", "cents"),
)
TYPES = ("text", "email", "phone", "boolean", "number", "url")
_BESIDES = ("region", "time")


@dataclass(frozen=True, slots=True)
class Beside:
    """A second column that a field needs: ``region`` or ``time``."""

    key: str
    path: Path


@dataclass(frozen=True, slots=True)
class Spec:
    """What the mapping says about one field; the attributes are the keys of a spec."""

    sources: tuple[Source, ...]
    translate: Translation | None = None
    kind: str | None = None
    beside: Beside | None = None
    required: bool = False
    default: Any = None
    true_values: frozenset[str] | None = None
    false_values: frozenset[str] | None = None
    max_length: int | None = None
    cents: bool = False
    const: bool = False

    @property
    def description(self) -> str:
        labels = ", ".join(source.label for source in self.sources)
        return f"first of {labels}" if len(self.sources) > 1 else labels

    @property
    def paths(self) -> tuple[Path, ...]:
        """What it reads."""
        paths = tuple(path for source in self.sources for path in source.paths)
        return paths if self.beside is None else (*paths, self.beside.path)

    @property
    def columns(self) -> frozenset[str]:
        """The top-level columns that it reads."""
        return frozenset[str]().union(*(path.columns for path in self.paths))


def read_spec(raw: Any, where: str, problems: Problems) -> Spec | None:
    """Read one spec: a path, a list of paths, or an object. None if it is unusable."""
    if isinstance(raw, (str, list)):
        return _spec(read_paths(raw, where, problems))
    if not isinstance(raw, Mapping):
        what = "must be a path (text), a list of paths or an object such as {from: …}"
        hint = (
            f"; for a fixed value write {{const: {yaml_text(raw)}}}"
            if isinstance(raw, SCALARS)
            else ""
        )
        problems.add(where, what + hint)
        return None
    spec = _spec(read_sources(raw, where, problems, SPEC_KEYS))
    return None if spec is None else _with_options(spec, raw, where, problems)


def _spec(sources: tuple[Source, ...] | None) -> Spec | None:
    if sources is None:
        return None
    return Spec(sources, const=all(source.name is None for source in sources))


def _with_options(spec: Spec, raw: Mapping[str, Any], where: str, problems: Problems) -> Spec:
    changes: dict[str, Any] = {}
    if raw.get("map") is not None:
        changes["translate"] = read_map(raw["map"], f"{where}.map", problems)
        if "default" in raw and changes["translate"] is not None:
            changes["translate"] = replace(changes["translate"], passes=False)
    kind = raw.get("type")
    if kind is not None:
        if kind in TYPES:
            changes["kind"] = kind
        else:
            what = f"must be one of {', '.join(TYPES)}, not {yaml_text(kind)}"
            problems.add(f"{where}.type", what + did_you_mean(kind, TYPES))
    for flag in ("required", "cents"):
        if raw.get(flag) is None:
            continue
        if isinstance(raw[flag], bool):
            changes[flag] = raw[flag]
        else:
            problems.add(f"{where}.{flag}", f"must be true or false, not {yaml_text(raw[flag])}")
    for key in ("true_values", "false_values"):
        if raw.get(key) is not None:
            changes[key] = _read_words(raw[key], f"{where}.{key}", problems)
    both = (changes.get("true_values") or set()) & (changes.get("false_values") or set())
    if both:
        problems.add(f"{where}.false_values", f'has "{min(both)}", and true_values has it, too')
    length = raw.get("max_length")
    if length is not None:
        if isinstance(length, int) and not isinstance(length, bool) and length > 0:
            changes["max_length"] = length
        else:
            what = f"must be a whole number of characters above 0, not {yaml_text(length)}"
            problems.add(f"{where}.max_length", what)
    if raw.get("default") is not None:
        changes["default"] = raw["default"]
    besides = [key for key in _BESIDES if raw.get(key) is not None]
    for key in besides:
        path = read_path(raw[key], f"{where}.{key}", problems)
        if path is not None:
            changes["beside"] = Beside(key, path)
    if len(besides) > 1:
        problems.add(where, "has region, which is for phone numbers, and time, which is for fbc")
    if spec.const and changes.keys() - {"kind"}:
        extra = " and ".join(key for key in raw if key not in ("const", "type"))
        problems.add(where, f"const gives every record the same value, so {extra} cannot matter")
    return replace(spec, **changes)


def _read_words(raw: Any, where: str, problems: Problems) -> frozenset[str] | None:
    if isinstance(raw, list) and raw and all(isinstance(word, SCALARS) for word in raw):
        return frozenset(fold_word(text) for word in raw for text in spellings(word))
    problems.add(where, "must be a list of words such as [ja, oui]")
    return None
