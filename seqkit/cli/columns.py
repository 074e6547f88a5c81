"""Print a table on the terminal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqkit.messages import translate
from seqkit.terminal import align_right, display_width, fit_width, printable, wrap

if TYPE_CHECKING:
    from seqkit.registry.records import Registered

_MAX_TEXT = 60
_MIN_TEXT = 12
"""The width of a text at which a narrow terminal narrows it no further."""


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


def value_lines(
    header: Sequence[str], rows: Sequence[Sequence[Any]], left: int = 1, width: int | None = None
) -> Iterator[str]:
    """Yield the lines of a table of values, whose first columns are aligned on the left and all others on the right.

    Args:
        header: the headings.
        rows: the values.
        left: the number of columns on the left.
        width: the number of columns of the terminal. In a narrow one, the table is divided into several below each
            other, each with the first column, whose texts are wrapped. None to print it whole.
    """
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    table = [[printable(translate(cell)) for cell in row] for row in cells]
    sizes = [max(map(display_width, column)) for column in zip(*table, strict=True)]
    if width is None or left != 1 or sum(sizes) + 2 * (len(sizes) - 1) <= width:
        yield from table_lines(table, numbers=range(left, len(header)))
        return
    first = min(sizes[0], max(width - sum(size + 2 for size in sizes[1:]), _MIN_TEXT))
    for number, block in enumerate(blocks([size + 2 for size in sizes[1:]], width - first)):
        if number:
            yield ""
        for row in table:
            texts = list(wrap(row[0], first)) or [""]
            values = "".join("  " + align_right(row[1 + place], sizes[1 + place]) for place in block)
            yield (fit_width(texts[0], first) + values).rstrip()
            yield from texts[1:]


def blocks(sizes: Sequence[int], width: int) -> list[list[int]]:
    """Divide columns into blocks that fit in a width, or have one column. Returns the indices of the columns."""
    found: list[list[int]] = []
    used = width + 1
    for place, size in enumerate(sizes):
        if used + size > width:
            found.append([])
            used = 0
        found[-1].append(place)
        used += size
    return found


def component_lines(entries: Sequence[Registered], width: int | None) -> Iterator[str]:
    """Yield the lines of a list of components: name, provider and summary, which is below them in a narrow terminal."""
    names, providers = (
        max((len(text) for text in texts), default=0)
        for texts in ([entry.name for entry in entries], [entry.provider for entry in entries])
    )
    column = 2 + names + 2 + providers + 2
    for entry in entries:
        start = f"  {entry.name:<{names}}  {entry.provider:<{providers}}"
        if width is None or width - column >= 2 * _MIN_TEXT:
            yield from text_lines(f"{start}  {translate(entry.record.summary)}", width, column)
        else:
            yield start.rstrip()
            yield from text_lines(f"    {translate(entry.record.summary)}", width, 4)


def text_lines(text: str, width: int | None, indent: int = 0) -> Iterator[str]:
    """Yield a text in lines that fit in the terminal, translated.

    Args:
        text: the text; spaces at its beginning indent the first line.
        width: the number of columns of the terminal; None for one line.
        indent: the number of spaces before all lines but the first.
    """
    text = translate(text)
    if width is None or display_width(text) <= width:
        yield text
        return
    start = len(text) - len(text.lstrip(" "))
    first, *_ = wrap(text[start:], max(width - start, _MIN_TEXT))
    yield " " * start + first
    rest = text[start + len(first) :].lstrip(" ")
    yield from (" " * indent + line for line in wrap(rest, max(width - indent, _MIN_TEXT)) if line)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        value = int(value) if value.is_integer() else round(value, 1)
    return f"{value:,}" if isinstance(value, int | float) else cell_text(translate(str(value)))


def cell_text(text: str) -> str:
    """Return a text from data in one line, cut where it is longer than a cell."""
    one_line = " ".join(text.split())
    return one_line if display_width(one_line) <= _MAX_TEXT else fit_width(one_line, _MAX_TEXT).rstrip()


def terminal_width() -> int | None:
    """Return the width of the terminal that standard output is; None if it is a file or a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
