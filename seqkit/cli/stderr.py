"""Print errors and notes to stderr: errors in red and notes in yellow, if it is a terminal."""

from __future__ import annotations

import sys
from contextlib import suppress

from seqkit.errors import one_line
from seqkit.messages import message, translate
from seqkit.terminal import RED, YELLOW, colored

aliases: dict[str, str] = {}
"""What to call temporary files."""


def print_error(line: str) -> None:
    """Print one line of an error."""
    _print(f"seqkit: {translate(line)}", RED)


def print_note(text: str) -> None:
    """Print a note."""
    _print(translate(message("seqkit: note: {text}", text=text)), YELLOW)


def _print(line: str, color: str) -> None:
    for path, name in aliases.items():
        line = line.replace(path, name)
    with suppress(OSError):
        print(colored(one_line(line), color, sys.stderr), file=sys.stderr, flush=True)
