"""Whether a stream has the columns that a mapping reads.

JSON schemas of taps are of all sorts: objects without properties, `anyOf`, `{}` for
anything. Only what a schema rules out is reported; where it leaves a thing open, it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from target_octanist.leads.problems import did_you_mean
from target_octanist.leads.spec import Spec

if TYPE_CHECKING:
    from target_octanist.leads.custom import CustomSpec
    from target_octanist.leads.paths import Path

_UNIONS = ("anyOf", "oneOf", "allOf")


def check_columns(
    specs: Mapping[str, Spec | CustomSpec], schema: Any, where: str
) -> tuple[list[str], list[str]]:
    """What is read and cannot be there.

    Returns:
        One sentence for each required field that has no column left, and one for each
        other column that is missing.
    """
    errors: list[str] = []
    warnings: dict[str, list[str]] = {}
    for name, spec in specs.items():
        at = f"{where}.{name}"
        if spec.required and is_lost(spec, schema):
            errors.append(f"{at}: is required, but {_lost_columns(spec, schema)}")
            continue
        for place, missing in _missing_columns(spec, schema, at):
            warnings.setdefault(missing, []).append(place)
    # The consent shorthand is up to four fields, and one mistake.
    return errors, [f"{', '.join(at)}: {missing}" for missing, at in warnings.items()]


def _missing_columns(spec: Spec | CustomSpec, schema: Any, at: str) -> Iterator[tuple[str, str]]:
    for place, one in _ordinary(at, spec):
        # A list names alternatives: presets list all that they have ever seen.
        found = [[_missing(path, schema) for path in source.paths] for source in one.sources]
        if all(any(parts) for parts in found):
            yield from ((place, part) for parts in found for part in parts if part)
        second = one.beside and _missing(one.beside.path, schema)
        if one.beside and second:
            yield f"{place}.{one.beside.key}", second


def missing_keys(names: Iterable[str], schema: Any, where: str) -> list[str]:
    """A sentence for each column that is to name a record and cannot be there."""
    known = _properties(schema)
    if known is None:
        return []
    return [
        f'{where}: the stream has no column "{name}"{did_you_mean(name, known)}'
        for name in names
        if name not in known
    ]


def is_lost(spec: Spec | CustomSpec, schema: Any) -> bool:
    """Whether no record of this stream can have a value."""
    if not isinstance(spec, Spec):
        return not spec.rest and all(is_lost(picked, schema) for _, picked in spec.pick)
    return spec.default is None and all(
        source.paths and all(_missing(path, schema) for path in source.paths)
        for source in spec.sources
    )


def _lost_columns(spec: Spec | CustomSpec, schema: Any) -> str:
    paths = [
        path for _, one in _ordinary("", spec) for source in one.sources for path in source.paths
    ]
    if len(paths) == 1:
        return str(_missing(paths[0], schema))
    known = _properties(schema) or {}
    hints = [did_you_mean(path.text, known) for path in paths]
    hint = next((hint for hint in hints if hint != "."), ".")
    names = ", ".join(f'"{path.words}"' for path in paths)
    return f"the stream has none of its columns {names}{hint}"


def _ordinary(at: str, spec: Spec | CustomSpec) -> Iterator[tuple[str, Spec]]:
    if isinstance(spec, Spec):
        yield at, spec
    else:
        for label, picked in spec.pick:
            yield f"{at}.pick.{label}", picked


def _missing(path: Path, schema: Any) -> str | None:
    """What a path looks for in vain, as a sentence; None if it may be there."""
    known = _properties(schema)
    if known is None or path.text in known:
        return None
    if path.steps is None:
        lost = sorted(path.columns - known.keys() - {path.text})
        if not lost or len(lost) < len(path.columns - {path.text}):
            return None
        return f'the stream has no column "{lost[0]}"{did_you_mean(lost[0], known)}'
    current = schema
    done: list[str] = []
    for step in path.steps:
        if not isinstance(step, str):
            current = _items(current)
            continue
        known = _properties(current)
        if known is None:
            return None
        if step not in known:
            inside = f'"{".".join(done)}" has no' if done else "the stream has no column"
            return f'{inside} "{step}"{did_you_mean(step, known)}'
        current = known[step]
        done.append(step)
    return None


def _properties(schema: Any) -> dict[str, Any] | None:
    """The properties of an object's schema, over all its alternatives; None if it is open."""
    if not isinstance(schema, Mapping):
        return None
    found: dict[str, Any] = {}
    is_closed = False
    own = schema.get("properties")
    if isinstance(own, Mapping):
        found.update(own)
        is_closed = bool(own)
    if schema.get("additionalProperties") or schema.get("patternProperties"):
        return None
    for union in _UNIONS:
        alternatives = schema.get(union)
        for alternative in alternatives if isinstance(alternatives, list) else ():
            if _has_no_properties(alternative):
                continue
            inner = _properties(alternative)
            if inner is None:
                return None
            found.update(inner)
            is_closed = True
    return found if is_closed else None


def _has_no_properties(schema: Any) -> bool:
    """Whether this alternative is certainly no object: text, null and the like."""
    kinds = schema.get("type") if isinstance(schema, Mapping) else None
    named = [kinds] if isinstance(kinds, str) else kinds
    return isinstance(named, list) and bool(named) and "object" not in named


def _items(schema: Any) -> Any:
    return schema.get("items") if isinstance(schema, Mapping) else None
