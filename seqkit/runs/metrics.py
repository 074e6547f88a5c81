"""Read and write metrics.jsonl: one row per evaluation and epoch."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from seqkit.errors import DataError, UsageError, describe_os_error
from seqkit.messages import message
from seqkit.runs.files import cannot_read, file_size, parse_json, read_bytes, write_file


class MetricsLog:
    """Append rows to metrics.jsonl.

    Rows are buffered until `flush`, which is also called at the end of a `with` block, with or without an error.

    Args:
        path: the file.
        length: the number of bytes to keep. Rows after them belong to steps that a resumed run repeats.
        enabled: whether this process writes the file; in a distributed run only process 0 does.

    Raises:
        UsageError: the file cannot be written.
        DataError: the file is shorter than `length`.
    """

    def __init__(self, path: Path, length: int = 0, *, enabled: bool = True) -> None:
        self.path = path
        self.enabled = enabled
        self._pending: list[str] = []
        self._length = length
        if not enabled:
            return
        self._check_length(file_size(path))
        try:
            with path.open("rb") as file:
                remaining = file.read(length)
        except OSError as error:
            raise cannot_read(path, error) from None
        write_file(path, remaining)  # a new file: the old one may have a second name elsewhere

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        # An error of the block matters more than one of `flush`; the rows that are lost follow the last checkpoint.
        with suppress(*([UsageError, DataError] if error_type else [])):
            self.flush()

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        """Append rows."""
        self._pending += [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
        if len(self._pending) >= 100:
            self.flush()

    def flush(self) -> int:
        """Write all rows to the disk, and return the length of the file in bytes; 0 if the log is not enabled.

        Raises:
            UsageError: the file cannot be written.
            DataError: the file became shorter.
        """
        if not self.enabled:
            self._pending = []
            return 0
        rows = "".join(self._pending).encode()
        try:
            with self.path.open("r+b", buffering=0) as file:
                self._check_length(file.seek(0, os.SEEK_END))
                file.truncate(self._length)
                file.seek(self._length)
                try:
                    written = 0
                    while written < len(rows):
                        written += file.write(rows[written:])
                    os.fsync(file.fileno())
                except OSError:
                    with suppress(OSError):
                        file.truncate(self._length)
                    raise
        except OSError as error:
            raise UsageError(
                message("{file}: cannot be written: {reason}", file=self.path, reason=describe_os_error(error))
            ) from None
        self._pending = []
        self._length += len(rows)
        return self._length

    def _check_length(self, size: int) -> None:
        if size < self._length:
            raise DataError(
                message(
                    "{file}: corrupt: rows are missing: it has {size:,} bytes instead of {length:,}",
                    file=self.path,
                    size=size,
                    length=self._length,
                )
            )


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file.

    Raises:
        DataError: it is missing or corrupt.
    """
    lines = read_bytes(path).split(b"\n")
    return [parse_json(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line]
