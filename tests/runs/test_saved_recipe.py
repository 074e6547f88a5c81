"""What a run directory says about where it comes from: the recipe, the overrides, the command and the commit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import seqkit
from helpers.plugins import write_dedented
from helpers.recipes import GENERATION_RECIPE
from helpers.training import reproducible_contents
from seqkit.cli import execute
from seqkit.runs.git import git_commit

TABLE = "text,label\na,low\nb,high\nab,low\nba,high\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a recipe that extends another, and data beside it; it is the current folder."""
    folder = tmp_path / "home" / "maker" / "project"
    (folder / "data").mkdir(parents=True)
    for name in ("train", "test"):
        (folder / "data" / f"{name}.csv").write_text(TABLE)
    write_dedented(
        folder / "base.yaml",
        """
        data: {type: table, path: data/train.csv, test: {path: data/test.csv}}
        encoder: {type: lstm, hidden_size: 3}
        head: classify
        train: {epochs: 1, threads: 1}
        """,
    )
    (folder / "top.yaml").write_bytes(b"extends: base.yaml\r\n# a comment\r\nseed: 3\r\n")
    monkeypatch.chdir(folder)
    return folder


def test_run_directory_contains_the_recipe_as_given_and_as_trained(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "top.yaml", "train.steps=2", "predict=[ab,\n ba]"]
    assert execute(arguments) == 0
    run = seqkit.load("runs/top-1")
    assert (run.path / "recipe.given.yaml").read_bytes() == (project / "top.yaml").read_bytes()
    assert (run.path / "overrides.txt").read_text() == 'train.steps=2\npredict=["ab", "ba"]\n'
    document = json.loads((run.path / "plan.json").read_text())
    assert document["command"] == "seqkit run top.yaml train.steps=2 'predict=[ab,\n ba]'"
    assert document["recipe"]["data"]["path"] == "../../data/train.csv"
    assert document["recipe"]["data"]["test"]["path"] == "../../data/test.csv"
    for file in run.path.rglob("*"):
        assert not file.is_file() or str(tmp_path).encode() not in file.read_bytes(), file
    capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(project / "runs")
    for recipe in (run.path, project / "runs" / "top-1", tmp_path / "link" / "top-1"):
        again = execute(["run", str((project / recipe) / "recipe.yaml"), "--runs", "again"])
        assert again == 0
        other = seqkit.load(capsys.readouterr().out.splitlines()[-1])
        expected = reproducible_contents(seqkit.load(project / "runs" / "top-1")) | {"plan": b""}
        assert reproducible_contents(other) | {"plan": b""} == expected
        assert other.path.name.startswith("top-")


def test_absolute_path_and_home_folder_stay_as_they_are_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project.parent))
    absolute = str(project / "data" / "test.csv")
    run = seqkit.run("base.yaml", quiet=True, data__path="~/project/data/train.csv", data__test__path=absolute)
    assert run.recipe["data"]["path"] == "~/project/data/train.csv"
    assert run.recipe["data"]["test"]["path"] == absolute


def test_runs_folder_that_is_a_link(project: Path, tmp_path: Path) -> None:
    """`..` after a link leads to the folder above its target."""
    (tmp_path / "large disk").mkdir()
    (project / "runs").symlink_to(tmp_path / "large disk")
    run = seqkit.run("top.yaml", quiet=True)
    assert seqkit.resume(run.path, quiet=True).path == run.path
    assert execute(["check", "runs/top-1/recipe.yaml"]) == 0


# The git commit


def test_git_commit_is_that_which_git_names(tmp_path: Path) -> None:
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    repository = tmp_path / "repository"

    def git(*arguments: str, folder: Path = repository) -> str:
        identity = ["-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    assert git_commit(tmp_path / "absent") is None
    (repository / "inner").mkdir(parents=True)
    git("init", "--quiet")
    assert git_commit(repository) is None
    git("commit", "--quiet", "--allow-empty", "--message", "one")
    git("worktree", "add", "--quiet", str(tmp_path / "worktree"))
    worktree = tmp_path / "worktree"
    git("commit", "--quiet", "--allow-empty", "--message", "two", folder=worktree)
    for change in ([], ["pack-refs", "--all"], ["checkout", "--quiet", "--detach"]):
        if change:
            git(*change)
        assert git_commit(repository / "inner") == git("rev-parse", "HEAD")
        assert git_commit(worktree) == git("rev-parse", "HEAD", folder=worktree) != git("rev-parse", "HEAD")
    (repository / ".git" / "HEAD").write_text("ref: refs/heads/../../../outside\n")
    assert git_commit(repository) is None


def test_commit_of_the_recipe_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("f" * 40 + "\n")
    monkeypatch.chdir(tmp_path)
    run = seqkit.run(GENERATION_RECIPE, runs="runs", quiet=True, train__epochs=1)
    assert json.loads(run.directory.plan.read_text())["git_commit"] == "f" * 40


def test_missing_plugin_of_a_run_is_installed_from_the_source_of_its_recipe(tmp_path: Path) -> None:
    path = seqkit.run(GENERATION_RECIPE, runs=tmp_path / "runs", quiet=True, train__epochs=1).path
    document = json.loads((path / "plan.json").read_text())
    document["components"].append({"kind": "encoder", "name": "gru", "distribution": "seqkit-gru", "version": "0.2"})
    document["recipe"]["encoder"] = {"type": "gru"}
    document["recipe"]["plugins"] = ["seqkit-other @ nowhere", "seqkit_gru>=0.1 @ ../../gru"]
    (path / "plan.json").write_text(json.dumps(document))
    (tmp_path / "gru").mkdir()
    with pytest.raises(seqkit.PluginError) as caught:
        seqkit.load(path).generate("In", length=2)
    source = os.path.relpath(tmp_path / "gru")
    assert str(caught.value) == f"{path}: the encoder 'gru' of seqkit-gru is not installed: pip install {source}"
