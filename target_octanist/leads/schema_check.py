"""Whether a stream has the columns that a mapping reads.

JSON schemas of taps are of all sorts: objects without properties, `anyOf`, `{}` for
anything. Only what a schema rules out is reported; where it leaves a thing open, it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from target_octanist.leads.problems import did_you_mean
from target_octanist.leads.spec import Spec

if TYPE_CHECKING:
    from target_octanist.leads.custom import CustomSpec
    from target_octanist.leads.paths import Path

_UNIONS = ("anyOf", "oneOf", "allOf")


def missing_columns(specs: Mapping[str, Spec | CustomSpec], schema: Any, where: str) -> list[str]:
    """One sentence for each column that is read and cannot be there."""
    problems: dict[str, None] = {}
    for name, spec in specs.items():
        for at, one in _ordinary(f"{where}.{name}", spec):
            # A list names alternatives: presets list all that they have ever seen.
            found = [[_missing(path, schema) for path in source.paths] for source in one.sources]
            if any(not any(parts) for parts in found):
                continue
            for parts in found:
                problems.update((f"{at}: {part}", None) for part in parts if part)
    return list(problems)


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
