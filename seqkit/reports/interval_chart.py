"""Charts of repeated measurements: a point per value, the mean and its interval. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqkit.messages import message
from seqkit.reports.axes import Axis, is_drawable
from seqkit.reports.figure import (
    BOTTOM,
    HEIGHT,
    LEFT,
    LEVEL,
    RIGHT,
    TOP,
    WIDTH,
    figure,
    grid,
    level_lines,
    short_labels,
    tooltip,
)
from seqkit.reports.markup import Markup, element


@dataclass(frozen=True)
class Group:
    """The values of one candidate.

    Attributes:
        name: its name.
        values: the name of each value, a seed for instance, and the value.
        mean: their mean.
        low: the lower end of the interval of the mean; None without one.
        high: the upper end.
    """

    name: str
    values: tuple[tuple[str, float], ...]
    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def is_drawable(self) -> bool:
        """Whether an axis can show all of its numbers."""
        return all(map(is_drawable, (self.mean, self.low, self.high, *(value for _, value in self.values))))


def interval_chart(
    groups: Sequence[Group],
    *,
    title: str,
    y_title: str = "",
    levels: Sequence[tuple[str, float]] = (),
    first_color: int = 0,
) -> Markup:
    """Return a chart with a column of points per group, beside the mean and its interval.

    Args:
        groups: the groups, from left to right.
        title: what the chart shows.
        y_title: what the values are.
        levels: horizontal reference lines, such as a baseline: a name and a value each.
        first_color: the number of the color of the first group, so that a group has one color in several charts.
    """
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    colors = [f"c{(first_color + number) % 8}" for number in range(len(groups))]
    shown = [(group, color) for group, color in zip(groups, colors, strict=True) if group.is_drawable]
    if not shown:
        return element("p", message("no values"), class_="note")
    groups = [group for group, _ in shown]
    levels = [level for level in levels if is_drawable(level[1])]
    numbers = [value for each in groups for _, value in each.values] + [value for _, value in levels]
    numbers += [end for each in groups for end in (each.low, each.high) if end is not None]
    y = Axis.fit(numbers, bottom, TOP)
    width = (right - LEFT) / len(groups)
    parts = [grid(None, y, "", y_title), *level_lines(levels, y)]
    labels = short_labels([group.name for group, _ in shown], width)
    for number, (group, color) in enumerate(shown):
        middle = LEFT + (number + 0.5) * width
        parts.append(
            element("text", tooltip(group.name), labels[number], x=middle, y=bottom + 14, text_anchor="middle")
        )
        if group.low is not None and group.high is not None:
            text = tooltip(message("{name}: {low:.6g} to {high:.6g}", name=group.name, low=group.low, high=group.high))
            path = f"M{middle:.1f},{y.place(group.low):.1f} L{middle:.1f},{y.place(group.high):.1f}"
            parts.append(element("path", text, d=path, class_=f"line {color}"))
        mean = tooltip(message("{name}, mean: {value:.6g}", name=group.name, value=group.mean))
        parts.append(element("circle", mean, cx=middle, cy=y.place(group.mean), r=4.0, class_=f"{color} best"))
        parts += [
            element(
                "circle",
                tooltip(message("{group}, {name}: {value:.6g}", group=group.name, name=name, value=value)),
                cx=middle + min(10.0, width / 4),
                cy=y.place(value),
                r=2.0,
                class_=f"{color} point",
            )
            for name, value in group.values
        ]
    entries = [(color, group.name) for group, color in shown]
    entries += [(LEVEL, name) for name, _ in levels]
    means = "; ".join(f"{group.name}: {group.mean:.6g}" for group in groups)  # names of candidates, which are data
    return figure(title, means, parts, entries)
