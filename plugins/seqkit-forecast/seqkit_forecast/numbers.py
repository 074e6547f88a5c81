"""Numbers in the cells of a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit_forecast.scales import LARGEST

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
"""The cells, in lower case, that mean a missing value."""

EXACT = 2.0**53
"""float64 represents all integers up to this one."""


def parse_number(cell: str, decimal: str) -> float:
    """Return the number in a cell; NaN if the value is missing.

    Args:
        cell: the cell, without surrounding spaces.
        decimal: the decimal mark.

    Raises:
        ValueError: it is not a number, or too large. The message continues `'{cell}' is`.
    """
    if cell.lower() in MISSING:
        return math.nan
    try:
        number = float(_with_point(cell, decimal))
    except ValueError:
        number = math.nan
    if math.isnan(number):
        remedy = message("use a decimal point and no separators, or omit the column from `columns:`")
        if decimal == "." and "," in cell:
            remedy = message("{remedy}; for decimal commas, set `decimal: ','`", remedy=remedy)
        raise ValueError(message("not a number: {remedy}", remedy=remedy))
    if abs(number) > LARGEST:
        raise ValueError(
            message("not a number of at most {largest:g}: correct it, or rescale the column", largest=LARGEST)
        )
    return number


def _with_point(cell: str, decimal: str) -> str:
    """Return a number with a decimal point. Separators become a letter, which is part of no number."""
    return cell.replace("_", "x") if decimal == "." else cell.replace("_", "x").replace(".", "x").replace(",", ".")


def check_resolution(
    cells: Sequence[str], values: np.ndarray, lines: Sequence[int], decimal: str, name: str, path: Path
) -> None:
    """Check that float64 holds the digits in which the numbers of a column differ.

    Args:
        cells: the cells of the column.
        values: (time,), their numbers.
        lines: the line of each cell.
        decimal: the decimal mark.
        name: the name of the column.
        path: the file.

    Raises:
        DataError: it does not: nanoseconds since 1970, for instance, that differ by less than a millisecond.
    """
    inexact = np.flatnonzero(np.abs(values) > EXACT)
    if not len(inexact):
        return
    resolution = float(np.spacing(np.nanmax(np.abs(values))))
    if np.nanmax(values) - np.nanmin(values) > 1e6 * resolution:
        return
    for row in inexact.tolist():
        if Decimal(_with_point(cells[row], decimal)) != Decimal(values[row]):
            raise DataError(
                message(
                    "{path}:{line}: '{name}' is {value}, which float64 rounds to a multiple of {resolution:g}: "
                    "the rows differ by hardly more than that: subtract a constant from the column",
                    path=path,
                    line=lines[row],
                    name=name,
                    value=cells[row],
                    resolution=resolution,
                )
            )
