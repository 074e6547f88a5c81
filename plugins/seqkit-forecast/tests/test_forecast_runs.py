"""Tests of the recipes on the command line and in Python: metrics, predictions and error messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from helpers.commands import CommandResult, run_here, run_process
from seqkit.errors import DataError, RecipeError, SeqkitError
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

RECIPES = Path(__file__).parent.parent / "recipes"
WAVES = RECIPES / "data" / "waves.csv"

Command = Callable[..., CommandResult]


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable the installed plugins, which the tests of seqkit disable."""
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forecast")


@pytest.fixture(scope="module")
def command(folder: Path) -> Command:
    return partial(run_here, cwd=folder)


@pytest.fixture(scope="module")
def waves(folder: Path) -> Path:
    """Return the run directory of `waves.yaml`, trained on the first 300 days in a new process."""
    environment = os.environ | {"SEQKIT_PLUGINS": "on", "OMP_NUM_THREADS": "1"}
    recipe = RECIPES / "waves.yaml"
    done = run_process("run", recipe, "train.epochs=2", "data.rows=300", cwd=folder, env=environment)
    assert not done.returncode, done.stderr
    for baseline in ("last value", "seasonal naive (season 7)", "ridge on 28 time steps of each variable"):
        assert baseline in done.stdout
    return folder / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def loaded(waves: Path) -> seqkit.Run:
    return seqkit.load(waves)


def numbers() -> np.ndarray:
    return np.loadtxt(WAVES, delimiter=",", skiprows=1, usecols=(1, 2))


def test_result_names_the_scored_windows(loaded: seqkit.Run) -> None:
    test = loaded.result["metrics"]["test"]
    assert test["scored"] == "26 windows of 7 time steps, in the data's units"  # 60 - 28 - 7 + 1
    assert test["mse"] < loaded.result["baseline"]["others"][-1]["mse"]
    assert list(test["coverage"]) == ["0.1", "0.5", "0.9"]


def test_predict_continues_a_file(command: Command, waves: Path, loaded: seqkit.Run) -> None:
    done = command("predict", waves, "--data", WAVES)
    assert not done.code, done.err
    (prediction,) = [json.loads(line) for line in done.out.splitlines()]
    assert {name: len(steps) for name, steps in prediction["forecast"].items()} == {"visits": 7, "sales": 7}
    # `data.rows=300` does not apply to predict: the forecast reads the last 28 days of the whole file.
    assert prediction == loaded.predict_file(WAVES)[0]
    assert prediction.pop("date") == [f"2024-06-{day}" for day in range(19, 26)]
    assert {"time_step": list(range(1, 8))} | prediction == loaded.predict([numbers()[-28:]])[0]
    for name, steps in prediction["forecast"].items():
        assert steps == prediction["quantiles"]["0.5"][name]
        assert all(np.array(prediction["quantiles"]["0.1"][name]) < prediction["quantiles"]["0.9"][name])
    assert prediction["forecast"] != loaded.predict([numbers()[:300]])[0]["forecast"]


def test_predict_needs_no_dates_and_leaves_out_the_index_of_pandas(
    command: Command, waves: Path, loaded: seqkit.Run, tmp_path: Path
) -> None:
    (expected,) = loaded.predict_file(WAVES)
    rows = [line.split(",") for line in WAVES.read_text().splitlines()]
    contents = {
        "values.csv": [",".join(row[1:]) for row in rows],
        "index.csv": [",".join([str(number - 1) if number else "", *row]) for number, row in enumerate(rows)],
        "semicolons.csv": [";".join(row) for row in rows],
    }
    for name, lines in contents.items():
        (tmp_path / name).write_text("\n".join(lines))
        done = command("predict", waves, "--data", tmp_path / name)
        assert not done.code, done.err
        prediction = json.loads(done.out)
        if name == "values.csv":
            assert prediction.pop("time_step") == list(range(1, 8))
            prediction["date"] = expected["date"]
        assert prediction == expected
        assert ("no column 'date': each row is taken as one time step" in done.err) == (name == "values.csv")


def test_predict_names_the_columns_of_a_file_with_others(tmp_path: Path) -> None:
    rows = [f"2022-01-{day:02},{day % 7},{day % 5}" for day in range(1, 32)]
    (tmp_path / "train.csv").write_text("\n".join(["date,a,b", *rows]))
    (tmp_path / "new.csv").write_text("\n".join(["date,a", *(row.rpartition(",")[0] for row in rows)]))
    recipe = {
        "data": {"type": "series", "path": str(tmp_path / "train.csv")},
        "encoder": {"type": "lstm", "hidden_size": 2},
        "head": {"type": "forecast", "input_length": 6, "horizon": 3},
        "train": {"epochs": 1, "threads": 1},
    }
    run = seqkit.run(recipe, runs=tmp_path, quiet=True)
    with pytest.raises(DataError, match=r"not of shape \(31, 1\): the columns are a, but must be those of the"):
        run.predict_file(tmp_path / "new.csv")
    with pytest.raises(DataError, match="no column 'b', which the model was trained on; the columns are a: add it"):
        run.evaluate(tmp_path / "new.csv")


