"""Settings and fixtures that the tests of several folders share."""

from __future__ import annotations

import os

# Small arrays do not benefit from a second thread; with two processes on two cores, it slows them down. NumPy and torch
# read the variable when they are imported, and so do the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("helpers")

from helpers.commands import CommandResult, run_process  # noqa: E402 - after the registration
from helpers.recipes import GENERATION_RECIPE, classification_recipe, vowel_csv  # noqa: E402
from seqkit.cli import execute  # noqa: E402

torch.set_num_threads(1)
# A busy machine must not fail a test, and a failure must recur on the next run.
settings.register_profile(
    "seqkit", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("seqkit")

# Installed plugins must not change the results of these tests or the number of their cases. The tests of the plugins,
# which may run in the same process, need the plugins: the variable is removed after collection and each test of this
# folder sets it again.
os.environ["SEQKIT_PLUGINS"] = "off"
os.environ["SEQKIT_LANG"] = "en"  # tests of messages compare them in English, whatever the locale of the developer


def pytest_collection_finish() -> None:
    os.environ.pop("SEQKIT_PLUGINS", None)


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQKIT_PLUGINS", "off")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of cached token files, which replaces the user's cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SEQKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def isolated_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register and install components that no other test sees."""
    monkeypatch.setattr("seqkit.registry._session", [])
    monkeypatch.setattr("seqkit.registry._loaded", {})


@pytest.fixture
def enable_plugins(isolated_registry: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Return a function that enables the plugins of a folder in this process, as PYTHONPATH does in a new one."""
    before = set(sys.modules)
    folders = []

    def enable(folder: Path) -> None:
        folders.append(folder)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setenv("SEQKIT_PLUGINS", "on")
        monkeypatch.setattr("seqkit.registry._loaded", {})

    yield enable
    for name in set(sys.modules) - before:  # another test may install a module of the same name
        if any(Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(folder) for folder in folders):
            del sys.modules[name]


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `python -m seqkit` in a new process, by default in an empty folder."""

    def run(*arguments: str | Path, cwd: Path = tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
        return run_process(*arguments, cwd=cwd, env=os.environ | environment)

    return run


@pytest.fixture
def run_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., CommandResult]:
    """Return a function that runs a command line in this process, in an empty folder."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # restored after a command replaced it
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> CommandResult:
        capsys.readouterr()
        return CommandResult(execute([str(argument) for argument in arguments]), *capsys.readouterr())

    return run


@pytest.fixture
def vowel_recipe(tmp_path: Path) -> dict[str, Any]:
    """Return a recipe that classifies 300 short words by their first letter, with validation and test splits."""
    (tmp_path / "words.csv").write_text(vowel_csv(300))
    return {
        "name": "words",
        "seed": 1,
        "data": {
            "type": "table",
            "path": str(tmp_path / "words.csv"),
            "split": {"by": "hash", "valid": 0.2, "test": 0.2},
        },
        "encoder": {"type": "bilstm", "hidden_size": 8},
        "head": {"type": "classify"},
        "tokenizer": {"type": "char", "unknown": "mark"},
        "train": {"epochs": 6, "threads": 1, "batch_size": 16, "optimizer": {"type": "adam", "lr": 0.01}},
        "baseline": "off",
    }


@pytest.fixture(scope="module")
def generation_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a finished run that generates text."""
    import seqkit

    return seqkit.run(GENERATION_RECIPE, runs=tmp_path_factory.mktemp("generation"), quiet=True).path


@pytest.fixture(scope="module")
def classification_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a finished run that classifies; `reviews.csv` and `test.csv` are in the same folder."""
    import seqkit

    folder = tmp_path_factory.mktemp("classification")
    return seqkit.run(classification_recipe(folder), runs=folder, quiet=True).path
