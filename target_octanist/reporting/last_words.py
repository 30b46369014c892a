"""Says at the end of a run what it did: in the log, and laid out on a terminal."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final, TextIO

from target_octanist.ledger.tables import short_id
from target_octanist.reporting.summary import (
    TOLD,
    arrivals,
    lines,
    more_reasons,
    recovery,
    totals,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from target_octanist.reporting.summary import Summary
    from target_octanist.reporting.tally import Group

logger = logging.getLogger("target-octanist")


def tell(summary: Summary, stream: TextIO, level: int) -> None:
    """Log a summary, one line an event; what logs to a terminal gets it as a table instead.

    Args:
        summary: Of the run.
        stream: Where the log goes.
        level: Of the first of them, with the totals.
    """
    if not (stream.isatty() and os.environ.get("TERM") != "dumb"):
        for at, line in enumerate(lines(summary)):
            logger.log(logging.INFO if at else level, "%s", line)
        return
    handlers = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is stream
    ]
    for handler in handlers:
        handler.addFilter(_is_no_line)
    for at, line in enumerate(lines(summary)):
        logger.log(logging.INFO if at else level, "%s", line, extra={_MARK: True})
    for handler in handlers:
        handler.removeFilter(_is_no_line)
    if handlers:
        show(summary, stream)


#: Leads that are named for each reason, if the terminal has at least that many columns.
_NAMED: Final = 3
_WIDE: Final = 70

_MARK = "last_words"


def _is_no_line(record: logging.LogRecord) -> bool:
    return not hasattr(record, _MARK)


def show(summary: Summary, stream: TextIO) -> None:
    """Print a summary on a terminal."""
    # It takes a while to load, which a pipe need not wait for.
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    first = Text(totals(summary), style="bold")
    first.highlight_regex(r"[1-9][\d,]* rejected", "red")
    first.highlight_regex(r"[1-9][\d,]* in doubt", "yellow")
    console.print(first)
    if summary.records:
        console.print(Text(arrivals(summary)))
    if any(summary.recovered.values()):
        console.print(Text(recovery(summary)))
    if any(summary.number(outcome) for outcome in TOLD):
        console.print(_table(summary, named=_NAMED if console.width >= _WIDE else 0))
    for step in summary.steps:
        console.print(Text(step.sentence))
        if step.command is not None:
            # Not broken into lines: it is there to be copied.
            console.print(Text(f"  {step.command}", style="bold"), soft_wrap=True)


def _table(summary: Summary, *, named: int) -> Table:
    """Make a table of the reasons, with the IDs of a few leads for each."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    streams = {stream for stream, _, _ in summary.reasons}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"{summary.noun}s", justify="right", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("why")
    if named:
        table.add_column("ID of the first", no_wrap=True)
    for outcome, told in TOLD.items():
        groups = summary.groups(outcome)
        for stream, reason, group in groups[:told]:
            why = f"{stream}: {reason}" if len(streams) > 1 else reason
            # As text: a reason may hold what rich would take for its markup.
            cells = [
                Text(f"{group.count:,}"),
                Text(outcome.replace("_", " "), style=_STYLES[outcome]),
                Text(why.rstrip(".")),
            ]
            if named:
                cells.append(Text("\n".join(_mentions(group, summary.noun, named))))
            table.add_row(*cells)
        if len(groups) > told:
            table.add_row("", "", more_reasons(len(groups) - told))
    return table


def _mentions(group: Group, noun: str, most: int) -> Iterator[str]:
    """Name fewer records than the log does, and briefly: there is less room."""
    shown = group.references[:most]
    for reference in shown:
        id_ = short_id(reference.source)
        yield id_ if reference.record is None else f"{id_} {noun} {reference.record:,}"
    if group.count > len(shown):
        yield "…"


_STYLES = {"rejected": "red", "in_doubt": "yellow", "filtered": "cyan"}