def test_evaluate_scores_all_windows_of_a_file(loaded: seqkit.Run, tmp_path: Path) -> None:
    lines = WAVES.read_text().splitlines()
    (tmp_path / "new.csv").write_text("\n".join([lines[0], *lines[241:301]]))
    scores = loaded.evaluate(tmp_path / "new.csv")
    assert scores.pop("examples") == 1
    assert scores == loaded.result["metrics"]["test"]

    forecasts = np.array(
        [loaded.predict([numbers()[start : start + 28]])[0]["forecast"]["visits"] for start in range(240, 266)]
    )
    targets = np.array([numbers()[start + 28 : start + 35, 0] for start in range(240, 266)])
    assert scores["per_variable"]["visits"]["mse"] == pytest.approx(((forecasts - targets) ** 2).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            "date,sales,visits\n2022-01-01,1,2\n",
            ":2: a forecast needs 28 time steps (input_length), but the series has 1",
        ),
        (
            "date,visits\n2022-01-01,1\n",
            ":1: no column 'sales'; the columns are date, visits: correct `columns:`",
        ),
        ("date,visits,sales\n2022-01-01,1,x\n", ":2: 'sales' is 'x', not a number: use a decimal point"),
    ],
)
def test_predict_names_the_line_of_an_error(loaded: seqkit.Run, tmp_path: Path, data: str, message: str) -> None:
    (tmp_path / "invalid.csv").write_text(data)
    with pytest.raises(DataError) as caught:
        loaded.predict_file(tmp_path / "invalid.csv")
    (line,) = caught.value.lines
    assert line.startswith(f"{tmp_path / 'invalid.csv'}{message}")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"head.shared": True, "encoder.hidden_size": 15},
            RecipeError,
            "head.shared: requires an encoder whose final vector concatenates one vector for each of the 2 columns",
        ),
        (
            {"head.targets": ["visit"]},
            RecipeError,
            "head.targets: contains 'visit', which is not a column (did you mean 'visits'?)",
        ),
        (
            {"head.horizon": 999},
            RecipeError,
            "head.input_length: is too large: a window has 1,027 time steps (input_length + horizon), but the",
        ),
        (
            {"head.season": 29},
            RecipeError,
            "head.season: must be at most input_length, 28: a window must contain a season",
        ),
        (
            {"data.split.test": 0.01},
            DataError,
            "waves.csv:2: a window has 35 time steps (input_length + horizon), but the series has 9",
        ),
        (
            {"data.time": "day"},
            DataError,
            "waves.csv:1: no column 'day'; the columns are date, visits, sales: set `time:`",
        ),
    ],
)
def test_invalid_recipes_are_rejected(
    tmp_path: Path, changes: dict[str, Any], error: type[SeqkitError], message: str
) -> None:
    with pytest.raises(error) as caught:
        seqkit.run(RECIPES / "waves.yaml", runs=tmp_path, quiet=True, **changes)
    (line,) = caught.value.lines
    assert message in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["airline", "etth1", "etth1-published"])
def test_recipes_without_data_are_valid(name: str) -> None:
    recipe = read_recipe(RECIPES / f"{name}.yaml", ["data.path=series.csv"])
    assert resolve(recipe, load_registry()).name == name


def test_script_reproduces_data_file(tmp_path: Path) -> None:
    script = tmp_path / "write_waves.py"
    script.write_bytes((RECIPES / "data" / "write_waves.py").read_bytes())
    subprocess.run([sys.executable, str(script)], check=True, timeout=240)
    assert (tmp_path / "waves.csv").read_bytes() == WAVES.read_bytes()


def test_errors_are_the_windows_by_mae(loaded: seqkit.Run) -> None:
    errors = loaded.errors()
    scores = loaded.evaluate()
    maes = [error["mae"] for error in errors]
    assert maes == sorted(maes, reverse=True)
    assert np.mean(maes) == pytest.approx(scores["mae"], rel=1e-5)
    assert len({error["time_step"] for error in errors}) == len(errors)
    worst = errors[0]
    deviations = [np.abs(np.subtract(worst["prediction"][name], worst["truth"][name])) for name in worst["truth"]]
    assert np.mean(deviations) == pytest.approx(worst["mae"])
