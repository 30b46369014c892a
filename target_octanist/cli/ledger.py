"""``octanist ledger``: looks after the journal itself."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Final

import click

from target_octanist.cli.config import config_option, load_config
from target_octanist.cli.output import json_option, print_json
from target_octanist.cli.period import Moment
from target_octanist.errors import OctanistError
from target_octanist.ledger.journal import Journal, now_ms
from target_octanist.ledger.prune import Ages, Pruned, Pruner, compact
from target_octanist.reporting.words import counts
from target_octanist.settings_reader import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_octanist.settings import Settings

_DAY_MS: Final = 86_400_000


@click.group("ledger", epilog="Example: octanist ledger prune --leads-older-than 400d --dry-run")
def command() -> None:
    """Maintain the journal: make it smaller."""


@command.command("prune", epilog="Example: octanist ledger prune --leads-older-than 400d --dry-run")
@config_option
@click.option(
    "--leads-older-than",
    "leads",
    type=Moment(),
    metavar="AGE",
    help="Forget leads settled before: 400d, 2026-01-31. They are sent again if they come again.",
)
@click.option(
    "--persons-older-than",
    "persons",
    type=Moment(),
    metavar="AGE",
    help="Forget whom leads settled before belonged to; the leads themselves stay known.",
)
@click.option(
    "--details-older-than",
    "details",
    type=Moment(),
    metavar="AGE",
    default="90d",
    show_default=True,
    help="Erase request ids, reasons and messages of leads settled before.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be forgotten.")
@click.option(
    "--compact/--no-compact",
    "compacts",
    default=True,
    show_default=True,
    help="Shrink a SQLite file by its free space.",
)
@click.option(
    "--yes", is_flag=True, help="Do not ask for confirmation; required without a terminal."
)
@json_option
def prune(
    config_files: tuple[Path, ...],
    leads: int | None,
    persons: int | None,
    details: int,
    *,
    dry_run: bool,
    compacts: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Forget old entries of the journal, and shrink its file.

    Without options it removes only details that affect no lead: request ids, reasons and
    messages of old delivered leads and duplicates, and old runs of which nothing is left.

    The rest prevents second leads. --leads-older-than forgets leads that were delivered,
    duplicate, filtered or discarded: if such a record comes again, it makes a new lead.
    --persons-older-than keeps the leads, and forgets only whom they belonged to: another
    record of the same person makes a new lead. Both ask first, and accept no age within
    dedupe_window_days. Leads that are being sent, in doubt or dead letters always stay, and so
    do leads with delivered or pending changes.

    Runs may be active meanwhile, but then the file does not shrink. A run that starts while it
    shrinks waits up to a minute, and then gives up. Shrinking needs as much free disk space
    as the journal's size.
    """
    settings = read_settings(load_config(config_files) | {"dry_run": True})
    ages = Ages(details, persons, leads)
    _check_ages(settings, ages)
    opened = Journal.open_to_read if dry_run else _open
    with closing(opened(settings.ledger)) as journal:
        pruner = Pruner(journal, ages)
        if not dry_run and not yes and (leads is not None or persons is not None):
            _confirm(pruner, ages)
        before = journal.size()
        pruned = pruner.count() if dry_run else pruner.prune()
        why_not = compact(journal) if compacts and not dry_run else None
        after = journal.size()
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "leads": pruned.leads,
                "persons": pruned.persons,
                "details": pruned.details,
                "runs": pruned.runs,
                "kept": pruned.kept,
                "bytes_before": before,
                "bytes_after": after,
                "not_compacted": why_not,
            }
        )
        return
    click.echo("Would be forgotten:" if dry_run else "Forgotten:")
    for line in _lines(pruned):
        click.echo(f"  {line}")
    if pruned.kept:
        click.echo(f"Kept, though as old, since changes go by them: {pruned.kept:,} leads.")
    if dry_run:
        click.echo(f"The journal takes {_megabytes(before)}. Nothing was changed.")
        return
    click.echo(f"The journal took {_megabytes(before)}, and takes {_megabytes(after)} now.")
    if why_not is not None:
        click.echo(f"It was not compacted: {why_not.removesuffix('.')}.")


def _open(ledger: str) -> Journal:
    return Journal.open(ledger, create=False)


def _check_ages(settings: Settings, ages: Ages) -> None:
    """See that nobody is forgotten who still counts as already sent."""
    windows = [
        settings.dedupe_window_days,
        *(
            entry["dedupe_window_days"]
            for _, entry in settings.streams
            if "dedupe_window_days" in entry
        ),
    ]
    days = 0 if 0 in windows else max(windows)
    youngest = now_ms() - days * _DAY_MS
    for option, age in (("leads", ages.leads), ("persons", ages.persons)):
        if age is None or (days and age <= youngest):
            continue
        window = f"{days} days" if days else "for ever"
        message = (
            f"--{option}-older-than: `dedupe_window_days` says that a person counts as already "
            f"sent {window}; give a greater age, or change the setting first."
        )
        raise OctanistError(message)


def _confirm(pruner: Pruner, ages: Ages) -> None:
    """Ask whether the memory of old leads is really to go."""
    if sys.stdin is None or not sys.stdin.isatty():
        message = (
            "prune: what is forgotten makes new leads if it comes again; where nobody can be "
            "asked it takes --yes (--dry-run counts)."
        )
        raise OctanistError(message)
    counted = pruner.count()
    for line in _lines(counted):
        click.echo(f"  {line}", err=True)
    what = "A record" if ages.leads is not None else "A person"
    click.confirm(
        f"Forget this for good? {what} that comes again after that makes a new lead.",
        abort=True,
        err=True,
    )


def _lines(pruned: Pruned) -> Iterator[str]:
    yield f"leads: {counts(pruned.leads)}" if pruned.leads else "leads: none"
    yield f"digests of persons: {pruned.persons:,}"
    yield f"request ids, reasons and messages: of {pruned.details:,} leads"
    yield f"runs of which nothing was left: {pruned.runs:,}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
