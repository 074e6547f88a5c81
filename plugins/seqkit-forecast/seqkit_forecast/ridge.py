"""Ridge regression of many windows, from sums that are gathered in pieces, so that no table of windows is made."""

from __future__ import annotations

import numpy as np


class Ridge:
    """Least squares with a penalty of alpha times the squared weights, not of the intercept: Hoerl and Kennard, 1970.

    As `sklearn.linear_model.Ridge`, for several alphas at the price of one.

    Args:
        inputs: the numbers that are read.
        outputs: the numbers that are told.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        self.count = 0
        self._sums = np.zeros(inputs + outputs)
        self._products = np.zeros((inputs, inputs + outputs))
        self._inputs = inputs

    def add(self, inputs: np.ndarray, outputs: np.ndarray) -> None:
        """inputs (rows, inputs), outputs (rows, outputs)."""
        both = np.concatenate([inputs, outputs], axis=1, dtype=np.float64)
        self.count += len(both)
        self._sums += both.sum(axis=0)
        self._products += both[:, : self._inputs].T @ both

    def solve(self, alphas: tuple[float, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns weights (inputs, outputs) and intercept (outputs,) for each alpha."""
        means = self._sums / self.count
        read, told = np.split(means, [self._inputs])
        centred = self._products - self.count * np.outer(read, means)
        values, vectors = np.linalg.eigh(centred[:, : self._inputs])
        rotated = vectors.T @ centred[:, self._inputs :]
        solutions = []
        for alpha in alphas:
            weights = vectors @ (rotated / (np.maximum(values, 0) + alpha)[:, None])
            solutions.append((weights, told - read @ weights))
        return solutions
