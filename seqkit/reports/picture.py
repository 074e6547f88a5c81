"""A chart that stands alone: a picture for notebooks, and in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from seqkit.errors import UsageError
from seqkit.messages import listed, message
from seqkit.reports.comparison import unique_names
from seqkit.reports.contents import RunContents
from seqkit.reports.curves import metric_chart, metric_lines, metrics_of
from seqkit.reports.figure import WIDTH
from seqkit.reports.line_chart import line_chart
from seqkit.reports.markup import Markup, element
from seqkit.reports.style import COLORS, FONTS, MARKS
from seqkit.runs.files import write_file
from seqkit.training.result_lines import display_width

__all__ = ["Picture"]

_STYLE = f"""{COLORS}{MARKS}svg {{ background: var(--page); font-family: {FONTS}; }}
svg text.title {{ font-size: 14px; font-weight: 600; }}"""

_ROW = 18
"""The height of the title, and of a row of the legend, in pixels."""

_COLUMN = 6.3
"""The width of a column of text, in pixels."""


class Picture:
    """A picture, which a notebook shows.

    Attributes:
        title: what it shows.
        svg: the picture in SVG, with its style: light and dark by the reader's preference.
    """

    def __init__(self, title: str, svg: str) -> None:
        self.title = title
        self.svg = svg

    def __repr__(self) -> str:
        return f"<picture of {self.title}>"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the picture to an SVG file, and return its path.

        Raises:
            UsageError: the file has another ending, or cannot be written.
        """
        file = Path(path)
        if file.suffix.lower() != ".svg":
            raise UsageError(message("{file}: the picture is SVG: name a file that ends in .svg", file=file))
        write_file(file, self.svg)
        return file


def curves_picture(runs: Sequence[RunContents], metric: str) -> Picture:
    """Return a chart of a metric by step: of one run, beside its best epoch and baseline; or of several.

    Raises:
        UsageError: a run has no such metric.
    """
    for run in runs:
        if metric not in (names := metrics_of(run.evaluations)):
            raise UsageError(
                message(
                    "{run}: has no curve of '{metric}': {remedy}",
                    run=run.directory.path,
                    metric=metric,
                    remedy=message("use one of {names}", names=listed(names))
                    if names
                    else message("it has no evaluation yet"),
                )
            )
    if len(runs) == 1:
        return picture(metric_chart(runs[0], metric))
    lines = [
        line
        for name, run in zip(unique_names(runs), runs, strict=True)
        for line in metric_lines(run.evaluations, metric, f"{name}, ")
    ]
    is_logarithmic = all(metric not in run.metric_names.higher_is_better for run in runs)
    return picture(line_chart(lines, title=metric, x_title=message("step"), may_be_logarithmic=is_logarithmic))


def picture(figure: Markup) -> Picture:
    """Return a figure of a report as one SVG, with its title and its legend above."""
    root = ElementTree.fromstring(figure)
    title = root.findtext("figcaption", "")
    parts = [element("text", title, x=8, y=_ROW, class_="title")]
    x, y = 8.0, _ROW * 2
    for entry in root.iter("li"):
        mark = entry.find("i")
        name, kind = mark.tail or "", mark.get("class", "")  # type: ignore[union-attr]
        width = 40 + _COLUMN * display_width(name)
        if x > 8 and x + width > WIDTH:
            x, y = 8.0, y + _ROW
        style = kind if kind in ("level", "at") else f"line {kind}"
        parts.append(element("line", x1=x, x2=x + 20, y1=y - 4, y2=y - 4, class_=style))
        parts.append(element("text", name, x=x + 25, y=y))
        x += width
    top = y + 8
    chart = Markup(figure[figure.index("<svg") : figure.rindex("</svg>") + len("</svg>")])
    height = top + float(ElementTree.fromstring(chart).get("height", "0"))
    svg = element(
        "svg",
        element("style", Markup(_STYLE)),
        *parts,
        Markup(chart.replace("<svg ", f'<svg y="{top}" ', 1)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        width=str(round(1.5 * WIDTH)),
        role="img",
    )
    return Picture(title, svg)
