"""Continue a run from a checkpoint: check that the checkpoint fits the run, and change the length of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch

from seqkit.data.batching import to_device
from seqkit.errors import DataError, UsageError
from seqkit.messages import counted, message
from seqkit.modeling.state import same_structure
from seqkit.recipe.plan import Plan
from seqkit.recipe.saved import resolve_saved
from seqkit.recipe.yaml_parser import dump
from seqkit.registry.registry import Registry
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import read_bytes, to_json, write_file
from seqkit.training.callbacks import Callbacks
from seqkit.training.checkpoint_loading import Checkpoint
from seqkit.training.length import training_length
from seqkit.training.progress import Progress
from seqkit.training.setup import TrainingSetup


def change_length(
    run: RunDirectory,
    document: Mapping[str, Any],
    progress: Progress,
    setup: TrainingSetup,
    registry: Registry,
    callbacks: Callbacks,
) -> int:
    """Prepare the progress of a run for another length of training, and note what that changes.

    Args:
        run: the run directory.
        document: the content of its plan.json.
        progress: the progress of the checkpoint, which is modified.
        setup: the setup, with the new length.
        registry: the installed components.
        callbacks: the callbacks, which receive notes.

    Returns:
        The number of steps that the run skips: those that remain in an epoch in which the shorter training ended.

    Raises:
        UsageError: the new length is shorter than what is already trained.
    """
    train, steps_per_epoch = setup.plan.train, len(setup.train_batches)
    skipped, saved_train = skipped_steps(document), resolve_saved(run, document, registry).train
    before, now = (training_length(each, steps_per_epoch) for each in (saved_train, train))
    if now == before:
        return skipped
    epochs = progress.epoch + (progress.step_in_epoch > 0)
    if now.steps < progress.step or now.epochs < epochs:
        key, trained = ("steps", progress.step) if train.steps else ("epochs", epochs)
        raise UsageError(
            message(
                "{run}: {trained:,} {key} are already trained: train.{key} must be at least {trained:,}, not {value:,}",
                run=run.path,
                trained=trained,
                key=key,
                value=now.steps if train.steps else now.epochs,
            )
        )
    if train.schedule.cls.depends_on_length:
        callbacks.note(
            message(
                "the {schedule} schedule of the learning rate depends on the length of training, which is now {now:,} "
                "steps; the first {step:,} were trained with the schedule for {before:,}",
                schedule=train.schedule.name,
                now=now.steps,
                step=progress.step,
                before=before.steps,
            )
        )
    if now.steps <= progress.step:
        return skipped
    ends_in_epoch = progress.epoch * steps_per_epoch - progress.step - skipped
    if ends_in_epoch > 0 and progress.step == before.steps and not progress.step_in_epoch:
        skipped += ends_in_epoch
        callbacks.note(
            message(
                "the run ended inside epoch {epoch:,}: training continues with the next epoch", epoch=progress.epoch
            )
        )
    if progress.ended:
        callbacks.note(message("training was ended early: {reason}; it continues", reason=progress.ended[:200]))
        progress.ended = ""
    stopping = train.early_stopping
    if stopping and progress.evals_without_improvement >= stopping.patience:
        callbacks.note(
            counted(
                progress.evals_without_improvement,
                "training was stopped after 1 evaluation without improvement: set train.early_stopping.patience "
                "higher to continue",
                "training was stopped after {count} evaluations without improvement: set "
                "train.early_stopping.patience higher to continue",
            )
        )
    return skipped


def skipped_steps(document: Mapping[str, Any]) -> int:
    """Return the number of steps that a run has skipped, from its plan.json."""
    skipped = document.get("skipped_steps", 0)
    return skipped if isinstance(skipped, int) and 0 <= skipped < 10**18 else 0


def save_changes(run: RunDirectory, plan: Plan, overrides: Sequence[str], skipped: int) -> None:
    """Save a changed recipe in a run directory. The result of a shorter training is removed.

    Args:
        run: the run directory.
        plan: the changed plan.
        overrides: the changes.
        skipped: the number of steps that the run skips.

    Raises:
        UsageError: a file cannot be written.
        DataError: a file is corrupt.
    """
    document = run.read_plan()
    document["recipe"] = plan.as_data(run.path.resolve())
    if skipped:
        document["skipped_steps"] = skipped
    before = read_bytes(run.overrides) if run.overrides.exists() else b""
    write_file(run.recipe, dump(document["recipe"]))
    write_file(run.overrides, before + "".join(f"{line}\n" for line in overrides).encode())
    with suppress(OSError):  # it may be missing
        run.result.unlink()
    write_file(run.plan, to_json(document))


def check_fits(checkpoint: Checkpoint, setup: TrainingSetup, skipped: int) -> None:
    """Check that the step of a checkpoint exists in the run, and that its carried state fits the encoder.

    An untrusted checkpoint could otherwise train forever, or fail deep inside torch.

    Args:
        checkpoint: the checkpoint.
        setup: the setup of the run.
        skipped: the number of steps that the run skips.

    Raises:
        DataError: the checkpoint does not belong to this run.
    """
    batches, progress = setup.train_batches, checkpoint.progress
    length = training_length(setup.plan.train, len(batches))
    steps = progress.epoch * len(batches) + progress.step_in_epoch
    last_epoch = -(-(length.steps + skipped) // len(batches))
    at_end = progress.step == length.steps and progress.epoch == last_epoch and not progress.step_in_epoch
    is_step = progress.step + skipped == steps or at_end
    if progress.step > length.steps or progress.step_in_epoch > len(batches) or not is_step:
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
