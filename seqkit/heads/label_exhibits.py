"""What the report shows of a classifier: the worst errors, and the predictions that it is least sure of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqkit.contracts import Cell, Example, Table, TextPair
from seqkit.messages import message

SHOWN = 20
"""The maximum number of examples in a table."""

_MAX_TEXT = 400


def label_exhibits(predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> Iterator[Table]:
    """Yield the tables of a split.

    Args:
        predictions: with `label` and `probabilities`, as `label_predictions` returns them.
        examples: the examples, with their true labels.
    """
    pairs = list(zip(predictions, examples, strict=True))
    wrong = [pair for pair in pairs if pair[0]["label"] != str(pair[1].target)]
    wrong.sort(key=lambda pair: -pair[0]["probabilities"][pair[0]["label"]])
    has_rows = any(example.row is not None for example in examples)
    if wrong:
        yield _table(
            message("Worst errors"),
            wrong,
            has_rows,
            message(
                "{shown} of {count:,} errors in {total:,} examples: those in which the model is surest.",
                shown=min(SHOWN, len(wrong)),
                count=len(wrong),
                total=len(pairs),
            ),
        )
    unsure = sorted(pairs, key=lambda pair: _margin(pair[0]["probabilities"]))[:SHOWN]
    note = message("The examples whose two most likely labels are closest in probability, right or wrong.")
    yield _table(message("Least sure"), unsure, has_rows, note)


def _margin(probabilities: Mapping[str, float]) -> float:
    """Return how much more likely the most likely label is than the second."""
    first, second = sorted(probabilities.values(), reverse=True)[:2]
    return first - second


def _table(title: str, pairs: Sequence[tuple[Mapping[str, Any], Example]], has_rows: bool, note: str) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for prediction, example in pairs[:SHOWN]:
        probabilities, label = prediction["probabilities"], prediction["label"]
        true = str(example.target)
        row: tuple[Cell, ...] = (_text(example), true, label, float(probabilities[label]), probabilities.get(true))
        rows.append((example.row, *row) if has_rows else row)
    columns: tuple[str, ...] = ("text", "true label", "predicted", "P(predicted)", "P(true label)")
    return Table(title, ("row", *columns) if has_rows else columns, tuple(rows), note=note)


def _text(example: Example) -> str:
    value = example.input
    if isinstance(value, TextPair):
        value = str(value)
    if not isinstance(value, str | list | tuple):
        return message("{count:,} time steps of features", count=len(value))
    text = value if isinstance(value, str) else " ".join(map(str, value))
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"
