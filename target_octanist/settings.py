"""The settings of a run, typed.

`settings_reader.py` reads and checks them (`stream_settings_reader.py` those of streams), and
`config_schema.py` documents them for ``--about``; a test keeps these, ``meltano.yml`` and the
README equal.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import platformdirs

from target_octanist.leads.schema import Contract, Mode, contract_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_octanist.leads.link import Link
    from target_octanist.leads.presets import Preset

OnUnknown = Literal["reconcile", "hold", "resend"]
CheckQuota = Literal["off", "warn", "fail"]
Transitions = Literal["forward", "any"]
Transport = Literal["auto", "fast", "requests"]

#: Meltano's ``config test`` sends one made-up record in a stream of this name.
TEST_STREAM = "meltano_test_stream"

LEDGER_FILE = "octanist-ledger.db"


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What is set for one stream, after all matching entries were merged.

    Attributes:
        where: The setting path for messages, such as ``streams.contacts``.
        mapping: Lead field to spec; empty when the stream's own columns are to be used.
        preset: What the mapping begins with, if anything.
        optional: The fields that only the preset maps; a stream need not have their columns.
        dedupe_window_days: 0 means for ever.
        key: Source columns that name a record; None means the stream's key_properties.
        mode: Whether a record makes a lead, says what became of one, or both.
        link: Which record of another stream the lead was made of.
        lookup: Whether the API is asked for a lead of the same person before one is made.
    """

    where: str
    mapping: Mapping[str, Any]
    preset: Preset | None
    optional: frozenset[str]
    phone_region: str | None
    dedupe_by: tuple[str, ...]
    dedupe_window_days: int
    key: tuple[str, ...] | None
    mode: Mode = "create"
    link: Link | None = None
    lookup: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a run needs to know; see the README for what each one means."""

    api_key: str | None = field(default=None, repr=False)
    base_url: str = "https://octanist.com/api"
    streams: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    ledger: str = ""
    dedupe_by: tuple[str, ...] = ("email", "phone")
    dedupe_window_days: int = 30
    max_concurrency: int = 16
    requests_per_second: int | None = None
    timeout_seconds: int = 30
    transport: Transport = "auto"
    max_attempts: int = 8
    batch_size_rows: int = 500
    batch_wait_ms: int = 200
    on_unknown: OnUnknown = "reconcile"
    max_rejected_percent: int = 10
    max_changes: str = "20%"
    transitions: Transitions = "forward"
    check_quota: CheckQuota = "warn"
    dry_run: bool = False
    phone_region: str | None = None
    report_path: str | None = None
    metrics_path: str | None = None
    heartbeat_url: str | None = field(default=None, repr=False)
    strict_contract: Contract = "full"

    @property
    def tells_outcomes(self) -> bool:
        """Whether any stream may say what became of leads."""
        return any(
            entry.get("mode", preset.mode if (preset := entry.get("preset")) else "create")
            != "create"
            for _, entry in self.streams
        )

    def stream(self, name: str) -> StreamSettings:
        """Lay the matching entries of ``streams`` over each other for one stream.

        The order is ``"*"``, then wider globs, then narrower ones, then the exact
        name: the more an entry says about the name, the more it counts. A preset lies
        below all of them.
        """
        # All that knows about mappings comes with it; what only prints the defaults can do without.
        from target_octanist.leads.mapping import merge_layers

        layers = sorted(
            ((pattern, entry) for pattern, entry in self.streams if _matches(pattern, name)),
            key=lambda layer: _specificity(layer[0], name),
        )
        merged: dict[str, Any] = {}
        for _, entry in layers:
            merged.update({k: v for k, v in entry.items() if k != "mapping"})
        preset: Preset | None = merged.get("preset")
        # `merge_layers` also writes the shorthand for consent out.
        mode: Mode = merged.get("mode") or (preset.mode if preset else "create")
        ready = merge_layers(preset.mapping if preset else {})
        usable = contract_keys(self.strict_contract, mode)
        own = [entry.get("mapping") or {} for _, entry in layers]
        mapping = merge_layers({name: ready[name] for name in ready if name in usable}, *own)
        key = merged.get("key") or (preset.key if preset else None)
        return StreamSettings(
            where=f"streams.{layers[-1][0] if layers else name}",
            mapping=mapping,
            preset=preset,
            optional=frozenset(mapping.keys() - merge_layers(*own).keys()),
            phone_region=merged.get("phone_region") or self.phone_region,
            dedupe_by=tuple(merged.get("dedupe_by", self.dedupe_by)),
            dedupe_window_days=merged.get("dedupe_window_days", self.dedupe_window_days),
            key=tuple(key) if key else None,
            mode=mode,
            link=merged.get("link") or (preset.compiled_link if preset else None),
            lookup=merged.get("lookup", False),
        )


def default_ledger(environ: Mapping[str, str]) -> Path:
    """Say where the journal lives when ``ledger`` is not set."""
    if home := environ.get("OCTANIST_HOME"):
        return Path(home) / LEDGER_FILE
    if project := environ.get("MELTANO_PROJECT_ROOT"):
        return Path(environ.get("MELTANO_SYS_DIR_ROOT") or Path(project) / ".meltano") / LEDGER_FILE
    return Path(platformdirs.user_state_dir("octanist", appauthor=False)) / LEDGER_FILE


def _matches(pattern: str, name: str) -> bool:
    return pattern == name or fnmatch.fnmatchcase(name, pattern)


def _specificity(pattern: str, name: str) -> tuple[bool, int]:
    return pattern == name, len(re.sub(r"[*?]|\[[^]]*\]", "", pattern))
