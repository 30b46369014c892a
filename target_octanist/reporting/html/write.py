"""Makes the page of a report, and puts it in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from target_octanist import __version__
from target_octanist.errors import LedgerError
from target_octanist.reporting.files import write_file
from target_octanist.reporting.html.plots import plots
from target_octanist.reporting.html.view import View
from target_octanist.reporting.report import report_on, report_without_journal

if TYPE_CHECKING:
    from target_octanist.ledger.journal import Journal
    from target_octanist.reporting.figures import Figures
    from target_octanist.reporting.report import Report

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(report: Report) -> str:
    """Give a report as one page of HTML that needs nothing else."""
    template = _TEMPLATES.get_template("report.html.j2")
    return template.render(view=View(report), plots=plots(report.runs), version=__version__)


def write_run_report(path: Path, journal: Journal, figures: Figures) -> None:
    """Write the report of a run that has just ended.

    Args:
        path: The file.
        journal: Of the run, still open. If it cannot be asked, the page does without.
        figures: Of the run.

    Raises:
        OSError: The file cannot be written.
    """
    try:
        report = report_on(journal, journal.past_runs(prefix=journal.run))
        has_figures = any(account.figures for account in report.runs)
    except LedgerError:
        has_figures = False
    if not has_figures:
        report = report_without_journal(journal.run, figures)
    write_file(path, render(report))
