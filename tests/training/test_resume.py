"""An interrupted run, when resumed, ends like a run that was not interrupted."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.commands import exit_code, start_forked
from helpers.recipes import ALL_OPTIONS, CHARACTER_RECIPE, RECIPES
from helpers.training import StopAfter, interrupted_run, reproducible_contents
from seqkit.errors import DataError, Interrupted, UsageError
from seqkit.experiment import run_recipe
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.runs.directory import RunDirectory
from seqkit.training.checkpoint import list_checkpoints
from seqkit.training.checkpoint_loading import newest_checkpoint


def test_classifier_with_all_options_resumes_exactly(vowel_recipe, tmp_path: Path) -> None:
    """Interrupt at several steps, with dropout, a schedule, early stopping and the best weights."""
    overrides = ALL_OPTIONS | {"train__early_stopping": {"patience": 4}}
    complete = seqkit.run(vowel_recipe, runs=tmp_path / "complete", quiet=True, **overrides)
    expected = reproducible_contents(complete)
    for after in (1, 7, 12, 13, 40):
        path = interrupted_run(vowel_recipe, tmp_path / f"stopped-{after}", after, **overrides)
        resumed = seqkit.run(vowel_recipe, runs=tmp_path / "unused", resume=path, quiet=True, **overrides)
        assert resumed.path == path
        assert reproducible_contents(resumed) == expected, after
    assert not (tmp_path / "unused").exists()


TIED = {
    "embedding": {"type": "learned", "dim": 12},
    "encoder__weight_dropout": 0.3,
    "head": {"type": "next_char", "tied": True, "label_smoothing": 0.1},
}


@pytest.mark.parametrize("model", [{}, TIED], ids=["one-hot", "tied, weight dropout"])
def test_carried_state_of_a_long_text_resumes_exactly(model: dict[str, Any], tmp_path: Path) -> None:
    overrides = model | {
        "train__batch_size": 2,
        "train__sequence_length": 5,
        "train__optimizer": {"type": "rmsprop", "momentum": 0.3},
    }
    complete = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "complete", quiet=True, **overrides)
    path = interrupted_run(CHARACTER_RECIPE, tmp_path / "stopped", 13, **overrides)
    resumed = seqkit.run(CHARACTER_RECIPE, runs=tmp_path, resume=path, quiet=True, **overrides)
    assert reproducible_contents(resumed) == reproducible_contents(complete)


@pytest.mark.parametrize("length", [{"train__epochs": 4}, {"train__epochs": None, "train__steps": 4}])
def test_run_interrupted_at_its_last_step_resumes_exactly(length: dict[str, Any], tmp_path: Path) -> None:
    """The metrics of the epoch, its evaluation and the result are missing from the interrupted run."""
    complete = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "complete", quiet=True, **length)
    path = interrupted_run(CHARACTER_RECIPE, tmp_path / "stopped", 4, **length)
    assert reproducible_contents(
        seqkit.run(CHARACTER_RECIPE, runs=tmp_path, resume=path, quiet=True, **length)
    ) == reproducible_contents(complete)


def timing_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (path / "timing.jsonl").read_text().splitlines()]


def test_times_are_apart_from_metrics_and_each_epoch_has_one_row(tmp_path: Path) -> None:
    complete = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "complete", quiet=True)
    path = interrupted_run(CHARACTER_RECIPE, tmp_path / "stopped", 3)
    assert [row["epoch"] for row in timing_of(path)] == [1, 2]
    # The rows of a process that was killed after its last checkpoint, one of them incomplete.
    with (path / "timing.jsonl").open("a") as file:
        file.write('{"epoch": 3, "step": 3, "train_seconds": 99.0}\n{"epoch": 4, "st')
    seqkit.run(CHARACTER_RECIPE, runs=tmp_path, resume=path, quiet=True)
    rows = timing_of(path)
    assert [(row["epoch"], row["step"]) for row in rows] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    seconds = [row["train_seconds"] for row in rows]
    assert seconds == sorted(seconds) and seconds[-1] < 99
    assert set(rows[0]) == {"epoch", "step", "train_seconds", "tokens", "evaluation_seconds", "time"}
    assert (path / "metrics.jsonl").read_bytes() == (complete.path / "metrics.jsonl").read_bytes()


def test_a_run_of_an_older_seqkit_without_times_resumes(tmp_path: Path) -> None:
    path = interrupted_run(CHARACTER_RECIPE, tmp_path, 3)
    (path / "timing.jsonl").unlink()
    seqkit.resume(path, quiet=True)
    assert [row["epoch"] for row in timing_of(path)] == [3, 4]


def test_run_interrupted_twice_resumes_exactly(tmp_path: Path) -> None:
    complete = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "complete", quiet=True)
    path = interrupted_run(CHARACTER_RECIPE, tmp_path / "stopped", 1)
    with pytest.raises(Interrupted):
        run_recipe(read_recipe(CHARACTER_RECIPE), load_registry(), tmp_path, stop=StopAfter(2), resume=path)
    assert reproducible_contents(
        seqkit.run(CHARACTER_RECIPE, runs=tmp_path, resume=path, quiet=True)
    ) == reproducible_contents(complete)


def test_resuming_a_finished_run_does_not_change_it(tmp_path: Path) -> None:
    complete = seqkit.run(CHARACTER_RECIPE, runs=tmp_path, quiet=True)
    before = reproducible_contents(complete)
    assert (
        reproducible_contents(seqkit.run(CHARACTER_RECIPE, runs=tmp_path, resume=complete.path, quiet=True)) == before
    )


def test_interrupted_run_can_generate(tmp_path: Path) -> None:
    path = interrupted_run(CHARACTER_RECIPE, tmp_path, 3)
    with pytest.warns(UserWarning, match="is not finished: these are its weights so far, of step 3 of 4; resume it"):
        assert len(seqkit.load(path).generate("In", length=5)) == 5


def test_resuming_with_another_recipe_or_other_data_is_an_error(tmp_path: Path) -> None:
    path = interrupted_run(CHARACTER_RECIPE, tmp_path / "runs", 2)
    with pytest.raises(UsageError) as caught:
        seqkit.run(CHARACTER_RECIPE, resume=path, quiet=True, seed=9, encoder={"hidden_size": 5})
    assert str(caught.value) == (
        f"{path}: the recipe differs from the saved run: encoder.hidden_size (was 12, now 5), seed (was 3, now 9): "
        f"resume with the saved values, or with seqkit resume {path}, which needs no recipe"
    )
    text = tmp_path / "text.txt"
    text.write_text("one text")
    recipe = CHARACTER_RECIPE | {"data": {"type": "text", "path": str(text)}}
    path = interrupted_run(recipe, tmp_path / "other", 2)
    text.write_text("one test")
    with pytest.raises(DataError) as caught:
        seqkit.run(recipe, resume=path, quiet=True)
    assert str(caught.value) == (
        f"{path}: the data differs from that of the saved run (train): the file of data.path has changed: restore it, "
        "or start a new run"
    )


def test_corrupt_checkpoint_is_skipped_and_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = interrupted_run(CHARACTER_RECIPE, tmp_path / "runs", 2)
    run = RunDirectory.open(path)
    (newest,) = list_checkpoints(run)
    older = newest.with_name("step-000000001-epoch-000000001")
    older.mkdir()
    for file in newest.iterdir():
        (older / file.name).write_bytes(file.read_bytes())
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x00\x01")
    found, files, skipped = newest_checkpoint(run)
    assert found == older
    assert "model.safetensors" in files
    assert skipped == [f"{weights}: corrupt: its sha256 differs from the manifest"]
    (older / "manifest.json").unlink()
    with pytest.raises(DataError, match="no checkpoint is intact: start a new run$"):
        seqkit.run(CHARACTER_RECIPE, resume=path)
    assert f"skipped a checkpoint: {weights}: corrupt: its sha256 differs from the manifest" in capsys.readouterr().out


def test_older_checkpoints_are_removed(tmp_path: Path) -> None:
    finished = seqkit.run(CHARACTER_RECIPE, runs=tmp_path, quiet=True, train__checkpoint_seconds=0)
    assert [path.name for path in (finished.path / "checkpoints").iterdir()] == ["step-000000004-epoch-000000004"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_interrupted_process_resumes_exactly(
    number: int, code: int, tmp_path: Path, run_command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("run", RECIPES / "char_gen.yaml", "train.epochs=60", "train.threads=1", "train.checkpoint_seconds=0")
    with (tmp_path / "stdout").open("w") as out, (tmp_path / "stderr").open("w") as err:
        process = start_forked(*command, cwd=tmp_path, stdout=out.fileno(), stderr=err.fileno())
    checkpoints = tmp_path / "runs" / "char-gen-1" / "checkpoints"
    deadline = time.monotonic() + 60
    while not (checkpoints.is_dir() and list(checkpoints.glob("step-*"))) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process, number)
    assert exit_code(process) == code
    errors = (tmp_path / "stderr").read_text()
    if number != signal.SIGKILL:
        assert errors.count("\n") == 1
        assert "resume with: seqkit resume runs/char-gen-1\n" in errors
    again = [*command, "--resume", "char-gen-1"]
    monkeypatch.chdir(tmp_path / "runs")
    resumed = run_command(*["resume", "char-gen-1"] if number == signal.SIGINT else again)
    assert resumed.code == 0, resumed.err
    assert resumed.out.splitlines()[-1] == "char-gen-1"
    train = {"epochs": 60, "threads": 1, "checkpoint_seconds": 0}
    complete = seqkit.run(RECIPES / "char_gen.yaml", runs=tmp_path / "complete", quiet=True, train=train)
    loaded = seqkit.load(tmp_path / "runs" / "char-gen-1")
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (loaded.path / name).read_bytes() == (complete.path / name).read_bytes()
    assert loaded.result["generated"] == complete.result["generated"]
    plan = json.loads((loaded.path / "plan.json").read_text())
    assert plan.pop("command") == f"seqkit {' '.join(map(str, command))}"
    assert plan == json.loads((complete.path / "plan.json").read_text())
