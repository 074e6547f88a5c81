"""The Python interface: `seqkit.run`, `seqkit.resume`, `seqkit.load` and `seqkit.ensemble`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.errors import Interrupted, UsageError
from seqkit.inference.run import Run
from seqkit.messages import message
from seqkit.runs.directory import RunDirectory
from seqkit.stop import InterruptCheck

if TYPE_CHECKING:
    from seqkit.recipe.recipe import Recipe

__all__ = ["Run", "ensemble", "load", "resume", "run"]


def run(
    recipe: str | Path | Mapping[str, Any],
    *,
    runs: str | Path = "runs",
    resume: str | Path | None = None,
    quiet: bool = False,
    callbacks: Sequence[Any] = (),
    data: Any = None,
    **overrides: Any,
) -> Run:
    """Train and evaluate a recipe, and generate or predict what it requests.

        seqkit.run("recipes/char_gen.yaml", seed=2, encoder={"hidden_size": 64})
        seqkit.run("recipes/char_gen.yaml", encoder__hidden_size=64)
        seqkit.run("recipes/hotel_reviews.yaml", data=frame, data__text="review", data__label="stars")

    Args:
        recipe: a file, or the recipe as a dictionary, whose paths are relative to the current folder.
        data: data in memory, which is read in place of the file `data.path`: `(texts, labels)`, each a list, an array
            or a pandas Series; a list of texts, for a head that needs no labels; a pandas or polars DataFrame, a
            datasets.Dataset, or another table with `__arrow_c_stream__` (which needs pyarrow). The section `data`
            names the columns of a table (`text`, `label`) and the split, as for a file; `data.valid` and `data.test`
            remain files. The data is not saved: to resume, pass it again. A dictionary, or a name, overrides the
            section `data` instead.
        runs: the folder in which the run directory is created.
        resume: a run directory to resume.
        quiet: whether to print nothing. A callback or tracker that fails is reported by a warning.
        callbacks: objects whose methods are lifecycle hooks (`seqkit.hookimpl`, see `hookspecs.py`), or instances of
            `seqkit.training.callbacks.Callback`.
        overrides: sections or keys that replace those of the recipe. A dictionary is merged into its section, and
            `encoder__hidden_size` is a key of a section.

    Returns:
        The finished run.

    Raises:
        UsageError: `data` is in none of these forms.
        RecipeError, DataError, PluginError, NotFiniteError: as on the command line.
        KeyboardInterrupt: it was interrupted, and a checkpoint was saved. The message says how to resume the run. A
            second interrupt does not wait for the checkpoint.
    """
    from seqkit.recipe.source import read_recipe

    read = read_recipe(recipe)
    for key, value in _take_data(read, data, overrides).items():
        read.set_argument(key, value)
    return _train(read, Path(runs), resume, callbacks, quiet)


def resume(
    run: str | Path, *, quiet: bool = False, callbacks: Sequence[Any] = (), data: Any = None, **overrides: Any
) -> Run:
    """Resume an interrupted run, or train a finished run for longer.

        seqkit.resume("runs/char-gen-1")
        seqkit.resume("runs/char-gen-1", train__epochs=2000)

    Args:
        run: the run directory, which contains the recipe.
        quiet: whether to print nothing.
        callbacks: as for `run`.
        data: the data that the run was started with, if it was in memory.
        overrides: changes: `train__epochs`, `train__steps`, `train__checkpoint_seconds`, `train__threads`,
            `train__early_stopping={"patience": ...}`, `train__trackers`, and `data__path` for data that has moved.

    Returns:
        The finished run.

    Raises:
        UsageError: it is not a run directory, or an override is not one of these.
        RecipeError, DataError, PluginError, NotFiniteError: as on the command line.
    """
    from seqkit.recipe.saved import check_changes, read_saved_recipe

    directory = RunDirectory.open(run)
    recipe = read_saved_recipe(directory, directory.read_plan())
    for key, value in _take_data(recipe, data, overrides).items():
        check_changes(directory, tuple(key.replace("__", ".").split(".")), value)
        recipe.set_argument(key, value)
    return _train(recipe, directory.path.parent, directory.path, callbacks, quiet)


def _train(recipe: Recipe, runs: Path, resume: str | Path | None, callbacks: Sequence[Any], quiet: bool) -> Run:
    """Train a recipe. An interrupt is raised here, without the frames of the training below."""
    from seqkit.experiment import run_recipe
    from seqkit.registry import load_registry
    from seqkit.training.callbacks import HookWarnings
    from seqkit.training.console import Console
    from seqkit.training.interrupt import Position

    position = Position(resume, "data=…" if recipe.memory is not None else "")
    console = HookWarnings() if quiet else Console(sys.stdout, sys.stderr)
    try:
        with InterruptCheck() as stop:
            return Run(run_recipe(recipe, load_registry(), runs, [position, console, *callbacks], stop, resume))
    except (KeyboardInterrupt, Interrupted) as error:
        if isinstance(error, Interrupted) and error.exit_code != 128 + signal.SIGINT:
            raise
    raise KeyboardInterrupt(position.describe())


def _take_data(recipe: Recipe, data: Any, overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    """Let a recipe read data in memory, if `data` is that; return the overrides, and `data` if it is a section.

    Raises:
        UsageError: `data` is neither, but a path, or a dictionary of columns or tables; or data in memory is passed as
            `data.valid` or `data.test`.
    """
    from seqkit.data.tables import check_section, check_side

    for key, value in overrides.items():
        section, *path = key.replace("__", ".").split(".")
        if section == "data":
            check_side(tuple(path), value)
    if isinstance(data, Path):
        raise UsageError(message("data takes data in memory: pass a file as data__path={path!r}", path=str(data)))
    if data is not None:
        from seqkit.data.memory import memory_reader

        if isinstance(data, str | Mapping) and not hasattr(data, "column_names"):
            check_section(data)
            return {"data": data} | dict(overrides)
        recipe.memory = memory_reader(data)
    return overrides


def load(run_dir: str | Path) -> Run:
    """Open a run directory.

    Args:
        run_dir: the path that `seqkit run` printed last.

    Raises:
        UsageError: it is not a run directory.
        DataError: its plan.json is corrupt. Other files are read when they are first needed.

    Warns:
        UserWarning: the run is not finished. Issued when its weights are first needed.
    """
    run = Run(RunDirectory.open(run_dir))
    run._parts.warns_unfinished = True  # the outputs of a run that is about to finish are computed without `load`
    return run


def ensemble(members: Sequence[str | Path | Run], *, name: str = "ensemble", runs: str | Path = "runs") -> Run:
    """Combine trained runs: the ensemble loads and predicts like a run, and its directory contains its members.

        run = seqkit.ensemble(["runs/reviews-1", "runs/reviews-2", "runs/reviews-3"], name="reviews-all")

    Args:
        members: 2 or more finished runs, or their directories. Head, labels and the kind of input must be the same;
            tokenizers, encoders, sizes and seeds may differ.
        name: the name of the ensemble.
        runs: the folder in which its directory is created.

    Raises:
        UsageError: the runs cannot be combined; the message names two runs and what differs.
        DataError, PluginError: a run cannot be loaded.
    """
    from seqkit.inference.ensemble import create_ensemble
    from seqkit.inference.inputs import list_of

    values = list_of(members, message("ensemble takes a list of runs"), "[first, second]", "[first, second]")
    paths = [value.path if isinstance(value, Run) else Path(value) for value in values]
    return Run(create_ensemble(paths, name, Path(runs)))
