"""Reads what is set for streams: the entries of ``streams``, one by one and then together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_octanist.leads.identity import check_dedupe_by
from target_octanist.leads.link import Link, read_link
from target_octanist.leads.mapping import compile_mapping
from target_octanist.leads.problems import MappingError, Problem, Problems
from target_octanist.leads.schema import MODES
from target_octanist.setting_values import ValueReader, kind_of, near_miss

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_octanist.leads.presets import Preset
    from target_octanist.leads.schema import Contract, Mode
    from target_octanist.settings import Settings

STREAM_KEYS = (
    "stream",
    "preset",
    "mode",
    "mapping",
    "phone_region",
    "dedupe_by",
    "dedupe_window_days",
    "key",
    "link",
    "lookup",
)


def read_streams(
    value: object, problems: list[str], *, contract: Contract, environ: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Read all entries, each as far as it can be used.

    Args:
        value: As it was given: an object, or a list of objects with `stream`.
        problems: Where a sentence is added for every mistake.
        contract: Which lead fields there are.
        environ: Where to look for the folder that presets may be in.

    Returns:
        A stream's name or glob, and what is set for it.
    """
    entries = list(_entries(value, problems))
    globs = [pattern for pattern, _ in entries if set("*?[") & set(str(pattern))]
    for pattern, entry in entries:
        if entry is None:
            yield pattern, {}
        elif isinstance(entry, dict):
            reader = _EntryReader(
                pattern,
                entry,
                problems,
                contract=contract,
                environ=environ,
                is_under_glob=any(glob != pattern for glob in globs),
            )
            yield pattern, reader.read()
        else:
            problems.append(f"streams.{pattern}: must be an object, not {kind_of(entry)}.")


def _entries(value: object, problems: list[str]) -> Iterator[tuple[str, object]]:
    """Give name or glob and entry, from either form in which ``streams`` may be written."""
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            if isinstance(entry, dict) and isinstance(entry.get("stream"), str):
                yield entry["stream"], entry
            else:
                problems.append(f"streams[{number}]: must be an object that names its `stream`.")
    else:
        problems.append(
            "streams: must be an object (stream name to its settings) or a list of "
            f"objects with `stream`, not {kind_of(value)}."
        )


class _EntryReader(ValueReader):
    """Reads one entry."""

    def __init__(
        self,
        pattern: str,
        entry: Mapping[str, Any],
        problems: list[str],
        *,
        contract: Contract,
        environ: Mapping[str, str],
        is_under_glob: bool,
    ) -> None:
        """Take the entry.

        Args:
            pattern: The stream's name, or a glob.
            entry: As it was given.
            problems: Where a sentence is added for every mistake.
            contract: Which lead fields there are.
            environ: Where to look for the folder that presets may be in.
            is_under_glob: Whether another entry, for streams of many names, may lie below it.
        """
        super().__init__(entry, problems, inside=f"streams.{pattern}.")
        self._contract: Contract = contract
        self._environ = environ
        self._is_under_glob = is_under_glob

    def read(self) -> Mapping[str, Any]:
        """Give what is set, and nothing for what is not."""
        self._refuse_unknown()
        entry, checked = self.config, dict[str, Any]()
        if "phone_region" in entry:
            checked["phone_region"] = self.region("phone_region")
        if "dedupe_by" in entry:
            checked["dedupe_by"] = self._dedupe_by()
        if "dedupe_window_days" in entry:
            checked["dedupe_window_days"] = self.number("dedupe_window_days", 30, 0)
        if "key" in entry:
            checked["key"] = self._key()
        mode: Mode | None = self.choice("mode", MODES, None) if "mode" in entry else None
        if mode is not None:
            checked["mode"] = mode
        if "lookup" in entry:
            checked["lookup"] = self._lookup()
        if "link" in entry:
            checked["link"] = self._link()
        preset = self._preset() if "preset" in entry else None
        if preset is not None:
            checked["preset"] = preset
        mapping = entry.get("mapping", {})
        if isinstance(mapping, dict):
            # An entry below may set the mode: the sink knows.
            anyway: Mode = "upsert" if self._is_under_glob else "create"
            self.attempt(
                lambda: compile_mapping(
                    mapping,
                    where=f"{self.inside}mapping",
                    phone_region=checked.get("phone_region"),
                    contract=self._contract,
                    mode=mode or (anyway if preset is None else preset.mode),
                    is_layer=self._is_under_glob or preset is not None,
                )
            )
            checked["mapping"] = mapping
        else:
            what = f"must be an object (lead field to source), not {kind_of(mapping)}."
            self.complain("mapping", what)
        return checked

    def _refuse_unknown(self) -> None:
        known = ", ".join(STREAM_KEYS[1:])
        for name in self.config:
            if name not in STREAM_KEYS:
                hint = near_miss(name, STREAM_KEYS)
                what = f"there is no such stream setting{hint} (known are {known})."
                self.complain(name, what, error_id="settings-unknown")

    def _dedupe_by(self) -> list[str]:
        names = self.names("dedupe_by")
        self.attempt(lambda: check_dedupe_by(names, f"{self.inside}dedupe_by"))
        return names

    def _key(self) -> list[str]:
        key = self.config["key"]
        return [key] if isinstance(key, str) else self.names("key")

    def _lookup(self) -> bool:
        value = self.config["lookup"]
        if not isinstance(value, bool):
            self.complain("lookup", "must be true or false.")
        return value is True

    def _link(self) -> Link | None:
        problems = Problems()
        link = read_link(self.config["link"], f"{self.inside}link", problems)
        self.problems += problems.found
        return link

    def _preset(self) -> Preset | None:
        name = self.config["preset"]
        if not isinstance(name, str) or not name.strip():
            self.complain("preset", "must be the name of a preset or the path of a file.")
            return None
        # It brings YAML along, which is read for this alone.
        from target_octanist.preset_files import find_preset

        try:
            return find_preset(name.strip(), self._environ)
        except MappingError as error:
            self.problems.extend(
                Problem(f"{self.inside}preset: {problem}", problem.error_id)
                for problem in error.problems
            )
            return None


def check_together(settings: Settings) -> Iterator[str]:
    """Say what in an entry does not go with what the others make of its stream."""
    for pattern, entry in settings.streams:
        stream = settings.stream(pattern)
        # The mode of a glob's streams may be set by narrower entries.
        is_glob = any(char in pattern for char in "*?[")
        if entry.get("link") and stream.mode != "update" and not is_glob:
            yield (
                f"streams.{pattern}.link: is for mode update, and the mode of this stream is "
                f"{stream.mode}; set `mode: update`, or take the link out."
            )
        elif entry.get("lookup") and stream.mode == "update":
            yield (
                f"streams.{pattern}.lookup: is for streams that make leads, and with mode update "
                "none are made; take it out."
            )
        elif stream.link is not None and stream.mode == "update":
            yield from _check_link(f"streams.{pattern}.link", stream.link, settings)


def _check_link(where: str, link: Link, settings: Settings) -> Iterator[str]:
    """Say why no record of the stream that a link names can be found by it."""
    other = settings.stream(link.stream)
    if any(char in link.stream for char in "*?"):
        yield f"{where}.stream: must be the name of one stream, and not a glob."
    elif other.mode == "update":
        yield (
            f"{where}.stream: records of {link.stream} make no leads (mode: update); name the "
            "stream that the leads were made of."
        )
    elif other.key is not None and other.key != (link.column or other.key[0],):
        yield (
            f"{where}: `by` is compared with one column, {link.column or 'the key'}, and the key "
            f"of {link.stream} is {', '.join(other.key)}; the two must be the same."
        )
