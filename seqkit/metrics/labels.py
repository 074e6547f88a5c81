"""Metrics of predicted labels, from their confusion matrix."""

from __future__ import annotations

from typing import Literal

import numpy as np

from seqkit.contracts import Metric, Outcomes, PositiveInt


class MatthewsCorrelation(Metric):
    """The Matthews correlation coefficient, -1 to 1: 0 for predictions that do not depend on the truth.

    Unlike accuracy, it is not high for always predicting the most frequent label. It is 0 if there is only one label in
    the truth or in the predictions.

    Source: Matthews, 1975, "Comparison of the predicted and observed secondary structure of T4 phage lysozyme"; for
    more than two labels: Gorodkin, 2004, "Comparing two K-category assignments by a K-category correlation
    coefficient".
    """

    needs = frozenset({"labels"})
    higher_is_better = True

    def score(self, outcomes: Outcomes) -> float:
        matrix = confusion_matrix(outcomes)
        true, predicted, count = matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
        covariance = matrix.trace() * count - true @ predicted
        variances = (count**2 - true @ true) * (count**2 - predicted @ predicted)
        return float(covariance / np.sqrt(variances)) if variances else 0.0


class BalancedAccuracy(Metric):
    """The mean recall of all true labels, 0 to 1: rare labels count as much as frequent ones.

    Source: Brodersen et al., 2010, "The Balanced Accuracy and Its Posterior Distribution".
    """

    needs = frozenset({"labels"})
    higher_is_better = True

    def score(self, outcomes: Outcomes) -> float:
        matrix = confusion_matrix(outcomes)
        true = matrix.sum(axis=1)
        return float((matrix.diagonal()[true > 0] / true[true > 0]).mean())


class CohenKappa(Metric):
    """Cohen's kappa, at most 1: the agreement of truth and predictions beyond that of chance, which is 0.

    It is undefined if all true and predicted labels are the same.

    Source: Cohen, 1960, "A Coefficient of Agreement for Nominal Scales"; with weights: Cohen, 1968, "Weighted kappa".

    Args:
        weights: how much an error counts: `none` for all errors equally; `linear` or `quadratic` for labels that are
            numbers, by the difference between them, or its square.
    """

    needs = frozenset({"labels"})
    higher_is_better = True

    def __init__(self, *, weights: Literal["none", "linear", "quadratic"] = "none") -> None:
        self.weights = weights
        if weights != "none":
            self.name = f"{weights}_kappa"

    def score(self, outcomes: Outcomes) -> float | None:
        names = label_names(outcomes)
        matrix = confusion_matrix(outcomes)
        if self.weights == "none":
            penalty = 1.0 - np.eye(len(names))
        else:
            try:
                values = np.array([float(name) for name in names])
            except ValueError:  # the labels are no numbers
                return None
            penalty = np.abs(values[:, None] - values) ** (1 if self.weights == "linear" else 2)
        expected = np.outer(matrix.sum(axis=1), matrix.sum(axis=0)) / matrix.sum()
        chance = (penalty * expected).sum()
        return float(1 - (penalty * matrix).sum() / chance) if chance else None


class TopK(Metric):
    """The share of items whose true label is one of the `k` most probable ones, 0 to 1.

    Of labels that are equally probable, those that come first in the order of the training labels count.

    Args:
        k: the number of labels.
    """

    needs = frozenset({"labels", "probabilities"})
    higher_is_better = True

    def __init__(self, *, k: PositiveInt = 5) -> None:
        self.k = k
        self.name = f"top_{k}_accuracy"

    def score(self, outcomes: Outcomes) -> float:
        assert outcomes.probabilities is not None
        best = np.argsort(-outcomes.probabilities, axis=1, kind="stable")[:, : self.k].tolist()
        hits = [
            truth in {outcomes.labels[number] for number in numbers}
            for truth, numbers in zip(outcomes.truth, best, strict=True)
        ]
        return float(np.mean(hits))


def label_names(outcomes: Outcomes) -> list[str]:
    """Return the labels of the training data, and then the other true or predicted ones in sorted order."""
    return [*outcomes.labels, *sorted({*outcomes.truth, *outcomes.predicted} - set(outcomes.labels))]


def confusion_matrix(outcomes: Outcomes) -> np.ndarray:
    """Return the number of items by true and predicted label, float (labels, labels), as `label_names` orders them."""
    numbers = {name: number for number, name in enumerate(label_names(outcomes))}
    matrix = np.zeros((len(numbers), len(numbers)))
    pairs = ([numbers[label] for label in outcomes.truth], [numbers[label] for label in outcomes.predicted])
    np.add.at(matrix, pairs, 1)
    return matrix
