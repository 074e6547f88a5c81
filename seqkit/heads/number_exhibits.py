"""What the report shows of a regression: predicted against true numbers, residuals, and the worst predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from seqkit.contracts import Cell, Example, Line, Series, Table
from seqkit.heads.exhibits import SHOWN, examples_table
from seqkit.messages import message

_MAX_POINTS = 300
"""The maximum number of points in a chart."""

_MAX_CHARTS = 4
"""The maximum number of predicted numbers that have charts."""


def number_exhibits(
    truth: np.ndarray, predicted: np.ndarray, deviation: np.ndarray, examples: Sequence[Example]
) -> Iterator[Table | Series]:
    """Yield the exhibits of a split.

    Args:
        truth: float64 (examples, numbers).
        predicted: float64 (examples, numbers).
        deviation: the standard deviation of each number in the training data, float64 (numbers,).
        examples: the examples.
    """
    count = truth.shape[1]
    for number in range(min(count, _MAX_CHARTS)):
        yield from _charts(truth[:, number], predicted[:, number], number + 1, count)
    distances = number_distances(truth, predicted, deviation)
    rows: list[tuple[Example, tuple[Cell, ...]]] = [
        (examples[row], (_shown(truth[row]), _shown(predicted[row]), _shown(predicted[row] - truth[row])))
        for row in np.argsort(-distances, kind="stable")[:SHOWN]
    ]
    note = message(
        "{shown} of {total:,} examples: those whose prediction is farthest from the truth.",
        shown=len(rows),
        total=len(examples),
    )
    yield examples_table(
        message("Worst predictions"), (message("true"), message("predicted"), message("residual")), rows, note
    )


def number_distances(truth: np.ndarray, predicted: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return how far off predictions are, float64 (examples,): the mean absolute error in standard deviations.

    Takes the arguments of `number_exhibits`.
    """
    distances: np.ndarray = (np.abs(predicted - truth) / deviation).mean(axis=1)
    return distances


def _charts(truth: np.ndarray, predicted: np.ndarray, number: int, count: int) -> Iterator[Series]:
    """Yield the charts of one number.

    Args:
        truth: float64 (examples,).
        predicted: float64 (examples,).
        number: which of the numbers it is, from 1.
        count: how many numbers there are.
    """
    shown = min(_MAX_POINTS, len(truth))
    note = message("{shown} of {total:,} examples, evenly spaced.", shown=shown, total=len(truth))
    note = note if shown < len(truth) else ""
    titles = (message("Predicted against true"), message("Residuals"))
    if count > 1:
        place = {"number": number, "count": count}
        titles = (
            message("Predicted against true: number {number} of {count}", **place),
            message("Residuals: number {number} of {count}", **place),
        )
    for x, y, reference, title, x_title, y_title in (
        (truth, predicted, message("equal"), titles[0], message("true"), message("predicted")),
        (
            predicted,
            predicted - truth,
            message("no error"),
            titles[1],
            message("predicted"),
            message("predicted - true"),
        ),
    ):
        order = np.argsort(x, kind="stable")[np.linspace(0, len(x) - 1, shown).astype(int)]
        points = Line(message("the examples"), tuple(x[order].tolist()), tuple(y[order].tolist()), points=True)
        ends = (points.x[0], points.x[-1])
        line = Line(reference, ends, ends if x is truth else (0, 0), dashed=True)
        yield Series(title, (points, line), x_title, y_title, note=note)


def _shown(numbers: np.ndarray) -> Cell:
    """Return the only number, or several as a text."""
    return float(numbers[0]) if len(numbers) == 1 else ", ".join(f"{number:.4g}" for number in numbers)
