"""The format of a table: that of a file name, or why there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.files import open_text

Format: TypeAlias = Literal["csv", "tsv", "jsonl", "parquet"]
_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def format_of(path: Path) -> Format | None:
    """Return the format that the name of a file suggests, compressed or not."""
    return _FORMATS.get(Path(path.name.lower().removesuffix(".gz")).suffix)


def choose_format(path: Path) -> Format:
    """Return the format that the name of a file suggests.

    Raises:
        ValueError: the name suggests none, or the path is a folder or a file in a binary format.
    """
    if (found := format_of(path)) is not None:
        return found
    if path.is_dir():
        raise ValueError(message("path {folder} is a folder: name a file in it", folder=path))
    if path.is_file():
        _check_is_text(path)
    raise ValueError(
        message("format is not clear from the file name {name}: set it to csv, tsv, jsonl or parquet", name=path.name)
    )


def _check_is_text(path: Path) -> None:
    """Check that a file is not in a binary format, a spreadsheet for instance, which no format to set would read.

    Raises:
        ValueError: it is.
    """
    try:
        with open_text(path):
            pass
    except DataError as error:
        raise ValueError(message("path {problem}", problem=error)) from None
