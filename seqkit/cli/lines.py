"""Read texts from a file, one per line."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from seqkit.errors import UsageError
from seqkit.messages import message
from seqkit.readers.files import check_beginning, check_encoding, decode_lines, open_text
from seqkit.readers.formats import decompressed

TABLE_SUFFIXES = frozenset(
    {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".feather", ".arrow", ".orc", ".xls", ".xlsx", ".ods"}
)
ENCODING_OPTION = "--encoding "
COMPRESSION_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})


def check_is_text(file: Path, remedy: str) -> None:
    """Check by its name that a file is not a table, whose header and rows are no texts.

    Args:
        file: the file.
        remedy: what to do with a table, for the message.

    Raises:
        UsageError: it is a table.
    """
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes[-1:] and suffixes[-1] in COMPRESSION_SUFFIXES:
        suffixes.pop()
    if suffixes[-1:] and suffixes[-1] in TABLE_SUFFIXES:
        raise UsageError(message("{file}: a table, not one text per line: {remedy}", file=file, remedy=remedy))


def read_lines(file: Path, encoding: str) -> Iterator[str]:
    """Return an iterator over the lines of a file, which is not held in memory. `-` is standard input.

    Raises:
        UsageError: the encoding is unknown.
        DataError: the file is missing, not a regular file, empty, or not in this encoding. Raised when the invalid part
            is reached.
    """
    try:
        codec = check_encoding(encoding)
    except ValueError as error:
        raise UsageError("--" + str(error)) from None
    return _lines(file, codec)


def _lines(file: Path, encoding: str) -> Iterator[str]:
    source = message("standard input") if str(file) == "-" else str(file)
    with _open_stdin(encoding, source) if str(file) == "-" else open_text(file) as content:
        previous = None
        for line in decode_lines(content, encoding, source, ENCODING_OPTION):
            if previous is not None:
                yield previous
            previous = line
        if previous:  # a line end ends a line: there is no line after the last one
            yield previous


@contextmanager
def _open_stdin(encoding: str, source: str) -> Iterator[BinaryIO]:
    """Copy standard input to a temporary file, which can be read twice, and open it."""
    stream = sys.stdin.buffer
    if hasattr(stream, "peek"):  # /dev/zero has no end, but its beginning shows that it is not text
        check_beginning(stream.peek(), encoding, source, ENCODING_OPTION)
    import tempfile  # slow to import

    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(stream, file)
        file.seek(0)
        with decompressed(file, source) as content:
            yield content
