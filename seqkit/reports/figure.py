"""The frame of a chart: its size, title, description and legend, and the grid of its axes.

Colors come from the classes of the page's style, for light and dark. A chart is drawn for the width of a phone and
scales with the page. It is an `img` with a title and a description for screen readers; marks have titles, which
browsers show when the pointer rests on them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256

from seqkit.messages import message, translate
from seqkit.reports.axes import Axis, tick_label
from seqkit.reports.markup import Markup, element, join
from seqkit.terminal import display_width, fit_width

WIDTH, HEIGHT = 380, 230
"""The size of a chart with axes, in pixels."""

LEFT, RIGHT, TOP, BOTTOM = 62, 8, 10, 36
"""The margins around its axes."""

LETTER = 6.5
"""The approximate width of a column of text, in pixels."""

_TALL = 1200
"""The height from which a chart is not scaled down to a printed page, where it would not be legible."""

LEVEL = "level"
"""The class of reference lines."""


def figure(
    title: str,
    description: str,
    parts: Sequence[Markup],
    legend: Sequence[tuple[str, str]],
    size: tuple[float, float] = (WIDTH, HEIGHT),
) -> Markup:
    """Return a chart with its title and legend.

    Args:
        title: what it shows.
        description: its content in a sentence, for screen readers.
        parts: the marks.
        legend: the class and the name of each mark.
        size: width and height in pixels.
    """
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
        class_=" ".join(name for name, holds in (("wide", width > WIDTH), ("tall", height > _TALL)) if holds) or None,
    )
    entries = [element("li", element("i", class_=name, aria_hidden="true"), text) for name, text in legend]
    return element(
        "figure",
        element("figcaption", title),
        element("ul", *entries, class_="legend") if entries else None,
        element("div", svg, class_="scroll", tabindex="0" if width > WIDTH else None),
    )


def grid(x: Axis | None, y: Axis, x_title: str, y_title: str) -> Markup:
    """Return the lines and labels of two axes; without an x axis, only its title."""
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = []
    for value in y.ticks:
        place = y.place(value)
        parts.append(element("line", x1=LEFT, x2=right, y1=place, y2=place, class_="grid"))
        parts.append(element("text", tick_label(value), x=LEFT - 5, y=place + 4, text_anchor="end"))
    for value in x.ticks if x else ():
        place = x.place(value) if x else 0.0
        parts.append(element("line", x1=place, x2=place, y1=bottom, y2=bottom + 4, class_="axis"))
        anchor = "middle" if place < right - 12 else "end"
        parts.append(element("text", tick_label(value), x=min(place, right), y=bottom + 15, text_anchor=anchor))
    parts.append(element("line", x1=LEFT, x2=right, y1=bottom, y2=bottom, class_="axis"))
    middle = (LEFT + right) / 2
    parts.append(element("text", x_title, x=middle, y=HEIGHT - 6, text_anchor="middle", class_="name"))
    parts.append(
        element(
            "text",
            _vertical_title(y_title, y.logarithmic),
            transform=f"translate(10 {(TOP + bottom) / 2:.0f}) rotate(-90)",
            text_anchor="middle",
            class_="name",
        )
    )
    return join(parts)


def _vertical_title(title: str, is_logarithmic: bool) -> str:
    if not is_logarithmic:
        return title
    return message("{title} (log scale)", title=title) if title else message("(log scale)")


def level_lines(levels: Sequence[tuple[str, float]], y: Axis) -> list[Markup]:
    """Return horizontal reference lines, each with a name and a value; `LEVEL` is their class in the legend."""
    return [
        element(
            "line",
            tooltip(message("{name}: {value:.6g}", name=name, value=value)),
            x1=LEFT,
            x2=WIDTH - RIGHT,
            y1=y.place(value),
            y2=y.place(value),
            class_=LEVEL,
        )
        for name, value in levels
    ]


def tooltip(text: str) -> Markup:
    """Return the title of a mark."""
    return element("title", text)


def shortened(label: str, width: int) -> str:
    """Return a label, shortened to this number of columns of text."""
    return fit_width(translate(label), width).rstrip()


def short_labels(labels: Sequence[str], width: float) -> list[str]:
    """Return the labels of neighbors, shortened to this number of pixels: `…=4` and `…=10` of `hidden_size=4` and
    `hidden_size=10`, since what they begin with does not tell them apart.
    """
    labels = [translate(label) for label in labels]
    columns = max(3, int(width / LETTER - 0.5))
    start = len(os.path.commonprefix([*labels])) - 1
    if start < 2 or all(display_width(label) <= columns for label in labels):
        return [shortened(label, columns) for label in labels]
    return [shortened("…" + label[start:], columns) for label in labels]
