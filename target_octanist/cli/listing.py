"""Leads of the journal in a list, by digest and times; nothing in it names a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from target_octanist.cli.output import print_table
from target_octanist.ledger.tables import short_id
from target_octanist.reporting.words import iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: More than these are counted, not listed.
LISTED = 20


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row of the journal with its times in ISO 8601."""
    return {name: iso(value) if name.endswith("_at") else value for name, value in row.items()}


def print_in_doubt(rows: Sequence[Mapping[str, Any]]) -> None:
    """List the leads in doubt with what is known of them, as `plain` gives them."""
    if not rows:
        return
    click.echo(
        "\nIn doubt: sent, and nobody could tell whether it arrived. Not sent again by itself."
    )
    print_table(
        ("ID", "stream", "sent", "request", "reason"),
        [
            (
                short_id(row["source"]),
                row["stream"],
                row["sent_at"],
                row["request_id"],
                row["reason"],
            )
            for row in rows[:LISTED]
        ],
    )
    if len(rows) > LISTED:
        click.echo(f"  … and {len(rows) - LISTED} more (--json lists all)")
