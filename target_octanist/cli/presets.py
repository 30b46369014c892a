"""``octanist presets``: the ready-made mappings, and what one of them says."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
import yaml

from target_octanist.errors import SettingsError
from target_octanist.leads.presets import load_preset, preset_names
from target_octanist.leads.problems import MappingError
from target_octanist.preset_files import find_preset

if TYPE_CHECKING:
    from target_octanist.leads.presets import Preset

_WIDTH = 100
_LISTED = ("name", "version", "streams", "description")


class _Plain(yaml.SafeDumper):
    """Writes what a preset says twice twice: settings have no anchors under Meltano."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the dumper's
        return True


@click.command("presets")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(name: str | None, *, as_json: bool) -> None:
    """List the presets, or show the one called NAME.

    A preset is a ready-made mapping: `preset: hubspot_contacts` in the settings of a stream. Shown
    is what could be written there instead. NAME may also be a file of your own, such as
    ./my_preset.yml, which is checked.

    \b
    Example:
      octanist presets hubspot_contacts
    """  # noqa: D301 - \b is click's: it keeps the lines of the example
    if name is not None:
        preset = _find(name)
        click.echo(_as_json(asdict(preset)) if as_json else _as_settings(preset), nl=as_json)
        return
    rows = [{key: getattr(load_preset(one), key) for key in _LISTED} for one in preset_names()]
    if as_json:
        click.echo(_as_json(rows))
    else:
        _print_list(rows)


def _find(name: str) -> Preset:
    try:
        return find_preset(name, os.environ)
    except MappingError as error:
        raise SettingsError(error.problems) from None


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _as_settings(preset: Preset) -> str:
    """The preset as a document for the configuration, under ``streams``."""
    entry: dict[str, Any] = {"stream": preset.streams[0] if preset.streams else "*"}
    if preset.key:
        entry["key"] = list(preset.key)
    entry["mapping"] = preset.mapping
    head = [f"{preset.name}, version {preset.version}", preset.description, preset.notes]
    lines = "\n".join(text for text in head if text).splitlines()
    document = yaml.dump(
        {"streams": [entry]}, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return "".join(f"# {line}\n" for line in lines) + document


def _print_list(rows: list[dict[str, Any]]) -> None:
    cells = [("preset", "version", "streams", "description")]
    cells += [
        (row["name"], str(row["version"]), ", ".join(row["streams"]), row["description"])
        for row in rows
    ]
    widths = [max(len(row[column]) for row in cells) + 2 for column in range(3)]
    for row in cells:
        fixed = "".join(text.ljust(width) for text, width in zip(row, widths, strict=False))
        click.echo(fixed + row[-1])
