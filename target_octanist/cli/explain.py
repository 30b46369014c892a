"""``octanist explain``: what an error or a reason means, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from target_octanist import catalogue
from target_octanist.cli.output import json_option, print_json, print_table
from target_octanist.errors import OctanistError
from target_octanist.leads.problems import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_octanist.catalogue import Entry


@click.command("explain", epilog="Example: octanist explain ledger-locked")
@click.argument("name", metavar="[ID]", required=False)
@json_option
def command(name: str | None, *, as_json: bool) -> None:
    """Explain an error, or why a record did not become a lead: what happened, why, and what to do.

    ID is the id in brackets after an error, the code of a dead letter such as UNMAPPABLE,
    or a reason as `octanist status` shows it, in quotation marks. Without ID, all are listed.
    """
    entries = catalogue.ENTRIES if name is None else _find(name)
    if as_json:
        print_json({"entries": [asdict(entry) for entry in entries]})
    elif name is None:
        print_table(
            ["id", "about", "what"], [[entry.id, entry.group, entry.what] for entry in entries]
        )
    else:
        click.echo("\n\n".join(map(_paragraphs, entries)))


def _find(name: str) -> Sequence[Entry]:
    entry = catalogue.find(name.strip("()"))
    entries = [entry] if entry else list(catalogue.of_reason(name))
    if not entries:
        hint = did_you_mean(name, catalogue.names())
        message = f"ID: the catalogue has no {name}{hint} `octanist explain` lists all."
        raise OctanistError(message, error_id="explain-unknown")
    return entries


def _paragraphs(entry: Entry) -> str:
    codes = f", {', '.join(entry.codes)}" if entry.codes else ""
    return (
        f"{entry.id}{codes}  ({entry.group})\n\n"
        f"What happened: {entry.what}\n"
        f"Why:           {entry.why}\n"
        f"What to do:    {entry.remedy}"
    )
