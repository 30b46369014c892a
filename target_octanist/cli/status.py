"""``octanist status``: what the journal knows."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from target_octanist.cli.config import config_option, load_config
from target_octanist.cli.listing import plain, print_in_doubt
from target_octanist.cli.output import json_option, print_json, print_table
from target_octanist.ledger.journal import Journal
from target_octanist.ledger.tables import State
from target_octanist.settings import default_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@click.command("status")
@config_option
@click.option("--ledger", help="The journal: a file or a postgresql:// URL; else as configured.")
@json_option
def command(config_files: tuple[Path, ...], ledger: str | None, *, as_json: bool) -> None:
    """Show totals by stream and outcome, and what is in doubt or rejected."""
    journal = Journal.open_to_read(_ledger(config_files, ledger))
    try:
        report = describe(journal)
    finally:
        journal.close()
    if as_json:
        print_json(report)
    else:
        _print(report)


def describe(journal: Journal) -> dict[str, Any]:
    """Give what the journal knows as plain values, without personal data.

    Returns:
        ``outcomes`` (state to count), ``streams`` (stream to state to count), and
        ``in_doubt`` and ``rejected``: lists of objects with source (digest), stream,
        attempts, times in ISO 8601, request_id, code and reason, the oldest 1,000 of
        each; and ``reasons``: how many were rejected for what.
    """
    outcomes: Counter[str] = Counter({state.value: 0 for state in State})
    streams: dict[str, dict[str, int]] = {}
    for stream, state, count in journal.totals():
        outcomes[state] += count
        streams.setdefault(stream, {})[state] = count
    return {
        "outcomes": dict(outcomes),
        "streams": streams,
        "in_doubt": [plain(row) for row in journal.in_state(State.IN_DOUBT)],
        "reasons": [
            {"stream": stream, "reason": reason, "count": count}
            for stream, reason, count in journal.reasons(State.REJECTED)
        ],
        "rejected": [plain(row) for row in journal.in_state(State.REJECTED)],
    }


def _ledger(config_files: tuple[Path, ...], ledger: str | None) -> str:
    if ledger:
        return ledger
    config = load_config(config_files)
    return str(config.get("ledger") or default_ledger(os.environ))


def _print(report: Mapping[str, Any]) -> None:
    states = [state.value for state in State]
    rows = [*report["streams"].items(), ("total", report["outcomes"])]
    print_table(
        ["stream", *states],
        [[stream, *(counts.get(state, 0) for state in states)] for stream, counts in rows],
    )
    print_in_doubt(report["in_doubt"])
    _print_reasons(report["reasons"])


def _print_reasons(reasons: list[dict[str, Any]]) -> None:
    if reasons:
        click.echo("\nRejected, kept as dead letters (--json lists them):")
    for row in reasons:
        click.echo(f"  {row['count']:>6} × {row['stream']}: {row['reason']}")
