"""The data of a run: sizes, lengths, labels, and examples that are in the training split too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seqkit.contracts import Cell
from seqkit.messages import message, translate_stored
from seqkit.reports.charts import bar_chart
from seqkit.reports.contents import Labels, Lengths, RunContents
from seqkit.reports.markup import Markup, element, join
from seqkit.reports.tables import table

_MAX_LABEL_BARS = 16

_MEDIAN = message("median length")
SIZE_HEADINGS = (
    message("split"),
    message("examples"),
    message("rows"),
    message("time steps"),
    _MEDIAN,
    message("longest"),
)
"""The headings of the table of splits, also of that of `seqkit data`."""


def data_section(run: RunContents) -> Markup | None:
    """Return what is known about the data; of a run without report.json, the number of examples."""
    if run.recorded is None:
        if run.result is None:
            return None
        return table((message("split"), message("examples")), list(run.result.examples.items()), row_headers=True)
    data = run.recorded.data
    rows = [
        (
            split,
            sizes.examples,
            sizes.rows,
            sizes.time_steps,
            _short(data.lengths.median.get(split)),
            data.lengths.longest.get(split),
            sizes.also_in_train,
        )
        for split, sizes in data.splits.items()
    ]
    columns = (*SIZE_HEADINGS, message("also in train"))
    charts = [chart for chart in (_lengths(data.lengths), _label_chart(data.labels)) if chart]
    return join(
        [
            table(columns, rows, caption=message("the splits"), row_headers=True, numbers=(_MEDIAN,)),
            element(
                "p",
                message(
                    "A row is what the model reads at once; lengths are in time steps (tokens, or rows of features). "
                    "“Also in train” counts examples whose text is in the training split too."
                ),
                class_="note",
            ),
            *(element("p", translate_stored(note), class_="note") for note in data.notes),
            element("div", *charts, class_="charts") if charts else None,
            _label_table(data.labels),
        ]
    )


def _short(value: float | None) -> str | None:
    """Return a median: an integer, or one and a half."""
    return None if value is None else f"{value:,.1f}".removesuffix(".0")


def _lengths(lengths: Lengths) -> Markup | None:
    if len(lengths.edges) < 3 or sum(map(sum, lengths.counts.values())) < 10:
        return None
    starts, ends = lengths.edges[:-1], lengths.edges[1:]
    groups = [
        f"{low:,}" if high == low + 1 else f"{low:,}–{high - 1:,}" for low, high in zip(starts, ends, strict=True)
    ]
    return bar_chart(
        groups,
        _percentages(lengths.counts),
        title=message("Lengths"),
        x_title=message("time steps"),
        y_title=message("% of the split's rows"),
        is_ordered=True,
    )


def _label_chart(labels: Labels) -> Markup | None:
    if not 2 <= len(labels.names) <= _MAX_LABEL_BARS:
        return None
    return bar_chart(
        labels.names, _percentages(labels.counts), title=message("Labels"), y_title=message("% of the split's labels")
    )


def _percentages(counts: Mapping[str, Sequence[int]]) -> list[tuple[str, list[float]]]:
    """Return the counts of each split as percentages of their sum."""
    return [(split, [100 * count / max(1, sum(each)) for count in each]) for split, each in counts.items()]


def _label_table(labels: Labels) -> Markup | None:
    if not labels.names:
        return None
    splits = list(labels.counts)
    rows: list[tuple[Cell, ...]] = [
        (name, *(labels.counts[split][place] for split in splits)) for place, name in enumerate(labels.names)
    ]
    numbers = table((message("label"), *splits), rows, caption=message("labels"), row_headers=True)
    note = (
        element("p", message("{count:,} rarer labels are left out.", count=labels.left_out), class_="note")
        if labels.left_out
        else None
    )
    return element("details", element("summary", message("Labels as a table")), numbers, note)
