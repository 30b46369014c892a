"""``octanist``: the commands for people. The Singer target is ``target-octanist``."""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from target_octanist import __version__
from target_octanist.collector import spare_collector
from target_octanist.errors import OctanistError, with_id

__all__ = ["main"]

#: Each has a module of its name here, which is loaded when it is asked for, and says more there.
COMMANDS = {
    "check": "Check settings, journal, key and quota; send no lead.",
    "completion": "Print the script that lets a shell complete `octanist`.",
    "dead-letters": "List, export, replay or discard rejected records.",
    "explain": "Explain an error, or why a record did not become a lead.",
    "ledger": "Maintain the journal: make it smaller.",
    "load": "Deliver the rows of a file as leads, each one once.",
    "presets": "List the ready-made mappings, or show one.",
    "preview": "Show what a run would do; send nothing.",
    "reconcile": "Ask the API about leads in doubt, and settle them.",
    "report": "Write a report on a run, or on all runs of a period.",
    "sandbox": "Run a local server that stands in for the Octanist API.",
    "status": "Show what the last run did, and all totals.",
    "suggest": "Suggest a mapping for a new stream.",
}


class _Commands(click.Group):
    """Loads a command when it is needed: most of them bring a large library along."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        # click would load all of them for their first sentences.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # The same, with a person waiting who has pressed Tab.
        found = [
            CompletionItem(name, help=summary)
            for name, summary in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

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
    epilog="`octanist COMMAND --help` explains a command, with an example.",
)
@click.version_option(__version__, prog_name="octanist")
@click.pass_context
def octanist(context: click.Context) -> None:
    """Look after the delivery of leads to Octanist."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main() -> None:
    """Run ``octanist``; what stops it is told in a sentence, with exit code 1."""
    spare_collector()
    try:
        octanist()
    except OctanistError as error:
        for problem in error.problems:
            click.echo(with_id(problem), err=True)
        sys.exit(1)
