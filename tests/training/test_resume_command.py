"""`seqkit resume` and `seqkit.resume`: a run resumes without its recipe, and can be trained for longer."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

import seqkit
from fixtures import make_runs
from helpers.recipes import CHARACTER_RECIPE, write_recipe
from helpers.training import StopAfter, interrupted_run, reproducible_contents
from seqkit.cli import execute
from seqkit.errors import DataError, Interrupted, UsageError
from seqkit.experiment import run_recipe
from seqkit.readers.table import Table
from seqkit.recipe.saved import read_saved_recipe
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.runs.directory import RunDirectory

CHANGEABLE = (
    "train.epochs, train.steps, train.checkpoint_seconds, train.threads, train.early_stopping.patience, "
    "train.trackers, and data.path if the data has moved"
)


def trained(recipe: dict[str, Any], folder: Path, **overrides: Any) -> seqkit.Run:
    return seqkit.run(recipe, runs=folder, quiet=True, **overrides)


def contents(run: seqkit.Run) -> dict[str, Any]:
    """Return what an extended run shares with one that was as long from the start."""
    return {key: value for key, value in reproducible_contents(run).items() if key != "plan"} | {"recipe": run.recipe}


def test_stop_prints_a_command_that_resumes_the_run_from_its_folder(
    vowel_recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The data is named by a relative path, and the recipe is deleted."""
    complete = trained(vowel_recipe, tmp_path / "complete")
    project = tmp_path / "my project"
    project.mkdir()
    shutil.copy(vowel_recipe["data"]["path"], project / "vowels.csv")
    data = vowel_recipe["data"] | {"path": "vowels.csv"}
    recipe = write_recipe(project / "recipe.yaml", vowel_recipe | {"data": data})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Interrupted) as caught:
        run_recipe(read_recipe(recipe), load_registry(), Path("-my runs"), stop=StopAfter(7))
    (path,) = Path("-my runs").iterdir()
    command = str(caught.value).partition("; resume with: ")[2]
    assert command == f"seqkit resume './{path}'"
    recipe.unlink()
    assert execute(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(path)
    assert contents(seqkit.load(path)) == contents(complete) | {"recipe": seqkit.load(path).recipe}
    assert seqkit.load(path).recipe["data"]["path"] == "../../my project/vowels.csv"
    monkeypatch.chdir("/")
    assert seqkit.resume(tmp_path / path, quiet=True).path == tmp_path / path


@pytest.mark.parametrize("after", [5, 8])
def test_longer_run_equals_one_that_was_as_long_from_the_start(after: int, tmp_path: Path) -> None:
    """Extended inside an epoch, and after the last."""
    carry = {"batch_size": 2, "sequence_length": 5, "epochs": 2}
    complete = trained(CHARACTER_RECIPE, tmp_path / "complete", train=carry | {"epochs": 3})
    if after == 8:
        path = trained(CHARACTER_RECIPE, tmp_path / "runs", train=carry).path
    else:
        path = interrupted_run(
            CHARACTER_RECIPE | {"train": CHARACTER_RECIPE["train"] | carry}, tmp_path / "runs", after
        )
    longer = seqkit.resume(path, quiet=True, train__epochs=3)
    assert contents(longer) == contents(complete)
    assert (path / "overrides.txt").read_text().splitlines()[-1] == "train.epochs=3"
    rerun = seqkit.run(path / "recipe.yaml", runs=tmp_path / "again", quiet=True)
    assert contents(rerun) == contents(complete)


def test_run_that_ended_inside_an_epoch_continues_with_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = {"batch_size": 2, "sequence_length": 5}  # 9 steps per epoch
    path = trained(CHARACTER_RECIPE, tmp_path, train=train | {"steps": 12}).path
    with pytest.raises(Interrupted):  # inside the third epoch
        directory = RunDirectory(path)
        recipe = read_saved_recipe(directory, directory.read_plan())
        recipe.override("train.steps=20")
        run_recipe(recipe, load_registry(), tmp_path, stop=StopAfter(3), resume=path)
    assert json.loads((path / "plan.json").read_text())["skipped_steps"] == 6
    capsys.readouterr()
    assert [row["step"] for row in seqkit.resume(path).metrics if row["split"] == "train"] == [9, 12, 20]
    assert execute(["resume", str(path), "train.steps=30"]) == 0
    assert "the run ended inside epoch 3: training continues with the next epoch" in capsys.readouterr().out
    assert [row["step"] for row in seqkit.load(path).metrics if row["split"] == "train"] == [9, 12, 20, 29, 30]


@pytest.mark.parametrize("schedule", ["linear", "cosine", "step", "constant"])
def test_changed_schedule_is_noted(schedule: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = trained(CHARACTER_RECIPE, tmp_path, train__schedule={"type": schedule}, train__epochs=2).path
    seqkit.resume(path, train__epochs=3)
    note = (
        f"note: the {schedule} schedule of the learning rate depends on the length of training, which is now 3 steps; "
        "the first 2 were trained with the schedule for 2"
    )
    assert (note in capsys.readouterr().out) == (schedule in ("linear", "cosine"))


def test_shorter_than_trained_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = trained(CHARACTER_RECIPE, tmp_path, train__epochs=3).path
    before = {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}
    with pytest.raises(UsageError) as caught:
        seqkit.resume(path, train__epochs=2)
    assert "resuming" not in capsys.readouterr().out
    assert str(caught.value) == f"{path}: 3 epochs are already trained: train.epochs must be at least 3, not 2"
    with pytest.raises(UsageError, match="3 steps are already trained: train.steps must be at least 3, not 1"):
        seqkit.resume(path, quiet=True, train__steps=1)
    assert {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()} == before


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("seed=4", "seed"),
        ("encoder.hidden_size=5", "encoder.hidden_size"),
        ("train={epochs: 9, batch_size: 2}", "train.batch_size"),
        ("train.early_stopping.min_delta=1", "train.early_stopping.min_delta"),
        ("train.epoch=3", "train.epoch"),
        ("data.text=x", "data.text"),
    ],
)
def test_other_changes_are_refused_by_name(
    override: str, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = trained(CHARACTER_RECIPE, tmp_path / "a b").path
    assert execute(["resume", str(path), override]) == 2
    assert capsys.readouterr().err == (
        f"seqkit: {path}: {key} cannot change when a run is resumed, only {CHANGEABLE}: for a new run, seqkit run "
        f"'{path}/recipe.yaml' {key}=…\n"
    )


def test_patience_threads_and_checkpoints_can_change(vowel_recipe, tmp_path: Path) -> None:
    path = trained(vowel_recipe, tmp_path, train__epochs=2, train__early_stopping={"patience": 1}).path
    changes = {"epochs": 3, "threads": 1, "checkpoint_seconds": 0, "early_stopping": {"patience": 9}}
    train = seqkit.resume(path, quiet=True, train=changes).recipe["train"]
    assert {key: train[key] for key in changes} == changes | {"early_stopping": {"patience": 9, "min_delta": 0.0}}


# The data of a resumed run


def test_data_that_has_moved_is_named_once(vowel_recipe, tmp_path: Path) -> None:
    path = interrupted_run(vowel_recipe, tmp_path / "runs", 4)
    moved = Path(vowel_recipe["data"]["path"]).rename(tmp_path / "moved.csv")
    with pytest.raises(
        DataError, match=r"words\.csv does not exist: restore it or, if it has moved, pass data\.path=FILE$"
    ):
        seqkit.resume(path, quiet=True)
    assert execute(["resume", str(path), f"data.path={os.path.relpath(moved)}"]) == 0
    assert seqkit.resume(path, quiet=True).recipe["data"]["path"] == "../../moved.csv"


def test_reader_that_reads_an_unchanged_file_differently(
    vowel_recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = interrupted_run(vowel_recipe, tmp_path / "runs", 4)
    read = Table.read
    monkeypatch.setattr(Table, "read", lambda self: list(read(self))[:-1])
    differs = f"{path}: the data differs from that of the saved run (train): "
    with pytest.raises(DataError) as caught:
        seqkit.resume(path, quiet=True)
    version = seqkit.__version__
    assert str(caught.value).startswith(f"{path}: the data differs from that of the saved run (")
    assert str(caught.value).endswith(
        f"): the file of data.path is the same, but seqkit=={version} read it differently, or a file that it names "
        "differs: resume with the same files and versions, or start a new run"
    ), differs
    plan = json.loads((path / "plan.json").read_text())
    del plan["files_sha256"]
    (path / "plan.json").write_text(json.dumps(plan | {"versions": {"seqkit": "0.0.7"}}))
    with pytest.raises(DataError, match=r": a file has changed, or seqkit==0\.0\.7 read it differently: resume with "):
        seqkit.resume(path, quiet=True)


def test_interrupted_run_of_an_earlier_format_resumes_without_its_recipe(tmp_path: Path) -> None:
    path = shutil.copytree(Path(make_runs.__file__).parent / "run-format-1-stopped", tmp_path / "run")
    finished = seqkit.resume(path, quiet=True, data__path=str(Path(make_runs.__file__).parent / "labels.csv"))
    expected = json.loads((Path(make_runs.__file__).parent / "run-format-1.json").read_text())["result"]
    assert finished.result["metrics"]["valid"]["loss"] == pytest.approx(expected["valid"]["loss"], abs=1e-6)


def test_run_of_several_processes_resumes_in_as_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = trained(CHARACTER_RECIPE, tmp_path).path
    plan = json.loads((path / "plan.json").read_text())
    assert plan["processes"] == 1
    (path / "plan.json").write_text(json.dumps(plan | {"processes": 3}))
    launched: list[Any] = []
    monkeypatch.setattr("seqkit.training.launch.launch", lambda *arguments: launched.append(arguments) or 7)
    assert execute(["resume", "--verbose", str(path), "train.epochs=9"]) == 7
    assert launched == [(3, ["resume", "--verbose", "--", str(path), "train.epochs=9"])]
    monkeypatch.setenv("WORLD_SIZE", "1")  # one of the processes that torchrun starts
    assert execute(["resume", str(path)]) == 0
