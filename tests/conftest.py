"""What the tests share: the command line as a subprocess, and small recipes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

RECIPES = Path(__file__).parent.parent / "recipes"

SENTENCE = "In Beijing Sarah bought a basket of apples In Guangzhou Sarah bought a basket of bananas"


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
