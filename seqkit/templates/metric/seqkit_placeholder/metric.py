"""The F-score of one label."""

from __future__ import annotations

from seqkit.contracts import Metric, Outcomes, PositiveFloat


class Placeholder(Metric):
    """The F-score of one label, 0 to 1: a weighted harmonic mean of precision and recall. Replace it with your own.

    It is undefined if the label is neither true nor predicted for any item.

    Source: van Rijsbergen, 1979, "Information Retrieval".

    Args:
        label: the label; by default the last one of the training data, in sorted order.
        beta: how many times as important recall is as precision.
    """

    needs = frozenset({"labels"})  # or texts, or values; and probabilities
    higher_is_better = True

    def __init__(self, *, label: str | None = None, beta: PositiveFloat = 2.0) -> None:
        self.label = label
        self.beta = beta

    def score(self, outcomes: Outcomes) -> float | None:
        """Return the F-score."""
        label = outcomes.labels[-1] if self.label is None else self.label
        pairs = list(zip(outcomes.truth, outcomes.predicted, strict=True))
        hits = sum(truth == label and predicted == label for truth, predicted in pairs)
        missed = sum(truth == label and predicted != label for truth, predicted in pairs)
        wrong = sum(truth != label and predicted == label for truth, predicted in pairs)
        weighted_hits = (1 + self.beta**2) * hits
        total = weighted_hits + self.beta**2 * missed + wrong
        return weighted_hits / total if total else None
