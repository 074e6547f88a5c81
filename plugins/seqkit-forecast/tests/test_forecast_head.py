"""Tests of the head `forecast`: loss, predictions, metrics and ensembles."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_forecast.forecast import Forecast
from sklearn.linear_model import Ridge

from seqkit.contracts import Batch, Encoded, Example
from seqkit.data.batching import collate

LENGTH, HORIZON, COLUMNS, WIDTH = 6, 3, 3, 5
NAMES = ("a", "b", "c")
SERIES = 50 + np.array([1.0, 10, 100]) * np.random.default_rng(0).standard_normal((60, COLUMNS)).cumsum(axis=0)


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def fitted_head(series: np.ndarray = SERIES, final_size: int = WIDTH, **parameters: Any) -> Forecast:
    """Return a head that is fitted and has random weights."""
    head = Forecast(**{"input_length": LENGTH, "horizon": HORIZON, "season": 2, **parameters})
    head.fit([Example(series, feature_names=NAMES)], None)
    head.build(final_size, final_size)
    for weight in head.parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight, std=0.3)
    return head


def encoded(rows: int, width: int = WIDTH) -> Encoded:
    final = torch.randn(rows, width)
    return Encoded(final[:, None], final)


def batch_of(head: Forecast, series: np.ndarray = SERIES) -> Batch:
    return collate(list(head.rows(Example(series), series)))


def loop_forecast(head: Forecast, final: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the forecast of one window in standardized units, (horizon, variables), from loops."""
    columns = head.variables.columns
    mean, deviation = SERIES.mean(axis=0), SERIES.std(axis=0)
    scaled = (window - mean) / deviation
    forecast = np.zeros((HORIZON, len(columns)))
    weights = {name: part.detach().numpy() for name, part in head.named_parameters()}
    weight, bias = weights["output.weight"], weights["output.bias"]
    for step in range(HORIZON):
        for index, column in enumerate(columns):
            output = step * len(columns) + index
            forecast[step, index] = scaled[-1, column] + weight[output] @ final + bias[output]
            if head.linear != "none":
                forecast[step, index] += weights["bias"][step, index]
                for earlier in range(LENGTH):
                    difference = scaled[earlier, column] - scaled[-1, column]
                    forecast[step, index] += weights["weight"][index, step, earlier] * difference
    return forecast


@pytest.mark.parametrize("linear", ["ridge", "learned", "none"])
@pytest.mark.parametrize("targets", [None, ["c", "a"], [1]])
@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_loss_and_forecast_equal_loops(linear: Any, targets: Any, loss: Any) -> None:
    head = fitted_head(linear=linear, targets=targets, loss=loss).eval()
    columns = {None: [0, 1, 2], 2: [2, 0], 1: [1]}[targets and len(targets)]
    batch = batch_of(head)
    vectors = encoded(len(batch.inputs))
    forecast = np.stack(
        [
            loop_forecast(head, final, window)
            for final, window in zip(vectors.final.numpy(), batch.inputs.numpy(), strict=True)
        ]
    )
    mean, deviation = SERIES[:, columns].mean(axis=0), SERIES[:, columns].std(axis=0)
    target = np.stack([SERIES[start + LENGTH : start + LENGTH + HORIZON, columns] for start in range(len(forecast))])
    errors = forecast - (target - mean) / deviation
    actual = head.loss(vectors, batch)
    assert actual.total.item() == pytest.approx((errors**2).sum() if loss == "mse" else np.abs(errors).sum(), rel=1e-10)
    assert actual.count == errors.size
    predictions = head.predict(vectors, batch._replace(targets=None, target_lengths=None))
    np.testing.assert_allclose(
        [prediction["forecast"] for prediction in predictions], forecast * deviation + mean, rtol=1e-10
    )


