"""Tests of `windows: published`: the windows and errors of the papers that forecast ETT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqkit_forecast.forecast import Forecast
from sklearn.linear_model import Ridge

import seqkit
from seqkit.contracts import Example
from seqkit.data.prepare import PreparedData, prepare
from seqkit.errors import DataError, RecipeError
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.resolve import resolve
from seqkit.registry import load_registry

LENGTH, HORIZON, STEPS = 8, 3, 120
SERIES = np.random.default_rng(0).standard_normal((STEPS, 2)).cumsum(axis=0).round(6)
BORDERS = {"train": (0, 72), "valid": (72, 96), "test": (96, 120)}


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable the installed plugins, which the tests of seqkit disable."""
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "series.csv"
    np.savetxt(path, SERIES, delimiter=",", header="a,b", comments="")
    return {
        "data": {
            "type": "series",
            "path": str(path),
            "time": None,
            "split": {"by": "order", "valid": 0.2, "test": 0.2},
        },
        "embedding": {"type": "scaled"},
        "encoder": {"type": "lstm", "hidden_size": 2},
        "head": {
            "type": "forecast",
            "input_length": LENGTH,
            "horizon": HORIZON,
            "windows": "published",
            "linear": "ridge",
            "metric_units": "scaled",
        },
        "train": {"epochs": 1},
    }


def prepared(recipe: dict[str, Any]) -> PreparedData:
    return prepare(resolve(Recipe(recipe, ""), load_registry()))


def published_windows(split: str, scaled: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the windows as `Dataset_ETT_hour` of the code of Informer and DLinear enumerates them."""
    train, valid = BORDERS["train"][1], BORDERS["valid"][1]
    first = {"train": 0, "valid": train - LENGTH, "test": valid - LENGTH}[split]
    data = scaled[first : BORDERS[split][1]]
    windows = []
    for index in range(len(data) - LENGTH - HORIZON + 1):
        windows.append((data[index : index + LENGTH], data[index + LENGTH : index + LENGTH + HORIZON]))
    return windows


def scaled_series() -> np.ndarray:
    train = SERIES[: BORDERS["train"][1]]
    return (SERIES - train.mean(axis=0)) / train.std(axis=0)


def test_windows_equal_an_enumeration(recipe: dict[str, Any]) -> None:
    splits = prepared(recipe).splits
    train = SERIES[: BORDERS["train"][1]]
    assert {split: len(data.rows) for split, data in splits.items()} == {"train": 62, "valid": 22, "test": 22}
    for split, data in splits.items():
        expected = published_windows(split, scaled_series())
        assert len(data.rows) == len(expected)
        for row, (inputs, targets) in zip(data.rows, expected, strict=True):
            np.testing.assert_allclose((row.input - train.mean(axis=0)) / train.std(axis=0), inputs, atol=1e-12)
            np.testing.assert_allclose(row.target, targets, atol=1e-12)


def test_windows_of_ett_are_as_many_as_published() -> None:
    series = np.random.default_rng(0).standard_normal((14_400, 1))
    head = Forecast(input_length=336, horizon=96, windows="published", linear="none")
    head.fit([Example(series[:8640])], None)
    parts = [series[:8640], series[8640 - head.lookback : 11_520], series[11_520 - head.lookback :]]
    assert [len(list(head.rows(Example(part), part))) for part in parts] == [8209, 2785, 2785]


def test_errors_of_baselines_equal_those_of_independent_linear_maps(
    recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqkit_forecast.baselines.ALPHAS", (10.0,))
    data = prepared(recipe)
    baseline = data.head.baseline(data.splits["train"].examples, data.splits["test"].examples, None)
    assert baseline is not None
    found = {each["name"]: each for each in (baseline, *baseline["others"])}
    inputs = {split: np.stack([window for window, _ in published_windows(split, scaled_series())]) for split in BORDERS}
    targets = {split: np.stack([ahead for _, ahead in published_windows(split, scaled_series())]) for split in BORDERS}

    def errors(column: int, trained_on: list[int]) -> np.ndarray:
        last = {split: inputs[split][:, -1:] for split in BORDERS}
        x = np.concatenate([(inputs["train"] - last["train"])[:, :, each] for each in trained_on])
        y = np.concatenate([(targets["train"] - last["train"])[:, :, each] for each in trained_on])
        model = Ridge(alpha=10).fit(x, y)
        return (
            model.predict((inputs["test"] - last["test"])[:, :, column])
            - (targets["test"] - last["test"])[:, :, column]
        )

    for name, trained_on in ((" of each variable", [[0], [1]]), (", one model for all variables", [[0, 1], [0, 1]])):
        expected = np.stack([errors(column, trained_on[column]) for column in (0, 1)])
        ridge = found[f"ridge on 8 time steps{name} (alpha 10)"]
        assert ridge["mse"] == pytest.approx((expected**2).mean(), rel=1e-9)
        assert ridge["mae"] == pytest.approx(np.abs(expected).mean(), rel=1e-9)


def test_run_reports_the_windows(recipe: dict[str, Any], tmp_path: Path) -> None:
    run = seqkit.run(recipe, runs=tmp_path, quiet=True)
    for split in ("valid", "test"):
        assert run.result["metrics"][split]["scored"] == (
            "22 windows of 3 time steps, in standard deviations of the training split, each from 8 time steps"
        )
    np.savetxt(tmp_path / "test.csv", SERIES[96 - LENGTH :], delimiter=",", header="a,b", comments="")
    scores = run.evaluate(tmp_path / "test.csv")
    assert scores["mse"] == run.result["metrics"]["test"]["mse"]


def test_published_windows_need_one_series_that_is_split_by_order(recipe: dict[str, Any]) -> None:
    recipe["data"]["test"] = {"path": recipe["data"].pop("path")}
    recipe["data"] |= {"path": recipe["data"]["test"]["path"]}
    del recipe["data"]["split"]
    with pytest.raises(
        DataError, match=r"^data.split: the head 'forecast' reads the time steps before each split: use"
    ):
        prepared(recipe)


def test_published_windows_have_a_stride_of_one(recipe: dict[str, Any], tmp_path: Path) -> None:
    recipe["head"]["stride"] = 2
    with pytest.raises(RecipeError, match="stride: must be 1 with `windows: published`: published errors are means"):
        seqkit.run(recipe, runs=tmp_path / "runs", quiet=True)
