"""The curves of a run: its loss and its metrics by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seqkit.contracts import Line
from seqkit.messages import message
from seqkit.reports.contents import MetricsRow, RunContents
from seqkit.reports.line_chart import Marker, line_chart
from seqkit.reports.markup import Markup, element, join
from seqkit.reports.tables import table
from seqkit.strict_json import is_number

_MAX_ROWS = 200
"""The number of rows of metrics.jsonl that are listed; of more, they are evenly spaced."""


def curves(run: RunContents) -> Markup:
    """Return a chart for each metric, and its numbers as a table."""
    rows = run.evaluations
    if not rows:
        return element("p", message("There is no evaluation yet."), class_="note")
    charts = [metric_chart(run, metric) for metric in metrics_of(rows)]
    numbers = _numbers(rows, best_evaluation(run))
    return join(
        [
            element("div", *charts, _learning_rate(rows), class_="charts"),
            element("details", element("summary", message("The numbers as a table")), numbers),
        ]
    )


def metric_chart(run: RunContents, metric: str) -> Markup:
    """Return the chart of a metric: a line for each split, the best epoch, and the baseline."""
    best = best_evaluation(run)
    lines = metric_lines(run.evaluations, metric)
    splits = list(dict.fromkeys(row.split for row in run.evaluations))
    return line_chart(
        lines,
        title=metric,
        x_title=message("step"),
        markers=[Marker(best.step, message("best epoch ({epoch})", epoch=best.epoch))] if best else [],
        levels=_levels(run, metric),
        may_be_logarithmic=metric not in run.metric_names.higher_is_better,
        colors=[splits.index(line.name) for line in lines],
    )


def _learning_rate(rows: list[MetricsRow]) -> Markup | None:
    """Return the chart of the learning rate at the end of each epoch; None if it is constant."""
    rates = {row.step: row.lr for row in rows if row.lr is not None}
    if len({*rates.values()}) < 2:
        return None
    steps = sorted(rates)
    line = Line("lr", tuple(steps), tuple(rates[step] for step in steps))
    return line_chart([line], title=message("learning rate"), x_title=message("step"), colors=[7])


def metrics_of(rows: list[MetricsRow]) -> list[str]:
    """Return the names of the metrics in the order of their appearance, the loss first."""
    names = dict.fromkeys(name for row in rows for name in row.scores)
    return sorted(names, key=lambda name: name != "loss")


def metric_lines(rows: list[MetricsRow], metric: str, prefix: str = "") -> list[Line]:
    """Return the line of a metric for each split that has it."""
    lines = []
    for split in dict.fromkeys(row.split for row in rows):
        points = {row.step: row.scores[metric] for row in rows if row.split == split and metric in row.scores}
        if points:
            steps = sorted(points)
            lines.append(Line(prefix + split, tuple(steps), tuple(points[step] for step in steps)))
    return lines[:8]


def best_evaluation(run: RunContents) -> MetricsRow | None:
    """Return the evaluation of the epoch whose weights the run has; None if no validation split chose one.

    In a run of an older seqkit, it is the one that has the loss of the result.
    """
    rows = [row for row in run.evaluations if row.split.startswith("valid")]
    if run.recorded:
        return next((row for row in rows if row.epoch == run.recorded.best_epoch), None)
    loss = run.result.metrics.get("valid", {}).get("loss") if run.result else None
    return next((row for row in rows if row.scores.get("loss") == loss), None)


def _levels(run: RunContents, metric: str) -> list[tuple[str, float]]:
    """Return the values of the baseline, and of the best of several."""
    baseline: Mapping[str, object] = (run.result.baseline if run.result else None) or {}
    value = baseline.get(metric)
    if not is_number(value):
        return []
    return [(message("baseline ({split} split)", split=baseline.get("split")), float(value))]


def _numbers(rows: list[MetricsRow], best: MetricsRow | None) -> Markup:
    names = metrics_of(rows)
    every = -(-len(rows) // _MAX_ROWS)
    shown = [row for number, row in enumerate(rows) if number % every == 0 or row is rows[-1] or row is best]
    cells = [
        (row.epoch, row.step, row.split + (" *" if row is best else ""), *(row.scores.get(name) for name in names))
        for row in shown
    ]
    notes = list(_notes(len(rows), len(shown), best))
    return join(
        [
            table(
                (message("epoch"), message("step"), message("split"), *names), cells, caption=message("metrics by step")
            ),
            *notes,
        ]
    )


def _notes(count: int, shown: int, best: MetricsRow | None) -> Iterator[Markup]:
    if best:
        yield element("p", message("* the best epoch, whose weights the run has"), class_="note")
    if shown < count:
        text = message("{shown} of {count:,} rows: all are in metrics.jsonl.", shown=shown, count=count)
        yield element("p", text, class_="note")