def test_quantile_loss_is_pinball_loss() -> None:
    levels = [0.1, 0.4, 0.5, 0.9]
    head = fitted_head(quantiles=levels).eval()
    batch = batch_of(head)
    vectors = encoded(len(batch.inputs))
    target = np.stack([SERIES[start + LENGTH : start + LENGTH + HORIZON] for start in range(len(batch.inputs))])
    total = 0.0
    for prediction, window in zip(head.predict(vectors, batch), target, strict=True):
        assert prediction["quantiles"]["0.5"] == prediction["forecast"]
        for level in levels:
            below = (window - np.array(prediction["quantiles"][str(level)])) / SERIES.std(axis=0)
            total += np.where(below > 0, level * below, (level - 1) * below).sum() / len(levels)
    actual = head.loss(vectors, batch)
    assert actual.total.item() == pytest.approx(total, rel=1e-9)
    assert actual.count == target.size


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(st.sets(st.integers(1, 99), max_size=6), st.booleans(), st.integers(0, 9))
def test_quantiles_never_cross(percents: set[int], shared: bool, seed: int) -> None:
    torch.manual_seed(seed)
    levels = sorted({percent / 100 for percent in percents} | {0.5})
    head = fitted_head(quantiles=levels, shared=shared, final_size=6).eval()
    batch = batch_of(head)
    for prediction in head.predict(Encoded(*[20 * part for part in encoded(len(batch.inputs), 6)[:2]]), batch):
        quantiles = np.array([prediction["quantiles"][str(level)] for level in levels])
        assert (np.diff(quantiles, axis=0) >= 0).all()


@pytest.mark.parametrize("log", [False, True])
def test_untrained_head_is_a_ridge_per_variable(log: bool) -> None:
    series = np.exp(SERIES / 100) if log else SERIES
    head = Forecast(input_length=LENGTH, horizon=HORIZON, linear="ridge", log=log)
    head.fit([Example(series)], None)
    head.build(WIDTH, WIDTH)
    batch = batch_of(head, series)
    actual = np.array([prediction["forecast"] for prediction in head.predict(encoded(len(batch.inputs)), batch)])
    learned = np.log(series) if log else series
    scaled = (learned - learned.mean(axis=0)) / learned.std(axis=0)
    count = len(series) - LENGTH - HORIZON + 1
    for column in range(COLUMNS):
        inputs = np.array([scaled[start : start + LENGTH, column] for start in range(count)])
        target = np.array([scaled[start + LENGTH : start + LENGTH + HORIZON, column] for start in range(count)])
        last, split = inputs[:, -1:], count - count // 5
        best = min(
            (0.1, 1.0, 10.0, 100.0, 1000.0),
            key=lambda alpha: float(
                (
                    (
                        Ridge(alpha=alpha)
                        .fit((inputs - last)[:split], (target - last)[:split])
                        .predict((inputs - last)[split:])
                        - (target - last)[split:]
                    )
                    ** 2
                ).sum()
            ),
        )
        forecast = Ridge(alpha=best).fit(inputs - last, target - last).predict(inputs - last) + last
        forecast = forecast * learned.std(axis=0)[column] + learned.mean(axis=0)[column]
        np.testing.assert_allclose(actual[:, :, column], np.exp(forecast) if log else forecast, rtol=1e-8)
    assert not head.weight.requires_grad


def test_shared_output_layer_reads_the_vector_of_each_column() -> None:
    head = fitted_head(shared=True, linear="none", targets=["c", "a"], final_size=2 * COLUMNS).eval()
    batch = batch_of(head)
    vectors = encoded(len(batch.inputs), 2 * COLUMNS)
    forecast = head.variables.standardize_tensor(
        torch.tensor([prediction["forecast"] for prediction in head.predict(vectors, batch)])
    )
    last = head.variables.standardize_tensor(batch.inputs[:, -1:, [2, 0]])
    for index, column in enumerate((2, 0)):
        expected = head.output(vectors.final[:, 2 * column : 2 * column + 2])
        torch.testing.assert_close((forecast - last)[:, :, index], expected.detach(), rtol=0, atol=1e-9)


