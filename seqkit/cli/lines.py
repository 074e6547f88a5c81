"""Read texts from a file, one per line."""

from __future__ import annotations

import sys
from pathlib import Path

from seqkit.errors import UsageError
from seqkit.readers.files import check_beginning, check_encoding, decode_text, read_text


def read_lines(file: Path, encoding: str) -> list[str]:
    """Return the lines of a file that are not blank. `-` is standard input.

    Raises:
        UsageError: the encoding is unknown.
        DataError: the file is missing, not a regular file, empty, or not in this encoding.
    """
    try:
        codec = check_encoding(encoding)
    except ValueError as error:
        raise UsageError(f"--{error}") from None
    if str(file) == "-":
        source = "standard input"
        if hasattr(sys.stdin.buffer, "peek"):  # /dev/zero has no end, but its beginning shows that it is not text
            check_beginning(sys.stdin.buffer.peek(), codec, source, "--encoding ")
        text = decode_text(sys.stdin.buffer.read(), codec, source, "--encoding ")
    else:
        text = read_text(file, codec, "--encoding ")
    return [line for line in text.split("\n") if line.strip()]
