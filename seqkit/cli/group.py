"""The group of commands: seqkit's own, and those that plugins add."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqkit._version import __version__
from seqkit.errors import suggest
from seqkit.hookspecs import KINDS
from seqkit.messages import message, translate

if TYPE_CHECKING:
    from seqkit.registry.records import RegisteredCommand


def completed_by(name: str) -> Callable[[click.Context, click.Parameter, str], list[Any]]:
    """Return a function of `seqkit.cli.completion`, which is imported when the shell asks for completions."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        from seqkit.cli import completion

        return getattr(completion, name)(ctx, param, incomplete)

    return complete


no_plugin_option = click.option(
    "--no-plugin", "without", multiple=True, metavar="NAME", help="Disable this plugin. Can be repeated."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
recipe_argument = click.argument(
    "recipe", type=click.Path(path_type=Path), shell_complete=completed_by("complete_recipe")
)
run_argument = click.argument("run", type=click.Path(path_type=Path), shell_complete=completed_by("complete_run"))
runs_argument = click.argument(
    "runs",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="RUN...",
    shell_complete=completed_by("complete_run"),
)
overrides_argument = click.argument(
    "overrides", nargs=-1, metavar="[KEY=VALUE]...", shell_complete=completed_by("complete_override")
)
kind_names = tuple(KINDS)


class CommandGroup(click.Group):
    """The commands of seqkit and of plugins.

    Attributes:
        lookup: returns the translation of a text, for the help of a plugin's command, which is loaded later; None for
            English.
    """

    lookup: Callable[[str], str] | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *sorted(_plugin_commands().keys() - self.commands.keys())]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        own = super().get_command(ctx, name)
        if own is not None or name not in _plugin_commands():
            return own
        # A placeholder for --help, so that a plugin's command is imported only when it runs.
        return click.Command(name, short_help=translate(_plugin_commands()[name].record.summary))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[:1] and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            hint = suggest(args[0], self.list_commands(ctx))
            ctx.fail(message("no such command '{command}'{hint}", command=args[0], hint=hint))
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name not in self.commands:
            from seqkit.registry import load_registry

            command = load_registry().check().commands[name].load()
            if self.lookup is not None:
                from seqkit.cli.translated_help import translate_help

                translate_help(command, self.lookup)
        return name, command, rest


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seqkit")
@click.option("--debug", is_flag=True, help="Show the traceback of an error. Can follow a command.")
def seqkit(debug: bool) -> None:
    """Train, evaluate and use sequence models that are described by recipes.

    Start with `seqkit run recipes/char_gen.yaml`.
    """


def _plugin_commands() -> dict[str, RegisteredCommand]:
    """Return the commands of plugins by name. `--help` does not report errors of plugins."""
    from seqkit.registry import load_registry

    return load_registry().commands
