"""Reads a configuration into settings, and finds every mistake in it at once.

No message repeats a value that could be a secret or a person's.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from target_octanist.errors import SettingsError
from target_octanist.extras import extra_hint
from target_octanist.leads.identity import check_dedupe_by
from target_octanist.loopback import is_loopback
from target_octanist.setting_values import ValueReader
from target_octanist.settings import Settings, default_ledger
from target_octanist.stream_settings_reader import check_together, read_streams

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

    from target_octanist.leads.schema import Contract


def read_settings(config: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check a configuration.

    Args:
        config: Setting name to value, as Meltano or a JSON file gives it. Null means
            "not set". Names that this target does not have are left to the SDK.
        environ: Where to look for the folders that the default ledger may live in.

    Raises:
        SettingsError: With one sentence for every mistake.
    """
    reader = _Reader(config, [])
    settings = reader.settings(environ)
    problems = [*reader.problems, *check_together(settings)]
    if problems:
        raise SettingsError(problems)
    return settings


class _Reader(ValueReader):
    """Reads all that is set for a run; what is set for streams has a reader of its own."""

    def settings(self, environ: Mapping[str, str]) -> Settings:
        default = Settings()
        dry_run = self.flag("dry_run", default=default.dry_run)
        contract: Contract = self.choice(
            "strict_contract", ("full", "legacy"), default.strict_contract
        )
        dedupe_by = tuple(self.names("dedupe_by", default.dedupe_by))
        self.attempt(lambda: check_dedupe_by(dedupe_by, "dedupe_by"))
        return Settings(
            api_key=self.api_key(dry_run=dry_run),
            base_url=self.base_url(default.base_url),
            streams=tuple(
                read_streams(
                    self.config.get("streams", {}),
                    self.problems,
                    contract=contract,
                    environ=environ,
                )
            ),
            ledger=self.text("ledger") or str(default_ledger(environ)),
            dedupe_by=dedupe_by,
            dedupe_window_days=self.number("dedupe_window_days", default.dedupe_window_days, 0),
            max_concurrency=self.number("max_concurrency", default.max_concurrency, 1, 1024),
            requests_per_second=self.cap("requests_per_second"),
            timeout_seconds=self.number("timeout_seconds", default.timeout_seconds, 1, 3600),
            transport=self.choice("transport", ("auto", "fast", "requests"), default.transport),
            max_attempts=self.number("max_attempts", default.max_attempts, 1, 1000),
            batch_size_rows=self.number("batch_size_rows", default.batch_size_rows, 1, 10_000),
            batch_wait_ms=self.number("batch_wait_ms", default.batch_wait_ms, 0, 60_000),
            on_unknown=self.choice(
                "on_unknown", ("reconcile", "hold", "resend"), default.on_unknown
            ),
            max_rejected_percent=self.number(
                "max_rejected_percent", default.max_rejected_percent, 0, 100
            ),
            max_changes=self.share("max_changes", default.max_changes),
            transitions=self.choice("transitions", ("forward", "any"), default.transitions),
            check_quota=self.choice("check_quota", ("off", "warn", "fail"), default.check_quota),
            dry_run=dry_run,
            phone_region=self.region("phone_region"),
            report_path=self.report_path(),
            metrics_path=self.metrics_path(),
            heartbeat_url=self.heartbeat_url(),
            strict_contract=contract,
        )

    def cap(self, name: str) -> int | None:
        return self.number(name, 1, 1) if name in self.config else None

    def api_key(self, *, dry_run: bool) -> str | None:
        value = self.config.get("api_key")
        if value is not None and not isinstance(value, str):
            self.complain("api_key", "must be text (put it in quotes).")
            return None
        key = (value or "").strip()
        if not key and not dry_run:
            self.complain(
                "api_key",
                "is missing; set it to the key from your Octanist organisation's settings "
                "(under Meltano: TARGET_OCTANIST_API_KEY), or set dry_run to try things out "
                "without one.",
                error_id="settings-missing",
            )
        elif not key.isascii() or not key.isprintable() or " " in key:
            self.complain(
                "api_key", "contains a character that cannot occur in a key; copy it again."
            )
        return key or None

    def base_url(self, default: str) -> str:
        value = self.text("base_url") or default
        address = _web_address(value)
        if address is None:
            self.complain("base_url", f"is not a web address; it should look like {default}.")
        elif address.username or address.password or address.query or address.fragment:
            self.complain(
                "base_url", "must be a plain address, without user name, query or fragment."
            )
        elif _is_unencrypted(address):
            self.complain(
                "base_url",
                "plain http would send leads and the key unencrypted; use https "
                "(http is accepted only for this machine, such as http://127.0.0.1:8321/api).",
                error_id="settings-insecure",
            )
        return value.rstrip("/")

    def heartbeat_url(self) -> str | None:
        """Read an address that is a secret: no sentence repeats any part of it."""
        value = self.text("heartbeat_url")
        if value is None:
            return None
        address = _web_address(value)
        if address is None or not value.isprintable():
            self.complain(
                "heartbeat_url", "is not a web address; copy it from your monitoring service."
            )
        elif _is_unencrypted(address):
            self.complain(
                "heartbeat_url",
                "plain http would show the address, which is a secret, to others; use https "
                "(http is accepted only for this machine).",
                error_id="settings-insecure",
            )
        return value

    def report_path(self) -> str | None:
        """Look early for what would only show at the end of a long run."""
        path = self.text("report_path")
        if path is None:
            return None
        if any(importlib.util.find_spec(library) is None for library in ("jinja2", "matplotlib")):
            self.complain("report_path", f'needs the extra "report": {extra_hint("report")}')
        place = Path(path).expanduser()
        if not place.parent.is_dir():
            self.complain("report_path", f"there is no folder {place.parent}; make it first.")
        elif place.is_dir():
            self.complain("report_path", f"{place} is a folder; name a file in it.")
        return path

    def metrics_path(self) -> str | None:
        value = self.text("metrics_path")
        if value is None:
            return None
        path = Path(value).expanduser()
        if path.suffix != ".prom":
            self.complain("metrics_path", "must end in .prom; node_exporter reads no other files.")
        elif not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
            self.complain(
                "metrics_path",
                f"{path.parent} is not a writable folder; make it, "
                "or name another one that node_exporter reads.",
                error_id="metrics-path",
            )
        elif importlib.util.find_spec("prometheus_client") is None:
            self.complain(
                "metrics_path",
                f"needs the package prometheus-client; install it with: {extra_hint('prometheus')}",
                error_id="extra-missing",
            )
        return str(path)


def _web_address(value: str) -> SplitResult | None:
    """Take a web address apart; None if it is none."""
    try:
        address = urlsplit(value)
        host, _ = address.hostname, address.port  # either may turn out to be none
    except ValueError:
        return None
    return address if address.scheme in {"http", "https"} and host else None


def _is_unencrypted(address: SplitResult) -> bool:
    """Say whether what is sent there could be read on its way."""
    return address.scheme == "http" and not is_loopback(address.hostname or "")
