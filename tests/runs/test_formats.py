"""Tests of runs of other versions: earlier formats load and resume, and newer plugin versions are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import seqkit
from fixtures import make_runs
from helpers.distributions import encoder_source, install
from helpers.plugins import AVERAGE_RECIPE, MOVING_AVERAGE, write_dedented
from helpers.recipes import CHARACTER_RECIPE
from helpers.runs import data_error_line
from helpers.training import interrupted_run
from seqkit.errors import DataError, PluginError, UsageError
from seqkit.experiment import run_recipe
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.registry.requirements import check_not_older
from seqkit.runs.contents import FORMAT

FIXTURES = Path(make_runs.__file__).parent
FORMATS = sorted(int(path.stem.removeprefix("run-format-")) for path in FIXTURES.glob("run-format-*.json"))


def approximately(value: Any) -> Any:
    """Return a value that equals a JSON value up to rounding."""
    if isinstance(value, float):
        return pytest.approx(value, abs=1e-6)
    if isinstance(value, dict):
        return {key: approximately(item) for key, item in value.items()}
    return [approximately(item) for item in value] if isinstance(value, list) else value


def recorded(number: int) -> dict[str, Any]:
    """Return the recorded output of the runs of one format."""
    return json.loads((FIXTURES / f"run-format-{number}.json").read_text(encoding="utf-8"))


def test_current_format_has_fixtures() -> None:
    assert FORMAT in FORMATS, "run tests/fixtures/make_runs.py and commit its output"


@pytest.mark.parametrize("number", FORMATS)
def test_finished_run_of_earlier_format_gives_recorded_output(number: int) -> None:
    generator, classifier = (
        seqkit.load(FIXTURES / f"run-format-{number}-{kind}") for kind in ("generation", "classification")
    )
    expected = recorded(number)
    for name, output in make_runs.outputs(generator, classifier).items():
        assert output == approximately(expected[name])
    assert classifier.metrics == expected["metrics"]
    assert classifier.result["metrics"] == expected["result"]
    scores = classifier.evaluate(FIXTURES / "labels.csv")
    assert scores["examples"] == 16


@pytest.mark.parametrize("number", FORMATS)
def test_interrupted_run_of_earlier_format_resumes(number: int, tmp_path: Path) -> None:
    path = shutil.copytree(FIXTURES / f"run-format-{number}-stopped", tmp_path / "run")
    finished = seqkit.run(make_runs.with_absolute_path(make_runs.CLASSIFICATION_RECIPE), resume=path, quiet=True)
    expected = recorded(number)
    # Rows of an older seqkit have no learning rate.
    rows = [{name: value for name, value in row.items() if name != "lr"} for row in finished.metrics]
    assert rows == approximately(expected["metrics"])
    assert [row["epoch"] for row in finished.metrics if "lr" in row] == [3, 4, 5, 6]
    assert finished.result["metrics"] == approximately(expected["result"])
    assert finished.predict(make_runs.TEXTS) == approximately(expected["predictions"])


# Versions of plugins


@pytest.mark.parametrize(
    ("made_with", "installed", "older"),
    [
        ("0.3.0", "0.2.0", True), ("0.10", "0.9", True), ("1.0", "1.0rc1", True), ("1.0", "1.0.dev3+local", True),
        ("0.3.0", "0.3.0", False), ("0.3", "0.3.0", False), ("0.9", "0.10", False), ("1.0", "1.0.post1", False),
        ("", "1.0", False), ("1.0", "", False), ("no version", "1.0", False),
    ],
)  # fmt: skip
def test_versions_are_compared_like_pip(made_with: str, installed: str, older: bool) -> None:
    recorded = {"kind": "encoder", "name": "x", "distribution": "seqkit_x", "version": made_with}
    if not older:
        check_not_older("runs/x-1", recorded, "seqkit-x", installed)
        return
    with pytest.raises(PluginError) as caught:
        check_not_older("runs/x-1", recorded, "seqkit-x", installed)
    assert caught.value.exit_code == 4
    assert str(caught.value) == (
        f"runs/x-1: made with seqkit-x {made_with}, but {installed} is installed: pip install 'seqkit-x>={made_with}'"
    )


def test_seqkit_version_is_not_compared() -> None:
    check_not_older("runs/x-1", {"distribution": "seqkit", "version": "99.0"}, "seqkit", "0.1.0")


@pytest.fixture
def installed(isolated_registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that installs a version of the plugin `seqkit-average` in place of the previous one."""
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")

    def install_version(version: str) -> None:
        folder = tmp_path / f"installed-{version}"
        folder.mkdir(exist_ok=True)
        install(
            folder,
            "seqkit-average",
            encoder_source("average", "average:MovingAverage"),
            version=version,
            point="average",
        )
        write_dedented(folder / "average.py", MOVING_AVERAGE)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setattr("seqkit.registry._loaded", {})

    return install_version


