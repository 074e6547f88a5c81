"""The Python interface: `seqkit.run` and `seqkit.load`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.inference.run import Run
from seqkit.runs.directory import RunDirectory

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
    """Train and evaluate a recipe, and generate or predict what it requests.

        seqkit.run("recipes/char_gen.yaml", seed=2, encoder={"hidden_size": 64})
        seqkit.run("recipes/char_gen.yaml", encoder__hidden_size=64)

    Args:
        recipe: a file, or the recipe as a dictionary, whose paths are relative to the current folder.
        runs: the folder in which the run directory is created.
        resume: a run directory to resume.
        quiet: whether to print nothing.
        callbacks: objects whose methods are lifecycle hooks (`seqkit.hookimpl`, see `hookspecs.py`), or instances of
            `seqkit.training.callbacks.Callback`.
        overrides: sections or keys that replace those of the recipe. A dictionary is merged into its section, and
            `encoder__hidden_size` is a key of a section.

    Returns:
        The finished run.

    Raises:
        RecipeError, DataError, PluginError, NotFiniteError: as on the command line.
    """
    from seqkit.experiment import run_recipe
    from seqkit.recipe.source import ARGUMENT, plain, read_recipe
    from seqkit.registry import load_registry
    from seqkit.training.console import Console

    read = read_recipe(recipe)
    for key, value in overrides.items():
        read.set(tuple(key.replace("__", ".").split(".")), plain(value), ARGUMENT)
    console = [] if quiet else [Console(sys.stdout, sys.stderr)]
    return Run(run_recipe(read, load_registry(), Path(runs), [*console, *callbacks], resume=resume))


def load(run_dir: str | Path) -> Run:
    """Open a run directory.

    Args:
        run_dir: the path that `seqkit run` printed last.

    Raises:
        UsageError: it is not a run directory.
        DataError: its plan.json is corrupt. Other files are read when they are first needed.
    """
    return Run(RunDirectory.open(run_dir))
