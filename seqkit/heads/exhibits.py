"""What the exhibits of several heads share: tables of examples, and the reliability diagram.

`reliability_diagram` is public; the rest of this module is seqkit's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqkit.contracts import Cell, Example, Line, Series, Table, TextPair
from seqkit.heads.calibration import BINS, accuracy_interval, expected_calibration_error, reliability
from seqkit.messages import message

__all__ = ["reliability_diagram"]

SHOWN = 20
"""The maximum number of examples in a table."""

_MAX_TEXT = 400


def examples_table(
    title: str, columns: tuple[str, ...], rows: Sequence[tuple[Example, tuple[Cell, ...]]], note: str
) -> Table:
    """Return a table of the first `SHOWN` examples: the number of the row, if it is known, the text, and other values.

    Args:
        title: the heading.
        columns: the headings of the other values.
        rows: examples, each with its other values.
        note: what is shown and how it was chosen.
    """
    has_rows = any(example.row is not None for example, _ in rows)
    shown = [((example.row,) if has_rows else ()) + (_shown_text(example), *values) for example, values in rows[:SHOWN]]
    heads = ((message("row"),) if has_rows else ()) + (message("text"), *columns)
    return Table(title, heads, tuple(shown), note=note)


def _shown_text(example: Example) -> str:
    value = example.input
    if isinstance(value, TextPair):
        value = str(value)
    if not isinstance(value, str | list | tuple):
        return message("{count:,} time steps of features", count=len(value))
    text = value if isinstance(value, str) else " ".join(map(str, value))
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def reliability_diagram(probabilities: np.ndarray, is_right: np.ndarray, *, right: str) -> Series:
    """Return the reliability diagram: how often predictions of some probability are right.

    Args:
        probabilities: of the predictions, float (predictions,).
        is_right: whether each is right, bool (predictions,).
        right: what the fraction of right predictions is called, such as `accuracy`.
    """
    note = message(
        "{count:,} predictions in {bins} bins of probability, with 95% intervals. Below the diagonal, probabilities "
        "are too high. The expected calibration error is {error:.3f}.",
        count=len(probabilities),
        bins=BINS,
        error=expected_calibration_error(reliability(probabilities, is_right)),
    )
    lines = (reliability_line(right, probabilities, is_right), DIAGONAL)
    return Series(message("Reliability"), lines, message("probability"), right, note=note)


def reliability_line(name: str, probabilities: np.ndarray, is_right: np.ndarray) -> Line:
    """Return the line of a reliability diagram. Takes the arguments of `reliability_diagram`."""
    bins = reliability(probabilities, is_right)
    intervals = [accuracy_interval(each) for each in bins]
    return Line(
        name,
        tuple(each.probability for each in bins),
        tuple(each.accuracy for each in bins),
        tuple(low for low, _ in intervals),
        tuple(high for _, high in intervals),
    )


DIAGONAL = Line(message("perfect calibration"), (0, 1), (0, 1), dashed=True)
"""The line of a model whose probabilities are as often right as they say."""
