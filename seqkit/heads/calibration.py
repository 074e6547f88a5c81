"""Calibration of probabilities: how often a prediction with probability p is right, and temperature scaling.

Reference: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, 2017. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

BINS = 15
"""The number of bins of equal width, as in the reference."""

TEMPERATURES = (0.05, 20.0)
"""The temperatures that can be fitted: beyond them, the data does not determine one."""

_TINY = np.finfo(np.float64).tiny


class ReliabilityBin(NamedTuple):
    """The predictions whose probability is above `low` and at most `high`.

    Attributes:
        low: the lower end; predictions with probability 0 are in the first bin.
        high: the upper end.
        examples: the number of predictions.
        probability: their mean probability.
        accuracy: the fraction of them that is right.
    """

    low: float
    high: float
    examples: int
    probability: float
    accuracy: float


def reliability(probabilities: np.ndarray, is_right: np.ndarray, bins: int = BINS) -> list[ReliabilityBin]:
    """Return the bins of equal width that are not empty: the points of a reliability diagram.

    Args:
        probabilities: of the predicted labels, float (rows,).
        is_right: whether each is the true one, bool (rows,).
        bins: the number of bins.
    """
    edges = np.linspace(0, 1, bins + 1)
    numbers = np.clip(np.searchsorted(edges, probabilities) - 1, 0, bins - 1)
    found = []
    for number in np.unique(numbers).tolist():
        members = numbers == number
        found.append(
            ReliabilityBin(
                float(edges[number]),
                float(edges[number + 1]),
                int(members.sum()),
                float(probabilities[members].mean()),
                float(is_right[members].mean()),
            )
        )
    return found


def accuracy_interval(found: ReliabilityBin) -> tuple[float, float]:
    """Return the 95% interval of the accuracy of a bin, which is wide if it has few predictions.

    Reference: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.
    """
    square = 1.959964**2 / found.examples
    middle = (found.accuracy + square / 2) / (1 + square)
    half = np.sqrt(square * (found.accuracy * (1 - found.accuracy) + square / 4)) / (1 + square)
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


def expected_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """Return the mean difference between probability and accuracy, weighted by the numbers of predictions."""
    return sum(each.examples * abs(each.probability - each.accuracy) for each in bins) / sum(
        each.examples for each in bins
    )


def brier_score(probabilities: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean squared error of the probabilities, summed over the labels: 0 is best, 2 is worst.

    For two labels, the score that scikit-learn returns is half of it.

    Reference: Brier, Verification of Forecasts Expressed in Terms of Probability, 1950.

    Args:
        probabilities: float (rows, labels).
        targets: the number of the true label, int (rows,); -1 for a label that has no probability.
    """
    is_known = targets >= 0
    of_target = np.where(is_known, np.take_along_axis(probabilities, targets[:, None].clip(0), axis=1)[:, 0], 0.0)
    return float(((probabilities**2).sum(axis=1) - 2 * of_target + 1).mean())


def with_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the softmax of the logits divided by a temperature. The order of the labels does not change.

    Args:
        probabilities: the softmax of the logits, float (rows, labels).
        temperature: above 0; above 1 for less certain predictions.
    """
    scaled = np.log(np.maximum(probabilities, _TINY)) / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, targets: np.ndarray) -> float | None:
    """Return the temperature with the smallest negative log-likelihood; None if it is not within `TEMPERATURES`.

    The likelihood is a concave function of 1 / temperature, so its derivative, which is bisected, has one root at most.

    Args:
        probabilities: float (rows, labels).
        targets: the number of the true label, int (rows,).
    """
    logits = np.log(np.maximum(probabilities, _TINY))
    of_target = np.take_along_axis(logits, targets[:, None], axis=1)[:, 0]

    def derivative(log_inverse: float) -> float:
        """Return the derivative of the mean negative log-likelihood by the inverse of the temperature."""
        expected = (with_temperature(probabilities, float(np.exp(-log_inverse))) * logits).sum(axis=1)
        return float((expected - of_target).mean())

    low, high = (-float(np.log(temperature)) for temperature in reversed(TEMPERATURES))
    if not derivative(low) < 0 < derivative(high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if derivative(middle) < 0 else (low, middle)
    return float(np.exp(-(low + high) / 2))
