"""What the tests share: the command line as a subprocess, and small recipes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import settings

# Small tensors gain nothing from a second thread, and lose much where two processes share two cores.
torch.set_num_threads(1)
# A machine that is busy must not fail a test, and a failure must be there again on the next run.
settings.register_profile("seqkit", deadline=None, derandomize=True, database=None)
settings.load_profile("seqkit")

RECIPES = Path(__file__).parent.parent / "recipes"

SENTENCE = "In Beijing Sarah bought a basket of apples In Guangzhou Sarah bought a basket of bananas"


# Plugins that are installed beside seqkit are no part of what these tests say of it, nor of how many they are. The
# tests of plugins run in the same process, and have them.
os.environ["SEQKIT_PLUGINS"] = "off"


def pytest_collection_finish() -> None:
    os.environ.pop("SEQKIT_PLUGINS", None)


@pytest.fixture(autouse=True)
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQKIT_PLUGINS", "off")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Returns the folder in which ids of long texts are kept: no test's are kept in the user's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("SEQKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def every_text_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    from seqkit import long_text

    monkeypatch.setattr(long_text, "LONG", 0)


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Returns a function that runs `python -m seqkit` with some arguments, in an empty folder unless told otherwise."""

    def run(*arguments: str | Path, cwd: Path = tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "seqkit", *map(str, arguments)],
            cwd=cwd,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=240,
        )

    return run
