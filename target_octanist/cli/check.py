"""``octanist check``: is everything ready? Sends no lead."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from target_octanist.checks import checks
from target_octanist.cli.config import config_option, load_config
from target_octanist.settings_reader import read_settings

if TYPE_CHECKING:
    from pathlib import Path

_MARKS = {True: "ok", False: "FAILED", None: "unknown"}


@click.command("check")
@config_option
def command(config_files: tuple[Path, ...]) -> None:
    """Check settings, journal, key and quota, and send no lead.

    Exits with 0 if all is well, else with 1.
    """
    settings = read_settings(load_config(config_files))
    click.echo(f"{'settings':<10} {'ok':<8} {len(settings.streams)} streams configured")
    failed = False
    for check in checks(settings):
        click.echo(f"{check.name:<10} {_MARKS[check.passed]:<8} {check.finding}")
        failed |= check.passed is False
    if failed:
        sys.exit(1)
