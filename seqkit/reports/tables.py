"""Tables, and the numbers in them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from seqkit.contracts import Cell
from seqkit.reports.markup import Markup, element, join
from seqkit.strict_json import is_number
from seqkit.training.result_lines import format_number

_TEXT = 24
"""The number of characters from which a cell gets the width of a text."""


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell | Markup]],
    *,
    caption: str = "",
    row_headers: bool = False,
    numbers: Collection[str] = (),
) -> Markup:
    """Return a table that scrolls sideways where it is wider than the page.

    Args:
        columns: the heading of each column.
        rows: the rows, each with a value per column.
        caption: what the table shows, for screen readers.
        row_headers: whether the first column names the row.
        numbers: the columns whose texts are numbers, and are aligned like them.
    """
    has_numbers = [
        columns[place] in numbers
        or (
            any(is_number(row[place]) for row in rows)
            and all(is_number(row[place]) or row[place] is None for row in rows)
        )
        for place in range(len(columns))
    ]
    heads = [
        element("th", name, scope="col", class_="number" if numeric else None)
        for name, numeric in zip(columns, has_numbers, strict=True)
    ]
    body = []
    for row in rows:
        cells = []
        for place, value in enumerate(row):
            kind = "number" if has_numbers[place] else "text" if isinstance(value, str) and len(value) > _TEXT else None
            header: dict[str, str] = {"scope": "row"} if place == 0 and row_headers else {}
            cells.append(element("th" if header else "td", cell(value, columns[place]), class_=kind, **header))
        body.append(element("tr", *cells))
    return element(
        "div",
        element(
            "table",
            element("thead", element("tr", *heads)),
            element("tbody", *body),
            aria_label=caption or None,
        ),
        class_="scroll",
    )


def cell(value: Cell | Markup, name: str = "") -> Markup:
    """Return a value of a table: a number with the digits that its name calls for, a text isolated from its neighbors.

    Args:
        value: the value.
        name: the name of the metric, or of the column.
    """
    if value is None:
        return Markup("")
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return Markup(str(value))
    return join([format_number(name, value)])


def text(value: str) -> Markup:
    """Return a text from data: its writing direction does not reach beyond it."""
    return element("bdi", value)
