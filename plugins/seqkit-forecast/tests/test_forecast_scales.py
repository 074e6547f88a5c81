"""Tests of numerical range: a level or a scale of the series changes no metric, and what overflows is rejected."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_forecast.forecast import Forecast
from seqkit_forecast.scales import mean_and_deviation

import seqkit
from seqkit.contracts import Example
from seqkit.errors import DataError

STEPS = np.arange(120)
SERIES = np.round(8 * (10 * np.sin(STEPS / 3)[:, None] + np.random.default_rng(0).standard_normal((120, 2)))) / 8
"""Multiples of 1/8: the sum with a level below 2^50 is exact."""


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")


def recipe(folder: Path, series: np.ndarray) -> dict[str, Any]:
    """Write a series to a file, and return a recipe that reads it."""
    lines = ["a,b", *(",".join(map(repr, row)) for row in series.tolist())]
    (folder / "s.csv").write_text("\n".join(lines))
    return {
        "seed": 1,
        "data": {"type": "series", "path": str(folder / "s.csv"), "time": None, "split": {"by": "order", "test": 0.3}},
        "embedding": "scaled",
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": {
            "type": "forecast",
            "input_length": 6,
            "horizon": 2,
            "season": 6,
            "metric_units": "scaled",
            "quantiles": [0.1, 0.5],
        },
        "train": {"epochs": 3, "batch_size": 16, "threads": 1},
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> seqkit.Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQKIT_PLUGINS", "on")
        folder = tmp_path_factory.mktemp("plain")
        return seqkit.run(recipe(folder, SERIES), runs=folder, quiet=True)


def scores(run: seqkit.Run) -> dict[str, list[float]]:
    """Return all errors of a run that do not depend on the level: of the test split, of an evaluation, of baselines."""
    baseline = run.result["baseline"]
    evaluated = run.evaluate(run.recipe["data"]["path"])
    each = [run.result["metrics"]["test"], evaluated, *sorted([baseline, *baseline["others"]], key=lambda b: b["name"])]
    return {name: [metrics[name] for metrics in each] for name in ("mse", "mae", "mase")} | {
        "loss": [metrics["loss"] for metrics in each[:2]]
    }


@pytest.mark.parametrize(("level", "scale"), [(1.6e9, 1.0), (-(2.0**40), 1.0), (0.0, 1e-60), (0.0, 1e60), (3e15, 1e6)])
def test_level_and_scale_change_no_metric(plain: seqkit.Run, tmp_path: Path, level: float, scale: float) -> None:
    changed = level + scale * SERIES
    run = seqkit.run(recipe(tmp_path, changed), runs=tmp_path, quiet=True)
    for name, expected in scores(plain).items():
        np.testing.assert_allclose(scores(run)[name], expected, rtol=1e-4, err_msg=name)
    for predict in (
        lambda loaded, series: loaded.predict([series])[0],
        lambda loaded, _: loaded.predict_file(loaded.recipe["data"]["path"])[0],
    ):
        expected, actual = predict(plain, SERIES), predict(run, changed)
        for name in ("a", "b"):
            np.testing.assert_allclose(
                (np.array(actual["forecast"][name]) - level) / scale, expected["forecast"][name], rtol=1e-4, atol=1e-3
            )
            assert np.ptp(actual["quantiles"]["0.1"][name]) > 0


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(level=st.floats(-1e12, 1e12), exponent=st.integers(-99, 99), seed=st.integers(0, 99))
def test_mean_and_deviation_are_exact_to_rounding(level: float, exponent: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_normal((30, 2))
    mean, deviation = mean_and_deviation(level + values)
    np.testing.assert_allclose(mean - level, values.mean(axis=0), rtol=0, atol=4 * np.spacing(max(1, abs(level))))
    np.testing.assert_allclose(deviation, values.std(axis=0), rtol=0, atol=4 * np.spacing(max(1, abs(level))))
    np.testing.assert_allclose(
        mean_and_deviation(values * 10.0**exponent)[1], values.std(axis=0) * 10.0**exponent, rtol=1e-12
    )


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e15])
def test_constant_variable_with_rounding_errors_has_no_mase(constant: float) -> None:
    values = np.full((40, 2), [constant, 0.0])
    values[::3, 0] = np.nextafter(constant, 2e15) if constant else 0.0
    values[:, 1] = STEPS[:40] % 5
    head = Forecast(input_length=4, horizon=2)
    head.fit([Example(values)], None)
    assert head.state()["scale"][0] == head.state()["deviation"][0] == 1
    assert head.state()["seasonal_error"][0] == 0 < head.state()["seasonal_error"][1]


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (1e300, "'b' is -1.25e[+]299 at time step 1, but numbers must be at most 1e[+]100: rescale the column"),
        (1e-120, "'b' has a standard deviation of [0-9.]*e-120, but it must be 0 or at least 1e-100: rescale"),
    ],
)
def test_numbers_whose_squares_are_out_of_range_are_rejected(scale: float, message: str) -> None:
    head = Forecast(input_length=4, horizon=2)
    with pytest.raises(DataError, match=f"^s.csv:2: {message}"):
        head.fit([Example(SERIES * [1, scale], feature_names=("a", "b"), location="s.csv:2")], None)


@pytest.mark.parametrize("value", [1e99, 1e30, -1e17])
def test_value_far_from_the_training_split_is_rejected(plain: seqkit.Run, tmp_path: Path, value: float) -> None:
    series = SERIES.copy()
    series[118, 1] = value
    message = f"'b' is {value:g} at time step ".replace("+", "[+]")
    with pytest.raises(DataError, match=message):
        plain.predict([series])
    recipe(tmp_path, series)
    for action in (plain.predict_file, plain.evaluate):
        with pytest.raises(DataError, match=message):
            action(tmp_path / "s.csv")


def test_columns_in_another_order_are_rejected(plain: seqkit.Run, tmp_path: Path) -> None:
    recipe(tmp_path, SERIES)
    lines = [line.split(",") for line in (tmp_path / "s.csv").read_text().split("\n")]
    file = tmp_path / "swapped.csv"
    file.write_text("\n".join(f"{b},{a}" for a, b in lines))
    for action in (plain.predict_file, plain.evaluate):
        with pytest.raises(
            DataError, match="^[^\n]*swapped.csv:2: the columns are b, a, but the model was trained on a, b"
        ):
            action(file)
        assert action(file, columns=["a", "b"]) == action(tmp_path / "s.csv")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("features",), None, "'features' is missing"),
        (("features",), True, "'features' must be a positive integer, not true"),
        (("head", "columns"), 10**12, "the head cannot read its state: names must contain 1,000,000,000,000 different"),
        (("head", "scale"), [1.0, -1.0], "the head cannot read its state: scale and deviation must be positive"),
        (("head", "targets"), [1, 0], "the head cannot read its state: targets are not the columns that the recipe"),
    ],
)
def test_edited_run_is_corrupt(
    plain: seqkit.Run, tmp_path: Path, path: tuple[str, ...], value: Any, message: str
) -> None:
    run = shutil.copytree(plain.path, tmp_path / "run")
    document = json.loads((run / "tokenizer.json").read_text())
    holder = document["head"] if len(path) == 2 else document
    holder[path[-1]] = value
    (run / "tokenizer.json").write_text(json.dumps(document))
    with pytest.raises(DataError) as caught:
        seqkit.load(run).predict([SERIES])
    (line,) = caught.value.lines
    assert line.startswith(f"{run / 'tokenizer.json'}: corrupt: {message}")


INVALID = {
    "columns": [0, -1, True, 2.0, "2", None, 10**30, 3],
    "names": [None, "ab", ["a"], ["a", 1], ["b", "c"], [], ["a", "a"]],
    "targets": [None, [], [2], [0, 0], ["a"], [1, 0], [1], [True], [10**30], 1],
    "shift": [None, [], [1.0, 2.0], ["1"], [None], [True], [1e300], [10**400], {"0": 1}],
    "scale": [[0.0], [-1.0], [1e-200], ["1"]],
    "deviation": [[0.0], [-1.0]],
    "seasonal_error": [[-1.0], [1e300], []],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in INVALID.items() for value in values])
def test_invalid_state_is_rejected(key: str, value: Any) -> None:
    head = Forecast(input_length=4, horizon=2, targets=["a"])
    head.fit([Example(SERIES, feature_names=("a", "b"))], None)
    state = json.loads(json.dumps(head.state())) | {key: value}
    if (key, value) == ("names", []):
        head.targets = [0]
        head.restore(copy.deepcopy(state))  # columns without names
        return
    with pytest.raises(DataError) as caught:
        Forecast(input_length=4, horizon=2, targets=["a"]).restore(state)
    assert len(str(caught.value)) < 150
    del state[key]
    with pytest.raises(DataError):
        Forecast(input_length=4, horizon=2, targets=["a"]).restore(state)
