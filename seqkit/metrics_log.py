"""metrics.jsonl: a row an epoch or evaluation."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from seqkit.errors import DataError, UsageError


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
        if not written:
            return
        try:
            with path.open("ab") as file:
                if file.tell() < length:
                    raise DataError(f"{path}: damaged: rows are missing: it is {file.tell():,} bytes, not {length:,}")
                file.truncate(length)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written: {error.strerror}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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
        try:
            with self.path.open("ab") as file:
                file.write("".join(self._pending).encode())
                file.flush()
                os.fsync(file.fileno())
                self._pending = []
                return file.tell()
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be written: {error.strerror}") from None


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Returns the rows of a file.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise DataError(f"{path}: is missing: the run is not complete") from None
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
