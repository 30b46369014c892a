"""What commands print: tables for a terminal, plain text for a pipe, JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from target_octanist.errors import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: How cells that say how something went are shown on a terminal.
_STYLES = {"ok": "green", "FAILED": "bold red", "unknown": "yellow"}

_Function = TypeVar("_Function", bound="Callable[..., Any]")


def json_option(function: _Function) -> _Function:
    """Add ``--json``, given to the command as ``as_json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object, for programs."
    )(function)


def print_json(value: object) -> None:
    """Print one JSON document with sorted keys; what JSON does not know becomes text."""
    click.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows below the names of their columns; numbers go to the right.

    In a pipe nothing is cut or coloured, so that a line can be searched for.
    """
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    right = [
        bool(rows) and all(row[at] is None or isinstance(row[at], (int, float)) for row in rows)
        for at in range(len(columns))
    ]
    if sys.stdout.isatty():
        _print_rich(columns, cells, right)
    else:
        _print_plain(columns, cells, right)


def _print_rich(
    columns: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]
) -> None:
    # It takes a while to load, which a pipe need not wait for.
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    # What stands first is a name or an ID, to be copied: it stays whole if there is room.
    room = console.width // 3
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, (name, is_right) in enumerate(zip(columns, right, strict=True)):
        is_whole = is_right or (at == 0 and all(len(row[at]) <= room for row in cells))
        table.add_column(
            name, justify="right" if is_right else "left", overflow="fold", no_wrap=is_whole
        )
    for row in cells:
        # As text: a reason may hold what rich would take for its markup.
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    console.print(table)


def _print_plain(
    columns: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]
) -> None:
    lines = [list(columns), *cells]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    for line in lines:
        padded = [
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, right, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())