def test_run_of_newer_plugin_is_neither_loaded_nor_resumed(installed, tmp_path: Path) -> None:
    installed("1.2")
    recipe = write_dedented(tmp_path / "average.yaml", AVERAGE_RECIPE)
    path = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True).path
    installed("1.1.9")
    message = rf"{path}: made with seqkit-average 1\.2, but 1\.1\.9 is installed: pip install 'seqkit-average>=1\.2'"
    for use in (
        lambda: seqkit.load(path).generate("a bas", length=2),
        lambda: seqkit.load(path).evaluate([("a bas", None)]),
        lambda: seqkit.run(recipe, resume=path, quiet=True),
    ):
        with pytest.raises(PluginError, match=message):
            use()


def test_newer_plugin_loads_run_of_older_version(installed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    installed("1.2")
    recipe = write_dedented(tmp_path / "average.yaml", AVERAGE_RECIPE)
    run = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True)
    generated = run.generate("a bas", length=5)
    installed("1.10")
    assert seqkit.load(run.path).generate("a bas", length=5) == generated
    seqkit.run(recipe, resume=run.path)
    assert "note: started with seqkit-average 1.2, but 1.10 is installed; results may differ" in capsys.readouterr().out


def test_resume_with_another_torch_version_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = interrupted_run(CHARACTER_RECIPE, tmp_path, 2)
    plan = json.loads((path / "plan.json").read_text())
    plan["versions"] |= {"torch": "2.6.0", "seqkit": "99.0"}
    (path / "plan.json").write_text(json.dumps(plan))
    seqkit.run(CHARACTER_RECIPE, resume=path)
    out = capsys.readouterr().out
    assert "note: started with torch 2.6.0, but " in out
    assert "note: started with seqkit 99.0, but " in out


# Data of a resumed run

TABLE = "text,label\na,low\nb,high\nab,low\n"


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_changed_split_is_named(split: str, tmp_path: Path) -> None:
    files = {each: write_dedented(tmp_path / f"{each}.csv", TABLE) for each in ("train", "valid", "test")}
    data = {"type": "table", "path": str(files["train"])}
    data |= {each: {"path": str(files[each])} for each in ("valid", "test")}
    recipe = {"data": data, "encoder": {"type": "lstm", "hidden_size": 3}, "head": "classify", "train": {"epochs": 2}}
    path = interrupted_run(recipe, tmp_path / "runs", 2)
    write_dedented(files[split], TABLE.replace("a,low", "a,high"))
    with pytest.raises(DataError, match=rf"{path}: the data differs from that of the saved run \({split}\)"):
        seqkit.run(recipe, resume=path, quiet=True)
    write_dedented(files[split], TABLE)
    assert seqkit.run(recipe, resume=path, quiet=True).path == path


def test_data_file_may_be_moved(vowel_recipe, tmp_path: Path) -> None:
    path = interrupted_run(vowel_recipe, tmp_path / "runs", 4)
    moved = Path(vowel_recipe["data"]["path"]).rename(tmp_path / "moved.csv")
    other = vowel_recipe | {"data": vowel_recipe["data"] | {"path": str(moved)}}
    assert seqkit.run(other, resume=path, quiet=True).path == path
    with pytest.raises(UsageError, match=r"the recipe differs from the saved run: data\.format"):
        seqkit.run(other | {"data": other["data"] | {"format": "csv"}}, resume=path, quiet=True)


def test_run_without_recorded_data_hash_is_not_resumed(tmp_path: Path) -> None:
    path = interrupted_run(CHARACTER_RECIPE, tmp_path, 2)
    plan = json.loads((path / "plan.json").read_text())
    del plan["data_sha256"]
    (path / "plan.json").write_text(json.dumps(plan))
    assert "the data differs from that of the saved run (all splits)" in data_error_line(
        path, lambda run: run_recipe(read_recipe(CHARACTER_RECIPE), load_registry(), tmp_path, resume=run)
    )
