"""Print a table on the terminal."""

from __future__ import annotations

import itertools
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqkit.messages import translate
from seqkit.terminal import align_left, align_right, display_width, fit_width, printable, wrap

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
        width: the number of columns of the terminal. In a narrow one, texts are wrapped in their columns; if this does
            not suffice, the table is divided into several below each other, each with the first column. None to print
            it whole.
    """
    table = [[printable(translate(cell)) for cell in row] for row in rows]
    columns = [*zip(*table, strict=True)]
    while len(columns) > 1 and not any(columns[-1]):
        columns.pop()
    sizes = [max(map(display_width, column)) for column in columns]
    groups = [[*range(1, len(sizes))]]
    if width is not None and _total(sizes) > width:
        sizes = _narrowed(columns, sizes, numbers, width)
        groups = blocks([size + 2 for size in sizes[1:]], width - sizes[0]) or groups
        groups = [[place + 1 for place in group] for group in groups]
    for number, group in enumerate(groups):
        if number:
            yield ""
        for row in table:
            yield from _row_lines(row, [0, *group], sizes, numbers)


def _total(sizes: Sequence[int]) -> int:
    return sum(sizes) + 2 * (len(sizes) - 1)


def _narrowed(columns: Sequence[Sequence[str]], sizes: Sequence[int], numbers: Sequence[int], width: int) -> list[int]:
    """Return the widths of columns after texts are wrapped.

    The widest are narrowed first, as far as their words, and names in the first column, need not be broken. Names are
    broken if that keeps the rows in one table, and any other text if it does not fit beside the names.
    """
    least = {
        place: min(sizes[place], max(_MIN_TEXT * (2 if place else 1), min(_longest_word(columns[place]), width // 2)))
        for place in range(len(columns))
        if place not in numbers
    }
    narrowed = list(sizes)
    for place in sorted(least, key=lambda place: -sizes[place]):
        narrowed[place] = max(least[place], narrowed[place] - max(0, _total(narrowed) - width))
    if 0 in least and _total([min(narrowed[0], _MIN_TEXT), *narrowed[1:]]) <= width:
        narrowed[0] -= max(0, _total(narrowed) - width)  # the words of names are broken to keep the rows together
    for place in least:
        if place:
            narrowed[place] = min(narrowed[place], max(_MIN_TEXT, width - narrowed[0] - 2))
    return narrowed


def _longest_word(texts: Sequence[str]) -> int:
    """Return the width of the longest part of texts that is not broken."""
    return max(display_width(part) for text in texts for part in wrap(text, 1))


def _row_lines(
    row: Sequence[str], places: Sequence[int], sizes: Sequence[int], numbers: Sequence[int]
) -> Iterator[str]:
    """Yield the lines of a row: one, or as many as its longest text is wrapped to."""
    cells = [[row[place]] if place in numbers else _wrapped(row[place], sizes[place]) for place in places]
    for texts in itertools.zip_longest(*cells, fillvalue=""):
        parts = [
            (align_right if place in numbers else align_left)(text, sizes[place])
            for place, text in zip(places, texts, strict=True)
        ]
        yield "  ".join(parts).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most this width; a longer word, such as a path, is broken."""
    if display_width(text) <= width:
        return [text]
    lines = []
    for line in wrap(text, width):
        while display_width(line) > width:
            end = sum(1 for _ in itertools.takewhile(width.__ge__, itertools.accumulate(map(display_width, line))))
            end = next((place + 1 for mark in "/_." if (place := line.rfind(mark, end // 2, end)) >= 0), end)
            lines.append(line[:end])
            line = line[end:]
        lines.append(line)
    return lines


def value_lines(
    header: Sequence[str], rows: Sequence[Sequence[Any]], left: int = 1, width: int | None = None
) -> Iterator[str]:
    """Yield the lines of a table of values, whose first columns are aligned on the left and all others on the right.

    Args:
        header: the headings.
        rows: the values.
        left: the number of columns on the left.
        width: the number of columns of the terminal, as for `table_lines`.
    """
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    yield from table_lines(cells, numbers=range(left, len(header)), width=width)


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
