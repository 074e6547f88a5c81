"""Create a run directory, or open an existing one to resume from its newest checkpoint."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from seqkit.data.batching import to_device
from seqkit.errors import DataError, UsageError
from seqkit.messages import message
from seqkit.modeling.state import same_structure
from seqkit.recipe.source import Recipe
from seqkit.registry.requirements import check_not_older
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import to_json
from seqkit.training.callbacks import Callbacks
from seqkit.training.checkpoint import Files, checkpoint_name, snapshot
from seqkit.training.checkpoint_loading import Checkpoint, newest_checkpoint, parse, process_count
from seqkit.training.distributed import Communicator, deserialize, is_restart, launcher_id, serialize
from seqkit.training.documents import check_same_run, fitted_document
from seqkit.training.progress import Progress
from seqkit.training.schedule import training_length
from seqkit.training.setup import TrainingSetup


def open_run(
    setup: TrainingSetup,
    recipe: Recipe,
    runs: Path,
    resume: str | Path | None,
    callbacks: Callbacks,
    communicator: Communicator,
    resources: ExitStack,
) -> tuple[RunDirectory, Checkpoint | None]:
    """Create a run directory, or open the one to resume. Process 0 does this and broadcasts the result.

    Args:
        setup: the setup of the run.
        recipe: the recipe as it was read.
        runs: the folder of run directories.
        resume: the run directory to resume, or None.
        callbacks: the callbacks, which receive notes.
        communicator: the communicator of the distributed run.
        resources: receives the lock of the run directory.

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
    resumed = communicator.broadcast(str(resume or "").encode()).decode()
    first = {} if resumed else snapshot(setup.model, None, Progress(), None, None, communicator)

    def open_in_process_0() -> Files:
        if not communicator.is_first:
            return {}
        if resumed:
            run = RunDirectory.open(resumed)
            resources.enter_context(run.lock())
            path, files = _newest_checkpoint(run, setup.document, callbacks, communicator.size)
            return {"run": resumed.encode(), "checkpoint": str(path).encode()} | files
        run = RunDirectory.create(runs, setup.plan.name, _initial_files(setup, recipe, first, launcher))
        resources.enter_context(run.lock())
        return {"run": str(run.path).encode()}

    files = deserialize(communicator.broadcast(serialize(communicator.run_or_fail_together(open_in_process_0))))
    run = RunDirectory(Path(files.pop("run").decode()))
    if "checkpoint" not in files:
        return run, None
    path = Path(files.pop("checkpoint").decode())

    def load_checkpoint() -> Checkpoint:
        checkpoint = parse(path, files, communicator.rank)
        _check_fits(checkpoint, setup)
        return checkpoint

    return run, communicator.run_or_fail_together(load_checkpoint)


def _initial_files(setup: TrainingSetup, recipe: Recipe, checkpoint: Files, launcher: str) -> Files:
    """Return the files of a new run directory, its first checkpoint included, by their paths in it."""
    names = RunDirectory(Path())
    files = {
        str(names.recipe): recipe.text.encode(),
        str(names.plan): to_json(setup.document).encode(),
        str(names.tokenizer): to_json(fitted_document(setup.data)).encode(),
        str(names.model): checkpoint["model.safetensors"],
        str(names.metrics): b"",
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


def _newest_checkpoint(
    run: RunDirectory, document: dict[str, Any], callbacks: Callbacks, processes: int
) -> tuple[Path, Files]:
    """Return the newest intact checkpoint of the run to resume, and report the corrupt ones that were skipped.

    Raises:
        UsageError, DataError: the recipe, the data or the number of processes differ, or there is no checkpoint.
    """
    check_same_run(run, document)
    _compare_versions(run, document, callbacks)
    path, files, skipped = newest_checkpoint(run)
    for reason in skipped:
        callbacks.note(message("skipped a checkpoint: {reason}", reason=reason))
    if path is None:
        raise DataError(message("{run}: no checkpoint is intact: start again without --resume", run=run.path))
    if (saved_by := process_count(files)) != processes:
        raise UsageError(
            message(
                "{run}: was trained by {count} processes: resume with --processes {count}",
                run=run.path,
                count=saved_by,
            )
        )
    run.remove_temporary_files()
    step = parse(path, files, 0).progress.step
    callbacks.note(message("resuming after step {step:,} from {checkpoint}", step=step, checkpoint=path))
    return path, files


def _compare_versions(run: RunDirectory, document: dict[str, Any], callbacks: Callbacks) -> None:
    """Raise PluginError if a plugin is older than the one that the run started with; note other differences."""
    plan = run.read_plan()
    installed = {(each["kind"], each["name"]): each for each in document["components"]}
    for saved in plan["components"]:
        if here := installed.get((saved.get("kind"), saved.get("name"))):
            check_not_older(run.path, saved, here["distribution"], here["version"])
    versions = plan.get("versions")
    for name, version in sorted(document["versions"].items()):
        if isinstance(versions, dict) and isinstance(versions.get(name), str) and versions[name] != version:
            callbacks.note(
                message(
                    "started with {name} {saved}, but {version} is installed; results may differ",
                    name=name,
                    saved=versions[name][:40],
                    version=version,
                )
            )


def _check_fits(checkpoint: Checkpoint, setup: TrainingSetup) -> None:
    """Check that the step of a checkpoint exists in the run, and that its carried state fits the encoder.

    An untrusted checkpoint could otherwise train forever, or fail deep inside torch.

    Raises:
        DataError: the checkpoint does not belong to this run.
    """
    batches, progress = setup.train_batches, checkpoint.progress
    length = training_length(setup.plan.train, len(batches))
    steps = progress.epoch * len(batches) + progress.step_in_epoch
    at_end = progress.step == length.steps and progress.epoch == length.epochs and not progress.step_in_epoch
    if progress.step > length.steps or progress.step_in_epoch > len(batches) or not (progress.step == steps or at_end):
        raise _does_not_fit(
            checkpoint,
            message("the run has no step {step:,} in epoch {epoch:,}", step=progress.step, epoch=progress.epoch),
        )
    if progress.step_in_epoch == 0:
        if checkpoint.carried is not None:
            raise _does_not_fit(checkpoint, message("it carries a state across epochs"))
        return
    last = to_device(next(batches.epoch(progress.epoch, progress.step_in_epoch - 1)).batch, setup.device)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            fits = same_structure(checkpoint.carried, setup.model.encode(last.inputs, last.lengths).state)
            if fits and getattr(batches, "carry", False):
                setup.model.encode(last.inputs, last.lengths, checkpoint.carried_to(setup.device))
    except Exception as error:  # an encoder may raise anything for a foreign state
        raise _does_not_fit(
            checkpoint, message("the encoder fails on the carried state: {reason}", reason=str(error)[:200])
        ) from None
    if not fits:
        raise _does_not_fit(checkpoint, message("the carried state does not fit this encoder"))


def _does_not_fit(checkpoint: Checkpoint, reason: str) -> DataError:
    return DataError(message("{checkpoint}: corrupt: {reason}", checkpoint=checkpoint.path, reason=reason))