def test_shared_output_layer_needs_a_vector_per_column() -> None:
    with pytest.raises(
        ValueError, match="^shared requires an encoder whose final vector concatenates one vector for each of the 3 col"
    ):
        fitted_head(shared=True, final_size=7)


def test_dropout_applies_only_in_training() -> None:
    head = fitted_head(dropout=0.5)
    batch, vectors = batch_of(head), encoded(52)
    assert head.loss(vectors, batch).total.item() != head.eval().loss(vectors, batch).total.item()
    assert head.loss(vectors, batch).total.item() == head.loss(vectors, batch).total.item()


@pytest.mark.parametrize("quantiles", [None, [0.25, 0.5]])
def test_metrics_are_computed_from_predictions(quantiles: Any) -> None:
    head = fitted_head(quantiles=quantiles, metric_units="scaled", targets=["b", "c"]).eval()
    batch = batch_of(head)
    vectors = encoded(len(batch.inputs))
    loss = head.loss(vectors, batch)
    metrics = head.metrics(0.0, head.predict(vectors, batch), [Example(SERIES, feature_names=NAMES)])
    json.dumps(metrics, allow_nan=False)
    assert set(head.metric_names) <= set(metrics)
    assert list(metrics["per_variable"]) == ["b", "c"]
    assert metrics["scored"] == "52 windows of 3 time steps, in standard deviations of the training split"
    if quantiles is None:
        assert metrics["mse"] == pytest.approx(loss.total.item() / loss.count, rel=1e-9)
    else:
        target = np.stack([SERIES[start + LENGTH : start + LENGTH + HORIZON, 1:] for start in range(52)])
        low = np.array([prediction["quantiles"]["0.25"] for prediction in head.predict(vectors, batch)])
        assert metrics["coverage"]["0.25"] == (target <= low).mean()


def test_scaled_metrics_use_the_deviation_of_the_data_and_not_of_logarithms() -> None:
    series = np.exp(SERIES / 100)
    metrics = {}
    for units in ("scaled", "data"):
        torch.manual_seed(0)
        head = fitted_head(series, log=True, metric_units=units, targets=["a"]).eval()
        batch = batch_of(head, series)
        metrics[units] = head.metrics(0.0, head.predict(encoded(52), batch), [Example(series)])
    assert metrics["data"]["mae"] == pytest.approx(metrics["scaled"]["mae"] * series[:, 0].std())


def test_metrics_of_several_series() -> None:
    head = fitted_head().eval()
    examples = [Example(SERIES[:20]), Example(SERIES[30:])]
    perfect = [
        {"forecast": (row.target * head.variables.scale + head.variables.shift).tolist()}
        for example in examples
        for row in head.rows(example, example.input)
    ]
    assert head.metrics(0.0, perfect, examples)["mae"] < 1e-12
    assert head.metrics(0.0, perfect[::-1], examples)["mae"] > 1


@pytest.mark.parametrize(
    ("parameters", "measure"), [({}, "mse"), ({"loss": "mae"}, "mae"), ({"quantiles": [0.5]}, "mae")]
)
def test_best_baseline_comes_first(parameters: dict[str, Any], measure: str) -> None:
    head = fitted_head(**parameters)
    baseline = head.baseline([Example(SERIES)], [Example(SERIES[20:])], None)
    assert baseline is not None
    others = baseline.pop("others")
    names = [each["name"] for each in (baseline, *others)]
    assert {"last value", "seasonal naive (season 2)"} < set(names) and len(names) == 5
    measured = [each[measure] for each in (baseline, *others)]
    assert measured == sorted(measured)
    json.dumps([baseline, others], allow_nan=False)


