"""A run that was stopped goes on as if it had not been."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import RECIPES
from test_train import CHAR, EVERYTHING, files_of, labelled  # noqa: F401 - a fixture

import seqkit
from seqkit.checkpoint import list_checkpoints
from seqkit.checkpoint_reading import newest_checkpoint
from seqkit.errors import DataError, Interrupted, UsageError
from seqkit.experiment import run_recipe
from seqkit.recipe import read_recipe
from seqkit.registry import load_registry
from seqkit.report import Report
from seqkit.rundir import RunDirectory


class StopAfter:
    """Asks to stop, as SIGTERM does, once it has been asked so many times."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def __call__(self) -> int:
        self.calls -= 1
        return signal.SIGTERM if self.calls == 0 else 0


def stopped(recipe: dict[str, Any], folder: Path, after: int, **overrides: Any) -> Path:
    """Runs until a step, and returns the run directory."""
    read = read_recipe(recipe)
    for key, value in overrides.items():
        read.set(tuple(key.split("__")), value, "recipe")
    with pytest.raises(Interrupted) as caught:
        run_recipe(read, load_registry(), folder, Report(None), StopAfter(after))
    assert caught.value.exit_code == 143
    (path,) = folder.iterdir()
    assert f"--resume {path}" in str(caught.value)
    return path


@pytest.mark.parametrize("after", [1, 7, 12, 13, 40])
def test_a_classifier_with_everything_on(labelled, tmp_path: Path, after: int) -> None:  # noqa: F811
    """Dropout, schedule, early stopping, the best weights, and the order of the data, stopped at several places."""
    overrides = EVERYTHING | {"train__early_stopping": {"patience": 4}}
    whole = seqkit.run(labelled, runs=tmp_path / "whole", quiet=True, **overrides)
    path = stopped(labelled, tmp_path / "stopped", after, **overrides)
    resumed = seqkit.run(labelled, runs=tmp_path / "unused", resume=path, quiet=True, **overrides)
    assert resumed.path == path
    assert files_of(resumed) == files_of(whole)
    assert not (tmp_path / "unused").exists()


def test_a_long_text_with_its_carried_state(tmp_path: Path) -> None:
    overrides = {
        "train__batch_size": 2,
        "train__sequence_length": 5,
        "train__optimizer": {"type": "rmsprop", "momentum": 0.3},
    }
    whole = seqkit.run(CHAR, runs=tmp_path / "whole", quiet=True, **overrides)
    path = stopped(CHAR, tmp_path / "stopped", 13, **overrides)
    first = files_of(seqkit.run(CHAR, runs=tmp_path, resume=path, quiet=True, **overrides))
    assert first == files_of(whole)


@pytest.mark.parametrize("length", [{"train__epochs": 4}, {"train__epochs": None, "train__steps": 4}])
def test_a_run_stopped_at_its_very_last_step(length: dict[str, Any], tmp_path: Path) -> None:
    """The epoch's row, its evaluation and the result are still to come."""
    whole = seqkit.run(CHAR, runs=tmp_path / "whole", quiet=True, **length)
    path = stopped(CHAR, tmp_path / "stopped", 4, **length)
    assert files_of(seqkit.run(CHAR, runs=tmp_path, resume=path, quiet=True, **length)) == files_of(whole)


def test_a_run_stopped_twice(tmp_path: Path) -> None:
    whole = seqkit.run(CHAR, runs=tmp_path / "whole", quiet=True)
    path = stopped(CHAR, tmp_path / "stopped", 1)
    with pytest.raises(Interrupted):
        run_recipe(read_recipe(CHAR), load_registry(), tmp_path, Report(None), StopAfter(2), resume=path)
    assert files_of(seqkit.run(CHAR, runs=tmp_path, resume=path, quiet=True)) == files_of(whole)


def test_a_finished_run_resumed_is_as_it_was(tmp_path: Path) -> None:
    whole = seqkit.run(CHAR, runs=tmp_path, quiet=True)
    before = files_of(whole)
    assert files_of(seqkit.run(CHAR, runs=tmp_path, resume=whole.path, quiet=True)) == before


def test_an_interrupted_run_can_be_used(tmp_path: Path) -> None:
    path = stopped(CHAR, tmp_path, 3)
    assert len(seqkit.load(path).generate("In", length=5)) == 5


def test_another_recipe_or_other_data_is_refused(tmp_path: Path) -> None:
    path = stopped(CHAR, tmp_path / "runs", 2)
    with pytest.raises(UsageError, match=r"another recipe: encoder\.hidden_size, seed"):
        seqkit.run(CHAR, resume=path, quiet=True, seed=9, encoder={"hidden_size": 5})
    text = tmp_path / "text.txt"
    text.write_text("one text")
    recipe = CHAR | {"data": {"type": "text", "path": str(text)}}
    path = stopped(recipe, tmp_path / "other", 2)
    text.write_text("one test")
    with pytest.raises(DataError, match="the data is not what it was"):
        seqkit.run(recipe, resume=path, quiet=True)


def test_a_damaged_checkpoint_is_passed_over_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stopped(CHAR, tmp_path / "runs", 2)
    run = RunDirectory.open(path)
    (newest,) = list_checkpoints(run)
    older = newest.with_name("step-000000001-epoch-000000001")
    older.mkdir()
    for file in newest.iterdir():
        (older / file.name).write_bytes(file.read_bytes())
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00\x01")
    found, files, passed_over = newest_checkpoint(run)
    assert found == older
    assert "model.safetensors" in files
    assert passed_over == [f"{weights}: is not the file that was saved"]
    (older / "manifest.json").unlink()
    with pytest.raises(DataError, match="no checkpoint that is whole"):
        seqkit.run(CHAR, resume=path)
    assert f"passed over: {weights}: is not the file" in capsys.readouterr().out


def test_only_the_newest_checkpoint_is_kept(tmp_path: Path) -> None:
    finished = seqkit.run(CHAR, runs=tmp_path, quiet=True, train__checkpoint_seconds=0)
    assert [path.name for path in (finished.path / "checkpoints").iterdir()] == ["step-000000004-epoch-000000004"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_process_that_is_stopped_goes_on(number: int, code: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "seqkit", "run", str(RECIPES / "char_gen.yaml"), "train.epochs=60"]
    fast = [*command, "train.checkpoint_seconds=0"]
    process = subprocess.Popen(fast, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    checkpoints = tmp_path / "runs" / "char-gen-1" / "checkpoints"
    deadline = time.monotonic() + 60
    while not (checkpoints.is_dir() and list(checkpoints.glob("step-*"))) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    if number != signal.SIGKILL:
        assert errors.count("\n") == 1
        assert "--resume runs/char-gen-1" in errors
    resumed = subprocess.run([*fast, "--resume", "runs/char-gen-1"], cwd=tmp_path, capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.splitlines()[-1] == "runs/char-gen-1"
    whole = seqkit.run(
        RECIPES / "char_gen.yaml", runs=tmp_path / "whole", quiet=True, train={"epochs": 60, "checkpoint_seconds": 0}
    )
    there = seqkit.load(tmp_path / "runs" / "char-gen-1")
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (there.path / name).read_bytes() == (whole.path / name).read_bytes()
    assert there.result["generated"] == whole.result["generated"]
    assert json.loads((there.path / "plan.json").read_text()) == json.loads((whole.path / "plan.json").read_text())
