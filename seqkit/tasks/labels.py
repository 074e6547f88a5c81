"""Tasks with a target for each text or sequence: a label, several labels, a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seqkit.contracts import Column, DataFile, Draft
from seqkit.contracts.tasks import is_filled
from seqkit.messages import counted, listed, message
from seqkit.tasks.columns import (
    MAX_LABELS,
    flag_columns,
    flag_count,
    has_flags,
    is_sequence,
    named_labels,
    written_numbers,
)
from seqkit.tasks.inputs import Inputs, find_inputs
from seqkit.tasks.models import lacks_values

_BALANCE_FROM = 4
"""Labels are weighted if the most frequent one occurs this many times as often as the rarest."""

_FEW_ROWS = 10
"""A split of a tenth of the rows is likely to lack a label with fewer rows than this."""

_SEPARATORS = ("|", ";", ",", "；", "，", "、")
"""What separates several labels in one field."""


def classify(file: DataFile) -> Draft | str:
    """Draft a recipe for one label per text, per pair of texts or per sequence of numbers."""
    found = find_inputs(file)
    if isinstance(found, str):
        return found
    inputs, candidates = found
    if len(file.labels) > 1:
        return _several_labels(file)
    label = next((column for column in candidates if not column.has_lists), None)
    if label is None:
        return message("no column of labels")
    if problem := _no_labels(label, is_named=file.label is not None):
        return problem
    counts = label.counts
    ratio = counts.most_common(1)[0][1] / min(counts.values())
    fit = 0.9 if not label.is_numeric or len(counts) <= 20 else 0.5
    head: dict[str, Any] = {"type": "classify"}
    comments = {"data.label": _describe(counts)}
    is_unbalanced = ratio >= _BALANCE_FROM and len(counts) <= 50
    if is_unbalanced:
        head["class_weights"] = "square_root"
        comments["head"] = message(
            "the most frequent label occurs {ratio:,.0f} times as often as the rarest: class weights raise the macro "
            "F1; without them, the accuracy is often higher",
            ratio=ratio,
        )
    metric = "macro_f1" if is_unbalanced else "accuracy"
    draft = inputs.draft(fit, label, head, metric, message("the label"), comments)
    if not is_unbalanced:
        return draft
    choice = message(
        "because it is so rare, the recipe weights the labels (`class_weights: {weights}`) and chooses the best epoch "
        "by {metric}",
        weights=head["class_weights"],
        metric=metric,
    )
    return replace(draft, notes=[_rare_label(counts, counts.total(), choice)])


def _rare_label(counts: Counter[str], rows: int, consequence: str) -> str:
    """Return a note on the rarest label, which can be a mistake in the data, and on what follows from it."""
    label, count = counts.most_common()[-1]
    return message(
        "the label '{label:.40}' is in only {count:,} of {rows:,} rows: {consequence}; if the label is a mistake, "
        "correct the data first",
        label=label,
        count=count,
        rows=rows,
        consequence=consequence,
    )


def multi_label(file: DataFile) -> Draft | str:
    """Draft a recipe for any number of labels per text: a list in JSON Lines, or a field with a separator."""
    found = find_inputs(file)
    if isinstance(found, str):
        return found
    inputs, candidates = found
    if flags := flag_columns(file):
        counts = Counter({column.name: flag_count(column) for column in flags})
        fit = 0.93 if len(flags) > 2 else 0.7
        described = message("columns of 0 and 1, one per label; {labels}", labels=_describe(counts))
        return _label_sets(inputs, fit, flags, {"type": "multi_label"}, counts, described)
    if len(file.labels) > 1:
        return _several_labels(file)
    for column in candidates:
        if (
            column.has_lists
            and not is_sequence(column)
            and all(isinstance(v, str) for each in column.filled for v in each)
        ):
            counts = Counter(value for each in column.filled for value in each)
            if len(counts) > MAX_LABELS and file.label is None:
                continue  # keywords of each text, for instance
            return _label_sets(inputs, 0.95, column, {"type": "multi_label"}, counts)
        for separator in _SEPARATORS:
            counts = Counter(part.strip() for value in column.filled for part in str(value).split(separator))
            if column.is_text and 2 <= len(counts) <= MAX_LABELS and _is_set(column, counts, separator):
                head = {"type": "multi_label"} | ({"separator": separator} if separator != "," else {})
                fit = 0.0 if _are_decimals(file, column) else 0.92
                return _label_sets(inputs, fit, column, head, counts)
    return message("no column with several labels per row")


def _label_sets(
    inputs: Inputs,
    fit: float,
    label: Column | list[Column],
    head: Mapping[str, Any],
    counts: Counter[str],
    described: str | None = None,
) -> Draft:
    """Return the draft for sets of labels. A row whose label is empty has none."""
    columns = label if isinstance(label, list) else [label]
    comments = {"data.label": described or _describe(counts)}
    draft = inputs.draft(fit, label, head, "loss", message("the labels"), comments)
    if counts and min(counts.values()) < _FEW_ROWS and max(counts.values()) >= _BALANCE_FROM * min(counts.values()):
        absence = message("a split may lack it, and macro_f1 counts a label that a split lacks as 0")
        draft = replace(draft, notes=[_rare_label(counts, len(columns[0].values), absence)])
    lacking = sum(not all(map(is_filled, values)) for values in zip(*(each.values for each in columns), strict=True))
    if draft.recipe["data"]["type"] != "table" or not lacking:
        return draft
    data = {**draft.recipe["data"], "optional_label": True}
    if not any(map(lacks_values, inputs.columns)):
        del data["empty"]
    note = counted(
        lacking,
        "{count:,} of {rows:,} rows has an empty label: the recipe reads it as no labels (`optional_label: true`)",
        "{count:,} of {rows:,} rows have an empty label: the recipe reads it as no labels (`optional_label: true`)",
        rows=len(columns[0].values),
    )
    recipe, comments = {**draft.recipe, "data": data}, {**draft.comments, "data.optional_label": note}
    return replace(draft, recipe=recipe, comments=comments, notes=[*draft.notes, note])


def regress(file: DataFile) -> Draft | str:
    """Draft a recipe for one number per text or sequence."""
    found = find_inputs(file)
    if isinstance(found, str):
        return found
    inputs, candidates = found
    if len(file.labels) > 1:
        return _several_labels(file)
    for column in candidates:
        if column.is_numeric and len(column.counts) > 2:
            low, high = (pick(float(value) for value in column.filled) for pick in (min, max))
            comments = {"data.label": message("numbers from {low:g} to {high:g}", low=low, high=high)}
            fit = 0.8 if len(column.counts) > 20 else 0.0 if file.label is None else 0.3
            return inputs.draft(fit, column, {"type": "regress"}, "loss", message("the number"), comments)
    with_commas = next((column.name for column in candidates if _are_decimals(file, column)), None)
    if with_commas is None:
        return written_numbers(candidates) or message("no column of numbers")
    return message("the numbers of the column '{column}' have decimal commas: write points", column=with_commas)


def _several_labels(file: DataFile) -> str:
    """Return why several columns of labels cannot be read, or the task that reads them."""
    flags = flag_columns(file)
    if flags:
        return message("--label names several columns, which the task multi_label reads")
    other = next(column for column in named_labels(file) if not has_flags(column))
    return message(
        "--label names several columns, which must contain 0 and 1, but '{column}' contains '{value:.30}': write 0 and "
        "1, or name one",
        column=other.name,
        value=next((text for text in other.counts if not has_flags(Column("", [text]))), ""),
    )


def _no_labels(label: Column, is_named: bool) -> str:
    """Return why a column cannot be the labels, or nothing."""
    distinct, count = len(label.counts), len(label.filled)
    if distinct < 2:
        return message(
            "the column '{column}' has one label only, '{value:.40}': there is nothing to learn",
            column=label.name,
            value=next(iter(label.counts), ""),
        )
    if distinct == count and count > 2:
        return message("every value of the column '{column}' is distinct, so it is no label", column=label.name)
    if not is_named and (distinct > MAX_LABELS or 2 * distinct > count):
        return message(
            "the column '{column}' has {distinct:,} distinct values in {count:,} rows: name it with --label",
            column=label.name,
            distinct=distinct,
            count=count,
        )
    return ""


def _are_decimals(file: DataFile, column: Column) -> bool:
    """Return whether a column has numbers with decimal commas, as spreadsheets write them between semicolons."""
    return file.delimiter == ";" and column.has_decimal_commas


def _is_set(column: Column, counts: Mapping[str, int], separator: str) -> bool:
    """Return whether values are several labels: some contain the separator, and their parts recur."""
    several = sum(separator in str(value) for value in column.filled)
    return several >= 0.05 * len(column.filled) and "" not in counts and 5 * len(counts) < len(column.filled)


def _describe(counts: Mapping[str, int]) -> str:
    shown = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    text = listed(f"{name:.30} ({count:,})" for name, count in shown[:6])
    if len(shown) <= 6:
        return counted(len(shown), "{count} label: {labels}", "{count} labels: {labels}", labels=text)
    return message(
        "{count} labels: {labels}, … the rarest {rarest:.30} ({rows:,})",
        count=len(shown),
        labels=text,
        rarest=shown[-1][0],
        rows=shown[-1][1],
    )
