"""What the report shows of a classifier with several labels per text: errors by label, and the worst errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from seqkit.contracts import Example, Series, Table
from seqkit.heads.exhibits import SHOWN, examples_table, reliability_diagram
from seqkit.heads.label_sets import label_matrix
from seqkit.messages import message

_MAX_LABELS = 60
"""The maximum number of labels in the table of labels."""


class Decision(NamedTuple):
    """The decision on one label of a text: that it has it, or that it does not.

    Attributes:
        label: the label.
        probability: of the decision: of the label if it is predicted, else 1 minus that.
    """

    label: str
    probability: float


def decisions(predicted: Sequence[str], probabilities: Mapping[str, float]) -> list[Decision]:
    """Return the decisions on a text, the surest first.

    Args:
        predicted: its predicted labels.
        probabilities: the probability of each label.
    """
    chosen = set(predicted)
    found = [Decision(label, float(p if label in chosen else 1 - p)) for label, p in probabilities.items()]
    return sorted(found, key=lambda each: -each.probability)


def label_set_exhibits(
    truth: Sequence[Sequence[str]],
    predicted: Sequence[Sequence[str]],
    probabilities: Sequence[Mapping[str, float]],
    labels: Sequence[str],
    examples: Sequence[Example],
) -> Iterator[Table | Series]:
    """Yield the exhibits of a split.

    Args:
        truth: the true labels of each example.
        predicted: its predicted labels.
        probabilities: the probability of each label.
        labels: the labels of the training data.
        examples: the examples.
    """
    yield _labels_table(truth, predicted, labels)
    rows = []
    for true, found, each, example in zip(truth, predicted, probabilities, examples, strict=True):
        wrong = set(true) ^ set(found)
        made = decisions(found, each) if wrong else []
        surest = next((decision for decision in made if decision.label in wrong), None)
        if surest is not None:
            rows.append((example, (", ".join(true), ", ".join(found), *surest)))
    rows.sort(key=lambda row: -row[1][-1])
    if rows:
        note = message(
            "{shown} of {count:,} errors in {total:,} examples: those with the wrong decisions that the model is "
            "surest of.",
            shown=min(SHOWN, len(rows)),
            count=len(rows),
            total=len(examples),
        )
        columns = (
            message("true labels"),
            message("predicted"),
            message("surest wrong decision"),
            message("P(decision)"),
        )
        yield examples_table(message("Worst errors"), columns, rows, note)
    table = np.array([[each[label] for label in labels] for each in probabilities])
    yield reliability_diagram(
        table.ravel(), label_matrix(truth, labels).ravel() == 1, right=message("fraction with the label")
    )


def _labels_table(truth: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], labels: Sequence[str]) -> Table:
    """Return the numbers of decisions on each label, those with the most errors first."""
    labels = [*labels, *sorted({label for each in truth for label in each} - set(labels))]
    actual, found = label_matrix(truth, labels), label_matrix(predicted, labels)
    counts = np.stack(
        [actual.sum(axis=0), found.sum(axis=0), (actual & found).sum(axis=0), (actual > found).sum(axis=0)], axis=1
    )
    spurious = (found > actual).sum(axis=0)
    order = np.argsort(-(counts[:, 3] + spurious), kind="stable")[:_MAX_LABELS]
    note = message("The labels with the most errors: {shown} of {count:,}.", shown=len(order), count=len(labels))
    return Table(
        message("Errors by label"),
        (
            message("label"),
            message("texts with it"),
            message("predicted"),
            message("right"),
            message("missed"),
            message("spurious"),
        ),
        tuple((labels[number], *map(int, counts[number]), int(spurious[number])) for number in order),
        note=note if len(order) < len(labels) else message("The labels with the most errors first."),
    )
