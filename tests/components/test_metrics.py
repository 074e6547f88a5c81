"""The metrics that a recipe can add: equal to scikit-learn's, and undefined where there is nothing to score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.contracts import Outcomes
from seqkit.metrics.labels import BalancedAccuracy, CohenKappa, MatthewsCorrelation, TopK
from seqkit.metrics.ranking import AveragePrecision, RocAuc
from seqkit.metrics.texts import ErrorRate
from seqkit.metrics.values import R2, Rmse

LABELS = ["1", "2", "4"]


@st.composite
def classified(draw: Any, count: int = 3) -> Outcomes:
    """Outcomes of a classifier with this number of labels: equal probabilities among them, and a missing label."""
    labels = LABELS[:count]
    truth = draw(st.lists(st.sampled_from(labels), min_size=2, max_size=12))
    weights = np.array([[draw(st.integers(1, 4)) for _ in labels] for _ in truth], dtype=float)
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return Outcomes(truth, [labels[number] for number in probabilities.argmax(axis=1)], labels, probabilities)


@given(classified())
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning", "ignore:y_pred contains:UserWarning")
def test_label_metrics_equal_scikit_learn(outcomes: Outcomes) -> None:
    truth, predicted = list(outcomes.truth), list(outcomes.predicted)
    assert MatthewsCorrelation().score(outcomes) == pytest.approx(sklearn.metrics.matthews_corrcoef(truth, predicted))
    assert BalancedAccuracy().score(outcomes) == pytest.approx(
        sklearn.metrics.balanced_accuracy_score(truth, predicted)
    )
    for weights in ("none", "linear", "quadratic"):
        found = CohenKappa(weights=weights).score(outcomes)  # type: ignore[arg-type]
        if {*truth} == {*predicted} and len({*truth}) == 1:
            assert found is None
        elif weights == "none":
            assert found == pytest.approx(sklearn.metrics.cohen_kappa_score(truth, predicted))
        else:  # scikit-learn weights the places of labels in a list, with one for each integer here
            expected = sklearn.metrics.cohen_kappa_score(
                list(map(int, truth)), list(map(int, predicted)), labels=[1, 2, 3, 4], weights=weights
            )
            assert found == pytest.approx(expected)


@given(classified(), st.integers(1, 2))
@settings(max_examples=40, deadline=None)
def test_top_k_counts_the_most_probable_labels(outcomes: Outcomes, k: int) -> None:
    assert outcomes.probabilities is not None
    distinct = outcomes.probabilities + np.array([2e-6, 1e-6, 0.0])  # the first of equal ones is more probable
    expected = sklearn.metrics.top_k_accuracy_score(list(outcomes.truth), distinct, k=k, labels=LABELS)
    assert TopK(k=k).score(outcomes) == pytest.approx(expected)
    assert TopK(k=5).score(outcomes) == 1.0


@given(st.one_of(classified(2), classified(3)))
@settings(max_examples=60, deadline=None)
def test_rankings_equal_scikit_learn(outcomes: Outcomes) -> None:
    assert outcomes.probabilities is not None
    truth = np.array(outcomes.truth)
    for metric, reference in (
        (RocAuc, sklearn.metrics.roc_auc_score),
        (AveragePrecision, sklearn.metrics.average_precision_score),
    ):
        scores = []
        for number, label in enumerate(outcomes.labels):
            found = metric(label=label).score(outcomes)
            if len({*(truth == label)}) == 1:
                assert found is None
            else:
                scores.append(float(reference(truth == label, outcomes.probabilities[:, number])))
                assert found == pytest.approx(scores[-1])
        mean = metric().score(outcomes)
        assert (mean is None) if not scores else (mean == pytest.approx(np.mean(scores)))


def test_a_label_that_is_not_in_the_training_data_is_an_error() -> None:
    outcomes = Outcomes(["1", "new"], ["1", "1"], LABELS, np.array([[0.8, 0.1, 0.1], [0.4, 0.3, 0.3]]))
    assert TopK(k=3).score(outcomes) == BalancedAccuracy().score(outcomes) == 0.5
    assert RocAuc().score(outcomes) == 1.0
    assert MatthewsCorrelation().score(outcomes) == 0.0
    assert CohenKappa(weights="linear").score(outcomes) is None


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=9), st.integers(1, 2))
@settings(max_examples=40, deadline=None)
def test_value_metrics_equal_scikit_learn(pairs: list[tuple[float, float]], variables: int) -> None:
    truth, predicted = (np.round(np.array(values), 2) for values in zip(*pairs, strict=True))
    if variables == 2:
        truth, predicted = np.stack([truth, truth[::-1] * 3], axis=1), np.stack([predicted, predicted], axis=1)
    outcomes = Outcomes(truth, predicted)
    assert Rmse().score(outcomes) == pytest.approx(sklearn.metrics.mean_squared_error(truth, predicted) ** 0.5)
    found = R2().score(outcomes)
    varies = np.ptp(np.atleast_2d(truth.T), axis=1) > 0  # scikit-learn scores a variable that does not vary too
    if not varies.any():
        assert found is None
    else:
        columns = zip(np.atleast_2d(truth.T), np.atleast_2d(predicted.T), strict=True)
        scores = [sklearn.metrics.r2_score(*column) for column in columns]
        assert found == pytest.approx(np.mean(np.array(scores)[varies]), abs=1e-6)


def test_error_rates_of_words_and_characters() -> None:
    outcomes = Outcomes(["the cat sat", "on", ""], ["the bat sat down", "", ""])
    assert ErrorRate().score(outcomes) == pytest.approx(3 / 4)  # a word replaced, one inserted, one deleted
    assert ErrorRate(unit="character").score(outcomes) == pytest.approx((1 + 5 + 2) / (11 + 2))
    assert ErrorRate().score(Outcomes(["", ""], ["a", ""])) is None
