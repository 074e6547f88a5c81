"""Tests of the metrics and baselines against values computed by hand, loops, and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_forecast import baselines
from seqkit_forecast.baselines import ALPHAS, baseline_forecasts, fit_ridge, last_value, seasonal_naive
from seqkit_forecast.metrics import detailed_metrics, forecast_metrics, seasonal_naive_errors
from seqkit_forecast.ridge import Ridge
from seqkit_forecast.targets import TargetVariables
from seqkit_forecast.windows import SlidingWindows
from sklearn import linear_model

generator = np.random.default_rng(0)


def test_metrics_computed_by_hand() -> None:
    # One window of two time steps and two variables: errors are 1 and 2 in the first, 0 and 4 in the second.
    target = np.array([[[1.0, 0.0], [3.0, -4.0]]])
    forecast = np.array([[[2.0, 0.0], [5.0, 0.0]]])
    metrics = forecast_metrics(forecast, target, np.array([1.0, 2.0]), np.array([0.5, 8.0]))
    assert metrics["mse"] == pytest.approx((1 + 4 + 0 + (4 / 2) ** 2) / 4)
    assert metrics["mae"] == pytest.approx((1 + 2 + 0 + 4 / 2) / 4)
    # 200 |y - f| / (|y| + |f|): 200/3, 0 (both are 0), 400/8, 800/4
    assert metrics["smape"] == pytest.approx((200 / 3 + 0 + 50 + 200) / 4)
    # The mean of (1/0.5, 2/0.5) and (0/8, 4/8)
    assert metrics["mase"] == pytest.approx((2 + 4 + 0 + 0.5) / 4)


def test_mase_excludes_constant_variables() -> None:
    target, forecast = np.zeros((1, 1, 2)), np.array([[[1.0, 3.0]]])
    one = np.ones(2)
    assert forecast_metrics(forecast, target, one, np.array([0.0, 2.0]))["mase"] == 1.5
    assert "mase" not in forecast_metrics(forecast, target, one, np.zeros(2))


def test_seasonal_naive_error_computed_by_hand() -> None:
    one, other = np.array([[1.0], [2.0], [4.0], [8.0]]), np.array([[0.0], [0.0], [9.0]])
    assert seasonal_naive_errors([one, other], 2).tolist() == [(3 + 6 + 9) / 3]
    assert seasonal_naive_errors([one, np.ones((2, 1))], 2).tolist() == [(3 + 6) / 2]


def test_mase_of_the_naive_forecast_of_the_training_split_is_one() -> None:
    series = generator.standard_normal((40, 3)).cumsum(axis=0)
    inputs, targets = SlidingWindows(1, 1, 1).cut(series)
    metrics = forecast_metrics(inputs, targets, np.ones(3), seasonal_naive_errors([series], 1))
    assert metrics["mase"] == pytest.approx(1, rel=1e-12)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(windows=st.integers(1, 4), horizon=st.integers(1, 4), variables=st.integers(1, 3), seed=st.integers(0, 99))
def test_metrics_equal_loops(windows: int, horizon: int, variables: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    forecast, target = random.standard_normal((2, windows, horizon, variables)).round(1)
    unit, seasonal = random.uniform(0.5, 2, (2, variables))
    squared, absolute, symmetric, scaled = [], [], [], []
    for index in np.ndindex(windows, horizon, variables):
        error, variable = abs(forecast[index] - target[index]), index[2]
        squared.append((error / unit[variable]) ** 2)
        absolute.append(error / unit[variable])
        size = abs(forecast[index]) + abs(target[index])
        symmetric.append(200 * error / size if size else 0.0)
        scaled.append(error / seasonal[variable])
    expected = dict(
        zip(("mse", "mae", "smape", "mase"), map(np.mean, (squared, absolute, symmetric, scaled)), strict=True)
    )
    assert forecast_metrics(forecast, target, unit, seasonal) == pytest.approx(expected)
    details = detailed_metrics(forecast, target, unit, seasonal, [f"v{number}" for number in range(variables)])
    assert np.mean(details["per_step"]["mse"]) == pytest.approx(expected["mse"])
    if variables > 1:
        for name, value in expected.items():
            assert np.mean([each[name] for each in details["per_variable"].values()]) == pytest.approx(value)


@pytest.mark.parametrize(("horizon", "season"), [(2, 3), (3, 3), (7, 3), (4, 1)])
def test_naive_forecasts_per_time_step(horizon: int, season: int) -> None:
    inputs = generator.standard_normal((3, 5, 2))
    last, seasonal = last_value(inputs, horizon), seasonal_naive(inputs, horizon, season)
    for step in range(horizon):
        assert np.array_equal(last[:, step], inputs[:, 4])
        source = step + 5
        while source >= 5:
            source -= season
        assert np.array_equal(seasonal[:, step], inputs[:, source])


@pytest.mark.parametrize("alpha", ALPHAS)
def test_ridge_equals_scikit_learn(alpha: float) -> None:
    inputs, outputs = generator.standard_normal((60, 7)) + 3, generator.standard_normal((60, 4)) - 2
    ridge = Ridge(7, 4)
    for rows in np.array_split(np.arange(60), 4):
        ridge.add(inputs[rows], outputs[rows])
    ((weights, intercept),) = ridge.solve((alpha,))
    reference = linear_model.Ridge(alpha=alpha).fit(inputs, outputs)
    np.testing.assert_allclose(weights, reference.coef_.T, rtol=0, atol=1e-10)
    np.testing.assert_allclose(intercept, reference.intercept_, rtol=0, atol=1e-10)


@pytest.mark.parametrize("columns", [None, [1]])
@pytest.mark.parametrize("chunk", [3, 1024])
def test_penalty_is_chosen_on_the_last_fifth(
    monkeypatch: pytest.MonkeyPatch, chunk: int, columns: list[int] | None
) -> None:
    monkeypatch.setattr(baselines, "CHUNK", chunk)
    series = [SlidingWindows(5, 2, 1).cut(generator.standard_normal((count, 2)).cumsum(axis=0)) for count in (26, 39)]
    tables: dict[str, list] = {"inputs": [], "targets": [], "held_out": []}
    for inputs, targets in series:
        tables["inputs"] += list((inputs - inputs[:, -1:]).reshape(len(inputs), -1))
        tables["targets"] += list((targets - inputs[:, -1:])[:, :, columns or [0, 1]].reshape(len(inputs), -1))
        tables["held_out"] += [number >= len(inputs) - len(inputs) // 5 for number in range(len(inputs))]
    read, future, held_out = (np.array(tables[name]) for name in ("inputs", "targets", "held_out"))
    errors = []
    for alpha in ALPHAS:
        fitted = linear_model.Ridge(alpha=alpha).fit(read[~held_out], future[~held_out])
        errors.append(((fitted.predict(read[held_out]) - future[held_out]) ** 2).sum())
    weights, intercept, alpha = fit_ridge(series, columns)
    assert alpha == ALPHAS[int(np.argmin(errors))]
    reference = linear_model.Ridge(alpha=alpha).fit(read, future)
    np.testing.assert_allclose(weights, reference.coef_.T, rtol=0, atol=1e-10)
    np.testing.assert_allclose(intercept, reference.intercept_, rtol=0, atol=1e-10)


@pytest.mark.parametrize("columns", [[0, 1, 2], [2, 0], [1]])
def test_ridge_baselines_equal_scikit_learn(columns: list[int]) -> None:
    train, test = 50 + 9 * generator.standard_normal((90, 3)).cumsum(axis=0), 40 + generator.standard_normal((30, 3))
    variables = TargetVariables(3, [], columns, False)
    forecasts = dict(baseline_forecasts([train], [test], variables, SlidingWindows(6, 3, 1), 4))
    mean, deviation = train.mean(axis=0), train.std(axis=0)

    def windows(series: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        scaled = (series - mean) / deviation
        starts = range(len(series) - 8)
        last = np.array([scaled[start + 5] for start in starts])[:, None]
        read = np.array([scaled[start : start + 6] for start in starts])
        future = np.array([scaled[start + 6 : start + 9] for start in starts])
        return read - last, future - last, last

    (read, future, _), (test_read, _, last) = windows(train), windows(test)
    assert len(forecasts) == 5 if len(columns) > 1 else 4
    for name, forecast in forecasts.items():
        if "ridge" not in name:
            continue
        alphas = [float(alpha) for alpha in name.partition("(alpha ")[2].rstrip(")").split(", ")]
        if len(alphas) > 1:
            continue
        ridge = linear_model.Ridge(alpha=alphas[0])
        if "one model" in name:
            ridge.fit(
                np.concatenate([read[:, :, each] for each in columns]),
                np.concatenate([future[:, :, each] for each in columns]),
            )
            expected = np.stack([ridge.predict(test_read[:, :, each]) for each in columns], axis=2)
        elif "all columns" in name:
            ridge.fit(read.reshape(len(read), -1), future[:, :, columns].reshape(len(read), -1))
            expected = ridge.predict(test_read.reshape(len(test_read), -1)).reshape(len(test_read), 3, -1)
        else:
            expected = np.stack(
                [ridge.fit(read[:, :, each], future[:, :, each]).predict(test_read[:, :, each]) for each in columns],
                axis=2,
            )
        expected = (expected + last[:, :, columns]) * deviation[columns] + mean[columns]
        np.testing.assert_allclose(forecast, expected, rtol=0, atol=1e-8)


def test_log_adds_a_ridge_on_logarithms() -> None:
    growth = np.exp(0.05 * np.arange(60))[:, None]
    variables, windows = TargetVariables(1, [], [0], True), SlidingWindows(4, 2, 1)
    forecasts = dict(baseline_forecasts([growth[:40]], [growth[40:]], variables, windows, None))
    (name,) = [name for name in forecasts if "logarithms" in name]
    np.testing.assert_allclose(forecasts[name], windows.cut(growth[40:])[1], rtol=1e-2)
