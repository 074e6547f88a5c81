"""The rows of a CSV file: their header, and the columns that contain no variable."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from seqkit.contracts import DataNote
from seqkit.errors import DataError
from seqkit.messages import message

Rows = list[tuple[int, list[str]]]
"""The line number and the cells of each row."""


def check_header(header: Sequence[str], place: str) -> None:
    """Check that the first row contains names.

    Args:
        header: the first row.
        place: its file and line, for messages.

    Raises:
        DataError: it contains a number with a sign or a fraction.

    Warns:
        DataNote: it contains integers only, which can be the names that pandas gives to columns.
    """
    for name in header:
        if re.fullmatch(r"[-+]?\d*[.,]?\d+([eE][-+]?\d+)?", name) and not name.isdigit():
            raise DataError(
                message(
                    "{place}: the first row contains {name}, not the name of a column: add a header to the file, "
                    "or set `header: false`",
                    place=place,
                    name=name,
                )
            )
    if all(map(str.isdigit, header)):
        note = message("the first row contains numbers, which are read as the names of the columns")
        warnings.warn(DataNote(note, place), stacklevel=2)


def fit_to_header(rows: Rows, header: Sequence[str], path: Path) -> Rows:
    """Return the rows with as many cells as the header. At the end of a row, empty cells may be missing or too many.

    Raises:
        DataError: a row has too few or too many cells.

    Warns:
        DataNote: there are too many cells, all empty.
    """
    fitted, longer = [], []
    for line, cells in rows:
        if any(cells[len(header) :]) or not all(map(is_nameless, header[len(cells) :])):
            raise DataError(
                message(
                    "{path}:{line}: {fields} columns, but the header has {columns}",
                    path=path,
                    line=line,
                    fields=len(cells),
                    columns=len(header),
                )
            )
        if len(cells) > len(header):
            longer.append(line)
        fitted.append((line, cells[: len(header)] + [""] * (len(header) - len(cells))))
    if longer:
        note = message("rows with empty cells after the last column: {count:,}; they are ignored", count=len(longer))
        warnings.warn(DataNote(note, f"{path}:{longer[0]}"), stacklevel=2)
    return fitted


def is_nameless(name: str) -> bool:
    """Return whether a column has no name, or the one that pandas gives it."""
    return not name or re.fullmatch(r"Unnamed: [\d.]+", name) is not None


def contains_variable(name: str, cells: Sequence[str], number: int, place: str) -> bool:
    """Return whether a column contains a variable: not if it is empty, or the index of a pandas table.

    Args:
        name: the name of the column.
        cells: its cells.
        number: its number, from 1.
        place: the file and line of the header, for messages.

    Raises:
        DataError: a column without a name contains anything else.

    Warns:
        DataNote: the column is left out.
    """
    if not (is_nameless(name) or name in ("index", "level_0")):
        return True
    label = message("column {number}", number=number)
    if name:
        label = message("column {number} '{name}'", number=number, name=name)
    if _counts_rows(cells) and (is_nameless(name) or len(cells) > 1):
        note = message("{column}, which counts the rows, is left out", column=label)
    elif not is_nameless(name):
        return True
    elif any(cells):
        raise DataError(
            message(
                "{place}: column {number} has no name: name it, or list the columns to read with `columns:`",
                place=place,
                number=number,
            )
        )
    else:
        note = message("{column}, which has neither a name nor values, is left out", column=label)
    warnings.warn(DataNote(note, place), stacklevel=2)
    return False


def _counts_rows(cells: Sequence[str]) -> bool:
    """Return whether the cells are consecutive numbers."""
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return False
    return numbers != [] and numbers == [numbers[0] + row for row in range(len(numbers))]
