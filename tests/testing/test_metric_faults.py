"""Faults of metrics that the checks must find, each with the check and a part of its message."""

from __future__ import annotations

import random
from typing import Any

import pytest

from seqkit.contracts import Metric, Outcomes
from seqkit.testing import CheckFailure, check_metric


class Accuracy(Metric):
    """Accuracy: correct, and the base of the faults."""

    needs = frozenset({"labels"})
    higher_is_better = True

    def score(self, outcomes: Outcomes) -> Any:
        hits = [one == other for one, other in zip(outcomes.truth, outcomes.predicted, strict=True)]
        return sum(hits) / len(hits)


class NeedsNothing(Accuracy):
    needs = frozenset()


class NeedsAList(Accuracy):
    needs: Any = ["labels"]


class NeedsTwo(Accuracy):
    needs = frozenset({"labels", "texts"})


class ProbabilitiesOfTexts(Accuracy):
    needs = frozenset({"texts", "probabilities"})


class NoDirection(Metric):
    needs = frozenset({"labels"})

    def score(self, outcomes: Outcomes) -> Any:
        return 0.0


class Lower(Accuracy):
    higher_is_better = False


class Text(Accuracy):
    def score(self, outcomes: Outcomes) -> Any:
        return "0.5"


class Infinite(Accuracy):
    def score(self, outcomes: Outcomes) -> Any:
        return float("inf")


class Remembers(Accuracy):
    best = 0.0

    def score(self, outcomes: Outcomes) -> Any:
        self.best = max(self.best, super().score(outcomes))
        return self.best


class Random(Accuracy):
    def score(self, outcomes: Outcomes) -> Any:
        return super().score(outcomes) + 1e-9 * random.random()


class Sorts(Accuracy):
    def score(self, outcomes: Outcomes) -> Any:
        result = super().score(outcomes)
        outcomes.truth.sort()  # type: ignore[union-attr]
        return result


class OfTwo(Accuracy):
    def score(self, outcomes: Outcomes) -> Any:
        return (outcomes.truth[0] == outcomes.predicted[0]) / 2 + (outcomes.truth[1] == outcomes.predicted[1]) / 2


class OnlyKnown(Accuracy):
    def score(self, outcomes: Outcomes) -> Any:
        return super().score(outcomes) + 0 * sum(outcomes.labels.index(label) for label in outcomes.truth)


FAULTS: list[tuple[Any, str, str]] = [
    (NeedsNothing, "contract", "needs is frozenset()"),
    (NeedsAList, "contract", "needs is ['labels']"),
    (NeedsTwo, "contract", "of one of labels, texts, values"),
    (ProbabilitiesOfTexts, "contract", "add labels"),
    (NoDirection, "contract", "higher_is_better is not set"),
    (Lower, "direction", "check higher_is_better"),
    (Text, "number", "score returns '0.5'"),
    (Infinite, "number", "score returns inf"),
    (Remembers, "determinism", "depends on earlier calls"),
    (Random, "determinism", "random numbers"),
    (Sorts, "unmodified_outcomes", "modifies truth"),
    (OfTwo, "extreme_outcomes", "IndexError"),
    (OnlyKnown, "extreme_outcomes", "ValueError"),
]


@pytest.mark.parametrize(("cls", "name", "text"), FAULTS, ids=[each[0].__name__ for each in FAULTS])
def test_fault_of_a_metric_is_found(cls: Any, name: str, text: str) -> None:
    with pytest.raises(CheckFailure) as caught:
        check_metric(cls)
    assert text in caught.value.failures[name]


def test_correct_metric_passes() -> None:
    check_metric(Accuracy)
