"""Recipes run from the command line and from Python: the numbers, and the messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from seqkit.errors import DataError, RecipeError, SeqkitError
from seqkit.recipe import read_recipe
from seqkit.registry import load_registry
from seqkit.resolve import resolve

RECIPES = Path(__file__).parent.parent / "recipes"
WAVES = RECIPES / "data" / "waves.csv"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the installed plugins be found, which the tests of seqkit itself go without."""
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forecast")


@pytest.fixture(scope="module")
def command(folder: Path) -> Command:
    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "seqkit", *map(str, arguments)],
            cwd=folder,
            env=os.environ | {"SEQKIT_PLUGINS": "on", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=240,
        )

    return run


@pytest.fixture(scope="module")
def waves(command: Command, folder: Path) -> Path:
    """Returns the run directory of the first 300 days of `waves.yaml`."""
    done = command("run", RECIPES / "waves.yaml", "train.epochs=2", "data.rows=300")
    assert not done.returncode, done.stderr
    for floor in ("last value", "seasonal naive (season 7)", "ridge on 28 steps of each variable"):
        assert f"{floor}" in done.stdout
    return folder / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def loaded(waves: Path) -> seqkit.Run:
    return seqkit.load(waves)


def numbers() -> np.ndarray:
    return np.loadtxt(WAVES, delimiter=",", skiprows=1, usecols=(1, 2))


def test_a_run_says_what_it_was_scored_on(loaded: seqkit.Run) -> None:
    test = loaded.result["metrics"]["test"]
    assert test["scored"] == "26 windows of 7 steps, in the data's units"  # 60 - 28 - 7 + 1
    assert test["mse"] < loaded.result["baseline"]["others"][-1]["mse"]
    assert list(test["coverage"]) == ["0.1", "0.5", "0.9"]


def test_predict_goes_on_after_the_end_of_a_file(command: Command, waves: Path, loaded: seqkit.Run) -> None:
    done = command("predict", waves, "--data", WAVES)
    assert not done.returncode, done.stderr
    (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert {name: len(steps) for name, steps in answer["forecast"].items()} == {"visits": 7, "sales": 7}
    # The file's last 28 steps, though the recipe itself reads its first 300 days alone.
    assert answer == loaded.predict([numbers()[-28:]])[0] == loaded.predict_file(WAVES)[0]
    for name, steps in answer["forecast"].items():
        assert steps == answer["quantiles"]["0.5"][name]
        assert all(np.array(answer["quantiles"]["0.1"][name]) < answer["quantiles"]["0.9"][name])
    assert answer != loaded.predict([numbers()[:300]])[0]


def test_evaluate_scores_every_window_of_a_file(loaded: seqkit.Run, tmp_path: Path) -> None:
    lines = WAVES.read_text().splitlines()
    (tmp_path / "new.csv").write_text("\n".join([lines[0], *lines[241:301]]))
    got = loaded.evaluate(tmp_path / "new.csv")
    assert got.pop("examples") == 1
    assert got == loaded.result["metrics"]["test"]

    told = np.array(
        [loaded.predict([numbers()[start : start + 28]])[0]["forecast"]["visits"] for start in range(240, 266)]
    )
    came = np.array([numbers()[start + 28 : start + 35, 0] for start in range(240, 266)])
    assert got["per_variable"]["visits"]["mse"] == pytest.approx(((told - came) ** 2).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("date,sales,visits\n2022-01-01,1,2\n", ":2: 1 steps, where a forecast is made from 28"),
        (
            "date,visits\n2022-01-01,1\n",
            ":1: there is no column 'sales'; there are date, visits: name the right one with",
        ),
        ("date,visits,sales\n2022-01-01,1,x\n", ":2: 'sales' is 'x', not a number: write it with a decimal point"),
    ],
)
def test_what_predict_says_of_a_wrong_file(loaded: seqkit.Run, tmp_path: Path, data: str, message: str) -> None:
    (tmp_path / "wrong.csv").write_text(data)
    with pytest.raises(DataError) as caught:
        loaded.predict_file(tmp_path / "wrong.csv")
    (line,) = caught.value.lines
    assert line.startswith(f"{tmp_path / 'wrong.csv'}{message}")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"head.shared": True, "encoder.hidden_size": 15},
            RecipeError,
            "head: shared needs an encoder whose final vector holds a part for each of the 2 columns, such as segments",
        ),
        (
            {"head.targets": ["visit"]},
            RecipeError,
            "head.targets: names 'visit', which is no column (did you mean 'visits'?)",
        ),
        (
            {"head.horizon": 999},
            RecipeError,
            "head.input_length: and horizon take 1,027 steps together, and the training",
        ),
        ({"head.season": 29}, RecipeError, "head.season: must be at most input_length, 28, to be seen in a window"),
        ({"data.split.test": 0.01}, DataError, "waves.csv:2: 9 steps, where input_length and horizon take 35 together"),
        (
            {"data.time": "day"},
            DataError,
            "waves.csv:1: there is no column 'day'; there are date, visits, sales: name the",
        ),
    ],
)
def test_what_a_recipe_cannot_ask_for(
    tmp_path: Path, changes: dict[str, Any], error: type[SeqkitError], message: str
) -> None:
    with pytest.raises(error) as caught:
        seqkit.run(RECIPES / "waves.yaml", runs=tmp_path, quiet=True, **changes)
    (line,) = caught.value.lines
    assert message in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["airline", "etth1"])
def test_recipes_for_files_of_the_user_are_sound(name: str) -> None:
    recipe = read_recipe(RECIPES / f"{name}.yaml", ["data.path=series.csv"])
    assert resolve(recipe, load_registry()).name == name


def test_what_the_package_ships_is_what_its_script_writes(tmp_path: Path) -> None:
    script = tmp_path / "write_waves.py"
    script.write_bytes((RECIPES / "data" / "write_waves.py").read_bytes())
    subprocess.run([sys.executable, str(script)], check=True, timeout=240)
    assert (tmp_path / "waves.csv").read_bytes() == WAVES.read_bytes()
