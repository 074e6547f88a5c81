"""The page of the commands."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator

import click

from reference.markdown import code, head, table, text
from reference.words import Words
from seqkit import cli
from seqkit.registry import load_registry

_OPTION = re.compile(r"(?<![\w`-])--[a-z][\w-]*")
_DEFAULT = re.compile(r"\[default: ([^;\]]*)")


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
    paragraphs = words.translate(command.help or command.short_help).split("\n\n")
    yield text("\n\n".join(each if each.startswith("\b\n") else _with_code(each) for each in paragraphs))
    yield table((words["option"], words["meaning"]), _options(words, command, context))
    if isinstance(command, click.Group):
        for name, part in sorted(command.commands.items()):
            yield from _command(words, f"{path} {name}", part)


def _options(words: Words, command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    for option in command.params:
        if isinstance(option, click.Option) and (record := option.get_help_record(context)):
            names, meaning = record  # the help with default and range after it
            given = inspect.cleandoc(option.help or "")
            meaning = meaning.replace(given, words.translate(given)) if given else meaning
            meaning = meaning.replace("[required]", f"[{words.translate('required')}]")
            yield f"`{names}`", _with_code(_DEFAULT.sub(lambda part: _default(words, part[1]), meaning))


def _default(words: Words, shown: str) -> str:
    return f"[{words.translate('default: {default}').format(default=shown)}"


def _with_code(line: str) -> str:
    """Return a text with the options in it as code."""
    parts = line.split("`")
    parts[::2] = [_OPTION.sub(r"`\g<0>`", part) for part in parts[::2]]
    return "`".join(parts)
