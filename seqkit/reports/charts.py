"""Charts as SVG: lines, bars and heat maps. Colors come from the classes of the page's style, for light and dark.

A chart is drawn for the width of a phone and scales with the page. It is an `img` with a title and a description for
screen readers; marks have titles, which browsers show when the pointer rests on them. Nothing here imports torch.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from seqkit.contracts import Line
from seqkit.reports.axes import Axis, tick_label
from seqkit.reports.markup import Markup, element, join
from seqkit.training.result_lines import display_width, fit

WIDTH, HEIGHT = 380, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 10, 36
_MAX_POINTS = 400
"""The number of points of a line beyond which it is thinned."""
_MAX_MARKS = 40
"""The number of points of a line up to which each is marked, with its value as a title."""
_CELL = 30
_LETTER = 6.5
"""The approximate width of a column of text, in pixels."""
_LABEL = 14
"""The number of columns of text of the label of a row or a column of a heat map."""


@dataclass(frozen=True)
class Marker:
    """A place on the x axis that is marked by a vertical line.

    Attributes:
        x: the place.
        name: what is there, such as `best epoch`.
    """

    x: float
    name: str


def line_chart(
    lines: Sequence[Line],
    *,
    title: str,
    x_title: str = "",
    y_title: str = "",
    markers: Sequence[Marker] = (),
    levels: Sequence[tuple[str, float]] = (),
    may_be_logarithmic: bool = False,
) -> Markup:
    """Return a chart of lines, with a legend.

    Args:
        lines: the lines. Their values are finite.
        title: what the chart shows.
        x_title: what x is.
        y_title: what y is.
        markers: places on the x axis that are marked.
        levels: horizontal reference lines, such as a baseline: a name and a value each.
        may_be_logarithmic: whether values that span orders of magnitude are shown on a logarithmic scale.
    """
    thinned = [_thin(line) for line in lines]
    ys = [value for line in thinned for value in (*line.y, *line.low, *line.high) if value is not None]
    ys += [value for _, value in levels]
    xs = [value for line in thinned for value in line.x]
    if not ys:
        return element("p", "no values", class_="note")
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    is_integer = all(float(value).is_integer() for value in xs)
    x = Axis.fit(xs, _LEFT, right, integers=is_integer, margin=False)
    y = Axis.fit(ys, bottom, _TOP, may_be_logarithmic=may_be_logarithmic)
    parts = [_grid(x, y, x_title, y_title)]
    for name, value in levels:
        place = y.place(value)
        parts.append(
            element("line", _title(f"{name}: {value:.6g}"), x1=_LEFT, x2=right, y1=place, y2=place, class_="level")
        )
    for marker in markers:
        place = x.place(marker.x)
        parts.append(
            element("line", _title(f"{marker.name}: {marker.x:g}"), x1=place, x2=place, y1=_TOP, y2=bottom, class_="at")
        )
    for number, line in enumerate(thinned):
        parts.append(_line(line, x, y, f"c{number % 8}"))
        parts += _marker_points(line, markers, x, y, f"c{number % 8}")
    if len(lines) > 1 or levels or markers:
        entries = [(f"c{number % 8}{' dashed' if line.dashed else ''}", line.name) for number, line in enumerate(lines)]
        entries += [("level", name) for name, _ in levels] + [("at", marker.name) for marker in markers]
    else:
        entries = []
    last = "; ".join(f"{line.name} ends at {_last(line):.6g}" for line in lines if _last(line) is not None)
    return _figure(title, last, parts, entries)


def bar_chart(
    groups: Sequence[str],
    bars: Sequence[tuple[str, Sequence[float]]],
    *,
    title: str,
    x_title: str = "",
    y_title: str = "",
) -> Markup:
    """Return a chart of vertical bars: a histogram, or counts of labels.

    Args:
        groups: the label of each group on the x axis.
        bars: for each color a name and a value per group, at least 0.
        title: what the chart shows.
        x_title: what the groups are.
        y_title: what the values are.
    """
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    y = Axis.fit([0.0, *(value for _, values in bars for value in values)], bottom, _TOP)
    width = (right - _LEFT) / max(len(groups), 1)
    thickness = width * 0.84 / len(bars)
    every = math.ceil(len(groups) / 8)
    parts = [_grid(None, y, x_title, y_title)]
    for number, group in enumerate(groups):
        middle = _LEFT + (number + 0.5) * width
        if number % every == 0:
            label = _short(group, max(4, int(width * every / 6)))
            parts.append(element("text", _title(group), label, x=middle, y=bottom + 14, text_anchor="middle"))
        for place, (name, values) in enumerate(bars):
            top = y.place(values[number])
            parts.append(
                element(
                    "rect",
                    _title(f"{group}, {name}: {values[number]:,g}"),
                    x=middle - width * 0.42 + place * thickness,
                    y=top,
                    width=max(thickness, 0.5),
                    height=max(bottom - top, 0.0),
                    class_=f"bar c{place % 8}",
                )
            )
    entries = [(f"c{number % 8}", name) for number, (name, _) in enumerate(bars)] if len(bars) > 1 else []
    return _figure(title, f"{len(groups)} bars", parts, entries)


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
    left = 30 + _LETTER * min(_LABEL, max(map(display_width, row_labels), default=1))
    longest = min(_LABEL, max(map(display_width, column_labels), default=1))
    cell_width = min(90.0, max(_CELL, (WIDTH - left - 10) / max(len(column_labels), 1)))
    is_turned = longest * _LETTER > cell_width
    top = 24 + (_LETTER * longest if is_turned else 14)
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
        short = _short(label, _LABEL)
        place = {"transform": f"translate({middle + 4:.1f} {top - 6}) rotate(-90)"} if is_turned else {}
        at = {} if is_turned else {"x": middle, "y": top - 6, "text_anchor": "middle"}
        parts.append(element("text", _title(label), short, **place, **at))
    for row, (label, numbers) in enumerate(zip(row_labels, values, strict=True)):
        y = top + row * _CELL
        short = _short(label, _LABEL)
        parts.append(element("text", _title(label), short, x=left - 6, y=y + _CELL / 2 + 4, text_anchor="end"))
        largest = sum(map(abs, numbers)) if by_row else overall
        for column, value in enumerate(numbers):
            share = abs(value) / largest if largest else 0.0
            x = left + column * cell_width
            sign = "heat" if value >= 0 else "cold"
            text = tick_label(value) if isinstance(value, int) else f"{value:.2g}"
            parts.append(
                element(
                    "rect",
                    _title(f"{label}, {column_labels[column]}: {value:g}"),
                    x=x + 0.5,
                    y=y + 0.5,
                    width=cell_width - 1,
                    height=_CELL - 1,
                    class_=sign,
                    fill_opacity=f"{share:.3f}",
                )
            )
            if value and cell_width >= _LETTER * len(text):
                name = "value strong" if share > 0.6 else "value"
                parts.append(
                    element("text", text, x=x + cell_width / 2, y=y + _CELL / 2 + 4, text_anchor="middle", class_=name)
                )
    description = f"{len(row_labels)} rows ({row_title}), {len(column_labels)} columns ({column_title})"
    return _figure(title, description, parts, [], (width, height))


def _figure(
    title: str,
    description: str,
    parts: Sequence[Markup],
    legend: Sequence[tuple[str, str]],
    size: tuple[float, float] = (WIDTH, HEIGHT),
) -> Markup:
    key = sha256("\0".join([title, description, *parts]).encode(errors="replace")).hexdigest()[:12]
    width, height = size
    svg = element(
        "svg",
        element("title", title, id=f"t{key}"),
        element("desc", description, id=f"d{key}"),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        role="img",
        aria_labelledby=f"t{key} d{key}",
        class_="wide" if width > WIDTH else None,
    )
    entries = [element("li", element("i", class_=name, aria_hidden="true"), text) for name, text in legend]
    return element(
        "figure",
        element("figcaption", title),
        element("ul", *entries, class_="legend") if entries else None,
        element("div", svg, class_="scroll", tabindex="0" if width > WIDTH else None),
    )


def _grid(x: Axis | None, y: Axis, x_title: str, y_title: str) -> Markup:
    right, bottom = WIDTH - _RIGHT, HEIGHT - _BOTTOM
    parts = []
    for value in y.ticks:
        place = y.place(value)
        parts.append(element("line", x1=_LEFT, x2=right, y1=place, y2=place, class_="grid"))
        parts.append(element("text", tick_label(value), x=_LEFT - 5, y=place + 4, text_anchor="end"))
    for value in x.ticks if x else ():
        place = x.place(value) if x else 0.0
        parts.append(element("line", x1=place, x2=place, y1=bottom, y2=bottom + 4, class_="axis"))
        anchor = "middle" if place < right - 12 else "end"
        parts.append(element("text", tick_label(value), x=min(place, right), y=bottom + 15, text_anchor=anchor))
    parts.append(element("line", x1=_LEFT, x2=right, y1=bottom, y2=bottom, class_="axis"))
    middle = (_LEFT + right) / 2
    parts.append(element("text", x_title, x=middle, y=HEIGHT - 6, text_anchor="middle", class_="name"))
    parts.append(
        element(
            "text",
            y_title + (" (log scale)" if y.logarithmic else ""),
            transform=f"translate(10 {(_TOP + bottom) / 2:.0f}) rotate(-90)",
            text_anchor="middle",
            class_="name",
        )
    )
    return join(parts)


def _line(line: Line, x: Axis, y: Axis, color: str) -> Markup:
    parts = []
    if line.low:
        upper = [f"{x.place(at):.1f},{y.place(value):.1f}" for at, value in zip(line.x, line.high, strict=True)]
        lower = [f"{x.place(at):.1f},{y.place(value):.1f}" for at, value in zip(line.x, line.low, strict=True)]
        parts.append(element("path", d=f"M{' L'.join([*upper, *reversed(lower)])} Z", class_=f"band {color}"))
    pieces = []
    points = zip(line.x, line.y, strict=True)
    for is_gap, run in itertools.groupby(points, key=lambda point: point[1] is None):
        if not is_gap:
            pieces.append(
                "M" + " L".join(f"{x.place(at):.1f},{y.place(value):.1f}" for at, value in run if value is not None)
            )
    name = f"line {color} dashed" if line.dashed else f"line {color}"
    parts.append(element("path", _title(line.name), d=" ".join(pieces), class_=name))
    if len(line.x) <= _MAX_MARKS and not line.dashed:
        parts += [_point(line.name, at, value, x, y, f"{color} point") for at, value in _points(line)]
    return join(parts)


def _marker_points(line: Line, markers: Sequence[Marker], x: Axis, y: Axis, color: str) -> list[Markup]:
    """Return a larger point for each value of a line at a marked place."""
    places = {marker.x for marker in markers}
    return [_point(line.name, at, value, x, y, f"{color} best", 4) for at, value in _points(line) if at in places]


def _points(line: Line) -> list[tuple[float, float]]:
    return [(at, value) for at, value in zip(line.x, line.y, strict=True) if value is not None]


def _point(name: str, at: float, value: float, x: Axis, y: Axis, kind: str, radius: float = 2) -> Markup:
    title = _title(f"{name} at {at:g}: {value:.6g}")
    return element("circle", title, cx=x.place(at), cy=y.place(value), r=radius, class_=kind)


def _last(line: Line) -> float | None:
    return next((value for value in reversed(line.y) if value is not None), None)


def _short(label: str, width: int) -> str:
    """Return a label, shortened to this number of columns of text."""
    return fit(label, width).rstrip()


def _title(text: str) -> Markup:
    return element("title", text)


def _thin(line: Line) -> Line:
    """Return a line with fewer points, among them the lowest and the highest of each part."""
    if len(line.x) <= _MAX_POINTS:
        return line
    size = math.ceil(len(line.x) / (_MAX_POINTS / 4))
    chosen = {0, len(line.x) - 1}
    for first in range(0, len(line.x), size):
        part = [(line.y[i], i) for i in range(first, min(first + size, len(line.x))) if line.y[i] is not None]
        chosen |= {min(part)[1], max(part)[1], part[0][1], part[-1][1]} if part else {first}
    kept = sorted(chosen)
    low, high = (tuple(values[i] for i in kept) if values else () for values in (line.low, line.high))
    return Line(line.name, tuple(line.x[i] for i in kept), tuple(line.y[i] for i in kept), low, high, line.dashed)
