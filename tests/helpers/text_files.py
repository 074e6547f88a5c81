"""The functions that read a text file, and the error that all of them raise."""

from __future__ import annotations

import functools
from pathlib import Path

from helpers.long_texts import result_or_error
from seqkit.readers.files import read_chunks, read_lines, read_text


def as_chunks(path: Path, encoding: str = "utf-8", size: int = 7) -> str:
    """Return the chunks of a file, joined."""
    return "".join(read_chunks(path, encoding, size))


def as_lines(path: Path, encoding: str = "utf-8") -> str:
    """Return the lines of a file, joined."""
    return "\n".join(read_lines(path, encoding))


def error_of_file(path: Path, encoding: str = "utf-8") -> str:
    """Return the error that every function raises for a file, without the folder."""
    readers = (read_text, as_chunks, as_lines)
    errors = {str(result_or_error(functools.partial(read, path, encoding))[1]) for read in readers}
    (error,) = errors
    assert error.count("\n") == 0
    return error.rpartition("/")[2]
