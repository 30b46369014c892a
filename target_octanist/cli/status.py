"""``octanist status``: what the last run did, how things stand, and what to do next."""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from target_octanist.cli.config import config_option, load_config
from target_octanist.cli.listing import plain, print_in_doubt
from target_octanist.cli.output import json_option, print_json, print_table
from target_octanist.cli.period import Moment
from target_octanist.ledger.journal import Journal, now_ms
from target_octanist.ledger.tables import State
from target_octanist.reporting.calls import call
from target_octanist.reporting.next_steps import next_steps, step_lines, typed_here
from target_octanist.reporting.past import RUN_DIGITS, accounts, left_open, sentence
from target_octanist.reporting.past import describe as describe_run
from target_octanist.reporting.words import spoken, when
from target_octanist.settings import default_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from target_octanist.reporting.past import Account

#: Runs that are shown.
_RUNS = 5

#: Runs among which the last one that reads an input is looked for.
_RUNS_LOOKED_AT = 100


@click.command("status", epilog="Example, for monitoring: octanist status --alert --max-age 26h")
@config_option
@click.option(
    "--ledger", help="The journal: a file or a postgresql:// URL. Default: as configured."
)
@click.option(
    "--alert",
    is_flag=True,
    help="For monitoring: print a line for everything that needs attention, and exit with 1.",
)
@click.option(
    "--max-age",
    type=Moment(),
    metavar="AGE",
    help="With --alert: also if no run has succeeded for this long, such as 26h.",
)
@json_option
def command(
    config_files: tuple[Path, ...],
    ledger: str | None,
    *,
    alert: bool,
    max_age: int | None,
    as_json: bool,
) -> None:
    """Show what the last run did, all totals, and what is in doubt or rejected.

    With --alert it exits with 1 if leads are in doubt, dead letters are kept, the last run
    failed or was cut off, or no run has succeeded within --max-age; otherwise it prints
    nothing and exits with 0.
    """
    if max_age is not None and not alert:
        raise click.UsageError("--max-age goes with --alert.")
    journal = Journal.open_to_read(journal_of(config_files, ledger))
    try:
        if alert:
            found = list(_findings(journal, max_age))
        else:
            runs = list(accounts(journal, journal.past_runs(limit=_RUNS)))
            report = describe(journal, runs)
    finally:
        journal.close()
    if alert:
        _print_findings(found, as_json=as_json)
        sys.exit(1 if found else 0)
    if as_json:
        print_json(report)
    else:
        _print(report, runs)


def describe(journal: Journal, runs: Sequence[Account]) -> dict[str, Any]:
    """Give what the journal knows as plain values, without personal data.

    Args:
        journal: Open.
        runs: The last ones, the very last first.

    Returns:
        ``outcomes`` (state to count), ``streams`` (stream to state to count), and
        ``in_doubt`` and ``rejected``: lists of objects with source (digest), stream,
        attempts, times in ISO 8601, request_id, code and reason, the oldest 1,000 of
        each; ``reasons``: how many were rejected for what; ``dead_letters``: how many of
        the rejected are still kept, and ``unread``: how many of those never got as far as the
        mapping; ``pending``: stream to number of changes that wait for
        their leads; ``runs``, as `past.describe` gives them, and
        ``last_run``, the first of them, or null.
    """
    outcomes: Counter[str] = Counter({state.value: 0 for state in State})
    streams: dict[str, dict[str, int]] = {}
    for stream, state, count in journal.totals():
        outcomes[state] += count
        streams.setdefault(stream, {})[state] = count
    described = [describe_run(run) for run in runs]
    return {
        "outcomes": dict(outcomes),
        "streams": streams,
        "in_doubt": [plain(row) for row in journal.in_state(State.IN_DOUBT)],
        "reasons": [
            {"stream": stream, "reason": reason, "count": count}
            for stream, reason, count in journal.reasons(State.REJECTED)
        ],
        "rejected": [plain(row) for row in journal.in_state(State.REJECTED)],
        "dead_letters": journal.dead_letters(),
        "unread": journal.dead_letters(unread=True),
        "pending": dict(journal.pending()),
        "last_run": described[0] if described else None,
        "runs": described,
    }


