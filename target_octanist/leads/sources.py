"""Where the value of a field comes from: columns, addresses, templates and constants.

The configuration is read here to `Source`: a function that finds the raw value in a
record, and the words for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from target_octanist.leads.paths import Path, PathError, Read, compile_path
from target_octanist.leads.problems import Problems, did_you_mean, type_name, yaml_text
from target_octanist.leads.template import compile_template, filled_paths
from target_octanist.leads.text import is_empty
from target_octanist.leads.urls import PARTS, query_value

ORIGINS = ("from", "template", "const")
TAKES = ("query", "part")
# What an entry of a list may be; after a constant nothing would ever be looked for.
_ENTRY_ORIGINS = ("from", "template")
_ENTRY_KEYS = (*_ENTRY_ORIGINS, *TAKES)


@dataclass(frozen=True, slots=True)
class Source:
    """One place that a value comes from.

    Attributes:
        name: The path or template in words; None for a constant, which has no source.
        label: All of it in words.
        read: Gives the raw value in a record.
        origin: In words, what the value of a record that has one was read from.
        paths: The paths it reads.
        take: ``query`` or ``part``, where only that of an address is taken.
    """

    name: str | None
    label: str
    read: Read
    origin: Callable[[Mapping[str, Any]], str]
    paths: tuple[Path, ...] = ()
    take: str | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """What is taken of an address: in words, and how."""

    key: str
    label: str
    read: Callable[[Any], Any]


def read_sources(
    raw: Mapping[str, Any],
    where: str,
    problems: Problems,
    known: tuple[str, ...],
    origins: tuple[str, ...] = ORIGINS,
) -> tuple[Source, ...] | None:
    """The sources of an object such as ``{from: …}``; None if it has none that can be used.

    Args:
        raw: The object.
        where: The path of its setting, for messages.
        problems: Takes what is wrong.
        known: All keys that it may have.
        origins: Those of which it needs one.
    """
    unknown = [key for key in raw if key not in known]
    for key in unknown:
        what = f'there is no key "{key}" here{did_you_mean(key, known)}'
        problems.add(where, what, "mapping-key-unknown")
    found = [key for key in origins if key in raw]
    if len(found) != 1:
        if not unknown or found:
            what = f"not {' and '.join(found)}" if found else "which is missing here"
            choice = f"{', '.join(origins[:-1])} and {origins[-1]}"
            problems.add(where, f"needs exactly one of {choice}, {what}")
        return None
    origin = found[0]
    value, at = raw[origin], f"{where}.{origin}"
    taken = [key for key in TAKES if raw.get(key) is not None]
    if origin != "from":
        for key in taken:
            problems.add(f"{where}.{key}", f"only works together with from, not with {origin}")
        return (_from_template if origin == "template" else _from_const)(value, at, problems)
    if len(taken) > 1:
        problems.add(where, "takes either a query or a part of an address, not both")
        return None
    take = _read_take(taken[0], raw[taken[0]], f"{where}.{taken[0]}", problems) if taken else None
    return read_paths(value, at, problems, take)


def _read_take(key: str, raw: Any, where: str, problems: Problems) -> Take | None:
    if key == "query":
        if not isinstance(raw, str) or not raw.strip():
            what = "must be the name of a query parameter such as gclid"
            problems.add(where, f"{what}, not {yaml_text(raw)}")
            return None
        name = raw.strip()
        return Take(key, f'"{name}" in the query of', lambda value: query_value(value, name))
    if not isinstance(raw, str) or raw not in PARTS:
        what = f"must be {' or '.join(PARTS)}, not {yaml_text(raw)}"
        problems.add(where, what + did_you_mean(raw, PARTS))
        return None
    return Take(key, f"the {raw} of", PARTS[raw])


def read_paths(
    raw: Any, where: str, problems: Problems, take: Take | None = None
) -> tuple[Source, ...] | None:
    """The sources of a path, or of a list of paths and objects; the first with a value counts."""
    if not isinstance(raw, (str, list)):
        problems.add(where, f"must be a path (text) or a list of paths, not {type_name(raw)}")
        return None
    entries = raw if isinstance(raw, list) else [raw]
    if not entries:
        problems.add(where, "is an empty list; name at least one column, or use null")
        return None
    sources: list[tuple[Source, ...] | None] = []
    for index, entry in enumerate(entries):
        at = f"{where}[{index}]" if isinstance(raw, list) else where
        if isinstance(entry, Mapping):
            found = read_sources(entry, at, problems, _ENTRY_KEYS, _ENTRY_ORIGINS)
        else:
            path = read_path(entry, at, problems)
            found = None if path is None else (_path_source(path, take),)
        sources.append(found)
    if None in sources:
        return None
    return tuple(source for found in sources if found for source in found)


def _path_source(path: Path, take: Take | None) -> Source:
    if take is None:
        return Source(path.words, path.words, path.read, lambda _: path.words, (path,))
    label = f"{take.label} {path.words}"
    return Source(
        path.words,
        label,
        lambda record: take.read(path.read(record)),
        lambda _: label,
        (path,),
        take.key,
    )


def read_path(text: Any, where: str, problems: Problems) -> Path | None:
    """Compile one path of the configuration."""
    if not isinstance(text, str):
        problems.add(where, f"must be a path (text), not {type_name(text)}")
        return None
    try:
        return compile_path(text)
    except PathError as error:
        problems.add(where, str(error), "mapping-path")
        return None


def _from_template(raw: Any, where: str, problems: Problems) -> tuple[Source, ...] | None:
    if not isinstance(raw, str):
        problems.add(where, f"must be text, not {type_name(raw)}")
        return None
    try:
        read, paths = compile_template(raw)
    except PathError as error:
        problems.add(where, str(error), "mapping-path")
        return None

    def origin(record: Mapping[str, Any]) -> str:
        return " and ".join(filled_paths(paths, record))

    name = raw
    for path in paths:
        name = name.replace(path.text, path.words)
    return (Source(name, f'template "{name}"', read, origin, paths),)


def _from_const(raw: Any, where: str, problems: Problems) -> tuple[Source, ...] | None:
    if raw is None or is_empty(raw):
        problems.add(where, "needs a value; to leave the field out, map it to null")
        return None
    label = f"always {raw!r}"
    return (Source(None, label, lambda _: raw, lambda _: label),)
