"""``octanist preview``: what a run would do, before its first lead is sent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

import click

from target_octanist.cli.config import all_settings, config_option, load_config
from target_octanist.cli.output import json_option


@click.command(
    "preview", epilog="Example: octanist preview contacts.singer.jsonl --config config.json --diff"
)
@click.argument("file", type=click.File("r"))
@config_option
@click.option(
    "--records",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many of the first records to show.",
)
@click.option("--show-values", is_flag=True, help="Show personal data instead of masking it.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=(
        "Write the payloads of new leads to this file, one per line, exactly as they would be "
        "posted. The file holds personal data: only you can read it (mode 0600). It overwrites "
        "only an earlier file of this kind."
    ),
)
@click.option(
    "--diff",
    is_flag=True,
    help="Compare the records with the journal, which is only read.",
)
@json_option
def command(
    file: IO[str],
    config_files: tuple[Path, ...],
    records: int,
    *,
    show_values: bool,
    out: Path | None,
    diff: bool,
    as_json: bool,
) -> None:
    """Show what a run would do; send nothing.

    FILE holds Singer messages, as a tap writes them; "-" reads them from a pipe. They
    are processed as in a run, with the same settings, up to the point where a lead would be
    sent. No request is made, and no journal is written. Without --diff the records are
    compared only with each other. Leads that would be sent count as delivered.

    For records that change leads (mode update or upsert) it shows the status before and
    after, and with --diff whether max_changes would stop the run.

    Exits with 0, or with 1 if the settings or FILE cannot be used; what was read until
    then is shown.
    """
    # The framework takes a second to load, which help and completion need not wait for.
    from target_octanist.preview.report import describe, to_json, to_text
    from target_octanist.preview.target import PreviewTarget
    from target_octanist.preview.terminal import show
    from target_octanist.sdk_errors import readable_errors

    config = load_config(config_files, all_settings())
    with readable_errors():
        target = PreviewTarget(config, show=records, out=out, diff=diff)
    try:
        with readable_errors():
            target.listen(file)
    finally:
        report = describe(target.preview, show_values=show_values)
        if sys.stdout.isatty() and not as_json:
            show(report)
        else:
            click.echo(to_json(report) if as_json else to_text(report))
