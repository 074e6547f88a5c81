"""Runs of other versions: those of each earlier format still answer, and what cannot be read says what to install."""

# ruff: noqa: F401, F811 - fixtures are imported by name

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from test_plugin_packages import MOVING_AVERAGE, RECIPE, encoder, install, session, write
from test_resume import stopped
from test_run_directory import complaint
from test_train import CHAR, labelled

import seqkit
from seqkit.errors import DataError, PluginError, UsageError
from seqkit.experiment import run_recipe
from seqkit.needed_plugins import refuse_if_older
from seqkit.recipe import read_recipe
from seqkit.registry import load_registry
from seqkit.report import Report
from seqkit.rundir import FORMAT

DATA = Path(__file__).parent / "data"
FORMATS = sorted(int(path.stem.removeprefix("run-format-")) for path in DATA.glob("run-format-*.json"))

_spec = importlib.util.spec_from_file_location("make_runs", DATA / "make_runs.py")
assert _spec is not None and _spec.loader is not None
make_runs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_runs)


def near(value: Any) -> Any:
    """Returns what equals a JSON value but for rounding."""
    if isinstance(value, float):
        return pytest.approx(value, abs=1e-6)
    if isinstance(value, dict):
        return {key: near(item) for key, item in value.items()}
    return [near(item) for item in value] if isinstance(value, list) else value


def noted(number: int) -> dict[str, Any]:
    return json.loads((DATA / f"run-format-{number}.json").read_text(encoding="utf-8"))


def test_runs_of_the_format_of_today_are_kept() -> None:
    assert FORMAT in FORMATS, "run tests/data/make_runs.py, and commit what it makes"


@pytest.mark.parametrize("number", FORMATS)
def test_a_finished_run_answers_as_it_did(number: int) -> None:
    writes, labels = (seqkit.load(DATA / f"run-format-{number}-{kind}") for kind in ("writes", "labels"))
    expected = noted(number)
    for name, answer in make_runs.answers(writes, labels).items():
        assert answer == near(expected[name])
    assert labels.metrics == expected["metrics"]
    assert labels.result["metrics"] == expected["result"]
    scores = labels.evaluate(DATA / "labels.csv")
    assert scores["examples"] == 16


@pytest.mark.parametrize("number", FORMATS)
def test_a_stopped_run_goes_on_to_its_end(number: int, tmp_path: Path) -> None:
    kept = shutil.copytree(DATA / f"run-format-{number}-stopped", tmp_path / "run")
    finished = seqkit.run(make_runs.labelled(make_runs.LABELS), resume=kept, quiet=True)
    expected = noted(number)
    assert finished.metrics == near(expected["metrics"])
    assert finished.result["metrics"] == near(expected["result"])
    assert finished.predict(make_runs.TEXTS) == near(expected["predictions"])


# Versions of plugins


@pytest.mark.parametrize(
    ("made_with", "installed", "older"),
    [
        ("0.3.0", "0.2.0", True), ("0.10", "0.9", True), ("1.0", "1.0rc1", True), ("1.0", "1.0.dev3+local", True),
        ("0.3.0", "0.3.0", False), ("0.3", "0.3.0", False), ("0.9", "0.10", False), ("1.0", "1.0.post1", False),
        ("", "1.0", False), ("1.0", "", False), ("no version", "1.0", False),
    ],
)  # fmt: skip
def test_versions_are_compared_as_pip_compares_them(made_with: str, installed: str, older: bool) -> None:
    recorded = {"kind": "encoder", "name": "x", "distribution": "seqkit_x", "version": made_with}
    if not older:
        refuse_if_older("runs/x-1", recorded, "seqkit-x", installed)
        return
    with pytest.raises(PluginError) as caught:
        refuse_if_older("runs/x-1", recorded, "seqkit-x", installed)
    assert caught.value.exit_code == 4
    assert str(caught.value) == (
        f"runs/x-1: was made with seqkit-x {made_with}, and {installed} is installed: "
        f"pip install 'seqkit-x>={made_with}'"
    )


def test_seqkit_itself_is_told_by_the_formats_number_alone() -> None:
    refuse_if_older("runs/x-1", {"distribution": "seqkit", "version": "99.0"}, "seqkit", "0.1.0")


