"""What the report shows of a classifier: the worst errors, the least sure predictions, and how reliable they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Cell, Example, Series, Table
from seqkit.heads.exhibits import SHOWN, examples_table, reliability_diagram
from seqkit.messages import message

_COLUMNS = (message("true label"), message("predicted"), message("P(predicted)"), message("P(true label)"))


def label_exhibits(predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> Iterator[Table | Series]:
    """Yield the exhibits of a split.

    Args:
        predictions: with `label` and `probabilities`, as `label_predictions` returns them.
        examples: the examples, with their true labels.
    """
    rows = [(example, _values(prediction, example)) for prediction, example in zip(predictions, examples, strict=True)]
    probabilities = np.array([prediction["probabilities"][prediction["label"]] for prediction in predictions])
    is_right = np.array([values[0] == values[1] for _, values in rows])
    wrong = [rows[number] for number in np.argsort(-probabilities, kind="stable") if not is_right[number]]
    if wrong:
        note = message(
            "{shown} of {count:,} errors in {total:,} examples: those in which the model is surest.",
            shown=min(SHOWN, len(wrong)),
            count=len(wrong),
            total=len(rows),
        )
        yield examples_table(message("Worst errors"), _COLUMNS, wrong, note)
    margins = [_margin(prediction["probabilities"]) for prediction in predictions]
    unsure = [rows[number] for number in np.argsort(margins, kind="stable")]
    note = message("The examples whose two most likely labels are closest in probability, right or wrong.")
    yield examples_table(message("Least sure"), _COLUMNS, unsure, note)
    yield reliability_diagram(probabilities, is_right, right=message("accuracy"))


def _margin(probabilities: Mapping[str, float]) -> float:
    """Return how much more likely the most likely label is than the second."""
    first, second = sorted(probabilities.values(), reverse=True)[:2]
    return first - second


def _values(prediction: Mapping[str, Any], example: Example) -> tuple[Cell, ...]:
    probabilities, label, true = prediction["probabilities"], prediction["label"], str(example.target)
    return true, label, float(probabilities[label]), probabilities.get(true)
