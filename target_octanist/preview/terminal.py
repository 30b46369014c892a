"""What a preview found, laid out on a terminal of any width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from target_octanist.preview.report import WORDS, cell, heading, makes_leads, rows_of
from target_octanist.preview.run import STANDINGS
from target_octanist.preview.transitions import OUTCOMES as OF_CHANGES

if TYPE_CHECKING:
    from collections.abc import Mapping

_STYLES: Final = {
    "sent": "green",
    "duplicate": "cyan",
    "pending": "yellow",
    "skipped": "cyan",
    "filtered": "yellow",
    "rejected": "red",
}


def show(report: Mapping[str, Any]) -> None:
    """Print a report as `describe` gives it."""
    console = Console(highlight=False)
    for sample in report["samples"]:
        _show_sample(console, sample)
    for name, stream in report["streams"].items():
        console.rule(Text(f"{cell(name)}: {_records(stream['records'])}"), align="left")
        if makes_leads(stream):
            _show_outcomes(console, stream["outcomes"], stream["reasons"])
        if stream["changes"] is not None:
            _show_changes(console, stream["changes"])
        _show_fields(console, stream)
    if len(report["streams"]) > 1:
        console.rule(Text(f"In all: {_records(report['records'])}"), align="left")
        _show_outcomes(console, report["outcomes"], [])
        if report["changes"] is not None:
            _show_changes(
                console, {"outcomes": report["changes"], "reasons": (), "transitions": ()}
            )
    if report["journal"] is not None:
        table = _table("records", "held against the journal")
        for name, number in report["journal"].items():
            table.add_row(f"{number:,}", Text(f"{name}: {STANDINGS[name]}"))
        console.print(table)
    if report["stops_at"] is not None:
        stop = f"A run would stop at record {report['stops_at']}: max_rejected_percent."
        console.print(Text(stop, style="red"))
    if report["told_anew"] is not None:
        style = "red" if report["max_changes_stops"] else ""
        console.print(Text(report["told_anew"], style=style))
    last = "Nothing was sent." if report["records"] else "There is no record to be sent."
    console.print(Text(last, style="bold"))


def _show_sample(console: Console, sample: Mapping[str, Any]) -> None:
    console.print(Text(heading(sample), style=_STYLES.get(sample["outcome"], "")))
    table = Table(box=None, show_header=False, pad_edge=False)
    for path, before, field, after in rows_of(sample):
        # As text: a value may hold what rich would take for its markup.
        cells = [path, before, "→" if field else "", field, after]
        table.add_row(*map(Text, cells))
    console.print(Padding(table, (0, 0, 0, 2)))
    for note in sample["notes"]:
        console.print(Padding(Text(note, style="yellow"), (0, 0, 0, 2)))
    console.print()


def _show_outcomes(
    console: Console, outcomes: Mapping[str, int], reasons: list[dict[str, Any]]
) -> None:
    table = _table("records", "what becomes of them")
    for name, number in outcomes.items():
        table.add_row(f"{number:,}", Text(WORDS[name], style=_STYLES[name]))
        for entry in reasons:
            if entry["outcome"] == name:
                table.add_row("", Text(f"{entry['count']:,} × {entry['reason']}"))
    console.print(table)


def _show_changes(console: Console, changes: Mapping[str, Any]) -> None:
    table = _table("records", "updates of leads")
    for name, number in changes["outcomes"].items():
        if number:
            table.add_row(f"{number:,}", Text(OF_CHANGES[name], style=_STYLES[name]))
        for entry in changes["reasons"]:
            if entry["outcome"] == name:
                table.add_row("", Text(f"{entry['count']:,} × {entry['reason']}"))
    console.print(table)
    if changes["transitions"]:
        table = _table("records", "status", "becomes")
        for entry in changes["transitions"]:
            table.add_row(f"{entry['count']:,}", entry["from"], entry["to"])
        console.print(table)


def _show_fields(console: Console, stream: Mapping[str, Any]) -> None:
    if stream["notes"]:
        table = _table("records", "left out or changed")
        for entry in stream["notes"]:
            table.add_row(f"{entry['count']:,}", Text(entry["note"]))
        console.print(table)
    table = _table("filled", "%", "field", "from")
    for name, entry in stream["fields"].items():
        percent = 100 * entry["filled"] // stream["records"]
        table.add_row(f"{entry['filled']:,}", str(percent), name, Text(cell(entry["from"])))
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        is_number = name in {"records", "filled", "%"}
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    return table


def _records(number: int) -> str:
    return f"{number:,} {'record' if number == 1 else 'records'}"
