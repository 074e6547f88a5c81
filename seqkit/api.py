"""The Python interface: `seqkit.run` and `seqkit.load`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.infer.trained import Run
from seqkit.rundir import RunDirectory

__all__ = ["Run", "load", "run"]


def run(
    recipe: str | Path | Mapping[str, Any],
    *,
    runs: str | Path = "runs",
    resume: str | Path | None = None,
    quiet: bool = False,
    callbacks: Sequence[Any] = (),
    **overrides: Any,
) -> Run:
    """Trains what a recipe says.

        seqkit.run("recipes/char_gen.yaml", seed=2, encoder={"hidden_size": 64})
        seqkit.run("recipes/char_gen.yaml", encoder__hidden_size=64)

    Args:
        recipe: a file, or the recipe itself as a dictionary (its paths are relative to the current folder).
        runs: the folder under which the run directory is made.
        resume: a run directory to go on with.
        quiet: print nothing.
        callbacks: objects whose methods are lifecycle hooks (`seqkit.hookimpl`, see `hookspecs.py`), told of this run.
        overrides: sections or keys that replace the recipe's; a dictionary is merged in, and `__` steps into a section.

    Returns:
        The finished run.

    Raises:
        RecipeError, DataError, PluginError, NotFiniteError: as on the command line.
    """
    from seqkit.experiment import run_recipe
    from seqkit.recipe import DICTIONARY, plain, read_recipe
    from seqkit.registry import load_registry
    from seqkit.report import Report

    read = read_recipe(recipe)
    for key, value in overrides.items():
        read.set(tuple(key.replace("__", ".").split(".")), plain(value), DICTIONARY)
    report = Report(None) if quiet else Report(sys.stdout, sys.stderr)
    return Run(run_recipe(read, load_registry(), Path(runs), report, resume=resume, callbacks=callbacks))


def load(run_dir: str | Path) -> Run:
    """Opens a run directory.

    Raises:
        UsageError: it is not one.
        DataError: it is damaged.
    """
    return Run(RunDirectory.open(run_dir))
