"""Create a run directory, or open an existing one to resume from its newest checkpoint."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from seqkit.errors import DataError, UsageError
from seqkit.messages import counted, message
from seqkit.recipe.plan import Plan
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.saved import resolve_saved
from seqkit.recipe.yaml_parser import dump
from seqkit.registry.registry import Registry
from seqkit.registry.requirements import check_not_older
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import parse_json, read_bytes, to_json
from seqkit.stop import StopCheck
from seqkit.training.callbacks import Callbacks
from seqkit.training.checkpoint import Files, checkpoint_name, snapshot
from seqkit.training.checkpoint_loading import Checkpoint, newest_checkpoint, parse, process_count
from seqkit.training.continuation import change_length, check_fits, save_changes, skipped_steps
from seqkit.training.distributed import Communicator, deserialize, is_restart, launcher_id, serialize
from seqkit.training.documents import (
    check_same_data,
    check_same_recipe,
    fitted_document,
    installed_versions,
    plan_document,
)
from seqkit.training.progress import Progress
from seqkit.training.setup import TrainingSetup


def open_run(
    setup: TrainingSetup,
    recipe: Recipe,
    runs: Path,
    resume: str | Path | None,
    registry: Registry,
    callbacks: Callbacks,
    communicator: Communicator,
    resources: ExitStack,
    stop: StopCheck,
) -> tuple[RunDirectory, Checkpoint | None]:
    """Create a run directory, or open the one to resume. Process 0 does this and broadcasts the result.

    Args:
        setup: the setup of the run.
        recipe: the recipe as it was read.
        runs: the folder of run directories.
        resume: the run directory to resume, or None.
        registry: the installed components.
        callbacks: the callbacks, which receive notes.
        communicator: the communicator of the distributed run.
        resources: receives the lock of the run directory.
        stop: records signals as soon as there is a checkpoint.

    Returns:
        The run directory, and the checkpoint to resume from, if any.

    Raises:
        UsageError, DataError: it cannot be created or resumed.
    """
    launcher = launcher_id()
    if resume is None and is_restart() and communicator.is_first:
        resume = _run_of_launcher(launcher, runs, setup.plan.name)
        if resume:
            callbacks.note(message("restarted by torchrun: resuming {run}", run=resume))
        else:
            callbacks.note(message("restarted by torchrun: no checkpoint yet, starting again"))
    resumed = os.fsdecode(communicator.broadcast(os.fsencode(resume or "")))
    first = {} if resumed else snapshot(setup.model, None, None, Progress(), None, None, communicator)

    def open_in_process_0() -> Files:
        if not communicator.is_first:
            return {}
        if resumed:
            run = RunDirectory.open(resumed)
            resources.enter_context(run.lock())
            _check_same_run(run, setup, recipe, registry, callbacks)
            path, files = _newest_checkpoint(run, callbacks, communicator.size)
            return {"run": os.fsencode(resumed), "checkpoint": os.fsencode(path), "plan": read_bytes(run.plan)} | files
        run_files = _initial_files(setup, recipe, runs, communicator.size, first, launcher)
        run = RunDirectory.create(runs, setup.plan.name, run_files, stop.record)
        resources.enter_context(run.lock())
        return {"run": os.fsencode(run.path)}

    files = deserialize(communicator.broadcast(serialize(communicator.run_or_fail_together(open_in_process_0))))
    stop.record()
    run = RunDirectory(Path(os.fsdecode(files.pop("run"))))
    if "checkpoint" not in files:
        return run, None
    path, document = Path(os.fsdecode(files.pop("checkpoint"))), parse_json(files.pop("plan"), run.plan)
    changes = recipe.overrides if recipe.run else []

    def load_checkpoint() -> Checkpoint:
        checkpoint, skipped = parse(path, files, communicator.rank), skipped_steps(document)
        if changes:
            skipped = change_length(run, document, checkpoint.progress, setup, registry, callbacks)
        check_fits(checkpoint, setup, skipped)
        step = checkpoint.progress.step
        callbacks.note(message("resuming after step {step:,} from {checkpoint}", step=step, checkpoint=path))
        if changes and communicator.is_first:
            save_changes(run, setup.plan, changes, skipped)
        return checkpoint

    return run, communicator.run_or_fail_together(load_checkpoint)


def _initial_files(
    setup: TrainingSetup, recipe: Recipe, runs: Path, processes: int, checkpoint: Files, launcher: str
) -> Files:
    """Return the files of a new run directory, its first checkpoint included, by their paths in it."""
    names = RunDirectory(Path())
    try:
        folder = runs.resolve() / setup.plan.name
    except (OSError, ValueError, RuntimeError):  # `RunDirectory.create` reports it
        folder = runs.absolute() / setup.plan.name
    document = plan_document(setup.plan, recipe, setup.data, folder, processes)
    files = {
        str(names.recipe): dump(document["recipe"]).encode(),
        str(names.given): recipe.given,
        str(names.overrides): "".join(f"{line}\n" for line in recipe.overrides).encode(),
        str(names.plan): to_json(document).encode(),
        str(names.tokenizer): to_json(fitted_document(setup.data, setup.plan)).encode(),
        str(names.model): checkpoint["model.safetensors"],
        str(names.metrics): b"",
        str(names.timing): b"",
    }
    folder = names.checkpoints / checkpoint_name(Progress())
    files |= {str(folder / name): content for name, content in checkpoint.items()}
    return files | ({str(names.launched_by): launcher.encode()} if launcher else {})


def _run_of_launcher(launcher: str, runs: Path, name: str) -> Path | None:
    """Return the run directory that this torchrun created before some of its processes died."""
    for path in sorted(runs.glob(f"{name}-*"), key=lambda path: path.name, reverse=True):
        mark = RunDirectory(path).launched_by
        if mark.is_file() and mark.read_bytes() == launcher.encode():
            return path
    return None


def _check_same_run(
    run: RunDirectory, setup: TrainingSetup, recipe: Recipe, registry: Registry, callbacks: Callbacks
) -> None:
    """Check that recipe and data are those of the run to resume, and that no plugin is older.

    Raises:
        UsageError, DataError, PluginError: they are not.
    """
    document = run.read_plan()
    _compare_versions(run, document, setup.plan, callbacks)
    if recipe.run is None:  # else it is the recipe of the run
        check_same_recipe(run, resolve_saved(run, document, registry), setup.plan)
    check_same_data(run, document, setup.data, setup.plan)


def _newest_checkpoint(run: RunDirectory, callbacks: Callbacks, processes: int) -> tuple[Path, Files]:
    """Return the newest intact checkpoint of the run to resume, and report the corrupt ones that were skipped.

    Raises:
        UsageError, DataError: the number of processes differs, or there is no checkpoint.
    """
    path, files, skipped = newest_checkpoint(run)
    for reason in skipped:
        callbacks.note(message("skipped a checkpoint: {reason}", reason=reason))
    if path is None:
        raise DataError(message("{run}: no checkpoint is intact: start a new run", run=run.path))
    if (saved_by := process_count(files)) != processes:
        raise UsageError(
            counted(
                saved_by,
                "{run}: was trained by 1 process: resume without --processes",
                "{run}: was trained by {count} processes: resume with --processes {count}",
                run=run.path,
            )
        )
    run.remove_temporary_files()
    return path, files


def _compare_versions(run: RunDirectory, document: dict[str, Any], plan: Plan, callbacks: Callbacks) -> None:
    """Raise PluginError if a plugin is older than the one that the run started with; note other differences."""
    installed = {(each.kind, each.name): each for each in (spec.registered for spec in plan.components)}
    for saved in document["components"]:
        if here := installed.get((saved.get("kind"), saved.get("name"))):
            check_not_older(run.path, saved, here.distribution, here.version)
    versions = document.get("versions")
    for name, version in sorted(installed_versions(plan).items()):
        if isinstance(versions, dict) and isinstance(versions.get(name), str) and versions[name] != version:
            callbacks.note(
                message(
                    "started with {name} {saved}, but {version} is installed; results may differ",
                    name=name,
                    saved=versions[name][:40],
                    version=version,
                )
            )
