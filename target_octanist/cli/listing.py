"""Leads of the journal in a list, by digest and times; nothing in it names a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

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
    for row in rows[:LISTED]:
        request = f" {row['request_id']}" if row["request_id"] else ""
        when = row["sent_at"]
        click.echo(f"  {row['source'][:12]}  {row['stream']}  {when}{request}  {row['reason']}")
    if len(rows) > LISTED:
        click.echo(f"  … and {len(rows) - LISTED} more (--json lists all)")
