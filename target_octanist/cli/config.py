"""Where the commands for people find their settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from target_octanist.config_files import (
    ENVIRONMENT,
    PREFIX,
    from_environment,
    read_config_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Stands for the environment, as it does for target-octanist.
_ENV = Path(ENVIRONMENT)

_Function = TypeVar("_Function", bound="Callable[..., Any]")


def config_option(function: _Function) -> _Function:
    """Add ``--config FILE``, which may be repeated; later files win."""
    return click.option(
        "--config",
        "config_files",
        multiple=True,
        type=_ConfigFile(exists=True, dir_okay=False, path_type=Path),
        help=(
            "JSON file with the target's settings, as for target-octanist; repeatable. With ENV, "
            f"or without this option, settings come from the environment ({PREFIX}…), as "
            "under Meltano."
        ),
    )(function)


class _ConfigFile(click.Path):
    """A file that exists, or the word ``ENV``."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return _ENV if value == str(_ENV) else super().convert(value, param, ctx)


def load_config(
    files: tuple[Path, ...], properties: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Read the settings from files, or from the environment where there are none.

    Args:
        files: JSON files; later ones win. ``ENV`` among them: the environment wins.
        properties: JSON schemas of what the environment is asked for; else our own settings.

    Raises:
        SettingsError: A file or a variable cannot be read.
    """
    config = read_config_files(files)
    if not files or _ENV in files:
        config |= from_environment(os.environ, properties)
    return config


def all_settings() -> dict[str, Any]:
    """Describe the settings that the framework adds, too: stream maps change what is sent."""
    # It takes a second to load, which other commands need not wait for.
    from target_octanist.config_schema import config_jsonschema
    from target_octanist.target import TargetOctanist

    schema = config_jsonschema()
    TargetOctanist.append_builtin_config(schema)
    properties: dict[str, Any] = schema["properties"]
    return properties
