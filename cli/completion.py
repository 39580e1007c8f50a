"""`codec completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_CODEC_COMPLETE"  # by which the scripts ask the program, as click has it


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Write the script that has a SHELL complete commands, options and files.

    \b
    bash, in ~/.bashrc:               eval "$(codec completion bash)"
    zsh, in ~/.zshrc after compinit:  eval "$(codec completion zsh)"
    fish:  codec completion fish > ~/.config/fish/completions/codec.fish
    """
    found = get_completion_class(shell)
    assert found  # click knows all of SHELLS
    click.echo(found(context.find_root().command, {}, "codec", VARIABLE).source())
