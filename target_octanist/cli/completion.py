"""``octanist completion``: lets a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from target_octanist.errors import OctanistError


@click.command("completion", epilog="Example: octanist completion bash > octanist.bash")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete `octanist`.

    \b
    To have it in every new shell, add this to your start-up file:
      bash  ~/.bashrc                   eval "$(octanist completion bash)"
      zsh   ~/.zshrc                    eval "$(octanist completion zsh)"
      fish  ~/.config/fish/config.fish  octanist completion fish | source
    """  # noqa: D301 - click's mark for lines to leave as they are
    kind = get_completion_class(shell)
    if kind is None:
        raise OctanistError(f"completion: this version of click knows nothing of {shell}.")
    # The name of the variable is click's own for a program of this name.
    program = kind(context.find_root().command, {}, "octanist", "_OCTANIST_COMPLETE")
    click.echo(program.source())
