"""The page of the commands."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import click

from reference.markdown import code, head, table, text
from reference.words import Words
from seqkit import cli
from seqkit.registry import load_registry


def commands(words: Words) -> Iterator[str]:
    """Yield the page of the commands and their options, those of plugins too."""
    yield from head(words, "Commands")
    for name, command in sorted(all_commands().items()):
        yield from _command(words, f"seqkit {name}", command)


def all_commands() -> dict[str, click.Command]:
    """Return the commands of seqkit and of the plugins, by name."""
    for module in pkgutil.iter_modules(cli.__path__):  # they add their commands to the group
        importlib.import_module(f"seqkit.cli.{module.name}")
    from seqkit.cli.group import seqkit as group

    return group.commands | {name: command.load() for name, command in load_registry().commands.items()}


def _command(words: Words, path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    yield f"## {path}"
    yield code("console", f"$ {path} {' '.join(command.collect_usage_pieces(context))}")
    yield text(words.translate(command.help or command.short_help))
    yield table((words["option"], words["meaning"]), _options(words, command, context))
    if isinstance(command, click.Group):
        for name, part in sorted(command.commands.items()):
            yield from _command(words, f"{path} {name}", part)


def _options(words: Words, command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    for option in command.params:
        if isinstance(option, click.Option) and (record := option.get_help_record(context)):
            names, meaning = record  # the help with default and range after it
            given = inspect.cleandoc(option.help or "")
            yield f"`{names}`", meaning.replace(given, words.translate(given)) if given else meaning
