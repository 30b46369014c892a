"""``octanist load``: a file's rows, straight to Octanist. For backfills."""

from __future__ import annotations

import logging
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from target_octanist.cli.config import all_settings, config_option, load_config
from target_octanist.cli.output import json_option, print_json

if TYPE_CHECKING:
    from target_octanist.file_target import FileTarget


@click.command(
    "load", epilog="Example: octanist load web_leads.csv --config config.json --key lead_id"
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@config_option
@click.option("--stream", metavar="NAME", help="Its name in `streams`. Default: the file's name.")
@click.option(
    "--key", metavar="COL[,COL]", help="Columns that identify a row. Default: all its content."
)
@click.option("--sheet", metavar="NAME", help="Excel: the sheet. Default: the first.")
@click.option(
    "--encoding",
    metavar="NAME",
    help="Text files. Default: UTF-8, UTF-16 or Windows-1252, as detected.",
)
@click.option("--delimiter", metavar="CHAR", help="CSV. Default: as detected in the header.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Load at most N rows.")
@click.option(
    "--restart",
    is_flag=True,
    help="Start at the first row, not where an earlier load stopped.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be sent, masked; send nothing.")
@json_option
def command(
    file: Path,
    config_files: tuple[Path, ...],
    *,
    stream: str | None,
    key: str | None,
    sheet: str | None,
    encoding: str | None,
    delimiter: str | None,
    limit: int | None,
    restart: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Deliver the rows of FILE as leads, each one once.

    FILE is CSV (.csv .tsv .txt, also .gz or .zip), Excel (.xlsx), Parquet or JSON lines.
    It uses the target's mapping and journal: a row that was sent is not sent again,
    and an interrupted load continues where it stopped.

    The log goes to stderr. With --json the result goes to stdout.
    """
    # The framework takes a second to load, which help and completion need not wait for.
    from target_octanist.file_target import FileTarget, Load
    from target_octanist.reporting.summary import plain
    from target_octanist.sdk_errors import readable_errors
    from target_octanist.settings_reader import read_settings
    from target_octanist.tables.table import Options, kind_of, open_table

    config = load_config(config_files, all_settings())
    if dry_run:
        config["dry_run"] = True
    read_settings(config)
    load = Load(
        path=file,
        options=Options(encoding, delimiter, sheet),
        stream=stream or kind_of(file).stem,
        key=tuple(name.strip() for name in key.split(",")) if key else (),
        limit=limit,
        restart=restart,
    )
    with readable_errors(), closing(open_table(file, load.options)) as table:
        target = FileTarget(config, load, table)
        _log_for_people(target)
        for remark in table.remarks:
            target.logger.info("%s", remark)
        try:
            target.deliver()
        finally:
            if as_json and target.summary is not None:
                print_json(plain(target.summary))


def _log_for_people(target: FileTarget) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    # Metric points are for machines, which run the target.
    target.metrics_logger.setLevel(logging.WARNING)
