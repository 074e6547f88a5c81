"""Charts of lines: curves by step, forecasts. Nothing here imports torch."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from seqkit.contracts import Line
from seqkit.messages import message
from seqkit.reports.axes import Axis, is_drawable
from seqkit.reports.figure import BOTTOM, HEIGHT, LEFT, LEVEL, RIGHT, TOP, WIDTH, figure, grid, level_lines, tooltip
from seqkit.reports.markup import Markup, element, join

_MAX_POINTS = 400
"""The number of points of a line beyond which it is thinned."""

_MAX_MARKS = 40
"""The number of points of a line up to which each is marked, with its value as a title."""


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
    colors: Sequence[int] = (),
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
        colors: the number of the color of each line, so that a run has one color in several charts; 0, 1, … by default.
    """
    names = [f"c{number % 8}" for number in colors or range(len(lines))]
    lines = [_drawable(line) for line in lines]
    levels = [level for level in levels if is_drawable(level[1])]
    thinned = [_thin(line) for line in lines]
    ys = [value for line in thinned for value in (*line.y, *line.low, *line.high) if value is not None]
    ys += [value for _, value in levels]
    xs = [value for line in thinned for value in line.x]
    if not xs or not ys:
        return element("p", message("no values"), class_="note")
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    is_integer = all(float(value).is_integer() for value in xs)
    x = Axis.fit(xs, LEFT, right, integers=is_integer, margin=False)
    y = Axis.fit(ys, bottom, TOP, may_be_logarithmic=may_be_logarithmic)
    parts = [grid(x, y, x_title, y_title), *level_lines(levels, y)]
    for marker in markers:
        place = x.place(marker.x)
        parts.append(
            element(
                "line",
                tooltip(message("{name}: {value:g}", name=marker.name, value=marker.x)),
                x1=place,
                x2=place,
                y1=TOP,
                y2=bottom,
                class_="at",
            )
        )
    for color, line in zip(names, thinned, strict=True):
        parts.append(_line(line, x, y, color))
        parts += _marker_points(line, markers, x, y, color)
    entries = [
        (f"{color} dashed" if line.dashed else f"{color} points" if line.points else color, line.name)
        for color, line in zip(names, lines, strict=True)
    ]
    entries += [(LEVEL, name) for name, _ in levels] + [("at", marker.name) for marker in markers]
    last = message("; ").join(_description(line) for line in lines if _last(line) is not None)
    return figure(title, last, parts, entries)


def _description(line: Line) -> str:
    if line.points:
        return message("{name}: {count} points", name=line.name, count=len(line.x))
    return message("{name} ends at {value:.6g}", name=line.name, value=_last(line))


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
    if not line.points:
        parts.append(element("path", tooltip(line.name), d=" ".join(pieces), class_=name))
    if line.points or (len(line.x) <= _MAX_MARKS and not line.dashed):
        parts += [_point(line.name, at, value, x, y, f"{color} point") for at, value in _points(line)]
    return join(parts)


def _marker_points(line: Line, markers: Sequence[Marker], x: Axis, y: Axis, color: str) -> list[Markup]:
    """Return a larger point for each value of a line at a marked place."""
    places = {marker.x for marker in markers}
    return [_point(line.name, at, value, x, y, f"{color} best", 4) for at, value in _points(line) if at in places]


def _points(line: Line) -> list[tuple[float, float]]:
    return [(at, value) for at, value in zip(line.x, line.y, strict=True) if value is not None]


def _point(name: str, at: float, value: float, x: Axis, y: Axis, kind: str, radius: float = 2) -> Markup:
    title = tooltip(message("{name} at {x:g}: {value:.6g}", name=name, x=at, value=value))
    return element("circle", title, cx=x.place(at), cy=y.place(value), r=radius, class_=kind)


def _last(line: Line) -> float | None:
    return next((value for value in reversed(line.y) if value is not None), None)


def _drawable(line: Line) -> Line:
    """Return a line without the points that no axis can show."""
    kept = [
        i
        for i, values in enumerate(zip(line.x, line.y, *filter(None, (line.low, line.high)), strict=True))
        if all(map(is_drawable, values))
    ]
    return line if len(kept) == len(line.x) else _chosen(line, kept)


def _chosen(line: Line, kept: Sequence[int]) -> Line:
    """Return a line with some of its points."""
    low, high = (tuple(values[i] for i in kept) if values else () for values in (line.low, line.high))
    return replace(line, x=tuple(line.x[i] for i in kept), y=tuple(line.y[i] for i in kept), low=low, high=high)


def _thin(line: Line) -> Line:
    """Return a line with fewer points, among them the lowest and the highest of each part."""
    if len(line.x) <= _MAX_POINTS:
        return line
    size = math.ceil(len(line.x) / (_MAX_POINTS / 4))
    chosen = {0, len(line.x) - 1}
    for first in range(0, len(line.x), size):
        part = [(line.y[i], i) for i in range(first, min(first + size, len(line.x))) if line.y[i] is not None]
        chosen |= {min(part)[1], max(part)[1], part[0][1], part[-1][1]} if part else {first}
    return _chosen(line, sorted(chosen))
