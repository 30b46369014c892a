"""Reads a configuration into settings, and finds every mistake in it at once.

No message repeats a value that could be a secret or a person's.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import phonenumbers

from target_octanist.errors import SettingsError
from target_octanist.extras import extra_hint
from target_octanist.leads.identity import check_dedupe_by
from target_octanist.leads.link import Link, read_link
from target_octanist.leads.mapping import compile_mapping
from target_octanist.leads.problems import MappingError, Problem, Problems
from target_octanist.leads.schema import MODES
from target_octanist.loopback import is_loopback
from target_octanist.settings import Settings, default_ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from target_octanist.leads.presets import Preset
    from target_octanist.leads.schema import Contract, Mode
    from target_octanist.settings import CheckQuota, OnUnknown, Transitions, Transport

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


_SHARE = re.compile(r"[0-9]{1,9}%?")


def read_settings(config: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check a configuration.

    Args:
        config: Setting name to value, as Meltano or a JSON file gives it. Null means
            "not set". Names that this target does not have are left to the SDK.
        environ: Where to look for the folders that the default ledger may live in.

    Raises:
        SettingsError: With one sentence for every mistake.
    """
    return _Reader(config, environ).settings()


class _Reader:
    """Reads one configuration and collects what is wrong with it."""

    def __init__(self, config: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.config = {k: v for k, v in config.items() if v is not None}
        self.environ = environ
        self.problems: list[str] = []

    def settings(self) -> Settings:
        default = Settings()
        dry_run = self.flag("dry_run", default=default.dry_run)
        contract = self.choice("strict_contract", ("full", "legacy"), default.strict_contract)
        dedupe_by = tuple(self.names("dedupe_by", default.dedupe_by))
        self.attempt(lambda: check_dedupe_by(dedupe_by, "dedupe_by"))
        settings = Settings(
            api_key=self.api_key(dry_run=dry_run),
            base_url=self.base_url(default.base_url),
            streams=tuple(self.streams(cast("Contract", contract))),
            ledger=self.text("ledger") or str(default_ledger(self.environ)),
            dedupe_by=dedupe_by,
            dedupe_window_days=self.number("dedupe_window_days", default.dedupe_window_days, 0),
            max_concurrency=self.number("max_concurrency", default.max_concurrency, 1, 1024),
            requests_per_second=self.cap("requests_per_second"),
            timeout_seconds=self.number("timeout_seconds", default.timeout_seconds, 1, 3600),
            transport=cast(
                "Transport", self.choice("transport", ("auto", "fast", "requests"), "auto")
            ),
            max_attempts=self.number("max_attempts", default.max_attempts, 1, 1000),
            batch_size_rows=self.number("batch_size_rows", default.batch_size_rows, 1, 10_000),
            batch_wait_ms=self.number("batch_wait_ms", default.batch_wait_ms, 0, 60_000),
            on_unknown=cast(
                "OnUnknown",
                self.choice("on_unknown", ("reconcile", "hold", "resend"), default.on_unknown),
            ),
            max_rejected_percent=self.number(
                "max_rejected_percent", default.max_rejected_percent, 0, 100
            ),
            max_changes=self.share("max_changes", default.max_changes),
            transitions=cast(
                "Transitions", self.choice("transitions", ("forward", "any"), default.transitions)
            ),
            check_quota=cast(
                "CheckQuota", self.choice("check_quota", ("off", "warn", "fail"), "warn")
            ),
            dry_run=dry_run,
            phone_region=self.region(self.config, "phone_region"),
            report_path=self.report_path(),
            metrics_path=self.metrics_path(),
            heartbeat_url=self.heartbeat_url(),
            strict_contract=cast("Contract", contract),
        )
        self.links(settings)
        if self.problems:
            raise SettingsError(self.problems)
        return settings

    # One method for each kind of value

    def text(self, name: str) -> str | None:
        value = self.config.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if not isinstance(value, str):
            self.problems.append(f"{name}: must be text, not {_kind(value)}.")
            return None
        return value.strip()

    def share(self, name: str, default: str) -> str:
        """Read a number, or a share such as ``20%``."""
        value = self.config.get(name, default)
        text = str(value).replace(" ", "")
        if isinstance(value, bool) or not _SHARE.fullmatch(text):
            self.problems.append(f"{name}: must be a number such as 500, or a share such as 20%.")
            return default
        return text

    def report_path(self) -> str | None:
        """Look early for what would only show at the end of a long run."""
        path = self.text("report_path")
        if path is None:
            return None
        if any(importlib.util.find_spec(library) is None for library in ("jinja2", "matplotlib")):
            self.problems.append(f'report_path: needs the extra "report": {extra_hint("report")}')
        place = Path(path).expanduser()
        if not place.parent.is_dir():
            self.problems.append(f"report_path: there is no folder {place.parent}; make it first.")
        elif place.is_dir():
            self.problems.append(f"report_path: {place} is a folder; name a file in it.")
        return path

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.config.get(name, default)
        if isinstance(value, str) and value.strip().lower() in {"true", "false", "1", "0"}:
            return value.strip().lower() in {"true", "1"}
        if not isinstance(value, bool):
            self.problems.append(f"{name}: must be true or false, not {_kind(value)}.")
            return default
        return value

    def number(self, name: str, default: int, least: int, most: int | None = None) -> int:
        value = self.config.get(name, default)
        return self.check_number(value, name, default, least, most)

    def cap(self, name: str) -> int | None:
        return self.number(name, 1, 1) if name in self.config else None

    def check_number(
        self, value: object, where: str, default: int, least: int, most: int | None = None
    ) -> int:
        if value is default:
            return default
        if isinstance(value, str) and value.strip().isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.problems.append(f"{where}: must be a whole number, not {_kind(value)}.")
            return default
        if value < least or (most is not None and value > most):
            limits = f"at least {least}" if most is None else f"from {least} to {most}"
            self.problems.append(f"{where}: must be {limits}, not {value}.")
            return default
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        value = self.config.get(name, default)
        if value not in choices:
            listed = ", ".join(choices)
            hint = _suggestion(value, choices) if isinstance(value, str) else ""
            self.problems.append(f"{name}: must be one of {listed}{hint or '.'}")
            return default
        return cast("str", value)

    def names(self, name: str, default: tuple[str, ...]) -> list[str]:
        return self.check_names(self.config.get(name, list(default)), name)

    def check_names(self, value: object, where: str) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            self.problems.append(f"{where}: must be a list of names, not {_kind(value)}.")
            return []
        return value

    def region(self, config: Mapping[str, Any], name: str, where: str = "") -> str | None:
        value = config.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or value.upper() not in phonenumbers.SUPPORTED_REGIONS:
            self.problems.append(
                f"{where}{name}: must be a two-letter ISO country code such as NL or US."
            )
            return None
        return value.upper()

    def attempt(self, check: Callable[[], object]) -> None:
        try:
            check()
        except MappingError as error:
            self.problems.extend(error.problems)

    def api_key(self, *, dry_run: bool) -> str | None:
        value = self.config.get("api_key")
        if value is not None and not isinstance(value, str):
            self.problems.append("api_key: must be text (put it in quotes).")
            return None
        key = (value or "").strip()
        if not key and not dry_run:
            sentence = (
                "api_key: is missing; set it to the key from your Octanist organisation's "
                "settings (under Meltano: TARGET_OCTANIST_API_KEY), or set dry_run to try "
                "things out without one."
            )
            self.problems.append(Problem(sentence, "settings-missing"))
        elif not key.isascii() or not key.isprintable() or " " in key:
            self.problems.append(
                "api_key: contains a character that cannot occur in a key; copy it again."
            )
        return key or None

    def base_url(self, default: str) -> str:
        value = self.text("base_url") or default
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not host:
            self.problems.append(f"base_url: is not a web address; it should look like {default}.")
        elif parts.username or parts.password or parts.query or parts.fragment:
            self.problems.append(
                "base_url: must be a plain address, without user name, query or fragment."
            )
        elif parts.scheme == "http" and not is_loopback(host):
            sentence = (
                "base_url: plain http would send leads and the key unencrypted; use https "
                "(http is accepted only for this machine, such as http://127.0.0.1:8321/api)."
            )
            self.problems.append(Problem(sentence, "settings-insecure"))
        return value.rstrip("/")

    def metrics_path(self) -> str | None:
        value = self.text("metrics_path")
        if value is None:
            return None
        path = Path(value).expanduser()
        if path.suffix != ".prom":
            self.problems.append(
                "metrics_path: must end in .prom; node_exporter reads no other files."
            )
        elif not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
            sentence = (
                f"metrics_path: {path.parent} is not a writable folder; make it, "
                "or name another one that node_exporter reads."
            )
            self.problems.append(Problem(sentence, "metrics-path"))
        elif importlib.util.find_spec("prometheus_client") is None:
            sentence = (
                "metrics_path: needs the package prometheus-client; "
                f"install it with: {extra_hint('prometheus')}"
            )
            self.problems.append(Problem(sentence, "extra-missing"))
        return str(path)

    def heartbeat_url(self) -> str | None:
        """Read an address that is a secret: no sentence repeats any part of it."""
        value = self.text("heartbeat_url")
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not host or not value.isprintable():
            self.problems.append(
                "heartbeat_url: is not a web address; copy it from your monitoring service."
            )
        elif parts.scheme == "http" and not is_loopback(host):
            sentence = (
                "heartbeat_url: plain http would show the address, which is a secret, to "
                "others; use https (http is accepted only for this machine)."
            )
            self.problems.append(Problem(sentence, "settings-insecure"))
        return value

    def preset(self, name: object, where: str) -> Preset | None:
        if not isinstance(name, str) or not name.strip():
            self.problems.append(f"{where}: must be the name of a preset or the path of a file.")
            return None
        # It brings YAML along, which is read for this alone.
        from target_octanist.preset_files import find_preset

        try:
            return find_preset(name.strip(), self.environ)
        except MappingError as error:
            self.problems.extend(
                Problem(f"{where}: {problem}", problem.error_id) for problem in error.problems
            )
            return None

    def is_under_glob(self, pattern: str) -> bool:
        """Say whether another entry, for streams of many names, may lie below this one."""
        value = self.config.get("streams")
        names = value if isinstance(value, dict) else [e.get("stream") for e in value or ()]
        return any(set("*?[") & set(str(name)) for name in names if name != pattern)

    def mode_of(self, entry: Mapping[str, Any], anyway: Mode) -> Mode:
        preset: Preset | None = entry.get("preset")
        mode: Mode = entry.get("mode") or (preset.mode if preset is not None else anyway)
        return mode

    def link(self, raw: object, where: str) -> Link | None:
        problems = Problems()
        link = read_link(raw, where, problems)
        self.problems += problems.found
        return link

    def links(self, settings: Settings) -> None:
        """Look, when all entries are known, whether records can find their leads by a link."""
        for pattern, entry in settings.streams:
            stream = settings.stream(pattern)
            # The mode of a glob's streams may be set by narrower entries.
            is_glob = any(char in pattern for char in "*?[")
            if entry.get("link") and stream.mode != "update" and not is_glob:
                self.problems.append(
                    f"streams.{pattern}.link: is for mode update, and the mode of this stream is "
                    f"{stream.mode}; set `mode: update`, or take the link out."
                )
            elif entry.get("lookup") and stream.mode == "update":
                self.problems.append(
                    f"streams.{pattern}.lookup: is for streams that make leads, and with mode update "
                    "none are made; take it out."
                )
            elif stream.link is not None and stream.mode == "update":
                self.problems += _linked(f"streams.{pattern}.link", stream.link, settings)

    def streams(self, contract: Contract) -> Iterator[tuple[str, Mapping[str, Any]]]:
        value = self.config.get("streams", {})
        if isinstance(value, dict):
            entries = list(value.items())
        elif isinstance(value, list):
            entries = []
            for number, entry in enumerate(value):
                if not isinstance(entry, dict) or not isinstance(entry.get("stream"), str):
                    self.problems.append(
                        f"streams[{number}]: must be an object that names its `stream`."
                    )
                    continue
                entries.append((entry["stream"], entry))
        else:
            self.problems.append(
                "streams: must be an object (stream name to its settings) or a list of "
                f"objects with `stream`, not {_kind(value)}."
            )
            return
        for pattern, entry in entries:
            checked = self.stream_entry(pattern, entry, contract)
            if checked is not None:
                yield pattern, checked

    def stream_entry(
        self, pattern: str, entry: object, contract: Contract
    ) -> Mapping[str, Any] | None:
        where = f"streams.{pattern}"
        if entry is None:
            return {}
        if not isinstance(entry, dict):
            self.problems.append(f"{where}: must be an object, not {_kind(entry)}.")
            return None
        entry = {k: v for k, v in entry.items() if v is not None}
        for name in entry:
            if name not in STREAM_KEYS:
                hint = _suggestion(name, STREAM_KEYS)
                known = ", ".join(STREAM_KEYS[1:])
                sentence = (
                    f"{where}.{name}: there is no such stream setting{hint} (known are {known})."
                )
                self.problems.append(Problem(sentence, "settings-unknown"))
        checked: dict[str, Any] = {}
        if "phone_region" in entry:
            checked["phone_region"] = self.region(entry, "phone_region", f"{where}.")
        if "dedupe_by" in entry:
            names = self.check_names(entry["dedupe_by"], f"{where}.dedupe_by")
            self.attempt(lambda: check_dedupe_by(names, f"{where}.dedupe_by"))
            checked["dedupe_by"] = names
        if "dedupe_window_days" in entry:
            checked["dedupe_window_days"] = self.check_number(
                entry["dedupe_window_days"], f"{where}.dedupe_window_days", 30, 0
            )
        if "key" in entry:
            key = entry["key"]
            checked["key"] = self.check_names(
                [key] if isinstance(key, str) else key, f"{where}.key"
            )
        mode = entry.get("mode")
        if mode is not None and mode not in MODES:
            hint = _suggestion(mode, MODES) if isinstance(mode, str) else ""
            self.problems.append(f"{where}.mode: must be one of {', '.join(MODES)}{hint or '.'}")
            mode = None
        if mode is not None:
            checked["mode"] = mode
        if "lookup" in entry:
            checked["lookup"] = entry["lookup"] is True
            if not isinstance(entry["lookup"], bool):
                self.problems.append(f"{where}.lookup: must be true or false.")
        if "link" in entry:
            checked["link"] = self.link(entry["link"], f"{where}.link")
        if "preset" in entry:
            preset = self.preset(entry["preset"], f"{where}.preset")
            if preset is not None:
                checked["preset"] = preset
        mapping = entry.get("mapping", {})
        if not isinstance(mapping, dict):
            self.problems.append(
                f"{where}.mapping: must be an object (lead field to source), not {_kind(mapping)}."
            )
        else:
            region = checked.get("phone_region")
            is_under_glob = self.is_under_glob(pattern)
            self.attempt(
                lambda: compile_mapping(
                    mapping,
                    where=f"{where}.mapping",
                    phone_region=region,
                    contract=contract,
                    # An entry below may set the mode: the sink knows.
                    mode=self.mode_of(checked, anyway="upsert" if is_under_glob else "create"),
                    is_layer=is_under_glob or "preset" in checked,
                )
            )
            checked["mapping"] = mapping
        return checked


def _linked(where: str, link: Link, settings: Settings) -> Iterator[str]:
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


def _suggestion(name: str, known: list[str] | tuple[str, ...]) -> str:
    """Give ``; did you mean "x"?`` for a near miss, and nothing for a far one."""
    close = difflib.get_close_matches(name, known, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def _kind(value: object) -> str:
    """Name a JSON value's kind, never the value itself."""
    for kinds, name in (
        ((bool,), "true/false"),
        ((int, float), "a number"),
        ((str,), "text"),
        ((list,), "a list"),
        ((dict,), "an object"),
    ):
        if isinstance(value, kinds):
            return name
    return "nothing"
