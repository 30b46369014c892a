"""``octanist reconcile``: settle what is in doubt, now."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from target_octanist.cli.config import config_option, load_config
from target_octanist.cli.listing import plain, print_in_doubt
from target_octanist.cli.output import json_option, print_json
from target_octanist.cli.signals import signals
from target_octanist.errors import OctanistError

if TYPE_CHECKING:
    from pathlib import Path

    from target_octanist.ledger.recovery import Reopen
    from target_octanist.settings import Settings

WHAT_TO_DO = """
Look for each one in Octanist, by the time at which it was sent. Then say what you found:
  octanist reconcile --delivered ID    it is there
  octanist reconcile --send ID         it is not there: send it again"""


@click.command("reconcile", epilog="Example: octanist reconcile --config config.json")
@config_option
@click.option(
    "--delivered",
    multiple=True,
    metavar="ID",
    help="This lead is in Octanist: count it as delivered.",
)
@click.option(
    "--send", multiple=True, metavar="ID", help="This lead is not in Octanist: send it again."
)
@json_option
def command(
    config_files: tuple[Path, ...],
    delivered: tuple[str, ...],
    send: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Ask the API about leads in doubt, and settle them.

    A lead is in doubt if it was sent and no answer came. One that the API lists is counted
    as delivered; one that it certainly does not have is sent again. The rest is listed for you
    to decide. ID is the start of the first column.
    """
    # What it takes takes a while to load, which completion need not wait for.
    from target_octanist.ledger.recovery import Reopen
    from target_octanist.reporting.summary import counts_sentence
    from target_octanist.settings_reader import read_settings

    settings = replace(read_settings(load_config(config_files)), on_unknown="reconcile")
    if settings.dry_run:
        message = "dry_run: reconcile asks the API and may send leads; switch dry_run off for it."
        raise OctanistError(message, error_id="dry-run-on")
    rows = _rows(settings)
    there = _named(rows, delivered, "--delivered")
    report = _reconcile(settings, Reopen(there, _named(rows, send, "--send") - there))
    left = [plain(row) for row in _rows(settings)]
    if as_json:
        found = {"before": len(rows), "outcomes": report, "in_doubt": left}
        print_json(found)
        return
    if not rows:
        click.echo("No lead is in doubt.")
        return
    were = "1 lead was" if len(rows) == 1 else f"{len(rows):,} leads were"
    click.echo(f"{were} in doubt. Now: {counts_sentence(report)}.")
    print_in_doubt(left)
    if left:
        click.echo(WHAT_TO_DO)


def _rows(settings: Settings) -> list[dict[str, Any]]:
    from target_octanist.ledger.journal import Journal
    from target_octanist.ledger.tables import State

    with closing(Journal.open(settings.ledger, create=False)) as journal:
        return journal.in_state(State.IN_DOUBT, destination=settings.base_url, limit=None)


def _named(rows: list[dict[str, Any]], names: tuple[str, ...], option: str) -> frozenset[str]:
    """Find the leads that an option names by the start of their digests."""
    found = set()
    for name in names:
        sources = [row["source"] for row in rows if row["source"].startswith(name.lower())]
        if len(sources) != 1:
            how = "no lead" if not sources else f"{len(sources)} leads"
            message = f"{option}: {name} names {how} in doubt; `octanist reconcile` lists them."
            raise OctanistError(message, error_id="lead-id-unknown")
        found.add(sources[0])
    return frozenset(found)


def _reconcile(settings: Settings, reopens: Reopen) -> dict[str, int]:
    """Settle what can be settled; outcome to number of leads."""
    from target_octanist.runtime import Run

    run = Run(settings, reopens, kind="reconcile")
    exit_code = 1
    try:
        with signals() as stopped:
            run.settle_all(lambda: None, lambda: stopped() is not None)
        run.breathe()
        signum = stopped()
        exit_code = 128 + signum if signum else 0
    finally:
        run.close(exit_code)
    if exit_code:
        sys.exit(exit_code)
    return dict(run.tally.recovered)
