"""The rows of a Parquet file, which pyarrow reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.files import open_file

BATCH_ROWS = 1024
"""The number of rows that are in memory at a time."""


def parquet_rows(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Yield the number of each row, from 1, twice, as the row and the place for messages, and its values by column.

    Raises:
        DataError: pyarrow is not installed, or the file cannot be read.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise DataError(
            message(
                "{path}: a Parquet file needs pyarrow, which is not installed: pip install 'seqkit[arrow]'", path=path
            )
        ) from None
    number = 0
    with open_file(path) as file:
        try:
            for batch in parquet.ParquetFile(file).iter_batches(batch_size=BATCH_ROWS):
                for record in batch.to_pylist():
                    number += 1
                    yield number, number, {name: _plain(value) for name, value in record.items()}
        except (ArrowException, OSError) as error:
            raise DataError(
                message("{path}: not a valid Parquet file: {reason}", path=path, reason=str(error).split("\n")[0])
            ) from None


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: a date, a decimal number or bytes become text, NaN None."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, float) and value != value:
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)
