"""Print a table on the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence

from seqkit.training.result_lines import display_width, fit


def table_lines(
    rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = (), width: int | None = None
) -> Iterator[str]:
    """Yield the lines of a table, two spaces between its columns.

    Args:
        rows: the rows, the headings first.
        numbers: the columns that are aligned on the right.
        width: the number of columns of the terminal, to which a line is shortened; None to print it whole.
    """
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            " " * (size - display_width(text)) + text if place in numbers else fit(text, size)
            for place, (text, size) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(cells).rstrip()
        yield line if width is None or display_width(line) <= width else fit(line, width)


def terminal_width() -> int | None:
    """Return the width of the terminal that standard output is; None if it is a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
