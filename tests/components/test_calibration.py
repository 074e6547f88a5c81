"""Calibration measures against scikit-learn, and temperature scaling against a search over temperatures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from seqkit.heads.calibration import (
    TEMPERATURES,
    brier_score,
    expected_calibration_error,
    fit_temperature,
    reliability,
    with_temperature,
)

seeds = st.integers(0, 10_000)


def random_probabilities(seed: int, rows: int, labels: int, scale: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the softmax of random logits, and targets that are sampled at another temperature of the same logits."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(scale=scale, size=(rows, labels))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = with_temperature(probabilities, generator.uniform(0.5, 3))
    return probabilities, np.array([generator.choice(labels, p=row) for row in true])


@given(seed=seeds, labels=st.integers(2, 5))
def test_brier_score_equals_scikit_learn(seed: int, labels: int) -> None:
    probabilities, targets = random_probabilities(seed, 40, labels)
    expected = sum(brier_score_loss(targets == label, probabilities[:, label]) for label in range(labels))
    assert brier_score(probabilities, targets) == pytest.approx(expected)
    if labels == 2:
        assert brier_score(probabilities, targets) == pytest.approx(2 * brier_score_loss(targets, probabilities[:, 1]))


def test_a_label_without_a_probability_is_wrong() -> None:
    probabilities = np.array([[1.0, 0.0], [0.5, 0.5]])
    assert brier_score(probabilities, np.array([-1, 0])) == pytest.approx((2 + 0.5) / 2)


@given(seed=seeds)
def test_reliability_equals_scikit_learn(seed: int) -> None:
    probabilities, targets = random_probabilities(seed, 200, 3)
    best, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    bins = reliability(best, is_right, 10)
    accuracies, means = calibration_curve(is_right, best, n_bins=10)
    assert [each.accuracy for each in bins] == pytest.approx(accuracies.tolist())
    assert [each.probability for each in bins] == pytest.approx(means.tolist())
    assert sum(each.examples for each in bins) == 200
    error = sum(
        abs(best[members].sum() - is_right[members].sum())
        for members in (np.ceil(best * 10) == number for number in range(11))
    )
    assert expected_calibration_error(bins) == pytest.approx(error / 200)


def test_probabilities_of_0_and_1_are_in_the_outer_bins() -> None:
    bins = reliability(np.array([0.0, 1.0, 1.0]), np.array([False, True, False]), 4)
    assert [tuple(each) for each in bins] == [(0, 0.25, 1, 0, 0), (0.75, 1, 2, 1, 0.5)]
    assert expected_calibration_error(bins) == pytest.approx(1 / 3)


@settings(max_examples=15)
@given(seed=seeds, labels=st.integers(2, 4))
def test_the_temperature_has_the_smallest_log_loss(seed: int, labels: int) -> None:
    probabilities, targets = random_probabilities(seed, 300, labels)
    temperature = fit_temperature(probabilities, targets)
    assert temperature is not None

    def loss(log_temperature: float) -> float:
        changed = with_temperature(probabilities, float(np.exp(log_temperature)))
        return float(log_loss(targets, changed, labels=list(range(labels))))

    found = minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded", options={"xatol": 1e-10})
    assert np.log(temperature) == pytest.approx(found.x, abs=1e-4)
    assert loss(np.log(temperature)) <= loss(0.0)


@given(seed=seeds, temperature=st.floats(*TEMPERATURES))
def test_a_temperature_keeps_the_order_of_the_labels(seed: int, temperature: float) -> None:
    probabilities, _ = random_probabilities(seed, 10, 4)
    changed = with_temperature(probabilities, temperature)
    assert changed.sum(axis=1) == pytest.approx(np.ones(10))
    assert (np.diff(np.take_along_axis(changed, probabilities.argsort(axis=1), axis=1), axis=1) >= 0).all()
    assert np.allclose(with_temperature(probabilities, 1.0), probabilities)


def test_probabilities_of_0_are_no_problem() -> None:
    certain = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.array_equal(with_temperature(certain, 0.1), certain)
    assert np.isfinite(with_temperature(certain, 20.0)).all()


def test_data_that_determines_no_temperature() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert fit_temperature(probabilities, np.array([0, 1])) is None  # all right: as certain as possible
    assert fit_temperature(probabilities, np.array([1, 0])) is None  # all wrong: as uncertain as possible
    assert fit_temperature(np.full((2, 2), 0.5), np.array([0, 1])) is None  # equal at every temperature
