"""`dwell completion`: the script that lets a shell complete verbs and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from dwell.cli.options import output_options
from dwell.cli.output import Form, Output
from dwell.errors import UsageError

__all__ = ["COMMANDS"]


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@output_options((Form.TEXT,))
@click.pass_context
def completion(context: click.Context, shell: str, output: Output) -> int:
    """Print the completion script of a shell.

    \b
    dwell completion bash > ~/.local/share/bash-completion/completions/dwell
    dwell completion fish > ~/.config/fish/completions/dwell.fish
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"no completion for {shell}")
    output.write(kind(context.find_root().command, {}, "dwell", "_DWELL_COMPLETE").source() + "\n")
    return 0


COMMANDS = {"completion": completion}
