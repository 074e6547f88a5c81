"""Metrics of predicted values."""

from __future__ import annotations

import numpy as np

from seqkit.contracts import Metric, Outcomes


class Rmse(Metric):
    """The root of the mean squared error, in the unit of the values."""

    needs = frozenset({"values"})
    higher_is_better = False

    def score(self, outcomes: Outcomes) -> float:
        return float(np.sqrt(np.mean((np.asarray(outcomes.predicted) - np.asarray(outcomes.truth)) ** 2)))


class R2(Metric):
    """The coefficient of determination: 1 for exact predictions, 0 for those that are no better than the mean.

    Values with several time steps or variables have the mean of the coefficients of each; constant ones are left out.
    """

    needs = frozenset({"values"})
    higher_is_better = True

    def score(self, outcomes: Outcomes) -> float | None:
        truth, predicted = (np.asarray(values, dtype=float) for values in (outcomes.truth, outcomes.predicted))
        errors = ((truth - predicted) ** 2).sum(axis=0)
        spread = ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
        varies = np.ptp(truth, axis=0) > 0  # rounding makes the spread of equal values positive
        return float(np.mean(1 - errors[varies] / spread[varies])) if varies.any() else None
