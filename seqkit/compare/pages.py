"""A comparison as an HTML page, of the parts of reports. Nothing here imports torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seqkit.compare.outcome import Comparison
from seqkit.compare.statistics import Interval
from seqkit.compare.texts import Rows, cost_rows, heading, run_rows, score_rows, verdict_lines
from seqkit.compare.variants import Variant
from seqkit.messages import message
from seqkit.reports.comparison import recipe_table, run_curves
from seqkit.reports.contents import RunContents
from seqkit.reports.interval_chart import Group, interval_chart
from seqkit.reports.markup import Markup, element, join
from seqkit.reports.page import Section, page
from seqkit.reports.tables import table


def comparison_page(comparison: Comparison, first_runs: Sequence[RunContents]) -> str:
    """Return a page about a comparison as HTML.

    Args:
        comparison: the comparison.
        first_runs: a run of each candidate, those of one seed or fold, whose curves and recipes are shown.
    """
    lines = [element("p", line, class_=_class(line, comparison)) for line in verdict_lines(comparison)]
    head = join([element("p", heading(comparison)), element("div", *lines, class_="head")])
    names = [each.measured.name for each in comparison.outcomes if each.measured.runs]
    sections: list[Section] = [
        (
            "scores",
            message("Scores"),
            join([_chart(comparison), _table(score_rows(comparison), message("the scores"), aligned=True)]),
        ),
        ("costs", message("Costs"), join([_table(cost_rows(comparison), message("the costs")), _cost_note()])),
        ("runs", message("Every run"), _table(run_rows(comparison), message("every run"), aligned=True)),
        ("curves", message("Curves of the first run"), run_curves(first_runs, names)),
        ("recipes", message("What differs in the recipes"), recipe_table(first_runs, names)),
    ]
    return page(message("Comparison of {count} candidates", count=len(comparison.outcomes)), head, sections)


def _class(line: str, comparison: Comparison) -> str:
    return "note" if line in comparison.notes else "verdict"


def _chart(comparison: Comparison) -> Markup | None:
    groups = [
        _group(each.measured.name, each.measured.values, each.interval) for each in comparison.outcomes if each.interval
    ]
    baselines = {each.baseline for each in comparison.outcomes if each.baseline is not None}
    levels = [(message("baseline"), value) for value in sorted(baselines)]
    if not groups:
        return None
    chart = interval_chart(
        groups,
        title=message("{metric}, {split}", metric=comparison.metric, split=comparison.split),
        y_title=comparison.metric,
        levels=levels,
    )
    note = message("Each point is a run; the circle is the mean, the line its 95% interval.")
    charts = [chart, *_difference_chart(comparison)]
    return join([element("div", *charts, class_="charts"), element("p", note, class_="note")])


def _difference_chart(comparison: Comparison) -> Iterator[Markup]:
    """Yield a chart of the differences from the first candidate, if there are any."""
    first = comparison.outcomes[0].measured
    groups = []
    for each in comparison.outcomes[1:]:
        if each.difference is not None:
            values = each.measured.values
            differences = {key: value - first.values[key] for key, value in values.items() if key in first.values}
            groups.append(_group(each.measured.name, differences, each.difference.interval))
    if groups:
        yield interval_chart(
            groups,
            title=message("Difference from {name}, run by run", name=first.name),
            levels=[(message("no difference"), 0.0)],
            first_color=1,
        )


def _group(name: str, values: Mapping[Variant, float], interval: Interval) -> Group:
    """Return a column of a chart, with a point per run."""
    points = tuple((variant.label, value) for variant, value in values.items())
    return Group(name, points, interval.mean, interval.low, interval.high)


def _table(rows: Rows, caption: str, *, aligned: bool = False) -> Markup:
    return table(rows[0], rows[1:], caption=caption, row_headers=True, numbers=rows[0][1:] if aligned else ())


def _cost_note() -> Markup:
    text = message(
        "Multiply-adds are the products of weights for one token. Peak memory is what a training step allocates: "
        "weights, gradients, the optimizer's state and what the backward pass needs. Latency is that of one example, "
        "or of one generated token. Times are those of the machine that trained."
    )
    return element("p", text, class_="note")
