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
        self.count: float = 0
        self._sums = np.zeros(inputs + outputs)
        self._products = np.zeros((inputs, inputs + outputs))
        self._inputs = inputs

    def add(self, inputs: np.ndarray, outputs: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Add rows to the data: inputs (rows, inputs), outputs (rows, outputs), and weights (rows,) of their errors."""
        both = np.concatenate([inputs, outputs], axis=1, dtype=np.float64)
        weighted = both if weights is None else weights[:, None] * both
        self.count += len(both) if weights is None else weights.sum()
        self._sums += weighted.sum(axis=0)
        self._products += both[:, : self._inputs].T @ weighted

    def solve(self, alphas: tuple[float, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the weights (inputs, outputs) and the intercept (outputs,) for each alpha."""
        means = self._sums / self.count
        input_means, output_means = np.split(means, [self._inputs])
        centered = self._products - self.count * np.outer(input_means, means)
        values, vectors = np.linalg.eigh(centered[:, : self._inputs])
        rotated = vectors.T @ centered[:, self._inputs :]
        solutions = []
        for alpha in alphas:
            weights = vectors @ (rotated / (np.maximum(values, 0) + alpha)[:, None])
            solutions.append((weights, output_means - input_means @ weights))
        return solutions
