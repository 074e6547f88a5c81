"""Read texts from a file, one per line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from seqkit.errors import UsageError
from seqkit.messages import message
from seqkit.readers.files import check_encoding, decode_chunks, decode_text, open_file, supports_chunks

TABLE_SUFFIXES = frozenset(
    {".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".feather", ".arrow", ".orc", ".xls", ".xlsx", ".ods"}
)
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
        DataError: the file is missing, empty, or not in this encoding. Raised when the invalid part is reached.
    """
    try:
        codec = check_encoding(encoding)
    except ValueError as error:
        raise UsageError(f"--{error}") from None
    return _lines(file, codec)


def _lines(file: Path, encoding: str) -> Iterator[str]:
    is_stdin = str(file) == "-"
    source = message("standard input") if is_stdin else str(file)
    opened: Any = nullcontext(sys.stdin.buffer) if is_stdin else open_file(file)
    incomplete = ""
    with opened as stream:
        if supports_chunks(encoding):
            chunks = decode_chunks(stream, encoding, source, "--encoding ")
        else:
            chunks = iter([decode_text(stream.read(), encoding, source, "--encoding ")])
        for chunk in chunks:
            *lines, incomplete = (incomplete + chunk).split("\n")
            yield from lines
    if incomplete:  # a line end ends a line: there is no line after the last one
        yield incomplete
