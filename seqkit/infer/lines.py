"""Texts to label, one a line."""

from __future__ import annotations

import sys
from pathlib import Path

from seqkit.errors import DataError, UsageError
from seqkit.readers.files import check_encoding, read_text


def read_lines(file: Path, encoding: str) -> list[str]:
    """Returns the lines of a file that are not blank; `-` is standard input.

    Raises:
        UsageError: there is no such encoding.
        DataError: the file is missing, empty, or not in this encoding.
    """
    try:
        codec = check_encoding(encoding)
    except ValueError as error:
        raise UsageError(f"--{error}") from None
    if str(file) != "-":
        return [line for line in read_text(file, codec).split("\n") if line.strip()]
    try:
        text = sys.stdin.buffer.read().decode(codec)
    except UnicodeDecodeError as error:
        raise DataError(f"standard input: byte {error.start + 1} is not {encoding}: give its --encoding") from None
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError("standard input: there is no text in it")
    return lines
