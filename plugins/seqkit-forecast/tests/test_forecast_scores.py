"""Scores and floors against formulas worked out by hand, loops, and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_forecast import floors as floors_module
from seqkit_forecast.floors import ALPHAS, fit_ridge, floors, last_value, seasonal_naive
from seqkit_forecast.ridge import Ridge
from seqkit_forecast.scores import details, scores, seasonal_errors
from seqkit_forecast.variables import Variables
from seqkit_forecast.windows import Cut
from sklearn import linear_model

generator = np.random.default_rng(0)


def test_scores_worked_out_by_hand() -> None:
    # One window of two steps and two variables: errors are 1 and 2 in the first, 0 and 4 in the second.
    target = np.array([[[1.0, 0.0], [3.0, -4.0]]])
    forecast = np.array([[[2.0, 0.0], [5.0, 0.0]]])
    got = scores(forecast, target, np.array([1.0, 2.0]), np.array([0.5, 8.0]))
    assert got["mse"] == pytest.approx((1 + 4 + 0 + (4 / 2) ** 2) / 4)
    assert got["mae"] == pytest.approx((1 + 2 + 0 + 4 / 2) / 4)
    # 200 |y - f| / (|y| + |f|): 200/3, 0 (both are 0), 400/8, 800/4
    assert got["smape"] == pytest.approx((200 / 3 + 0 + 50 + 200) / 4)
    # The mean of (1/0.5, 2/0.5) and (0/8, 4/8)
    assert got["mase"] == pytest.approx((2 + 4 + 0 + 0.5) / 4)


def test_mase_leaves_out_what_never_changes() -> None:
    target, forecast = np.zeros((1, 1, 2)), np.array([[[1.0, 3.0]]])
    one = np.ones(2)
    assert scores(forecast, target, one, np.array([0.0, 2.0]))["mase"] == 1.5
    assert "mase" not in scores(forecast, target, one, np.zeros(2))


def test_the_seasonal_error_worked_out_by_hand() -> None:
    one, other = np.array([[1.0], [2.0], [4.0], [8.0]]), np.array([[0.0], [0.0], [9.0]])
    assert seasonal_errors([one, other], 2).tolist() == [(3 + 6 + 9) / 3]
    assert seasonal_errors([one, np.ones((2, 1))], 2).tolist() == [(3 + 6) / 2]


def test_mase_of_the_naive_forecast_one_step_ahead_in_train_is_one() -> None:
    series = generator.standard_normal((40, 3)).cumsum(axis=0)
    inputs, targets = Cut(1, 1, 1)(series)
    got = scores(inputs, targets, np.ones(3), seasonal_errors([series], 1))
    assert got["mase"] == pytest.approx(1, rel=1e-12)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(windows=st.integers(1, 4), horizon=st.integers(1, 4), variables=st.integers(1, 3), seed=st.integers(0, 99))
def test_scores_are_those_of_loops(windows: int, horizon: int, variables: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    forecast, target = draw.standard_normal((2, windows, horizon, variables)).round(1)
    unit, seasonal = draw.uniform(0.5, 2, (2, variables))
    squared, absolute, symmetric, scaled = [], [], [], []
    for place in np.ndindex(windows, horizon, variables):
        error, variable = abs(forecast[place] - target[place]), place[2]
        squared.append((error / unit[variable]) ** 2)
        absolute.append(error / unit[variable])
        size = abs(forecast[place]) + abs(target[place])
        symmetric.append(200 * error / size if size else 0.0)
        scaled.append(error / seasonal[variable])
    wanted = dict(
        zip(("mse", "mae", "smape", "mase"), map(np.mean, (squared, absolute, symmetric, scaled)), strict=True)
    )
    assert scores(forecast, target, unit, seasonal) == pytest.approx(wanted)
    told = details(forecast, target, unit, seasonal, [f"v{number}" for number in range(variables)])
    assert np.mean(told["per_step"]["mse"]) == pytest.approx(wanted["mse"])
    if variables > 1:
        for name, value in wanted.items():
            assert np.mean([each[name] for each in told["per_variable"].values()]) == pytest.approx(value)


@pytest.mark.parametrize(("horizon", "season"), [(2, 3), (3, 3), (7, 3), (4, 1)])
def test_naive_forecasts_step_by_step(horizon: int, season: int) -> None:
    inputs = generator.standard_normal((3, 5, 2))
    last, seasonal = last_value(inputs, horizon), seasonal_naive(inputs, horizon, season)
    for step in range(horizon):
        assert np.array_equal(last[:, step], inputs[:, 4])
        back = step + 5
        while back >= 5:
            back -= season
        assert np.array_equal(seasonal[:, step], inputs[:, back])


@pytest.mark.parametrize("alpha", ALPHAS)
def test_ridge_is_scikit_learns(alpha: float) -> None:
    inputs, outputs = generator.standard_normal((60, 7)) + 3, generator.standard_normal((60, 4)) - 2
    ridge = Ridge(7, 4)
    for rows in np.array_split(np.arange(60), 4):
        ridge.add(inputs[rows], outputs[rows])
    ((weights, intercept),) = ridge.solve((alpha,))
    reference = linear_model.Ridge(alpha=alpha).fit(inputs, outputs)
    np.testing.assert_allclose(weights, reference.coef_.T, rtol=0, atol=1e-10)
    np.testing.assert_allclose(intercept, reference.intercept_, rtol=0, atol=1e-10)


@pytest.mark.parametrize("chosen", [None, [1]])
@pytest.mark.parametrize("chunk", [3, 1024])
def test_the_penalty_is_chosen_on_the_last_fifth_alone(
    monkeypatch: pytest.MonkeyPatch, chunk: int, chosen: list[int] | None
) -> None:
    monkeypatch.setattr(floors_module, "CHUNK", chunk)
    series = [Cut(5, 2, 1)(generator.standard_normal((count, 2)).cumsum(axis=0)) for count in (26, 39)]
    tables: dict[str, list] = {"read": [], "come": [], "late": []}
    for inputs, targets in series:
        tables["read"] += list((inputs - inputs[:, -1:]).reshape(len(inputs), -1))
        tables["come"] += list((targets - inputs[:, -1:])[:, :, chosen or [0, 1]].reshape(len(inputs), -1))
        tables["late"] += [place >= len(inputs) - len(inputs) // 5 for place in range(len(inputs))]
    read, come, late = (np.array(tables[name]) for name in ("read", "come", "late"))
    errors = []
    for alpha in ALPHAS:
        fitted = linear_model.Ridge(alpha=alpha).fit(read[~late], come[~late])
        errors.append(((fitted.predict(read[late]) - come[late]) ** 2).sum())
    weights, intercept, alpha = fit_ridge(series, chosen)
    assert alpha == ALPHAS[int(np.argmin(errors))]
    reference = linear_model.Ridge(alpha=alpha).fit(read, come)
    np.testing.assert_allclose(weights, reference.coef_.T, rtol=0, atol=1e-10)
    np.testing.assert_allclose(intercept, reference.intercept_, rtol=0, atol=1e-10)


@pytest.mark.parametrize("chosen", [[0, 1, 2], [2, 0], [1]])
def test_floors_are_those_made_with_scikit_learn(chosen: list[int]) -> None:
    train, test = 50 + 9 * generator.standard_normal((90, 3)).cumsum(axis=0), 40 + generator.standard_normal((30, 3))
    cut = Cut(6, 3, 1)
    variables = Variables(3, [], chosen, False)
    told = dict(floors([train], [test], variables, cut, 4))
    mean, deviation = train.mean(axis=0), train.std(axis=0)

    def windows(series: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        scaled = (series - mean) / deviation
        starts = range(len(series) - 8)
        last = np.array([scaled[start + 5] for start in starts])[:, None]
        read = np.array([scaled[start : start + 6] for start in starts])
        come = np.array([scaled[start + 6 : start + 9] for start in starts])
        return read - last, come - last, last

    (read, come, _), (asked, _, last) = windows(train), windows(test)
    assert len(told) == 5 if len(chosen) > 1 else 4
    for name, forecast in told.items():
        if "ridge" not in name:
            continue
        alphas = [float(alpha) for alpha in name.partition("(alpha ")[2].rstrip(")").split(", ")]
        if len(alphas) > 1:
            continue
        ridge = linear_model.Ridge(alpha=alphas[0])
        if "one map" in name:
            ridge.fit(
                np.concatenate([read[:, :, each] for each in chosen]),
                np.concatenate([come[:, :, each] for each in chosen]),
            )
            wanted = np.stack([ridge.predict(asked[:, :, each]) for each in chosen], axis=2)
        elif "all columns" in name:
            ridge.fit(read.reshape(len(read), -1), come[:, :, chosen].reshape(len(read), -1))
            wanted = ridge.predict(asked.reshape(len(asked), -1)).reshape(len(asked), 3, -1)
        else:
            wanted = np.stack(
                [ridge.fit(read[:, :, each], come[:, :, each]).predict(asked[:, :, each]) for each in chosen], axis=2
            )
        wanted = (wanted + last[:, :, chosen]) * deviation[chosen] + mean[chosen]
        np.testing.assert_allclose(forecast, wanted, rtol=0, atol=1e-8)


def test_a_ridge_reads_logarithms_where_logarithms_are_learned() -> None:
    growth = np.exp(0.05 * np.arange(60))[:, None]
    variables = Variables(1, [], [0], True)
    told = dict(floors([growth[:40]], [growth[40:]], variables, Cut(4, 2, 1), None))
    (name,) = [name for name in told if "logarithms" in name]
    np.testing.assert_allclose(told[name], Cut(4, 2, 1)(growth[40:])[1], rtol=1e-2)
