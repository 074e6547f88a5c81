"""The group of commands: seqkit's own, and those that plugins add."""

from __future__ import annotations

import signal
from typing import Any

import click

import seqkit as package
from seqkit.errors import Interrupted

KINDS = ("reader", "tokenizer", "embedding", "encoder", "head")

no_plugin = click.option(
    "--no-plugin", "without", multiple=True, metavar="NAME", help="Leave this plugin out. May be given again."
)
overrides_argument = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")


class Commands(click.Group):
    """seqkit's own commands and those of plugins; says of Ctrl-C what it says of any other end, in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *sorted(_plugin_commands().keys() - self.commands.keys())]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        own = super().get_command(ctx, name)
        if own is not None or name not in _plugin_commands():
            return own
        return click.Command(name, short_help=_plugin_commands()[name].command.summary)  # stands for it in --help

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name not in self.commands:
            from seqkit.registry import load_registry

            command = load_registry().check().commands[name].load()
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted(signal.SIGINT, "interrupted") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package.__version__, prog_name="seqkit")
@click.option("--debug", is_flag=True, help="Show a traceback for an error.")
def seqkit(debug: bool) -> None:
    """Sequence models from recipes: train, generate, classify.

    Try `seqkit run recipes/char_gen.yaml`.
    """


def _plugin_commands() -> dict[str, Any]:
    """Returns the commands of plugins by name. What is wrong with a plugin is not for `--help` to say."""
    from seqkit.registry import load_registry

    return load_registry().commands
