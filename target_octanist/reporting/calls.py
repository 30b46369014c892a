"""How a command has to be called here: with the same settings, through Meltano if it runs us."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def config_options(arguments: Sequence[str]) -> str:
    """Give the ``--config`` options of a command line, ready to be typed again."""
    found = []
    given = iter(arguments)
    for argument in given:
        if argument == "--config":
            found += [argument, next(given, "")]
        elif argument.startswith("--config="):
            found.append(argument)
    return shlex.join(found)


def under_meltano(environ: Mapping[str, str]) -> bool:
    """Say whether Meltano runs this process; it gives the settings then."""
    return "MELTANO_PROJECT_ROOT" in environ


def as_called(command: str, environ: Mapping[str, str]) -> str:
    """Give a command such as ``octanist status`` as it has to be typed here."""
    if not under_meltano(environ):
        return command
    loader = environ.get("MELTANO_LOADER_NAME", "target-octanist")
    return command.replace("octanist ", f"meltano invoke {shlex.quote(loader)}:", 1)


def call(command: str) -> str:
    """Give a command as it has to be typed to find the settings that this process has."""
    if not under_meltano(os.environ):
        return f"{command} {config_options(sys.argv[1:])}".rstrip()
    return as_called(command, os.environ)
