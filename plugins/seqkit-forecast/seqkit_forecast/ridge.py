"""Ridge regression from sums of products, without a table of all rows in memory."""

from __future__ import annotations

import numpy as np


class Ridge:
    """Least squares with a penalty of alpha times the squared weights (Hoerl and Kennard, 1970).

    The intercept is not penalized. The result is that of `sklearn.linear_model.Ridge`. Rows can be added in parts, and
    one eigendecomposition serves all alphas.

    Args:
        inputs: the number of inputs.
        outputs: the number of outputs.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        self.count = 0
        self._sums = np.zeros(inputs + outputs)
        self._products = np.zeros((inputs, inputs + outputs))
        self._inputs = inputs

    def add(self, inputs: np.ndarray, outputs: np.ndarray) -> None:
        """Add rows to the data: inputs (rows, inputs), outputs (rows, outputs)."""
        both = np.concatenate([inputs, outputs], axis=1, dtype=np.float64)
        self.count += len(both)
        self._sums += both.sum(axis=0)
        self._products += both[:, : self._inputs].T @ both

    def solve(self, alphas: tuple[float, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the weights (inputs, outputs) and the intercept (outputs,) for each alpha."""
        means = self._sums / self.count
        input_means, output_means = np.split(means, [self._inputs])
        centerd = self._products - self.count * np.outer(input_means, means)
        values, vectors = np.linalg.eigh(centerd[:, : self._inputs])
        rotated = vectors.T @ centerd[:, self._inputs :]
        solutions = []
        for alpha in alphas:
            weights = vectors @ (rotated / (np.maximum(values, 0) + alpha)[:, None])
            solutions.append((weights, output_means - input_means @ weights))
        return solutions