def journal_of(config_files: tuple[Path, ...], ledger: str | None) -> str:
    """Say where the journal is: as the option has it, else the settings, else the default."""
    if ledger:
        return ledger
    config = load_config(config_files)
    return str(config.get("ledger") or default_ledger(os.environ))


def _findings(journal: Journal, since: int | None) -> Iterator[str]:
    """Give a line for each thing that needs somebody."""
    now = now_ms()
    doubts = sum(n for _, state, n in journal.totals() if state == State.IN_DOUBT.value)
    if doubts:
        yield f"{doubts} in doubt: {call('octanist reconcile')}"
    if letters := journal.dead_letters():
        yield f"{letters} dead letters: {call('octanist dead-letters list')}"
    recent = accounts(journal, journal.past_runs(limit=_RUNS_LOOKED_AT))
    over = (run for run in recent if run.reads_input and run.run.state != "running")
    last = next(over, None)
    if last is not None and not last.is_good:
        yield f"The last run failed: {sentence(last, now)}"
    if since is not None and not any(
        run.is_success and run.reads_input and (run.run.ended_at or 0) >= since
        for run in accounts(journal, journal.past_runs(limit=_RUNS_LOOKED_AT))
    ):
        yield f"No run has succeeded since {when(since, now)}."


def _print_findings(found: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"findings": list(found)})
        return
    for line in found:
        click.echo(line)


def _print(report: Mapping[str, Any], runs: Sequence[Account]) -> None:
    if runs:
        # Why it stopped is told with what to do about it.
        click.echo(f"Last run: {sentence(runs[0], now_ms(), with_failure=False)}\n")
    else:
        click.echo("There was no run yet.\n")
    click.echo(
        "Leads and updates of leads in the journal (a run counts records, also repeated ones):"
    )
    states = [state.value for state in State]
    rows = [*report["streams"].items(), ("total", report["outcomes"])]
    print_table(
        ["stream", *states],
        [[stream, *(counts.get(state, 0) for state in states)] for stream, counts in rows],
    )
    _print_pending(report["pending"])
    _print_reasons(report)
    print_in_doubt(report["in_doubt"])
    _print_earlier(runs[1:])
    last = runs[0] if runs else None
    steps = next_steps(
        {
            "in_doubt": report["outcomes"]["in_doubt"],
            "dead_letters": report["dead_letters"],
            "unread": report["unread"],
            "left_open": left_open(report["outcomes"], runs),
        },
        failure=last.figures.failure if last and last.figures else None,
        cut_off=last is not None and last.run.state == "cut_off",
        run="The last run",
    )
    if steps:
        click.echo("\nWhat to do next:")
        for line in step_lines(typed_here(steps)):
            click.echo(f"  {line}")


def _print_pending(pending: Mapping[str, int]) -> None:
    if pending:
        click.echo("\nPending until their leads are there (they go out by themselves):")
        for stream, number in pending.items():
            click.echo(f"  {number:>6,} × {stream}")


def _print_reasons(report: Mapping[str, Any]) -> None:
    why = (report["last_run"] or {}).get("reasons") or []
    if why:
        click.echo("\nWhy, in the last run:")
        _print_lines([(r["count"], r["stream"], spoken(r["outcome"]), r["reason"]) for r in why])
    of_last = sum(r["count"] for r in why if r["outcome"] == State.REJECTED.value)
    if report["outcomes"][State.REJECTED.value] != of_last:
        click.echo("\nRejected in all runs (--json lists them):")
        _print_lines(
            [(r["count"], r["stream"], "rejected", r["reason"]) for r in report["reasons"]]
        )


def _print_lines(rows: Sequence[tuple[int, str, str, str]]) -> None:
    for count, stream, outcome, reason in rows:
        click.echo(f"  {count:>6} × {stream}, {outcome}: {reason}")


def _print_earlier(runs: Sequence[Account]) -> None:
    if runs:
        click.echo("\nRuns before:")
        for run in runs:
            click.echo(f"  {run.run.id[:RUN_DIGITS]}  {sentence(run, now_ms())}")
