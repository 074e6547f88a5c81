"""Intervals and paired tests, against SciPy."""

from __future__ import annotations

import math
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.compare.statistics import holm, mean_interval, paired_difference, t_cdf, t_quantile

stats = pytest.importorskip("scipy.stats")

VALUES = st.lists(st.integers(-1000, 1000).map(lambda value: value / 100), min_size=2, max_size=12)


@settings(max_examples=60)
@given(VALUES)
def test_interval_of_a_mean(values: list[float]) -> None:
    found = mean_interval(values)
    error = stats.sem(values)
    if error == 0:
        assert (found.low, found.high) == (found.mean, found.mean)
        return
    low, high = stats.t.interval(0.95, len(values) - 1, loc=sum(values) / len(values), scale=error)
    assert found.low == pytest.approx(low, rel=1e-9, abs=1e-9)
    assert found.high == pytest.approx(high, rel=1e-9, abs=1e-9)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=2, max_size=12))
def test_paired_test(pairs: list[tuple[int, int]]) -> None:
    ours, theirs = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    found = paired_difference(ours, theirs)
    if len({a - b for a, b in pairs}) == 1:
        assert found.p == (1.0 if ours == theirs else 0.0)
        return
    expected = stats.ttest_rel(ours, theirs)
    interval = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-8, abs=1e-12)
    assert found.interval.low == pytest.approx(interval.low, rel=1e-8, abs=1e-8)
    assert found.interval.high == pytest.approx(interval.high, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("freedom", [1, 2, 4, 9, 100, 5000])
@pytest.mark.parametrize("t", [-30.0, -2.5, -0.001, 0.0, 0.3, 1.96, 12.0])
def test_distribution(freedom: int, t: float) -> None:
    assert t_cdf(t, freedom) == pytest.approx(stats.t.cdf(t, freedom), rel=1e-9, abs=1e-14)
    assert t_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-10)


@settings(max_examples=40)
@given(VALUES, st.floats(0, 2))
def test_shared_training_data_widens_the_interval(values: list[float], ratio: float) -> None:
    plain, corrected = mean_interval(values), mean_interval(values, ratio)
    assert plain.high is not None and corrected.high is not None
    factor = math.sqrt(1 + ratio * len(values))  # of Nadeau and Bengio (2003): (1/n + ratio) in place of 1/n
    assert corrected.high - corrected.mean == pytest.approx(factor * (plain.high - plain.mean), rel=1e-9)


def test_a_single_value_has_no_interval() -> None:
    assert (mean_interval([2.0]).mean, mean_interval([2.0]).low) == (2.0, None)
    assert (paired_difference([2.0], [1.5]).interval.mean, paired_difference([2.0], [1.5]).p) == (0.5, None)


def test_a_difference_of_rounding_errors_is_zero() -> None:
    values, others = [0.1, 0.3, 0.4], [0.3, 0.4, 0.1]
    assert fmean(value - other for value, other in zip(values, others, strict=True)) != 0
    found = paired_difference(values, others)
    assert found.interval.mean == 0 and found.p == 1
    assert found.interval.low == pytest.approx(-found.interval.high) and found.interval.high > 0.1
    equal = paired_difference([0.1 + 0.2, 0.5], [0.3, 0.5])
    assert (equal.interval.mean, equal.interval.low, equal.interval.high, equal.p) == (0, 0, 0, 1)
    tiny = paired_difference([3e-17, 2e-17], [1e-17, 1e-17])
    assert tiny.interval.mean == pytest.approx(1.5e-17, abs=0)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(before <= after <= 1 for before, after in zip(values, adjusted, strict=True))
    if values:
        assert math.isclose(min(adjusted), min(1.0, len(values) * min(values)))
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
