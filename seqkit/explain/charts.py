"""Charts of an explanation, as SVG: with a row per token, to fit a phone; and heat maps of the units of a layer."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from seqkit.messages import counted, message
from seqkit.reports.axes import Axis, is_drawable, tick_label
from seqkit.reports.figure import WIDTH, figure, shortened, tooltip
from seqkit.reports.markup import Markup, element, join
from seqkit.terminal import display_width

_ROW = 22
"""The height of a row, in pixels."""

_TOP = 24
_LETTER = 6.5
_LABEL = 12
"""The approximate width of a column of text in pixels, and the number of columns of the label of a row."""

_LEVELS = 8
"""The number of shades of a heat map."""

_MAX_UNITS = 128
"""The largest number of units of a heat map: a page is one file that a browser opens at once."""

Values = Sequence[float | None]


def bar_chart(tokens: Sequence[str], columns: Sequence[tuple[str, Values]], *, title: str) -> Markup:
    """Return horizontal bars from a middle line, to the right for what adds and to the left for what takes.

    Args:
        tokens: the text of each token.
        columns: for each column of bars its name, and a value per token.
        title: what the chart shows.
    """
    left = _left(tokens)
    width = (WIDTH - left) / len(columns)
    parts = [_labels(tokens, left)]
    for place, (name, values) in enumerate(columns):
        largest = max((abs(value) for value in values if value is not None), default=0.0) or 1.0
        has_negative = any(value is not None and value < 0 for value in values)
        start = left + place * width + 6
        room = width - 12
        middle = start + room / 2 if has_negative else start
        scale = (room / 2 if has_negative else room) / largest
        parts.append(element("text", name, x=start + room / 2, y=14, text_anchor="middle", class_="name"))
        bottom = _TOP + _ROW * len(tokens)
        parts.append(element("line", x1=middle, x2=middle, y1=_TOP, y2=bottom, class_="axis"))
        for row, (token, value) in enumerate(zip(tokens, values, strict=True)):
            if value is None:
                continue
            size = abs(value) * scale
            parts.append(
                element(
                    "rect",
                    tooltip(message("{token}, {name}: {value:+.4g}", token=token, name=name, value=value)),
                    x=middle if value >= 0 else middle - size,
                    y=float(_TOP + row * _ROW + 4),
                    width=size,
                    height=float(_ROW - 8),
                    class_="heat unit" if value >= 0 else "cold unit",
                )
            )
    return figure(
        title, counted(len(tokens), "1 token", "{count} tokens"), parts, [], (WIDTH, _TOP + _ROW * len(tokens) + 6)
    )


def answer_chart(
    tokens: Sequence[str], lines: Sequence[tuple[str, Values]], *, title: str, is_probability: bool
) -> Markup:
    """Return lines that run down the tokens.

    Args:
        tokens: the text of each token.
        lines: for each line its name, and a value per token; None where it has a gap.
        title: what the chart shows.
        is_probability: whether the axis is from 0 to 1.
    """
    left, bottom = _left(tokens), _TOP + _ROW * len(tokens)
    lines = [(name, [value if is_drawable(value) else None for value in values]) for name, values in lines]
    found = [value for _, values in lines for value in values if value is not None]
    shown = [0.0, 1.0] if is_probability else found or [0.0]
    axis = Axis.fit(shown, left + 6, WIDTH - 14, count=4)
    parts = [_labels(tokens, left)]
    for tick in axis.ticks:
        place = axis.place(tick)
        parts.append(element("line", x1=place, x2=place, y1=_TOP, y2=bottom, class_="grid"))
        parts.append(element("text", tick_label(tick), x=place, y=14, text_anchor="middle"))
    for number, (name, values) in enumerate(lines):
        points = [
            None if value is None else (axis.place(value), _TOP + (row + 0.5) * _ROW)
            for row, value in enumerate(values)
        ]
        pieces = [
            "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in filter(None, run))
            for is_gap, run in itertools.groupby(points, key=lambda point: point is None)
            if not is_gap
        ]
        parts.append(element("path", tooltip(name), d=" ".join(pieces), class_=f"line c{number}"))
        for token, value, point in zip(tokens, values, points, strict=True):
            if point is not None:
                mark = tooltip(message("{name}, {token}: {value:.4g}", name=name, token=token, value=value))
                parts.append(element("circle", mark, cx=point[0], cy=point[1], r=2.5, class_=f"c{number} point"))
    entries = [(f"c{number}", name) for number, (name, _) in enumerate(lines)]
    return figure(title, counted(len(tokens), "1 token", "{count} tokens"), parts, entries, (WIDTH, bottom + 6))


def trace_map(values: Sequence[Sequence[float]], tokens: Sequence[str], *, title: str) -> Markup:
    """Return a heat map: a row per unit, a column per token. Negative values have another color.

    Args:
        values: for each token, the values of the units.
        tokens: the text of each token.
        title: what the values are.
    """
    units = min(len(values[0]), _MAX_UNITS)
    left, top = 26.0, 20.0 if max(map(display_width, tokens)) <= 2 else 66.0
    column = max(6.0, (WIDTH - left - 4) / len(tokens))
    row = max(2.0, min(8.0, 260 / units))
    width, height = left + column * len(tokens) + 4, top + row * units + 4
    largest = max((abs(value) for step in values for value in step[:units]), default=0.0) or 1.0
    cells: dict[tuple[str, int], list[str]] = {}
    for unit in range(units):
        shades = [round(step[unit] / largest * _LEVELS) for step in values]
        start = 0
        for shade, run in itertools.groupby(shades):
            count = len(list(run))
            if shade:
                kind = "heat" if shade > 0 else "cold"
                cells.setdefault((kind, abs(shade)), []).append(f"M{start} {unit}h{count}v1h-{count}z")
            start += count
    shapes = [
        element("path", d="".join(each), class_=f"{kind} unit", fill_opacity=f"{level / _LEVELS:.3f}")
        for (kind, level), each in sorted(cells.items())
    ]
    # In units of a cell, so that a coordinate is a short integer.
    parts = [element("g", *shapes, transform=f"translate({left:g} {top:g}) scale({column:.3f} {row:.3f})")]
    every = max(1, round(12 / column))
    for number in range(0, len(tokens), every):
        x, label = left + (number + 0.5) * column, shortened(tokens[number], 9)
        if top > 20:
            at = f"translate({x + 4:.1f} {top - 4:.0f}) rotate(-90)"
            parts.append(element("text", tooltip(tokens[number]), label, transform=at))
        else:
            parts.append(element("text", label, x=x, y=top - 6, text_anchor="middle"))
    for unit in sorted({1, units}):
        parts.append(element("text", unit, x=left - 4, y=top + (unit - 0.5) * row + 4, text_anchor="end"))
    parts.append(element("rect", x=left, y=top, width=column * len(tokens), height=row * units, class_="frame"))
    size, count = len(values[0]), len(tokens)
    shown = (
        message("{units} units, {tokens} tokens", units=units, tokens=count)
        if units == size
        else message("the first {units} of {size} units, {tokens} tokens", units=units, size=size, tokens=count)
    )
    lowest = min(value for step in values for value in step[:units])
    highest = max(value for step in values for value in step[:units])
    name = message("{title}: {lowest:.2f} to {highest:.2f}", title=title, lowest=lowest, highest=highest)
    return figure(name, shown, parts, [], (width, height))


def _left(tokens: Sequence[str]) -> float:
    """Return the width of the labels of the rows."""
    return 8 + _LETTER * max(2, min(_LABEL, max(map(display_width, tokens), default=2)))


def _labels(tokens: Sequence[str], left: float) -> Markup:
    """Return the label of each row, and a line below it."""
    parts = []
    for row, token in enumerate(tokens):
        y = _TOP + row * _ROW
        parts.append(
            element("text", tooltip(token), shortened(token, _LABEL), x=left - 4, y=y + _ROW / 2 + 4, text_anchor="end")
        )
        parts.append(element("line", x1=left, x2=WIDTH, y1=float(y), y2=float(y), class_="grid"))
    return join(parts)
