"""``octanist check``: is everything ready? Sends no lead."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click

from target_octanist.cli.config import all_settings, config_option, load_config
from target_octanist.cli.output import json_option, print_json, print_table
from target_octanist.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from target_octanist.checks import Check

_MARKS = {True: "ok", False: "FAILED", None: "note"}


@click.command("check", epilog="Example: octanist check --config config.json")
@config_option
@json_option
def command(config_files: tuple[Path, ...], *, as_json: bool) -> None:
    """Check settings, journal, key and quota; send no lead.

    What a run would refuse at its start is found, and settings that do not exist are named.
    What depends on a SCHEMA, such as an expression of stream_maps, shows in `octanist preview`.

    Exits with 0 if all is well, else with 1.
    """
    try:
        found = _checks(config_files)
    except SettingsError as error:
        if not as_json:
            raise
        found = [_settings(passed=False, finding=str(error), error_id=error.error_id)]
    passed = all(check.passed is not False for check in found)
    if as_json:
        checks = [
            {
                "name": check.name,
                "passed": check.passed,
                "finding": check.finding,
                "error_id": check.error_id,
            }
            for check in found
        ]
        print_json({"passed": passed, "checks": checks})
    else:
        print_table(
            ("check", "result", "finding"),
            [(check.name, _MARKS[check.passed], check.finding) for check in found],
        )
    if not passed:
        sys.exit(1)


def _checks(config_files: tuple[Path, ...]) -> list[Check]:
    # What they need takes a while to load.
    from singer_sdk.mapper import PluginMapper

    from target_octanist.checks import checks
    from target_octanist.sdk_errors import readable_errors
    from target_octanist.target import TargetOctanist

    config = load_config(config_files, all_settings())
    with readable_errors():
        settings, remarks = TargetOctanist.read_config(config)
        # As at the start of a run: it refuses what cannot be a stream map.
        PluginMapper(config, logging.getLogger("target-octanist"))
    number = len(settings.streams)
    configured = {0: "no stream is configured", 1: "1 stream is configured"}.get(
        number, f"{number} streams are configured"
    )
    unknown = [_settings(passed=None, finding=remark) for remark in remarks]
    return [_settings(passed=True, finding=configured), *unknown, *checks(settings)]


def _settings(*, passed: bool | None, finding: str, error_id: str | None = None) -> Check:
    from target_octanist.checks import Check

    return Check("settings", passed=passed, finding=finding, error_id=error_id)
