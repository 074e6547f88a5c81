"""Missing values of a series, replaced by the previous ones."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqkit.contracts import DataNote
from seqkit.errors import DataError
from seqkit.messages import message


def fill_missing(
    values: np.ndarray, steps: Sequence[int], lines: Sequence[int], names: Sequence[str], limit: int, path: Path
) -> np.ndarray:
    """Return the values by time step, (time, columns), with missing ones replaced by the previous value.

    Args:
        values: (rows, columns), NaN where a value is missing.
        steps: the time step of each row, in increasing order; steps between them are missing.
        lines: the line of each row.
        names: the names of the columns.
        limit: the maximum number of consecutive missing values.
        path: the file.

    Raises:
        DataError: more consecutive values are missing than the limit, or there is no previous value.

    Warns:
        DataNote: values are replaced.
    """
    table = np.full((steps[-1] + 1, len(names)), math.nan)
    table[steps] = values
    line_of_step = np.zeros(len(table), dtype=np.int64)
    line_of_step[steps] = lines
    is_missing = np.isnan(table)
    # The number of consecutive missing values of each column, up to the last step that has any.
    missing, last = np.zeros(len(names), dtype=np.int64), -1
    first: tuple[str, str] | None = None
    for step in map(int, np.flatnonzero(is_missing.any(axis=1))):
        missing = np.where(is_missing[step], 1 + (missing if last == step - 1 else 0), 0)
        column = int(missing.argmax())
        location = f"{path}:{line_of_step[step:][line_of_step[step:] > 0][0]}"
        if step == 0 or missing[column] > limit:
            text = message(
                "{location}: '{column}' has no value: fill in the cell", location=location, column=names[column]
            )
            if step:
                text += message(", or set `fill: {fill}` to repeat the previous value", fill=missing[column])
            raise DataError(text)
        first = first or (names[column], location)
        table[step, is_missing[step]] = table[step - 1, is_missing[step]]
        last = step
    if first:
        note = message(
            "missing values that repeat the previous one: {count:,}, the first of '{column}'",
            count=is_missing.sum(),
            column=first[0],
        )
        warnings.warn(DataNote(note, first[1]), stacklevel=2)
    return table
