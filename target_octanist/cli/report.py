"""``octanist report``: what a run did, or the runs of a period, as a page or for programs."""

from __future__ import annotations

import csv
import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from target_octanist.cli.config import config_option
from target_octanist.cli.period import Moment, check_span
from target_octanist.cli.status import journal_of
from target_octanist.errors import OctanistError
from target_octanist.extras import extra_hint
from target_octanist.ledger.journal import Journal
from target_octanist.reporting.files import write_file
from target_octanist.reporting.outcomes import ALL_OUTCOMES, OUTCOMES
from target_octanist.reporting.past import describe
from target_octanist.reporting.report import Report, report_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_octanist.ledger.history import PastRun

#: Where the page goes if nobody says where.
PAGE = Path("octanist-report.html")

_OF_RUN = ("id", "kind", "state", "started_at", "ended_at", "seconds", "exit_code", "records")


@click.command("report", epilog="Example: octanist report --since 7d --out last-week.html")
@config_option
@click.option(
    "--ledger", help="The journal: a file or a postgresql:// URL. Default: as configured."
)
@click.option(
    "--run",
    "run_id",
    metavar="ID",
    help="The run whose id starts with this. Default: the last one.",
)
@click.option("--since", type=Moment(), metavar="TIME", help="All runs that started then or later.")
@click.option("--until", type=Moment(), metavar="TIME", help="All runs that started before.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "json", "csv"]),
    default="html",
    show_default=True,
    help="An HTML page, everything as JSON, or one line per run as CSV.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help=f"Write to this file; - is stdout. Default for html: {PAGE}.",
)
def command(
    config_files: tuple[Path, ...],
    *,
    ledger: str | None,
    run_id: str | None,
    since: int | None,
    until: int | None,
    form: str,
    out: Path | None,
) -> None:
    """Write a report on the last run, another one, or all runs of a period.

    TIME is a date or a time (2026-11-20, 2026-11-20T03:00), or an age (24h, 7d). The
    report contains no personal data, so you may share it.
    """
    if run_id is not None and (since is not None or until is not None):
        raise click.UsageError("--run names one run; leave out --since and --until.")
    check_span(since, until)
    if form == "html":
        _check_extra()
    journal = Journal.open_to_read(journal_of(config_files, ledger))
    try:
        runs = _runs(journal, run_id, since, until)
        report = report_on(journal, runs, since=since, until=until)
    finally:
        journal.close()
    text = _text(report, form)
    if out is None and form == "html":
        out = PAGE
    if out is None or str(out) == "-":
        click.echo(text, nl=False)
        return
    _write(out, text)
    click.echo(f"The report is in {out}.", err=True)


def _check_extra() -> None:
    if any(find_spec(library) is None for library in ("jinja2", "matplotlib")):
        message = (
            f'A report as HTML needs the extra "report": {extra_hint("report")}; '
            "--format json and csv do without."
        )
        raise OctanistError(message, error_id="extra-missing")


def _runs(
    journal: Journal, run_id: str | None, since: int | None, until: int | None
) -> Sequence[PastRun]:
    """Find the runs that the report is about, the last one first."""
    if since is not None or until is not None:
        return journal.past_runs(since=since, until=until)
    if run_id is None:
        return journal.past_runs(limit=1)
    found = journal.past_runs(prefix=run_id) if run_id else []
    if len(found) != 1:
        how = "no run" if not found else f"{len(found)} runs"
        message = f"--run: {run_id} names {how}; `octanist status` lists the last ones."
        raise OctanistError(message, error_id="run-id-unknown")
    return found


def _text(report: Report, form: str) -> str:
    if form == "json":
        return json.dumps(report.plain(), indent=2, ensure_ascii=False) + "\n"
    if form == "csv":
        return _csv(report)
    from target_octanist.reporting.html.write import render

    return render(report)


def _csv(report: Report) -> str:
    """Give a line for each run, the first one first."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    recovered = [f"recovered_{name}" for name in OUTCOMES]
    rows.writerow([*_OF_RUN, *ALL_OUTCOMES, *recovered, "failure"])
    for account in reversed(report.runs):
        run = describe(account)
        counted = ((run["outcomes"], ALL_OUTCOMES), (run["recovered"], OUTCOMES))
        cells = [None if c is None else c.get(name, 0) for c, names in counted for name in names]
        rows.writerow([*(run[name] for name in _OF_RUN), *cells, run["failure"]])
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    try:
        write_file(path, text)
    except OSError as error:
        message = f"--out: {path} cannot be written ({error.strerror})."
        raise OctanistError(message, error_id="output-unwritable") from None
