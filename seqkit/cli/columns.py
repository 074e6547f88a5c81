"""Print a table on the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from seqkit.messages import translate
from seqkit.terminal import align_right, display_width, fit_width, printable

_MAX_TEXT = 60


def table_lines(
    rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = (), width: int | None = None
) -> Iterator[str]:
    """Yield the lines of a table, two spaces between its columns, with its messages translated.

    Args:
        rows: the rows, the headings first.
        numbers: the columns that are aligned on the right.
        width: the number of columns of the terminal, to which a line is cell_text; None to print it whole.
    """
    rows = [tuple(printable(translate(cell)) for cell in row) for row in rows]
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            align_right(text, size) if place in numbers else fit_width(text, size)
            for place, (text, size) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(cells).rstrip()
        yield line if width is None or display_width(line) <= width else fit_width(line, width)


def value_lines(header: Sequence[str], rows: Sequence[Sequence[Any]], left: int = 1) -> Iterator[str]:
    """Yield the lines of a table of values, whose first columns are aligned on the left and all others on the right."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    return table_lines(cells, numbers=range(left, len(header)))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        value = int(value) if value.is_integer() else round(value, 1)
    return f"{value:,}" if isinstance(value, int | float) else cell_text(translate(str(value)))


def cell_text(text: str) -> str:
    """Return a text from data in one line, cut where it is longer than a cell."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _MAX_TEXT else one_line[: _MAX_TEXT - 1] + "…"


def terminal_width() -> int | None:
    """Return the width of the terminal that standard output is; None if it is a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
