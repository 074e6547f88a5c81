"""Exhibits as HTML: what a head shows of a split, and the metrics of result.json that are not single numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from seqkit.contracts import Exhibit, Line, Matrix, Series, Span, Spans, SpanText, Table, Texts, Transcript
from seqkit.contracts.exhibits import Fact
from seqkit.messages import message, translate_stored
from seqkit.reports.charts import heat_map
from seqkit.reports.edits import align
from seqkit.reports.line_chart import line_chart
from seqkit.reports.markup import Markup, element, join
from seqkit.reports.tables import cell, table, text
from seqkit.strict_json import is_number

T = TypeVar("T", bound=Any)

_MAX_CELLS = 40
"""The number of rows or columns of a matrix beyond which its largest values are shown in place of a chart."""

_MAX_LARGEST = 20
"""The number of these values."""


_TITLES = {
    "confusion_matrix": message("Confusion matrix"),
    "coverage": message("Coverage"),
    "per_class": message("Per class"),
    "per_label": message("Per label"),
    "per_step": message("Per time step"),
    "per_tag": message("Per tag"),
    "per_type": message("Per type"),
    "per_variable": message("Per variable"),
}
"""The titles of metrics that are tables or matrices; that of another metric is its name."""

_COLUMNS = {"precision": message("precision"), "recall": message("recall"), "support": message("support")}
"""The headings of tables of metrics; that of another column is its key."""


def render_exhibit(exhibit: Exhibit) -> Markup:
    """Return an exhibit as HTML, with its title."""
    note = element("p", exhibit.note, class_="note") if exhibit.note else None
    if isinstance(exhibit, Matrix | Series):  # a chart has its title in its caption
        content = _matrix(exhibit) if isinstance(exhibit, Matrix) else _series(exhibit)
        return element("div", content, note, class_="exhibit")
    if isinstance(exhibit, Table):
        content = table(exhibit.columns, exhibit.rows, caption=exhibit.title)
    elif isinstance(exhibit, Texts):
        content = join(sample(each.text, each.prompt, each.facts) for each in exhibit.items)
    elif isinstance(exhibit, Spans):
        content = join(_spans(each, exhibit.separator) for each in exhibit.items)
    else:
        content = join(_transcript(each, exhibit.separator) for each in exhibit.items)
    return element("div", element("h4", exhibit.title), note, content, class_="exhibit")


_HEADINGS = frozenset({"title", "note", "name", "x_title", "row_title", "column_title"})
"""The fields of an exhibit whose texts are not data. That of `y_title` can be: the name of a variable, which the title
contains too."""


def in_language(part: T) -> T:
    """Return an exhibit that was read from a run, or a part of one, with its headings in the language of the page."""
    changes: dict[str, Any] = {}
    for each in fields(part):
        value = getattr(part, each.name)
        if each.name in _HEADINGS or (each.name == "y_title" and value not in part.title):
            changes[each.name] = translate_stored(value)
        elif each.name == "columns":
            changes[each.name] = tuple(map(translate_stored, value))
        elif each.name == "facts":
            changes[each.name] = tuple((translate_stored(name), fact) for name, fact in value)
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            changes[each.name] = tuple(map(in_language, value))
    return replace(part, **changes)


def metric_exhibits(metrics: Mapping[str, Any]) -> Iterator[Exhibit]:
    """Yield the metrics of a split that are tables, matrices or lists of numbers, by their form alone.

    Args:
        metrics: the metrics, as result.json contains them.
    """
    for name, value in metrics.items():
        title = _TITLES.get(name) or name.replace("_", " ").capitalize()
        if _is_confusion_matrix(value):
            labels = tuple(map(str, value["labels"]))
            rows = tuple(map(tuple, value["matrix"]))
            yield Matrix(title, rows, labels, labels, *_axes(value))
        elif isinstance(value, dict) and value and all(is_numbers(row) for row in value.values()):
            names = list(dict.fromkeys(key for row in value.values() for key in row))
            cells = tuple((key, *(row.get(name) for name in names)) for key, row in value.items())
            yield Table(title, ("", *(_COLUMNS.get(name, name) for name in names)), cells)
        elif is_numbers(value):
            yield Table(title, ("", message("value")), tuple(value.items()))
        elif isinstance(value, dict) and value and all(_is_list(row) for row in value.values()):
            lines = [Line(key, tuple(range(1, len(row) + 1)), tuple(row)) for key, row in value.items()]
            yield Series(title, tuple(lines[:8]))
        elif _is_list(value):
            yield Series(title, (Line(name, tuple(range(1, len(value) + 1)), tuple(value)),))


def _axes(value: Mapping[str, Any]) -> tuple[str, str]:
    """Return the titles of the rows and of the columns of a confusion matrix."""
    rows = str(value.get("rows_are", ""))
    return (message("true labels"), message("predicted labels")) if rows == "true labels" else (rows, "")


def as_json(value: Any) -> Markup:
    """Return a JSON value, indented."""
    return element("pre", json.dumps(value, ensure_ascii=False, indent=2))


def sample(content: str, prompt: str = "", facts: Sequence[Fact] = ()) -> Markup:
    """Return a text with the prompt that it continues, and values about it."""
    start = element("span", prompt, class_="prompt") if prompt else None
    return join([_facts(facts), element("div", start, content, class_="sample", dir="auto")])


def _matrix(exhibit: Matrix) -> Markup:
    numbers = table(
        (exhibit.row_title, *exhibit.column_labels),
        [(label, *row) for label, row in zip(exhibit.row_labels, exhibit.values, strict=True)],
        caption=exhibit.title,
        row_headers=True,
    )
    details = element("details", element("summary", message("The numbers as a table")), numbers)
    if max(len(exhibit.row_labels), len(exhibit.column_labels)) > _MAX_CELLS:
        return join([element("h4", exhibit.title), _largest(exhibit), details])
    chart = heat_map(
        exhibit.values,
        exhibit.row_labels,
        exhibit.column_labels,
        title=exhibit.title,
        row_title=exhibit.row_title,
        column_title=exhibit.column_title,
        by_row=all(value >= 0 for row in exhibit.values for value in row),
    )
    return join([chart, details])


def _largest(exhibit: Matrix) -> Markup:
    """Return the largest values of a matrix as a table, without the diagonal of one whose rows are like its columns."""
    is_square = exhibit.row_labels == exhibit.column_labels
    cells = [
        (row, column, value)
        for i, (row, values) in enumerate(zip(exhibit.row_labels, exhibit.values, strict=True))
        for j, (column, value) in enumerate(zip(exhibit.column_labels, values, strict=True))
        if value and not (is_square and i == j)
    ]
    if not cells:
        zero = message("There are no other values than 0 off the diagonal.")
        return element("p", zero if is_square else message("There are no other values than 0."), class_="note")
    largest = sorted(cells, key=lambda cell: -abs(cell[2]))[:_MAX_LARGEST]
    counts = {"shown": len(largest), "count": len(cells)}
    note = (
        message("The {shown} largest of {count:,} values off the diagonal.", **counts)
        if is_square
        else message("The {shown} largest of {count:,} values.", **counts)
    )
    heads = (exhibit.row_title or message("row"), exhibit.column_title or message("column"), message("value"))
    return join([element("p", note, class_="note"), table(heads, largest, caption=exhibit.title)])


def _series(exhibit: Series) -> Markup:
    return line_chart(exhibit.lines, title=exhibit.title, x_title=exhibit.x_title, y_title=exhibit.y_title)


def _spans(item: SpanText, separator: str) -> Markup:
    expected, predicted = set(item.expected), set(item.predicted)
    return join(
        [
            _facts(item.facts),
            element(
                "p",
                element("span", message("true"), class_="who"),
                _marked(item, item.expected, predicted, separator),
                class_="spans",
            ),
            element(
                "p",
                element("span", message("predicted"), class_="who"),
                _marked(item, item.predicted, expected, separator),
                class_="spans",
            ),
        ]
    )


def _marked(item: SpanText, spans: Sequence[Span], others: set[Span], separator: str) -> Markup:
    """Return the text with marks around the spans; those that the other side lacks are marked as wrong."""
    parts: list[object] = []
    end = 0
    for span in spans:
        parts += item.tokens[end : span.start]
        label = element("small", span.label)
        words = separator.join(item.tokens[span.start : span.end])
        parts.append(element("mark", words, label, class_=None if span in others else "wrong"))
        end = span.end
    parts += item.tokens[end:]
    return element("bdi", join(parts, separator))


def _transcript(item: Transcript, separator: str) -> Markup:
    expected: list[Markup] = []
    predicted: list[Markup] = []
    for one, other in align(item.expected, item.predicted):
        if one is not None:
            expected.append(join([one]) if one == other else element("del", one))
        if other is not None:
            predicted.append(join([other]) if one == other else element("ins", other))
    pairs: list[Markup] = []
    if item.source:
        pairs += [element("dt", message("input")), element("dd", text(item.source))]
    pairs += [element("dt", message("expected")), element("dd", _tokens(expected, separator))]
    pairs += [element("dt", message("predicted")), element("dd", _tokens(predicted, separator))]
    return join([_facts(item.facts), element("dl", *pairs, class_="pair")])


def _tokens(tokens: Sequence[Markup], separator: str) -> Markup:
    return element("bdi", join(tokens, separator), data_empty=None if tokens else message("(empty)"))


def _facts(facts: Sequence[Fact]) -> Markup | None:
    if not facts:
        return None
    return element("p", join((join([name, " ", cell(value, name)]) for name, value in facts), " · "), class_="facts")


def _is_confusion_matrix(value: Any) -> bool:
    if not (isinstance(value, dict) and {"labels", "matrix"} <= value.keys()):
        return False
    labels, matrix = value["labels"], value["matrix"]
    return (
        isinstance(labels, list)
        and isinstance(matrix, list)
        and len(matrix) == len(labels)
        and all(isinstance(row, list) and len(row) == len(labels) and all(map(is_number, row)) for row in matrix)
    )


def is_numbers(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(is_number, value.values()))


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(map(is_number, value))
