"""Charts of bars, and heat maps. Nothing here imports torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seqkit.messages import counted, message
from seqkit.reports.axes import Axis, tick_label
from seqkit.reports.figure import (
    BOTTOM,
    HEIGHT,
    LEFT,
    LETTER,
    RIGHT,
    TOP,
    WIDTH,
    figure,
    grid,
    short_labels,
    shortened,
    tooltip,
)
from seqkit.reports.markup import Markup, element
from seqkit.terminal import display_width

_CELL = 30
"""The height of a cell of a heat map, and its least width, in pixels."""

_BAR_LABEL = 5
"""The number of columns of text to which the label of a bar is shortened at most."""

_LABEL = 14
"""The number of columns of text of the label of a row or a column of a heat map."""


def bar_chart(
    groups: Sequence[str],
    bars: Sequence[tuple[str, Sequence[float]]],
    *,
    title: str,
    x_title: str = "",
    y_title: str = "",
    is_ordered: bool = False,
) -> Markup:
    """Return a chart of vertical bars: a histogram, or counts of labels.

    Args:
        groups: the label of each group on the x axis.
        bars: for each color a name and a value per group, at least 0.
        title: what the chart shows.
        x_title: what the groups are.
        y_title: what the values are.
        is_ordered: whether labels follow from their neighbors, so that some are left out rather than shortened.
    """
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    y = Axis.fit([0.0, *(value for _, values in bars for value in values)], bottom, TOP)
    width = (right - LEFT) / max(len(groups), 1)
    thickness = width * 0.84 / len(bars)
    least = max(map(display_width, groups), default=0) + 1 if is_ordered else _BAR_LABEL
    every = max(1, math.ceil(least * LETTER / width))
    labels = short_labels(groups, width * every)
    parts = [grid(None, y, x_title, y_title)]
    for number, group in enumerate(groups):
        middle = LEFT + (number + 0.5) * width
        if number % every == 0:
            parts.append(element("text", tooltip(group), labels[number], x=middle, y=bottom + 14, text_anchor="middle"))
        for place, (name, values) in enumerate(bars):
            top = y.place(values[number])
            parts.append(
                element(
                    "rect",
                    tooltip(message("{group}, {name}: {value:,g}", group=group, name=name, value=values[number])),
                    x=middle - width * 0.42 + place * thickness,
                    y=top,
                    width=max(thickness, 0.5),
                    height=max(bottom - top, 0.0),
                    class_=f"bar c{place % 8}",
                )
            )
    entries = [(f"c{number % 8}", name) for number, (name, _) in enumerate(bars)] if len(bars) > 1 else []
    return figure(title, counted(len(groups), "1 bar", "{count} bars"), parts, entries)


def heat_map(
    values: Sequence[Sequence[float]],
    row_labels: Sequence[str],
    column_labels: Sequence[str],
    *,
    title: str,
    row_title: str = "",
    column_title: str = "",
    by_row: bool = False,
) -> Markup:
    """Return a heat map. Negative values have another color than positive ones.

    Args:
        values: the rows.
        row_labels: the label of each row.
        column_labels: the label of each column.
        title: what the map shows.
        row_title: what the rows are.
        column_title: what the columns are.
        by_row: whether colors show the share of a value in its row, as a confusion matrix needs with unequal classes.
    """
    left = 30 + LETTER * min(_LABEL, max(map(display_width, row_labels), default=1))
    longest = min(_LABEL, max(map(display_width, column_labels), default=1))
    cell_width = min(90.0, max(_CELL, (WIDTH - left - 10) / max(len(column_labels), 1)))
    is_turned = longest * LETTER > cell_width
    top = 24 + (LETTER * longest if is_turned else 14)
    width, height = left + cell_width * len(column_labels) + 10, top + _CELL * len(row_labels) + 8
    overall = max((abs(value) for row in values for value in row), default=0.0)
    parts = [
        element("text", column_title, x=left + cell_width * len(column_labels) / 2, y=12, text_anchor="middle"),
        element(
            "text", row_title, transform=f"translate(12 {(top + height) / 2:.1f}) rotate(-90)", text_anchor="middle"
        ),
    ]
    for number, label in enumerate(column_labels):
        middle = left + (number + 0.5) * cell_width
        short = shortened(label, _LABEL)
        place = {"transform": f"translate({middle + 4:.1f} {top - 6}) rotate(-90)"} if is_turned else {}
        at = {} if is_turned else {"x": middle, "y": top - 6, "text_anchor": "middle"}
        parts.append(element("text", tooltip(label), short, **place, **at))
    for row, (label, numbers) in enumerate(zip(row_labels, values, strict=True)):
        y = top + row * _CELL
        short = shortened(label, _LABEL)
        parts.append(element("text", tooltip(label), short, x=left - 6, y=y + _CELL / 2 + 4, text_anchor="end"))
        largest = sum(map(abs, numbers)) if by_row else overall
        for column, value in enumerate(numbers):
            share = abs(value) / largest if largest else 0.0
            x = left + column * cell_width
            sign = "heat" if value >= 0 else "cold"
            text = tick_label(value) if isinstance(value, int) else f"{value:.2g}"
            parts.append(
                element(
                    "rect",
                    tooltip(
                        message("{row}, {column}: {value:g}", row=label, column=column_labels[column], value=value)
                    ),
                    x=x + 0.5,
                    y=y + 0.5,
                    width=cell_width - 1,
                    height=_CELL - 1,
                    class_=sign,
                    fill_opacity=f"{share:.3f}",
                )
            )
            if value and cell_width >= LETTER * len(text):
                css_class = "value strong" if share > 0.6 else "value"
                parts.append(
                    element(
                        "text", text, x=x + cell_width / 2, y=y + _CELL / 2 + 4, text_anchor="middle", class_=css_class
                    )
                )
    description = message(
        "{rows} rows ({row_title}), {columns} columns ({column_title})",
        rows=len(row_labels),
        row_title=row_title,
        columns=len(column_labels),
        column_title=column_title,
    )
    return figure(title, description, parts, [], (width, height))
