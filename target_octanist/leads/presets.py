"""Presets: ready-made mappings for the streams of common CRMs.

A preset is data: a YAML file in the folder ``presets`` next to this module, or one of a
user's own in the same form. It is read as strictly as the configuration is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from target_octanist.leads.link import read_link
from target_octanist.leads.mapping import compile_mapping
from target_octanist.leads.problems import (
    MappingError,
    Problems,
    did_you_mean,
    type_name,
    yaml_text,
)
from target_octanist.leads.schema import MODES, Mode

if TYPE_CHECKING:
    from target_octanist.leads.link import Link

FORMAT = 1
"""The form of the files that this version reads."""

_KEYS = (
    *("format", "version", "description", "streams", "key", "notes"),
    *("mode", "link", "mapping"),
)
_SUFFIX = ".yml"


@dataclass(frozen=True, slots=True)
class Preset:
    """A mapping with a name, and what people should know of it.

    Attributes:
        name: What the setting `preset` calls it: the name of a shipped one, or a path.
        version: Counts its changes, from 1.
        description: One line.
        streams: What taps usually call the streams that it is for.
        mapping: Lead field to spec, as in the configuration.
        key: Source columns that name a record; None means the stream's key_properties.
        notes: What it reads and what it leaves to the user; may be empty.
        mode: Whether its records make leads, change them, or both.
        link: Which lead a record is about, ``{stream: …, by: …}`` as in the configuration;
            None where the record says it itself.
    """

    name: str
    version: int
    description: str
    streams: tuple[str, ...]
    mapping: Mapping[str, Any]
    key: tuple[str, ...] | None
    notes: str
    mode: Mode = "create"
    link: Mapping[str, Any] | None = None

    @property
    def compiled_link(self) -> Link | None:
        """The link, which was checked when the preset was read."""
        return read_link(self.link, self.name, Problems()) if self.link is not None else None


@lru_cache(maxsize=1)
def preset_names() -> tuple[str, ...]:
    """The names of the shipped presets, in alphabetical order."""
    names = (file.name for file in _folder().iterdir() if file.name.endswith(_SUFFIX))
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in names))


@lru_cache(maxsize=64)
def load_preset(name: str) -> Preset:
    """The shipped preset of this name.

    Raises:
        MappingError: There is none.
    """
    if name not in preset_names():
        hint = did_you_mean(name, preset_names())
        what = f'there is no preset "{name}"{hint} `octanist presets` lists them'
        sentence = f"{what}, and a file of your own is a path such as ./{name}.yml."
        raise MappingError([sentence], "preset-unknown")
    return read_preset((_folder() / f"{name}{_SUFFIX}").read_text(encoding="utf-8"), name)


def read_preset(text: str, name: str) -> Preset:
    """Read a preset from YAML.

    Args:
        text: Of the file.
        name: What to call it, also in messages.

    Raises:
        MappingError: With every mistake in it.
    """
    problems = Problems()
    raw = _object(text, name)
    _check_format(raw, name)
    for key in raw:
        if key not in _KEYS:
            what = f'there is no key "{key}" in a preset{did_you_mean(key, _KEYS)}'
            problems.add(name, what, "preset-value")
    version = raw.get("version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        problems.add(f"{name}: version", "must be a whole number from 1", "preset-value")
    texts = {key: "" if raw.get(key) is None else raw[key] for key in ("description", "notes")}
    for key, value in texts.items():
        if not isinstance(value, str):
            what = f"must be text, not {type_name(value)}"
            problems.add(f"{name}: {key}", what, "preset-value")
    lists = {key: _names(raw.get(key), f"{name}: {key}", problems) for key in ("streams", "key")}
    mode = _mode(raw.get("mode"), name, problems)
    link = None
    if raw.get("link") is not None:
        link = read_link(raw["link"], f"{name}: link", problems)
        if mode == "create":
            problems.add(f"{name}: link", "only goes with mode: update", "preset-value")
    _check_mapping(raw.get("mapping"), name, mode, link, problems)
    if problems.found:
        raise MappingError(problems.found)
    return Preset(
        name=name,
        version=version,
        description=texts["description"].strip(),
        streams=lists["streams"],
        mapping=raw["mapping"],
        key=lists["key"] or None,
        notes=texts["notes"].strip(),
        mode=mode,
        link=raw.get("link"),
    )


def _folder() -> Any:
    return resources.files(__package__) / "presets"


def _object(text: str, name: str) -> Mapping[Any, Any]:
    try:
        raw = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        # Its own text may quote the file, which is not for a log.
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark is not None else ""
        sentence = f"{name}: is not YAML that can be read{line}."
        raise MappingError([sentence], "preset-unreadable") from None
    if not isinstance(raw, Mapping):
        what = "nothing" if raw is None else type_name(raw)
        sentence = f"{name}: must be an object with format and mapping, not {what}."
        raise MappingError([sentence], "preset-unreadable")
    return raw


def _check_format(raw: Mapping[Any, Any], name: str) -> None:
    found = raw.get("format")
    if found == FORMAT and not isinstance(found, bool):
        return
    if found is None:
        what = f"format: is missing; write format: {FORMAT}"
    elif isinstance(found, int) and found > FORMAT:
        what = f"has format {found}, and this version reads {FORMAT}; upgrade target-octanist"
    else:
        what = f"format: must be {FORMAT}, not {yaml_text(found)}"
    raise MappingError([f"{name}: {what}."], "preset-value")


def _names(raw: Any, where: str, problems: Problems) -> tuple[str, ...]:
    names = [raw] if isinstance(raw, str) else raw or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        problems.add(where, "must be a name or a list of names", "preset-value")
        return ()
    return tuple(names)


def _mode(raw: Any, name: str, problems: Problems) -> Mode:
    if raw is None:
        return "create"
    for mode in MODES:
        if raw == mode:
            return mode
    what = f"must be one of {', '.join(MODES)}, not {yaml_text(raw)}"
    problems.add(f"{name}: mode", what + did_you_mean(raw, MODES), "preset-value")
    return "create"


def _check_mapping(raw: Any, name: str, mode: Mode, link: Link | None, problems: Problems) -> None:
    if not isinstance(raw, Mapping) or not raw:
        problems.add(f"{name}: mapping", "must be an object of lead field: source", "preset-value")
        return
    try:
        compile_mapping(raw, where=f"{name}: mapping", mode=mode, is_linked=link is not None)
    except MappingError as error:
        problems.found += error.problems