def test_state_is_json() -> None:
    head = fitted_head(targets=["b"], quantiles=[0.5, 0.8]).eval()
    restored = Forecast(input_length=LENGTH, horizon=HORIZON, season=2, targets=["b"], quantiles=[0.5, 0.8])
    restored.restore(json.loads(json.dumps(head.state(), allow_nan=False)))
    restored.build(WIDTH, WIDTH)
    restored.load_state_dict(head.state_dict())
    batch, vectors = batch_of(head), encoded(52)
    assert restored.eval().predict(vectors, batch) == head.predict(vectors, batch)
    baselines = [each.baseline([Example(SERIES)], [Example(SERIES)], None) for each in (head, restored)]
    assert baselines[0] == baselines[1]


def test_predictions_are_by_column_name_if_there_are_names() -> None:
    head = fitted_head(targets=["c", "a"], quantiles=[0.5])
    prediction = {"forecast": [[1.0, 2.0], [3.0, 1 / 3]], "quantiles": {"0.5": [[1.0, 2.0], [3.0, 4.0]]}}
    assert head.format_prediction(prediction, None) == {
        "time_step": [1, 2],
        "forecast": {"c": [1.0, 3.0], "a": [2.0, 1 / 3]},
        "quantiles": {"0.5": {"c": [1.0, 3.0], "a": [2.0, 4.0]}},
    }
    head_without_names = Forecast(input_length=2, horizon=2)
    head_without_names.fit([Example(SERIES)], None)
    assert head_without_names.format_prediction({"forecast": [[1.0]]}, None) == {"time_step": [1], "forecast": [[1.0]]}


@pytest.mark.parametrize("parameters", [{}, {"loss": "huber"}, {"quantiles": [0.2, 0.5, 0.9]}])
def test_an_ensemble_predicts_the_mean(parameters: dict[str, Any]) -> None:
    heads = [fitted_head(**parameters).eval() for _ in range(3)]
    batch, vectors = batch_of(heads[0]), encoded(52)
    members = [head.predict(vectors, batch) for head in heads]
    combined = heads[0].combine(members)
    np.testing.assert_allclose(
        [row["forecast"] for row in combined],
        sum(np.array([row["forecast"] for row in member]) for member in members) / 3,
        rtol=1e-12,
    )
    for level in parameters.get("quantiles", []):
        quantiles = [[row["quantiles"][str(level)] for row in member] for member in (combined, *members)]
        np.testing.assert_allclose(quantiles[0], np.mean(quantiles[1:], axis=0), rtol=1e-12)
    example = Example(SERIES, feature_names=NAMES)
    metrics = heads[0].metrics(0.0, combined, [example])
    single = [head.metrics(0.0, member, [example]) for head, member in zip(heads, members, strict=True)]
    assert metrics["mse"] < np.mean([each["mse"] for each in single])
    for head, member in zip(heads, members, strict=True):
        expected, actual = head.loss(vectors, batch), head.loss_of_predictions(member, [example])
        assert actual.total.item() == pytest.approx(expected.total.item(), rel=1e-9)
        assert actual.count == expected.count
    json.dumps([combined, heads[0].task()], allow_nan=False)


def test_members_of_an_ensemble_share_columns_windows_and_quantiles() -> None:
    heads = [fitted_head(**each) for each in ({}, {"targets": ["a"]}, {"horizon": 4}, {"quantiles": [0.5]})]
    assert heads[0].task() == fitted_head(dropout=0.2, linear="none").task()
    assert all(heads[0].task() != other.task() for other in heads[1:])


def test_constant_variable_is_shifted_and_not_scaled() -> None:
    series = np.column_stack([np.full(40, 1e6), np.arange(40.0)])
    head = Forecast(input_length=4, horizon=2, linear="ridge")
    head.fit([Example(series)], None)
    head.build(WIDTH, WIDTH)
    batch = batch_of(head, series)
    predictions = head.predict(encoded(len(batch.inputs)), batch)
    assert all(step[0] == pytest.approx(1e6) for prediction in predictions for step in prediction["forecast"])
    assert all(math.isfinite(value) for value in head.metrics(0.0, predictions, [Example(series)])["per_step"]["mse"])
