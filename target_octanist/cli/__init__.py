"""``octanist``: the commands for people. The Singer target is ``target-octanist``."""

from __future__ import annotations

import sys

import click

from target_octanist import __version__
from target_octanist.cli import check, sandbox, status
from target_octanist.errors import OctanistError, SettingsError

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="octanist")
def octanist() -> None:
    """Look after the delivery of leads to Octanist."""


octanist.add_command(check.command)
octanist.add_command(sandbox.command)
octanist.add_command(status.command)


def main() -> None:
    """Run ``octanist``; what stops it is told in a sentence, with exit code 1."""
    try:
        octanist()
    except SettingsError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        sys.exit(1)
    except OctanistError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
