"""metrics.jsonl: a row an epoch or evaluation."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from seqkit.errors import DataError, UsageError
from seqkit.rundir import size_of, write_whole


class MetricsLog:
    """Appends rows to a file, from a known length on: rows past it are of steps that are trained again.

    Rows reach the file on `flush`, which leaving the `with` block does too, whatever ended it.

    Args:
        path: the file.
        length: in bytes, how much of it is kept.
        written: False in a process that leaves the file to another.

    Raises:
        UsageError: the file cannot be written.
        DataError: it is shorter than that: rows are missing.
    """

    def __init__(self, path: Path, length: int = 0, *, written: bool = True) -> None:
        self.path = path
        self.written = written
        self._pending: list[str] = []
        self._length = length
        if not written:
            return
        size = size_of(path)
        if size < length:
            raise self._cut_short(size)
        write_whole(path, self._kept())  # as a file of its own: what is there may have a second name elsewhere

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # What ended the block is what is told; rows that are lost with it are past the last checkpoint.
        with suppress(*([UsageError, DataError] if kind else [])):
            self.flush()

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        self._pending += [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
        if len(self._pending) >= 100:
            self.flush()

    def flush(self) -> int:
        """Makes every row durable; returns the length of the file in bytes, 0 where it is another's."""
        if not self.written:
            self._pending = []
            return 0
        rows = "".join(self._pending).encode()
        try:
            with self.path.open("r+b", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                if size < self._length:
                    raise self._cut_short(size)
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
            raise UsageError(f"{self.path}: cannot be written: {error.strerror}") from None
        self._pending = []
        self._length += len(rows)
        return self._length

    def _kept(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(self._length)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read: {error.strerror}") from None

    def _cut_short(self, size: int) -> DataError:
        return DataError(f"{self.path}: damaged: rows are missing: it is {size:,} bytes, not {self._length:,}")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Returns the rows of a file.

    Raises:
        DataError: it is missing or damaged.
    """
    size_of(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: damaged: not UTF-8") from None
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows += [json.loads(line)] if line else []
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}:{number}: damaged: {error}") from None
    return rows
