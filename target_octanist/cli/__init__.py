"""``octanist``: the commands for people. The Singer target is ``target-octanist``."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import Any

import click

from target_octanist import __version__
from target_octanist.errors import OctanistError, with_id

__all__ = ["main"]

#: Each has a module of its name here, which is loaded when it is asked for.
COMMANDS = (
    "check",
    "completion",
    "dead-letters",
    "explain",
    "load",
    "presets",
    "preview",
    "reconcile",
    "report",
    "sandbox",
    "status",
    "suggest",
)


class _Commands(click.Group):
    """Loads a command when it is needed: most of them bring a large library along."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"target_octanist.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl+C ends it with the code that shells know it by, not with 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            ctx.exit(128 + signal.SIGINT)


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="`octanist COMMAND --help` tells more about one, with an example.",
)
@click.version_option(__version__, prog_name="octanist")
@click.pass_context
def octanist(context: click.Context) -> None:
    """Look after the delivery of leads to Octanist."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> None:
    """Run ``octanist``; what stops it is told in a sentence, with exit code 1."""
    try:
        octanist()
    except OctanistError as error:
        for problem in error.problems:
            click.echo(with_id(problem), err=True)
        sys.exit(1)
