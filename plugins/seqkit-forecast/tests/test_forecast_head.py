"""The head `forecast`: its loss, its answers and what it refuses."""

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

from seqkit.batches import collate
from seqkit.contracts import Batch, Encoded, Example
from seqkit.errors import DataError
from seqkit.tokenizers.char import Char

LENGTH, HORIZON, COLUMNS, WIDTH = 6, 3, 3, 5
NAMES = ("a", "b", "c")
SERIES = 50 + np.array([1.0, 10, 100]) * np.random.default_rng(0).standard_normal((60, COLUMNS)).cumsum(axis=0)


@pytest.fixture(autouse=True)
def _float64_and_seed() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def made(series: np.ndarray = SERIES, final_size: int = WIDTH, **parameters: Any) -> Forecast:
    """Returns a head with random weights."""
    head = Forecast(**{"input_length": LENGTH, "horizon": HORIZON, "season": 2, **parameters})
    head.fit([Example(series, names=NAMES)], None)
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


def brute_force(head: Forecast, final: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Returns one window's forecast in scaled units, (horizon, variables), number by number."""
    chosen = head.variables.chosen
    mean, deviation = SERIES.mean(axis=0), SERIES.std(axis=0)
    scaled = (window - mean) / deviation
    told = np.zeros((HORIZON, len(chosen)))
    weights = {name: part.detach().numpy() for name, part in head.named_parameters()}
    weight, bias = weights["output.weight"], weights["output.bias"]
    for step in range(HORIZON):
        for place, column in enumerate(chosen):
            unit = step * len(chosen) + place
            told[step, place] = scaled[-1, column] + weight[unit] @ final + bias[unit]
            if head.linear != "none":
                told[step, place] += weights["bias"][step, place]
                for back in range(LENGTH):
                    difference = scaled[back, column] - scaled[-1, column]
                    told[step, place] += weights["weight"][place, step, back] * difference
    return told


@pytest.mark.parametrize("linear", ["ridge", "learned", "none"])
@pytest.mark.parametrize("targets", [None, ["c", "a"], [1]])
@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_loss_and_forecast_number_by_number(linear: Any, targets: Any, loss: Any) -> None:
    head = made(linear=linear, targets=targets, loss=loss).eval()
    chosen = {None: [0, 1, 2], 2: [2, 0], 1: [1]}[targets and len(targets)]
    batch = batch_of(head)
    vectors = encoded(len(batch.inputs))
    told = np.stack(
        [
            brute_force(head, final, window)
            for final, window in zip(vectors.final.numpy(), batch.inputs.numpy(), strict=True)
        ]
    )
    mean, deviation = SERIES[:, chosen].mean(axis=0), SERIES[:, chosen].std(axis=0)
    come = np.stack([SERIES[start + LENGTH : start + LENGTH + HORIZON, chosen] for start in range(len(told))])
    errors = told - (come - mean) / deviation
    got = head.loss(vectors, batch)
    assert got.total.item() == pytest.approx((errors**2).sum() if loss == "mse" else np.abs(errors).sum(), rel=1e-10)
    assert got.count == errors.size
    answers = head.predict(vectors, batch._replace(targets=None, target_lengths=None))
    np.testing.assert_allclose([answer["forecast"] for answer in answers], told * deviation + mean, rtol=1e-10)


def test_the_loss_of_quantiles_is_the_pinball_loss() -> None:
    levels = [0.1, 0.4, 0.5, 0.9]
    head = made(quantiles=levels).eval()
    batch = batch_of(head)
    vectors = encoded(len(batch.inputs))
    come = np.stack([SERIES[start + LENGTH : start + LENGTH + HORIZON] for start in range(len(batch.inputs))])
    total = 0.0
    for answer, window in zip(head.predict(vectors, batch), come, strict=True):
        assert answer["quantiles"]["0.5"] == answer["forecast"]
        for level in levels:
            below = (window - np.array(answer["quantiles"][str(level)])) / SERIES.std(axis=0)
            total += np.where(below > 0, level * below, (level - 1) * below).sum() / len(levels)
    got = head.loss(vectors, batch)
    assert got.total.item() == pytest.approx(total, rel=1e-9)
    assert got.count == come.size


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(st.sets(st.integers(1, 99), max_size=6), st.booleans(), st.integers(0, 9))
def test_quantiles_never_cross(percents: set[int], shared: bool, seed: int) -> None:
    torch.manual_seed(seed)
    levels = sorted({percent / 100 for percent in percents} | {0.5})
    head = made(quantiles=levels, shared=shared, final_size=6).eval()
    batch = batch_of(head)
    for answer in head.predict(Encoded(*[20 * part for part in encoded(len(batch.inputs), 6)[:2]]), batch):
        fan = np.array([answer["quantiles"][str(level)] for level in levels])
        assert (np.diff(fan, axis=0) >= 0).all()


@pytest.mark.parametrize("log", [False, True])
def test_before_training_it_is_the_ridge_of_each_variable(log: bool) -> None:
    series = np.exp(SERIES / 100) if log else SERIES
    head = Forecast(input_length=LENGTH, horizon=HORIZON, linear="ridge", log=log)
    head.fit([Example(series)], None)
    head.build(WIDTH, WIDTH)
    batch = batch_of(head, series)
    got = np.array([answer["forecast"] for answer in head.predict(encoded(len(batch.inputs)), batch)])
    learned = np.log(series) if log else series
    scaled = (learned - learned.mean(axis=0)) / learned.std(axis=0)
    count = len(series) - LENGTH - HORIZON + 1
    for column in range(COLUMNS):
        read = np.array([scaled[start : start + LENGTH, column] for start in range(count)])
        come = np.array([scaled[start + LENGTH : start + LENGTH + HORIZON, column] for start in range(count)])
        last, early = read[:, -1:], count - count // 5
        best = min(
            (0.1, 1.0, 10.0, 100.0, 1000.0),
            key=lambda alpha: float(
                (
                    (
                        Ridge(alpha=alpha)
                        .fit((read - last)[:early], (come - last)[:early])
                        .predict((read - last)[early:])
                        - (come - last)[early:]
                    )
                    ** 2
                ).sum()
            ),
        )
        told = Ridge(alpha=best).fit(read - last, come - last).predict(read - last) + last
        told = told * learned.std(axis=0)[column] + learned.mean(axis=0)[column]
        np.testing.assert_allclose(got[:, :, column], np.exp(told) if log else told, rtol=1e-8)
    assert not head.weight.requires_grad


def test_one_map_for_all_variables_reads_each_ones_part() -> None:
    head = made(shared=True, linear="none", targets=["c", "a"], final_size=2 * COLUMNS).eval()
    batch = batch_of(head)
    vectors = encoded(len(batch.inputs), 2 * COLUMNS)
    told = head.variables.scaled(torch.tensor([answer["forecast"] for answer in head.predict(vectors, batch)]))
    last = head.variables.scaled(batch.inputs[:, -1:, [2, 0]])
    for place, column in enumerate((2, 0)):
        wanted = head.output(vectors.final[:, 2 * column : 2 * column + 2])
        torch.testing.assert_close((told - last)[:, :, place], wanted.detach(), rtol=0, atol=1e-9)


def test_one_map_for_all_needs_a_part_for_each() -> None:
    with pytest.raises(
        ValueError, match="^shared needs an encoder whose final vector holds a part for each of the 3 col"
    ):
        made(shared=True, final_size=7)


def test_dropout_acts_in_training_alone() -> None:
    head = made(dropout=0.5)
    batch, vectors = batch_of(head), encoded(52)
    assert head.loss(vectors, batch).total.item() != head.eval().loss(vectors, batch).total.item()
    assert head.loss(vectors, batch).total.item() == head.loss(vectors, batch).total.item()


@pytest.mark.parametrize("quantiles", [None, [0.25, 0.5]])
def test_metrics_are_those_of_its_own_predictions_and_the_loss_is_one_of_them(quantiles: Any) -> None:
    head = made(quantiles=quantiles, metric_units="scaled", targets=["b", "c"]).eval()
    batch = batch_of(head)
    vectors = encoded(len(batch.inputs))
    loss = head.loss(vectors, batch)
    metrics = head.metrics(0.0, head.predict(vectors, batch), [Example(SERIES, names=NAMES)])
    json.dumps(metrics, allow_nan=False)
    assert set(head.metric_names) <= set(metrics)
    assert list(metrics["per_variable"]) == ["b", "c"]
    assert metrics["scored"] == "52 windows of 3 steps, in standard deviations of train"
    if quantiles is None:
        assert metrics["mse"] == pytest.approx(loss.total.item() / loss.count, rel=1e-9)
    else:
        come = np.stack([SERIES[start + LENGTH : start + LENGTH + HORIZON, 1:] for start in range(52)])
        low = np.array([answer["quantiles"]["0.25"] for answer in head.predict(vectors, batch)])
        assert metrics["coverage"]["0.25"] == (come <= low).mean()


def test_a_deviation_of_the_data_is_what_metrics_of_logarithms_are_scaled_by() -> None:
    series = np.exp(SERIES / 100)
    told = {}
    for units in ("scaled", "data"):
        torch.manual_seed(0)
        head = made(series, log=True, metric_units=units, targets=["a"]).eval()
        batch = batch_of(head, series)
        told[units] = head.metrics(0.0, head.predict(encoded(52), batch), [Example(series)])
    assert told["data"]["mae"] == pytest.approx(told["scaled"]["mae"] * series[:, 0].std())


def test_metrics_take_several_series_in_the_order_of_their_rows() -> None:
    head = made().eval()
    examples = [Example(SERIES[:20]), Example(SERIES[30:])]
    perfect = [{"forecast": row.target.tolist()} for example in examples for row in head.rows(example, example.input)]
    assert head.metrics(0.0, perfect, examples)["mae"] == 0
    assert head.metrics(0.0, perfect[::-1], examples)["mae"] > 1


@pytest.mark.parametrize(
    ("parameters", "measure"), [({}, "mse"), ({"loss": "mae"}, "mae"), ({"quantiles": [0.5]}, "mae")]
)
def test_the_strongest_floor_comes_first(parameters: dict[str, Any], measure: str) -> None:
    head = made(**parameters)
    floor = head.baseline([Example(SERIES)], [Example(SERIES[20:])], None)
    assert floor is not None
    others = floor.pop("others")
    names = [each["name"] for each in (floor, *others)]
    assert {"last value", "seasonal naive (season 2)"} < set(names) and len(names) == 5
    measured = [each[measure] for each in (floor, *others)]
    assert measured == sorted(measured)
    json.dumps([floor, others], allow_nan=False)


def test_state_goes_through_json() -> None:
    head = made(targets=["b"], quantiles=[0.5, 0.8]).eval()
    restored = Forecast(input_length=LENGTH, horizon=HORIZON, season=2, targets=["b"], quantiles=[0.5, 0.8])
    restored.restore(json.loads(json.dumps(head.state(), allow_nan=False)))
    restored.build(WIDTH, WIDTH)
    restored.load_state_dict(head.state_dict())
    batch, vectors = batch_of(head), encoded(52)
    assert restored.eval().predict(vectors, batch) == head.predict(vectors, batch)
    floors = [each.baseline([Example(SERIES)], [Example(SERIES)], None) for each in (head, restored)]
    assert floors[0] == floors[1]


def test_answers_are_by_name_where_there_are_names() -> None:
    head = made(targets=["c", "a"], quantiles=[0.5])
    prediction = {"forecast": [[1.0, 2.0], [3.0, 1 / 3]], "quantiles": {"0.5": [[1.0, 2.0], [3.0, 4.0]]}}
    assert head.answer(prediction, None) == {
        "forecast": {"c": [1.0, 3.0], "a": [2.0, 0.3333333]},
        "quantiles": {"0.5": {"c": [1.0, 3.0], "a": [2.0, 4.0]}},
    }
    nameless = Forecast(input_length=2, horizon=2)
    nameless.fit([Example(SERIES)], None)
    assert nameless.answer({"forecast": [[1.0]]}, None) == {"forecast": [[1.0]]}


def test_a_variable_that_never_changes_is_only_shifted() -> None:
    series = np.column_stack([np.full(40, 1e6), np.arange(40.0)])
    head = Forecast(input_length=4, horizon=2, linear="ridge")
    head.fit([Example(series)], None)
    head.build(WIDTH, WIDTH)
    batch = batch_of(head, series)
    answers = head.predict(encoded(len(batch.inputs)), batch)
    assert all(step[0] == pytest.approx(1e6) for answer in answers for step in answer["forecast"])
    assert all(math.isfinite(value) for value in head.metrics(0.0, answers, [Example(series)])["per_step"]["mse"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"targets": []}, "targets must be one or more, each once"),
        ({"targets": ["a", "a"]}, "targets must be one or more, each once"),
        ({"quantiles": [0.1, 0.9]}, "quantiles must rise, and hold 0.5, the point forecast"),
        ({"quantiles": [0.5, 0.1]}, "quantiles must rise"),
        ({"season": 9}, "season must be at most input_length, 6, to be seen in a window"),
        ({"targets": ["load"]}, "targets names 'load', which is no column; there are a, b, c"),
        ({"targets": [3]}, "targets must be numbers of columns, from 0 to 2, or names; not 3"),
        (
            {"horizon": 55},
            "input_length and horizon take 61 steps together, and the training part has 60: shorten them",
        ),
    ],
)
def test_what_cannot_be_asked_for(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        made(**parameters)


def test_names_cannot_be_asked_for_where_there_are_none() -> None:
    with pytest.raises(
        ValueError, match="^targets names 'a', which is no column: these columns have no names, only num"
    ):
        Forecast(input_length=2, horizon=1, targets=["a"]).fit([Example(SERIES)], None)


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (
            Example(SERIES, names=("b", "a", "c")),
            "its columns are b, a, c, not a, b, c: name them in this order with `col",
        ),
        (Example(SERIES[:, :2]), "it is 2 columns wide, where training had 3"),
        (Example(SERIES[:8]), "8 steps, where input_length and horizon take 9 together: shorten them"),
    ],
)
def test_what_is_no_series_to_be_scored_on(example: Example, message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}"):
        list(made().rows(example, example.input))


def test_what_has_no_logarithm_is_refused() -> None:
    message = "has no logarithm: leave the head's `log` out, or shift the data above 0$"
    negative = SERIES - SERIES.min()
    with pytest.raises(DataError, match=f"^s.csv:2: 0 {message}"):
        Forecast(input_length=2, horizon=1, log=True).fit([Example(negative, where="s.csv:2")], None)
    head = made(np.exp(SERIES / 100), log=True)
    with pytest.raises(DataError, match=message):
        list(head.rows(Example(negative), negative))
    with pytest.raises(DataError, match=message):
        head.predict_input(-np.ones((9, 3)))


def test_text_is_refused() -> None:
    tokenizer = Char()
    tokenizer.fit(["ab"])
    with pytest.raises(DataError, match="^there are no numbers to forecast: this reader yields text$"):
        Forecast(input_length=2, horizon=1).fit([Example("ab")], tokenizer)
