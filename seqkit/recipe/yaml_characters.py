"""Lines, positions and characters of a YAML document.

Only LF, CRLF and CR end a line, as in YAML 1.2 and in editors. PyYAML follows YAML 1.1, in which U+0085, U+2028 and
U+2029 end a line too, so it reads a text in which unused characters stand in for them.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

from seqkit.messages import message

LINE_END = re.compile(r"\r\n|\r|\n")
SURROGATE = re.compile("[\\ud800-\\udfff]")
BYTE_ORDER_MARK = "\ufeff"
_SPECIAL_IN_PYYAML = "\x85\u2028\u2029" + BYTE_ORDER_MARK
"""Characters that end a line for PyYAML, or that it leaves out when it counts columns."""

_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))")
_CONTROL_NAMES = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "TAB", "LF", "VT", "FF", "CR", "SO", "SI",
    "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
]  # fmt: skip


class Position(NamedTuple):
    """A position in a file.

    Attributes:
        file: its path, or the name of another source.
        line: from 1; 0 for a source without lines.
        column: from 1; 0 for a source without lines.
    """

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


def position_at(text: str, index: int, file: str) -> Position:
    """Return the position of a character of a text, with lines that end with LF, CRLF or CR."""
    lines = LINE_END.split(text[:index])
    return Position(file, len(lines), len(lines[-1]) + 1)


def stand_ins(text: str) -> dict[str, str]:
    """Return a character that a text does not contain, not even escaped, for each that PyYAML treats specially."""
    special = [character for character in _SPECIAL_IN_PYYAML if character in text]
    used = {ord(character) for character in text} if special else set()
    used |= {int(short or long, 16) for short, long in _ESCAPED.findall(text)} if special else set()
    unused = (chr(number) for number in range(0x10000, 0x110000) if number not in used)
    return dict(zip(special, islice(unused, len(special)), strict=True))


def describe_character(character: str) -> str:
    """Return the code point of a character that YAML does not allow, its name if it has one, and the remedy."""
    number = ord(character)
    if SURROGATE.match(character):
        return message("the surrogate U+{number:04X} is not a character", number=number)
    name = {0x7F: " (DEL)"}.get(number, f" ({_CONTROL_NAMES[number]})" if number < 32 else "")
    escape = f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
    return message(
        'the character U+{number:04X}{name} is not allowed: delete it, or write "{escape}" in double quotes',
        number=number,
        name=name,
        escape=escape,
    )


def explain_byte_order_mark() -> str:
    """Return why a byte order mark is not allowed inside a file."""
    return message(
        "the byte order mark U+FEFF, an invisible character, is only allowed at the start of a file: delete it"
    )
