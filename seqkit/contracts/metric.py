"""The contract of a metric, which scores the predictions of a split."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqkit.contracts.capabilities import Contract


@dataclass(frozen=True)
class Outcomes:
    """What was true and what was predicted, for each item of a split: each text, word or value that a head predicts.

    Attributes:
        truth: of each item: its label; or its text; or an array of values, float (items, ...).
        predicted: the same of the predictions.
        labels: the labels of the training data. A true label can be another one, which is then always an error.
        probabilities: float (items, labels): the probability of each of the labels; None if the head gives none.
    """

    truth: Sequence[str] | np.ndarray
    predicted: Sequence[str] | np.ndarray
    labels: Sequence[str] = ()
    probabilities: np.ndarray | None = None


class Metric(Contract, ABC):
    """Score the predictions of a split by one number: built as `Metric(*, parameters)`. It needs no torch.

    A recipe lists metrics in `train.metrics`. They are computed for each split that is evaluated, in one process, from
    the predictions of all; `train.metric` can choose the best epoch by any of them. Predicting does not need them.

    Attributes:
        needs: the outcomes that the metric computes with: `labels`, `texts` or `values`; and `probabilities` for those
            of labels. A head `provides` them, or cannot be used with the metric.
        higher_is_better: whether the metric is to be maximized.
        name: its name in results and for `train.metric`; by default its name in the recipe. One that depends on a
            parameter can be listed several times.
    """

    needs: frozenset[str]
    higher_is_better: bool
    name: str = ""

    @abstractmethod
    def score(self, outcomes: Outcomes) -> float | None:
        """Return the metric of a split; None, or NaN, if it is undefined for these outcomes, and left out.

        It depends on the outcomes and the parameters alone.

        Args:
            outcomes: those of the split: at least one item. Do not modify them.
        """
