"""Mean and standard deviation of variables, to rounding, whatever their level and their size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqkit.errors import DataError
from seqkit.messages import message

LARGEST = 1e100
"""The largest number in a series. Squares of numbers above 1e154 overflow, and so does a sum of smaller ones."""

SMALLEST_DEVIATION = 1e-100
"""The smallest standard deviation of a variable that is not constant. Smaller errors have a square of 0."""


def mean_and_deviation(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of each variable, (variables,); a deviation of 0 if it is constant.

    Args:
        values: (time, variables).
    """
    # Differences from the first time step, scaled to a size of 1, lose no digits, and their squares never underflow.
    differences = values - values[0]
    size = np.abs(differences).max(axis=0)
    size[size == 0] = 1
    differences /= size
    mean, deviation = values[0] + size * differences.mean(axis=0), size * differences.std(axis=0)
    # A variable that differs by a few units in the last place is constant.
    return mean, np.where(deviation > 4 * np.finfo(np.float64).eps * np.abs(mean), deviation, 0.0)


def check_size(values: np.ndarray, names: Sequence[str], start: int = 0) -> None:
    """Check that all numbers have finite squares.

    Args:
        values: (time, columns).
        names: the names of the columns.
        start: the index of the first of these time steps in the series.

    Raises:
        DataError: a number is too large, or not finite. The message names its column and time step.
    """
    valid = np.abs(values) <= LARGEST
    if not valid.all():
        step, column = np.argwhere(~valid)[0]
        raise DataError(
            message(
                "'{name}' is {value:g} at time step {step:,}, but numbers must be at most {largest:g}: "
                "rescale the column",
                name=names[column],
                value=values[step, column],
                step=start + step + 1,
                largest=LARGEST,
            )
        )
