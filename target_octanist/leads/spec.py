"""The configuration of a mapping, read and checked: from plain JSON to `Spec`.

Nothing here sees a record. Every mistake becomes one sentence, and all of them are
collected, so that a mapping is corrected in one go and not in ten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from target_octanist.leads.paths import Path, PathError, Read, compile_path
from target_octanist.leads.problems import did_you_mean
from target_octanist.leads.template import compile_template
from target_octanist.leads.text import clean_line, is_empty, plain_text
from target_octanist.leads.words import fold_word

SPEC_KEYS = (
    *("from", "template", "const", "map", "type"),
    *("required", "default", "true_values", "max_length"),
)
TYPES = ("text", "email", "phone", "boolean", "number", "url")
_ORIGINS = ("from", "template", "const")
_SCALARS = (str, int, float, bool)


@dataclass(slots=True)
class Problems:
    """The mistakes found so far, each with the path of its setting."""

    found: list[str] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        self.found.append(f"{where}: {what if what.endswith(('.', '?')) else what + '.'}")


@dataclass(frozen=True, slots=True)
class Source:
    """One place that a value comes from.

    Attributes:
        text: How the mapping spells it; None for a constant, which is no source at all.
        read: Gives the raw value in a record.
        paths: The paths it reads.
    """

    text: str | None
    read: Read
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Spec:
    """What the mapping says about one field; the attributes are the keys of a spec."""

    sources: tuple[Source, ...]
    description: str
    translate: Translation | None = None
    kind: str | None = None
    required: bool = False
    default: Any = None
    true_values: frozenset[str] | None = None
    max_length: int | None = None
    const: bool = False


def read_spec(raw: Any, where: str, problems: Problems) -> Spec | None:
    """Read one spec: a path, a list of paths, or an object. None if it is no use at all."""
    if isinstance(raw, (str, list)):
        return _from_paths(raw, where, problems)
    if not isinstance(raw, Mapping):
        what = "must be a path (text), a list of paths or an object such as {from: …}"
        hint = (
            f"; for a fixed value write {{const: {yaml_text(raw)}}}"
            if isinstance(raw, _SCALARS)
            else ""
        )
        problems.add(where, what + hint)
        return None
    unknown = [key for key in raw if key not in SPEC_KEYS]
    for key in unknown:
        problems.add(where, f'there is no key "{key}" here{did_you_mean(key, SPEC_KEYS)}')
    origins = [key for key in _ORIGINS if key in raw]
    if len(origins) != 1:
        if not unknown or origins:
            found = f"not {' and '.join(origins)}" if origins else "which is missing here"
            problems.add(where, f"needs exactly one of from, template and const, {found}")
        return None
    spec = _ORIGIN_READERS[origins[0]](raw[origins[0]], f"{where}.{origins[0]}", problems)
    return None if spec is None else _with_options(spec, raw, where, problems)


def _from_paths(raw: Any, where: str, problems: Problems) -> Spec | None:
    if not isinstance(raw, (str, list)):
        problems.add(where, f"must be a path (text) or a list of paths, not {type_name(raw)}")
        return None
    texts = raw if isinstance(raw, list) else [raw]
    if not texts:
        problems.add(where, "is an empty list; name at least one column, or use null")
        return None
    sources = []
    for index, text in enumerate(texts):
        at = f"{where}[{index}]" if isinstance(raw, list) else where
        path = read_path(text, at, problems)
        if path is not None:
            sources.append(Source(path.text, path.read, (path,)))
    if len(sources) != len(texts):
        return None
    names = ", ".join(str(source.text) for source in sources)
    return Spec(tuple(sources), f"first of {names}" if len(sources) > 1 else names)


def read_path(text: Any, where: str, problems: Problems) -> Path | None:
    """Compile one path of the configuration."""
    if not isinstance(text, str):
        problems.add(where, f"must be a path (text), not {type_name(text)}")
        return None
    try:
        return compile_path(text)
    except PathError as error:
        problems.add(where, str(error))
        return None


def _from_template(raw: Any, where: str, problems: Problems) -> Spec | None:
    if not isinstance(raw, str):
        problems.add(where, f"must be text, not {type_name(raw)}")
        return None
    try:
        read, paths = compile_template(raw)
    except PathError as error:
        problems.add(where, str(error))
        return None
    return Spec((Source(raw, read, paths),), f'template "{raw}"')


def _from_const(raw: Any, where: str, problems: Problems) -> Spec | None:
    if raw is None or is_empty(raw):
        problems.add(where, "needs a value; to leave the field out, map it to null")
        return None
    return Spec((Source(None, lambda _: raw),), f"always {raw!r}", const=True)


_ORIGIN_READERS: Mapping[str, Callable[[Any, str, Problems], Spec | None]] = {
    "from": _from_paths,
    "template": _from_template,
    "const": _from_const,
}


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
    required = raw.get("required")
    if required is not None:
        if isinstance(required, bool):
            changes["required"] = required
        else:
            problems.add(f"{where}.required", f"must be true or false, not {yaml_text(required)}")
    words = raw.get("true_values")
    if words is not None:
        if isinstance(words, list) and words and all(isinstance(w, _SCALARS) for w in words):
            changes["true_values"] = frozenset(
                fold_word(text) for word in words for text in spellings(word)
            )
        else:
            problems.add(f"{where}.true_values", "must be a list of words such as [ja, oui]")
    length = raw.get("max_length")
    if length is not None:
        if isinstance(length, int) and not isinstance(length, bool) and length > 0:
            changes["max_length"] = length
        else:
            what = f"must be a whole number of characters above 0, not {yaml_text(length)}"
            problems.add(f"{where}.max_length", what)
    if raw.get("default") is not None:
        changes["default"] = raw["default"]
    if spec.const and changes.keys() - {"kind"}:
        extra = " and ".join(key for key in raw if key not in ("const", "type"))
        problems.add(where, f"const gives every record the same value, so {extra} cannot matter")
    return replace(spec, **changes)


@dataclass(frozen=True, slots=True)
class Translation:
    """A ``map``: from source values, as folded text, to others.

    Attributes:
        table: What to put for which value.
        passes: Whether a value that is not in the table passes unchanged. With a
            ``default`` in the spec it does not: it is empty, and the default comes in.
    """

    table: Mapping[str, Any]
    passes: bool = True

    def __call__(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self(item) for item in value if not isinstance(item, list)]
        text, _ = plain_text(value)
        if text is None:
            return value if self.passes else None
        return self.table.get(_fold(text), value if self.passes else None)


def read_map(raw: Any, where: str, problems: Problems) -> Translation | None:
    """Read a closed table of values: ``[{is: …, to: …}]``, or an object."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(raw, Mapping):
        pairs = list(raw.items())
    elif isinstance(raw, list):
        for index, entry in enumerate(raw):
            if not isinstance(entry, Mapping) or set(entry) != {"is", "to"}:
                problems.add(f"{where}[{index}]", "must be an object {is: …, to: …}")
            else:
                pairs.append((entry["is"], entry["to"]))
    else:
        problems.add(where, f"must be a list of {{is: …, to: …}}, not {type_name(raw)}")
        return None
    table: dict[str, Any] = {}
    for source, target in pairs:
        if not isinstance(source, _SCALARS) or is_empty(source):
            problems.add(
                where, f'"is" must be text, a number, true or false, not {yaml_text(source)}'
            )
            continue
        if target is not None and not isinstance(target, _SCALARS):
            problems.add(where, f'"to" must be a single value or null, not {type_name(target)}')
        first, *others = (_fold(text) for text in spellings(source))
        if table.get(first, target) != target:
            problems.add(where, f"says two different things for {yaml_text(source)}")
        table[first] = target
        for other in others:
            table.setdefault(other, target)
    if not pairs:
        problems.add(where, "is empty")
    return Translation(table)


def _fold(text: str) -> str:
    return clean_line(text).casefold()


def spellings(value: Any) -> tuple[str, ...]:
    """How a value of the configuration may be written in a record.

    YAML reads an unquoted yes, on and true as the same thing, so whoever wrote one of them
    may mean any of them.
    """
    if value is True:
        return ("true", "yes", "on")
    if value is False:
        return ("false", "no", "off")
    text, _ = plain_text(value)
    return (str(text),)


def yaml_text(value: Any) -> str:
    """A value as it stands in the configuration, for a message."""
    if isinstance(value, str):
        return f'"{value}"'
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) if isinstance(value, (int, float)) else type_name(value)


def type_name(value: Any) -> str:
    """What kind of thing a value of the configuration is, in the user's words."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return "text" if isinstance(value, str) else yaml_text(value)
