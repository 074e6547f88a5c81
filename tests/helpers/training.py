"""Interrupt a training run, and compare two runs."""

from __future__ import annotations

import copy
import signal
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.errors import Interrupted
from seqkit.experiment import run_recipe
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.stop import StopCheck


class StopAfter(StopCheck):
    """A stop check that reports SIGTERM at its n-th call."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def __call__(self) -> int:
        self.calls -= 1
        return signal.SIGTERM if self.calls == 0 else 0


def interrupted_run(recipe: dict[str, Any], folder: Path, after: int, **overrides: Any) -> Path:
    """Train a recipe until the stop callback has been called `after` times, and return the run directory.

    The trainer calls it once after each optimizer step, and during an evaluation.
    """
    read = read_recipe(recipe)
    for key, value in overrides.items():
        read.set(tuple(key.split("__")), value, "recipe")
    with pytest.raises(Interrupted) as caught:
        run_recipe(read, load_registry(), folder, stop=StopAfter(after))
    assert caught.value.exit_code == 143
    (path,) = folder.iterdir()
    assert f"seqkit resume {path}" in str(caught.value)
    return path


def reproducible_contents(run: seqkit.Run) -> dict[str, Any]:
    """Return the contents of a run directory that two runs of one recipe share: all but timings."""
    result = copy.deepcopy(run.result)
    del result["timing"]
    folder = run.path
    return {
        "weights": (folder / "model.safetensors").read_bytes(),
        "metrics": (folder / "metrics.jsonl").read_bytes(),
        "plan": (folder / "plan.json").read_bytes(),
        "tokenizer": (folder / "tokenizer.json").read_bytes(),
        "result": result,
    }
