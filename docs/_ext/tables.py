"""Parts of the reference as Markdown, made from the code; nothing is written down twice."""

from __future__ import annotations

import inspect
import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import click

from target_octanist.catalogue import ENTRIES
from target_octanist.cli.config import all_settings
from target_octanist.config_files import PREFIX
from target_octanist.config_schema import config_jsonschema
from target_octanist.leads.presets import load_preset, preset_names
from target_octanist.leads.schema import FIELDS, MATCH_KEYS, UPDATE_FIELDS
from target_octanist.ledger.tables import State, metadata
from target_octanist.target import TargetOctanist

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_octanist.leads.presets import Preset


def target_options() -> str:
    """Give a table of the options of ``target-octanist``."""
    options = (p for p in TargetOctanist.cli.params if isinstance(p, click.Option))
    rows = ([f"`{' '.join(option.opts)}`", option.help or ""] for option in options)
    return _table(["Option", "Meaning"], rows)


def settings() -> str:
    """Give a section for each of the target's own settings."""
    return "\n\n".join(
        _setting(name, schema) for name, schema in config_jsonschema()["properties"].items()
    )


def stream_settings() -> str:
    """Give a table of what may be set for one stream."""
    streams = config_jsonschema()["properties"]["streams"]
    properties: Mapping[str, Any] = streams["additionalProperties"]["properties"]
    rows = ([f"`{name}`", _kind(p), p["description"]] for name, p in properties.items())
    return _table(["Key", "Kind", "Meaning"], rows)


def framework_settings() -> str:
    """Give a table of the settings that singer-sdk adds."""
    own = config_jsonschema()["properties"]
    theirs = {name: p for name, p in all_settings().items() if name not in own}
    rows = ([f"`{name}`", _kind(p), p.get("description", "")] for name, p in theirs.items())
    return _table(["Setting", "Kind", "Meaning"], rows)


def lead_fields() -> str:
    """Give a table of the fields that a lead may have."""
    rows = (
        [f"`{field.name}`", field.group, field.kind, "yes" if field.legacy else "no"]
        for field in FIELDS.values()
    )
    return _table(["Field", "Group", "Read as", "In the older contract"], rows)


def change_fields() -> str:
    """Give a table of the fields that a change may have."""
    rows = (
        [f"`{name}`", "finds the lead" if name in MATCH_KEYS else "changes it", field.kind]
        for name, field in UPDATE_FIELDS.items()
    )
    return _table(["Field", "What for", "Read as"], rows)


def presets() -> str:
    """Give a section for each preset, with its notes and its mapping."""
    sections = []
    for name in preset_names():
        preset = load_preset(name)
        streams = ", ".join(f"`{stream}`" for stream in preset.streams)
        fields = ", ".join(f"`{field}`" for field in preset.mapping)
        sections += [
            f"## {name}",
            preset.description,
            f"Stream: {streams}. Version {preset.version}.{_mode(preset)} Fills {fields}.",
            preset.notes,
        ]
    return "\n\n".join(sections)


def _mode(preset: Preset) -> str:
    """Say that a preset changes leads, and of which stream."""
    if preset.mode == "create":
        return ""
    linked = f", linked to `{preset.link['stream']}`" if preset.link else ""
    return f" Mode `{preset.mode}`{linked}."


def errors() -> str:
    """Give a section for each entry of the catalogue, by group."""
    sections = []
    for group, entries in itertools.groupby(ENTRIES, lambda entry: entry.group):
        sections.append(f"## {group.capitalize()}")
        for entry in entries:
            codes = "".join(f", `{code}`" for code in entry.codes)
            sections += [f"### {entry.id}{codes}", entry.what, entry.why]
            sections.append(f"**What to do:** {entry.remedy}")
    return "\n\n".join(sections)


def journal_tables() -> str:
    """Give a section for each table of the journal."""
    sections = []
    for table in metadata.sorted_tables:
        rows = (
            [
                f"`{column.name}`" + (" (key)" if column.primary_key else ""),
                str(column.type).lower() + ("" if column.nullable else ", always set"),
                column.comment or "",
            ]
            for column in table.columns
        )
        sections += [f"## {table.name}", table.comment or ""]
        sections.append(_table(["Column", "Type", "Meaning"], rows))
    return "\n\n".join(sections)


def states() -> str:
    """Give a table of the states of a lead, with the comments that the code has for them."""
    return _table(
        ["State", "Meaning"],
        ([f"`{state.value}`", _comment_above(state.name)] for state in State),
    )


def _comment_above(member: str) -> str:
    """Give what the `#:` comment above a member of State says."""
    found = re.search(rf"((?: *#: .*\n)+) *{member} =", inspect.getsource(State))
    assert found, f"State.{member} has no #: comment"
    return " ".join(line.strip().removeprefix("#: ") for line in found[1].splitlines())


def _setting(name: str, schema: Mapping[str, Any]) -> str:
    choices = [f"`{value}`" for value in schema.get("enum", ()) if value is not None]
    default = schema.get("default")
    shown = default if isinstance(default, str) else json.dumps(default)
    facts = [
        f"one of {', '.join(choices)}" if choices else _kind(schema),
        "no default" if default is None else f"default `{shown}`",
        *(["secret"] if schema.get("secret") else []),
        f"environment `{PREFIX}{name.upper()}`",
    ]
    return f"### {name}\n\n{schema['description']}\n\n*{' · '.join(facts)}*"


def _kind(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(kind for kind in kinds if kind != "null")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