@pytest.fixture
def installed(session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns a function that installs the plugin `seqkit-average` in a version, in place of the one before."""
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")

    def put(version: str) -> None:
        folder = tmp_path / f"installed-{version}"
        folder.mkdir(exist_ok=True)
        install(folder, "seqkit-average", encoder("average", "average:MovingAverage"), version=version, point="average")
        write(folder / "average.py", MOVING_AVERAGE)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setattr("seqkit.registry._loaded", {})

    return put


def test_a_run_of_a_newer_plugin_is_neither_loaded_nor_gone_on_with(installed, tmp_path: Path) -> None:
    installed("1.2")
    recipe = write(tmp_path / "average.yaml", RECIPE)
    path = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True).path
    installed("1.1.9")
    told = rf"{path}: was made with seqkit-average 1\.2, and 1\.1\.9 is installed: pip install 'seqkit-average>=1\.2'"
    for use in (
        lambda: seqkit.load(path).generate("a bas", length=2),
        lambda: seqkit.load(path).evaluate([("a bas", None)]),
        lambda: seqkit.run(recipe, resume=path, quiet=True),
    ):
        with pytest.raises(PluginError, match=told):
            use()


def test_a_newer_plugin_reads_an_older_ones_run(installed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    installed("1.2")
    recipe = write(tmp_path / "average.yaml", RECIPE)
    run = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True)
    written = run.generate("a bas", length=5)
    installed("1.10")
    assert seqkit.load(run.path).generate("a bas", length=5) == written
    seqkit.run(recipe, resume=run.path)
    assert "note: begun with seqkit-average 1.2, and 1.10 is here: the numbers may differ" in capsys.readouterr().out


def test_going_on_with_another_version_of_torch_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stopped(CHAR, tmp_path, 2)
    plan = json.loads((path / "plan.json").read_text())
    plan["versions"] |= {"torch": "2.6.0", "seqkit": "99.0"}
    (path / "plan.json").write_text(json.dumps(plan))
    seqkit.run(CHAR, resume=path)
    out = capsys.readouterr().out
    assert "note: begun with torch 2.6.0, and " in out
    assert "note: begun with seqkit 99.0, and " in out


# The data of a run that goes on

TABLE = "text,label\na,low\nb,high\nab,low\n"


@pytest.mark.parametrize("side", ["train", "valid", "test"])
def test_the_part_of_the_data_that_is_another_is_named(side: str, tmp_path: Path) -> None:
    files = {each: write(tmp_path / f"{each}.csv", TABLE) for each in ("train", "valid", "test")}
    data = {"type": "table", "path": str(files["train"])}
    data |= {each: {"path": str(files[each])} for each in ("valid", "test")}
    recipe = {"data": data, "encoder": {"type": "lstm", "hidden_size": 3}, "head": "classify", "train": {"epochs": 2}}
    path = stopped(recipe, tmp_path / "runs", 2)
    write(files[side], TABLE.replace("a,low", "a,high"))
    with pytest.raises(DataError, match=rf"{path}: the data is not what it was when this run began: {side}$"):
        seqkit.run(recipe, resume=path, quiet=True)
    write(files[side], TABLE)
    assert seqkit.run(recipe, resume=path, quiet=True).path == path


def test_the_same_data_may_have_moved(labelled, tmp_path: Path) -> None:
    path = stopped(labelled, tmp_path / "runs", 4)
    moved = Path(labelled["data"]["path"]).rename(tmp_path / "moved.csv")
    other = labelled | {"data": labelled["data"] | {"path": str(moved)}}
    assert seqkit.run(other, resume=path, quiet=True).path == path
    with pytest.raises(UsageError, match=r"another recipe: data\.format: resume it"):
        seqkit.run(other | {"data": other["data"] | {"format": "csv"}}, resume=path, quiet=True)


def test_a_run_that_noted_no_data_is_not_gone_on_with(tmp_path: Path) -> None:
    path = stopped(CHAR, tmp_path, 2)
    plan = json.loads((path / "plan.json").read_text())
    del plan["data_sha256"]
    (path / "plan.json").write_text(json.dumps(plan))
    assert "the data is not what it was when this run began: all of it" in complaint(
        path, lambda run: run_recipe(read_recipe(CHAR), load_registry(), tmp_path, Report(None), resume=run)
    )
