"""``octanist presets``: the ready-made mappings, and what one of them says."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
import yaml

from target_octanist.cli.output import json_option, print_json, print_table
from target_octanist.errors import SettingsError

if TYPE_CHECKING:
    from target_octanist.leads.presets import Preset

_WIDTH = 100
_LISTED = ("name", "version", "streams", "description")


class _Plain(yaml.SafeDumper):
    """Writes what a preset says twice twice: settings have no anchors under Meltano."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the dumper's
        return True


@click.command("presets", epilog="Example: octanist presets hubspot_contacts")
@click.argument("name", required=False)
@json_option
def command(name: str | None, *, as_json: bool) -> None:
    """List the ready-made mappings, or show one.

    A preset is a ready-made mapping: `preset: hubspot_contacts` in the settings of a stream. The
    output is what you could write there instead. NAME may also be your own file, such as
    ./my_preset.yml; it is checked.
    """
    if name is not None:
        preset = _find(name)
        if as_json:
            print_json(asdict(preset))
        else:
            click.echo(_as_settings(preset), nl=False)
        return
    presets = _all()
    if as_json:
        print_json([{key: getattr(preset, key) for key in _LISTED} for preset in presets])
        return
    print_table(
        ("preset", "version", "streams", "description"),
        [(one.name, one.version, ", ".join(one.streams), one.description) for one in presets],
    )


def _all() -> list[Preset]:
    # What reads them takes a while to load, which completion need not wait for.
    from target_octanist.leads.presets import load_preset, preset_names

    return [load_preset(name) for name in preset_names()]


def _find(name: str) -> Preset:
    from target_octanist.leads.problems import MappingError
    from target_octanist.preset_files import find_preset

    try:
        return find_preset(name, os.environ)
    except MappingError as error:
        raise SettingsError(error.problems) from None


def _as_settings(preset: Preset) -> str:
    """The preset as a document for the configuration, under ``streams``."""
    entry: dict[str, Any] = {"stream": preset.streams[0] if preset.streams else "*"}
    if preset.key:
        entry["key"] = list(preset.key)
    if preset.mode != "create":
        entry["mode"] = preset.mode
    if preset.link is not None:
        entry["link"] = preset.link
    entry["mapping"] = preset.mapping
    head = [f"{preset.name}, version {preset.version}", preset.description, preset.notes]
    lines = "\n".join(text for text in head if text).splitlines()
    document = yaml.dump(
        {"streams": [entry]}, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return "".join(f"# {line}\n" for line in lines) + document
