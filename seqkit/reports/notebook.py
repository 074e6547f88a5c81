"""What a notebook shows of runs and their results: small tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqkit.messages import message
from seqkit.reports.contents import Result, read_contents
from seqkit.reports.curves import curves
from seqkit.reports.markup import Markup, element
from seqkit.reports.page import frame, page
from seqkit.reports.results import metrics_table, value_of
from seqkit.reports.tables import table
from seqkit.reports.verdict import judge
from seqkit.runs.directory import RunDirectory
from seqkit.runs.exhibits import from_json

MAX_ROWS = 50
"""The number of predictions that are shown."""

CURVES_HEIGHT = 520
"""The height of the curves of a run, in pixels; more are reached by scrolling."""


def run_html(directory: RunDirectory) -> Markup:
    """Return the name of a run, the verdict on it, its metrics beside the baseline, and its curves.

    Raises:
        DataError: a file of the run is corrupt.
    """
    contents = read_contents(directory)
    result = contents.result
    lines = [element("b", message("run {name}", name=contents.name)), element("p", judge(contents).text)]
    if result:
        lines.append(metrics_table(result))
    if contents.evaluations:
        section = ("curves", message("Curves"), curves(contents))
        lines.append(frame(page(contents.name, Markup(""), [section]), CURVES_HEIGHT))
    return element("div", *lines)


def result_html(result: Mapping[str, Any], directory: RunDirectory) -> Markup:
    """Return the metrics of result.json beside the baseline.

    Raises:
        DataError: the file is corrupt.
    """
    return element("div", metrics_table(from_json(dict(result), Result, directory.result)))


def scores_html(scores: Mapping[str, Any]) -> Markup:
    """Return a table of metrics: those that are numbers or texts."""
    rows = [(name, value) for name, value in scores.items() if isinstance(value, str | int | float)]
    return table((message("metric"), message("value")), rows, row_headers=True)


def predictions_html(predictions: Sequence[Mapping[str, Any]]) -> Markup:
    """Return a table of the first predictions: a row for each."""
    shown = predictions[:MAX_ROWS]
    columns = list(dict.fromkeys(name for item in shown for name in item))
    body = table(columns, [tuple(value_of(item.get(name)) for name in columns) for item in shown])
    count = message("{shown} of {count:,} predictions", shown=len(shown), count=len(predictions))
    return element("div", body, element("p", count) if len(predictions) > len(shown) else None)
