"""Confidence intervals and paired tests by Student's t distribution. Nothing here imports torch or SciPy."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

LEVEL = 0.95
"""The level of confidence of all intervals."""

_ITERATIONS = 300

_PRECISION = 4 * sys.float_info.epsilon
"""The relative size of the rounding errors of a few sums."""


@dataclass(frozen=True)
class Interval:
    """A mean with its confidence interval.

    Attributes:
        mean: the mean.
        low: the lower end of the interval; None for a single value.
        high: the upper end.
    """

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Paired:
    """The mean of paired differences, and the test that it is 0.

    Attributes:
        interval: the mean difference with its confidence interval.
        p: the two-sided p-value; None for a single pair.
        count: the number of pairs.
    """

    interval: Interval
    p: float | None
    count: int


def mean_interval(values: Sequence[float], test_ratio: float = 0.0) -> Interval:
    """Return the mean of values and its 95% interval (Student's t).

    The scores of folds are not independent, since the folds share training data, and their variance divided by their
    number understates that of the mean. `test_ratio` corrects it (the corrected resampled t-test of Nadeau and Bengio,
    Inference for the Generalization Error, Machine Learning 52, 2003): the variance is multiplied by
    1/n + test_ratio.

    Args:
        values: at least one.
        test_ratio: the number of test examples of a fold divided by that of its training examples; 0 for independent
            values.
    """
    mean = fmean(values)
    if len(values) < 2:
        return Interval(mean)
    half = t_quantile((1 + LEVEL) / 2, len(values) - 1) * _error(values, test_ratio)
    return Interval(mean, mean - half, mean + half)


def paired_difference(values: Sequence[float], others: Sequence[float], test_ratio: float = 0.0) -> Paired:
    """Return the mean of `values - others`, its 95% interval and the p-value of the paired t-test.

    A difference below the precision of a sum in float64 is 0.

    Args:
        values: a value per seed or fold, at least one.
        others: those of the reference, with the same seeds or folds.
        test_ratio: as for `mean_interval`.
    """
    smallest = _PRECISION * max(map(abs, [*values, *others]))
    differences = [_zeroed(value - other, smallest) for value, other in zip(values, others, strict=True)]
    count = len(differences)
    interval = mean_interval(differences, test_ratio)
    interval = Interval(_zeroed(interval.mean, smallest), interval.low, interval.high)
    if count < 2:
        return Paired(interval, None, count)
    error = _error(differences, test_ratio)
    if error == 0:
        return Paired(interval, 0.0 if interval.mean else 1.0, count)
    return Paired(interval, 2 * t_cdf(-abs(interval.mean) / error, count - 1), count)


def _error(values: Sequence[float], test_ratio: float) -> float:
    """Return the standard error of the mean of at least two values."""
    return stdev(values) * math.sqrt(1 / len(values) + test_ratio)


def _zeroed(value: float, smallest: float) -> float:
    return 0.0 if abs(value) <= smallest else value


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the number of tests (Holm, A Simple Sequentially Rejective Multiple Test Procedure,
    1979): the chance that any of the tests errs stays below the level."""
    adjusted = [0.0] * len(values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = largest
    return adjusted


def t_cdf(t: float, freedom: int) -> float:
    """Return the probability that a variable of Student's t distribution is at most t."""
    tail = _incomplete_beta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2
    return tail if t < 0 else 1 - tail


def t_quantile(probability: float, freedom: int) -> float:
    """Return the t below which a variable of Student's t distribution is with a probability of at least one half."""
    low, high = 0.0, 1.0
    while t_cdf(high, freedom) < probability:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if t_cdf(middle, freedom) < probability else (low, middle)
    return high


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function, by Lentz's continued fraction (Numerical Recipes, 6.4)."""
    if x in (0.0, 1.0):
        return x
    if x > (a + 1) / (a + b + 2):  # the fraction converges faster for the other tail
        return 1 - _incomplete_beta(1 - x, b, a)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _ITERATIONS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + numerator * d)
            c = 1 + numerator / c
            fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return math.exp(logarithm) * fraction / a
