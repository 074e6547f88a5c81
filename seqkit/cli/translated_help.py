"""Help in another language: the texts of seqkit's commands, in lines that count a wide character as two columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from gettext import gettext
from inspect import cleandoc

import click

from seqkit.terminal import display_width, wrap


class WideFormatter(click.HelpFormatter):
    """Formats help with wide characters."""

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{heading}：\n")

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, gettext("Usage:"))

    def write_text(self, text: str) -> None:
        indent = " " * self.current_indent
        self.write(
            "".join(
                f"{indent}{line}".rstrip() + "\n" for line in wrap_paragraphs(text, self.width - self.current_indent)
            )
        )

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        first_column = min(max(display_width(first) for first, _ in rows), col_max) + col_spacing
        indent = " " * self.current_indent
        for first, second in rows:
            lines = list(wrap_paragraphs(second, max(self.width - first_column - self.current_indent, 10)))
            if display_width(first) > first_column - col_spacing:
                self.write(f"{indent}{first}\n")
                first = ""
            for line in lines or [""]:
                left = first + " " * (first_column - display_width(first))
                self.write(f"{indent}{left}{line}".rstrip() + "\n")
                first = ""


def wrap_paragraphs(text: str, width: int) -> Iterator[str]:
    r"""Yield the lines of a text of several paragraphs. One that starts with `\b` is not wrapped, as in click."""
    for number, paragraph in enumerate(text.split("\n\n")):
        if number:
            yield ""
        if paragraph.startswith("\b"):
            yield from paragraph.splitlines()[1:]
        else:
            yield from wrap(_unwrapped(paragraph), width)


def _unwrapped(paragraph: str) -> str:
    """Return a paragraph in one line. Between wide characters, the end of a line is not a space."""
    return re.sub(r"(?<=[\u2e80-\uffef])\n(?=[\u2e80-\uffef])", "", paragraph).replace("\n", " ")


def translate_help(command: click.Command, lookup: Callable[[str], str]) -> None:
    """Translate the help of a command, and of the commands of a group."""
    click.Context.formatter_class = WideFormatter
    for item in (command, *command.params):
        for name in HELP_ATTRIBUTES:
            if text := getattr(item, name, None):
                setattr(item, name, lookup(cleandoc(text)))
    for member in command.commands.values() if isinstance(command, click.Group) else ():
        translate_help(member, lookup)


HELP_ATTRIBUTES = ("help", "short_help", "epilog")
"""The attributes of a command or an option that are shown by `--help`."""
