"""Metrics of the probabilities of labels: how well they rank the items."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from seqkit.contracts import Metric, Outcomes


class _Ranking(Metric):
    """The mean, over the labels, of a score of each label against all others.

    Args:
        label: the label to score; by default the mean of all labels that some items have, and others do not have.
    """

    needs = frozenset({"labels", "probabilities"})
    higher_is_better = True

    def __init__(self, *, label: str | None = None) -> None:
        self.label = label

    def score(self, outcomes: Outcomes) -> float | None:
        assert outcomes.probabilities is not None
        truth = np.array([str(label) for label in outcomes.truth])
        scores = []
        for number, label in enumerate(outcomes.labels):
            positive = truth == label
            if self.label in (None, label) and positive.any() and not positive.all():
                scores.append(self.score_label(positive, outcomes.probabilities[:, number]))
        return float(np.mean(scores)) if scores else None

    @abstractmethod
    def score_label(self, positive: np.ndarray, probability: np.ndarray) -> float:
        """Return the score of one label.

        Args:
            positive: bool (items,): whether each item has the label; some have it, and others do not.
            probability: float (items,): the probability of the label.
        """


class RocAuc(_Ranking):
    """The area under the ROC curve, 0 to 1; 0.5 for random probabilities.

    It is the probability that an item that has the label ranks above one that does not have it; ties count half. With
    two labels it is the same for both. It is undefined if all items have the same label.

    Source: Hanley and McNeil, 1982, "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve".

    Args:
        label: the label to score; by default the mean of all labels, each against all others.
    """

    def score_label(self, positive: np.ndarray, probability: np.ndarray) -> float:
        _, place, count = np.unique(probability, return_inverse=True, return_counts=True)
        ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # from 1; the mean rank of equal probabilities
        positives = int(positive.sum())
        above = ranks[positive].sum() - positives * (positives + 1) / 2
        return float(above / (positives * (len(positive) - positives)))


class AveragePrecision(_Ranking):
    """The average precision, 0 to 1: the area under the precision-recall curve, without interpolation.

    For a rare label it says more than the ROC curve. Set `label` to the one of interest. It is undefined if all items
    have the same label.

    Source: Davis and Goadrich, 2006, "The relationship between Precision-Recall and ROC curves".

    Args:
        label: the label to score; by default the mean of all labels, each against all others.
    """

    def score_label(self, positive: np.ndarray, probability: np.ndarray) -> float:
        order = np.argsort(-probability, kind="stable")
        hits = np.cumsum(positive[order])
        # Of equal probabilities, only the last is a threshold.
        last = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)
        precision, recall = hits[last] / (last + 1), hits[last] / hits[-1]
        return float((np.diff(recall, prepend=0.0) * precision).sum())
