"""The report of several runs: their results, their curves side by side, and what differs in their recipes."""

from __future__ import annotations

from collections.abc import Sequence

from seqkit.contracts import Cell, Line
from seqkit.messages import message
from seqkit.reports.contents import RunContents
from seqkit.reports.curves import best_evaluation, metric_lines, metrics_of
from seqkit.reports.differences import recipe_differences, shown_value
from seqkit.reports.line_chart import line_chart
from seqkit.reports.markup import Markup, element, join
from seqkit.reports.page import Section, page
from seqkit.reports.tables import table
from seqkit.reports.verdict import judge
from seqkit.strict_json import is_number
from seqkit.training.result_lines import format_number

MAX_LINES = 8
"""The number of runs whose curves are shown: more lines cannot be distinguished."""


def comparison_page(runs: Sequence[RunContents], title: str, note: str = "") -> str:
    """Return a page about several runs as HTML."""
    names = unique_names(runs)
    head = join(
        [
            element("p", note, class_="note") if note else None,
            element("div", _results(runs, names), class_="head"),
        ]
    )
    sections: list[Section] = [
        ("curves", message("Curves"), run_curves(runs, names)),
        ("recipes", message("What differs in the recipes"), recipe_table(runs, names)),
        ("metrics", message("All metrics"), _metrics(runs, names)),
    ]
    return page(title, head, sections)


def unique_names(runs: Sequence[RunContents]) -> list[str]:
    """Return a name for each run: that of its directory, after those of as many parents as tell the runs apart."""
    parts = [run.directory.path.resolve().parts for run in runs]
    depth = 1
    while depth < max(map(len, parts)) and len({each[-depth:] for each in parts}) < len({*parts}):
        depth += 1
    return ["/".join(each[-depth:]) for each in parts]


def _results(runs: Sequence[RunContents], names: Sequence[str]) -> Markup:
    rows: list[tuple[Cell | Markup, ...]] = []
    for name, run in zip(names, runs, strict=True):
        verdict = judge(run)
        seconds = run.result.timing.get("train_seconds") if run.result else None
        rows.append(
            (
                name,
                verdict.metric,
                verdict.split,
                None if verdict.value is None else format_number(verdict.metric, verdict.value),
                format_number(verdict.metric, verdict.comparison.baseline) if verdict.comparison else None,
                best.epoch if (best := best_evaluation(run)) else None,
                run.recorded.model.weights if run.recorded else None,
                None if seconds is None else f"{seconds:,.1f}",
                join([verdict.text, *verdict.warnings], " "),
            )
        )
    numbers = (message("value"), message("baseline"), message("training seconds"))
    columns = (
        message("run"),
        message("metric"),
        message("split"),
        *numbers[:2],
        message("best epoch"),
        message("weights"),
        numbers[2],
        message("verdict"),
    )
    return table(columns, rows, caption=message("the results"), row_headers=True, numbers=numbers)


def run_curves(runs: Sequence[RunContents], names: Sequence[str]) -> Markup | None:
    """Return a chart for each metric of each split, with a line per run."""
    charts: dict[tuple[str, str], dict[int, Line]] = {}
    higher = {metric for run in runs for metric in run.metric_names.higher_is_better}
    for number, (name, run) in enumerate(list(zip(names, runs, strict=True))[:MAX_LINES]):
        for metric in metrics_of(run.evaluations):
            for line in metric_lines(run.evaluations, metric):
                charts.setdefault((metric, line.name), {})[number] = Line(name, line.x, line.y)
    drawn = [
        line_chart(
            list(lines.values()),
            title=message("{metric}, {split}", metric=metric, split=split),
            x_title=message("step"),
            may_be_logarithmic=metric not in higher,
            colors=list(lines),
        )
        for (metric, split), lines in charts.items()
    ]
    note = message("The curves of the first {count} of {total} runs.", count=MAX_LINES, total=len(runs))
    parts = [element("p", note, class_="note") if len(runs) > MAX_LINES else None]
    return join([*parts, element("div", *drawn, class_="charts")]) if drawn else None


def recipe_table(runs: Sequence[RunContents], names: Sequence[str]) -> Markup | None:
    """Return a table of what differs in the recipes of runs; None for a single run."""
    rows = [(key, *map(shown_value, values)) for key, values in recipe_differences(runs).items()]
    if not rows:
        return element("p", message("The recipes are equal.")) if len(runs) > 1 else None
    return table((message("key"), *names), rows, caption=message("the recipes"), row_headers=True)


def _metrics(runs: Sequence[RunContents], names: Sequence[str]) -> Markup | None:
    scored = [
        (name, split, metrics)
        for name, run in zip(names, runs, strict=True)
        if run.result
        for split, metrics in run.result.metrics.items()
    ]
    metrics = [
        name
        for name in dict.fromkeys(key for _, _, scores in scored for key in scores)
        if any(is_number(scores.get(name)) for _, _, scores in scored)
    ]
    if not metrics:
        return None
    rows = [
        (name, split, *(value if is_number(value := scores.get(metric)) else None for metric in metrics))
        for name, split, scores in scored
    ]
    return table((message("run"), message("split"), *metrics), rows, caption=message("all metrics"), row_headers=True)
