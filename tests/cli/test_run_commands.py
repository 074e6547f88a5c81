"""The commands `runs` and `diff`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqkit
from helpers.commands import CommandResult, error_line
from helpers.recipes import vowel_csv
from helpers.runs import HOSTILE_VALUES, value_paths, with_value
from seqkit.cli.output import to_json
from seqkit.cli.run_list import diff, diff_as_json, diff_lines, list_runs, rows_as_json, run_lines
from seqkit.errors import DataError

Command = Callable[..., CommandResult]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `words-1` and `words-2`, a wider encoder with another seed and fewer epochs."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "words.csv").write_text(vowel_csv(80))
    recipe: dict[str, Any] = {
        "name": "words",
        "data": {"type": "table", "path": str(folder / "words.csv"), "split": {"by": "hash", "valid": 0.3}},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": {"type": "classify"},
        "train": {"epochs": 2, "threads": 1},
    }
    seqkit.run(recipe, runs=folder, quiet=True)
    seqkit.run(recipe, runs=folder, quiet=True, encoder__hidden_size=6, seed=2)
    return folder


def test_runs_lists_metric_and_baseline_beside_what_was_changed(folder: Path, run_command: Command) -> None:
    code, out, err = run_command("runs", folder)
    assert (code, err) == (0, "")
    _, first, second = out.splitlines()
    assert first.startswith("words-1") and second.startswith("words-2")
    assert "encoder.hidden_size=6" in second and "seed=2" in second and "hidden_size" not in first
    rows = json.loads(run_command("runs", folder, "--json").out)
    result = json.loads((folder / "words-2" / "result.json").read_text())
    assert rows[1]["value"] == result["metrics"]["valid"][rows[1]["metric"]]
    assert rows[1]["baseline"] == result["baseline"][rows[1]["metric"]]
    assert rows[1]["seconds"] == result["timing"]["train_seconds"]
    assert f"{rows[1]['value']:.4f}" in second


def test_runs_lists_unfinished_and_corrupt_runs(folder: Path, run_command: Command, tmp_path: Path) -> None:
    for name in ("unfinished", "corrupt"):
        shutil.copytree(folder / "words-1", tmp_path / "runs" / name)
    (tmp_path / "runs" / "unfinished" / "result.json").unlink()
    (tmp_path / "runs" / "corrupt" / "result.json").write_text("{")
    (tmp_path / "runs" / "notes.txt").write_text("no run")
    rows = {Path(row["run"]).name: row for row in json.loads(run_command("runs", "--json").out)}
    assert rows["unfinished"]["note"] == "not finished" and rows["unfinished"]["value"] is None
    assert "corrupt" in rows["corrupt"]["note"]
    assert len(rows) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode")
def test_runs_with_names_that_the_locale_cannot_decode_differ(
    folder: Path, run_command: Command, tmp_path: Path
) -> None:
    for name in (b"a\xe4", b"a\xf6"):
        shutil.copytree(folder / "words-1", tmp_path / "runs" / os.fsdecode(name))
    names = [line.split()[0] for line in run_command("runs").out.splitlines()[1:]]
    assert names == ["a\\udce4", "a\\udcf6"]


def test_runs_of_no_folder_and_of_an_empty_one(run_command: Command, tmp_path: Path) -> None:
    result = run_command("runs", "absent")
    assert (result.code, error_line(result)) == (2, "absent: there is no such folder of runs")
    assert run_command("runs", tmp_path) == (0, "", f"seqkit: note: {tmp_path}: contains no run\n")


def test_diff_shows_recipe_weights_and_metrics(folder: Path, run_command: Command) -> None:
    one, other = folder / "words-1", folder / "words-2"
    found = json.loads(run_command("diff", one, other, "--json").out)
    assert found["recipe"] == {"seed": [0, 2], "encoder.hidden_size": [4, 6]}
    assert found["data"] == found["versions"] == {}
    assert found["weights"]["encoder.layers.cells.0.bias_hh_l0"] == ["16", "24"]
    results = [json.loads((run / "result.json").read_text()) for run in (one, other)]
    assert found["metrics"]["valid.loss"] == [each["metrics"]["valid"]["loss"] for each in results]
    out = run_command("diff", one, other).out
    assert "data: equal" in out
    assert f"{results[1]['metrics']['valid']['loss']:.5f}" in out


def test_each_column_of_diff_has_a_heading() -> None:
    found: dict[str, Any] = dict.fromkeys(("recipe", "data", "versions", "weights", "metrics"), {})
    found["recipe"] = {"train.optimizer.lr": (0.1, 0.2)}
    found["versions"] = {"torch": ("2.12", "2.13")}
    lines = list(diff_lines(found, Path("words-1"), Path("words-2"), 38))
    assert lines[lines.index("  train.optimizer.lr  +0.1000") - 1] == "                      difference"
    lines = list(diff_lines(found, Path("words-1"), Path("words-2"), None))
    assert lines[1] == "                      words-1  words-2  difference"
    assert lines[5] == "         words-1  words-2"


def test_diff_of_a_run_and_its_copy_is_empty(folder: Path, run_command: Command, tmp_path: Path) -> None:
    shutil.copytree(folder / "words-1", tmp_path / "copy")
    found = json.loads(run_command("diff", folder / "words-1", "copy", "--json").out)
    assert set(map(len, found.values())) == {0}


def test_diff_shows_where_long_values_differ(folder: Path, run_command: Command, tmp_path: Path) -> None:
    for name, end in (("one", "a"), ("other", "b")):
        plan = json.loads((shutil.copytree(folder / "words-1", tmp_path / name) / "plan.json").read_text())
        plan["recipe"]["predict"] = ["x" * 100 + end]
        (tmp_path / name / "plan.json").write_text(json.dumps(plan))
    found = json.loads(run_command("diff", "one", "other", "--json").out)
    assert found["recipe"] == {"predict": [["x" * 100 + "a"], ["x" * 100 + "b"]]}


def test_diff_shows_that_a_run_is_calibrated(folder: Path, run_command: Command, tmp_path: Path) -> None:
    copy = shutil.copytree(folder / "words-1", tmp_path / "copy")
    (copy / "calibration.json").write_text('{"temperature": 2.5}')
    found = json.loads(run_command("diff", folder / "words-1", "copy", "--json").out)
    assert found["metrics"] == {"temperature": [None, 2.5]}


def test_diff_shows_changed_data(folder: Path, run_command: Command, tmp_path: Path) -> None:
    plan = json.loads((shutil.copytree(folder / "words-1", tmp_path / "copy") / "plan.json").read_text())
    plan["files_sha256"]["data.path"] = "0" * 64
    (tmp_path / "copy" / "plan.json").write_text(json.dumps(plan))
    found = json.loads(run_command("diff", folder / "words-1", "copy", "--json").out)
    assert found["data"]["files.data.path"][1] == "0" * 64


@settings(max_examples=50)
@given(st.data())
def test_a_damaged_run_is_listed_and_compared_or_reported(folder: Path, data: st.DataObject) -> None:
    run = folder / "words-2"
    name = data.draw(st.sampled_from(["plan.json", "result.json", "report.json"]))
    given = (run / name).read_text()
    document = json.loads(given)
    path = data.draw(st.sampled_from([*value_paths(document)]))
    (run / name).write_text(json.dumps(with_value(document, path, data.draw(HOSTILE_VALUES))))
    try:
        rows = list_runs(folder)
        assert len(rows) == 2 and len(list(run_lines(rows, None))) == 3
        assert len(list(run_lines(rows, 80))) >= 3  # wide tables are divided
        to_json(rows_as_json(rows))
        found = diff(folder / "words-1", run)
        assert len(list(diff_lines(found, folder / "words-1", run, 80))) >= 5
        to_json(diff_as_json(found))
    except DataError as error:
        assert len(error.lines) == 1
    finally:
        (run / name).write_text(given)


def test_diff_of_a_missing_run(folder: Path, run_command: Command) -> None:
    result = run_command("diff", folder / "words-1", folder / "words-9")
    assert (result.code, "does not exist" in error_line(result)) == (2, True)
