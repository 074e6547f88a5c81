"""A terminal: its colors, and the width of texts in it."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from typing import IO

RED = "31"
YELLOW = "33"


def shows_colors(stream: IO[str]) -> bool:
    """Return whether a stream shows colors.

    That is a terminal, unless it is `TERM=dumb`. `NO_COLOR` turns colors off (https://no-color.org), `FORCE_COLOR` on.
    """
    forced, disabled = os.environ.get("FORCE_COLOR", ""), os.environ.get("NO_COLOR", "")
    is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    return not disabled and (is_terminal or forced not in ("", "0"))


def colored(text: str, color: str, stream: IO[str]) -> str:
    """Return a text in a color, if the stream shows colors."""
    return f"\x1b[{color}m{text}\x1b[0m" if shows_colors(stream) else text


def fit_width(text: str, width: int) -> str:
    """Return a text that fills this number of columns: shortened, or followed by spaces."""
    text = printable(text)
    if display_width(text) > width:
        while display_width(text) > width - 1:
            text = text[:-1]
        text += "…"
    return align_left(text, width)


def align_right(text: str, width: int) -> str:
    """Return a text that ends in this column, after spaces."""
    return " " * (width - display_width(text)) + text


def align_left(text: str, width: int) -> str:
    """Return a text that is followed by spaces up to this column."""
    return text + " " * (width - display_width(text))


def display_width(text: str) -> int:
    """Return the number of columns of a text in a terminal: two for each wide character, none for a combining one."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


# A line can end after a space, and beside a wide character unless punctuation would be separated from its word.
_PIECES = re.compile(
    r"""[ ]+
    | [（“「《]* (?: [\u2e80-\u9fff\uf900-\ufaff] | [!-~\u00a0-\u2e7f]+ | . ) [，。、；：？！）”」》…]*""",
    re.VERBOSE,
)


def wrap(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a paragraph, which have at most this number of columns where the words allow it."""
    line = ""
    for piece in _PIECES.findall(text):
        if line and display_width(line + piece.rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += piece if line else piece.lstrip()
    yield line.rstrip()


def printable(text: str) -> str:
    """Return a text with a space in place of each character that could move the cursor, or has no width.

    Half of a surrogate pair, as in a file name that the locale cannot decode, becomes its escape, so that names differ.
    """
    return "".join(map(_printable, text))


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return ascii(character)[1:-1] if "\ud800" <= character <= "\udfff" else " "
