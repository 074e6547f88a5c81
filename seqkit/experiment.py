"""Run a recipe: the steps from a recipe to a finished run directory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.errors import describe_error
from seqkit.messages import message
from seqkit.recipe.plan import Plan
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.resolve import resolve
from seqkit.registry.registry import Registry
from seqkit.runs.directory import RunDirectory
from seqkit.runs.files import to_json, write_file
from seqkit.runs.numbers import find_not_finite
from seqkit.stop import NO_STOP, StopCheck

if TYPE_CHECKING:
    from seqkit.training.callbacks import Callbacks
    from seqkit.training.checkpoint_loading import Checkpoint
    from seqkit.training.distributed import Communicator
    from seqkit.training.progress import Progress
    from seqkit.training.setup import TrainingSetup

DEFAULT_CONTEXT = 128
"""The maximum length of a prefix for `prefix_loss`, if the head sets no `context`."""


def run_recipe(
    recipe: Recipe,
    registry: Registry,
    runs: Path,
    callbacks: Sequence[object] = (),
    stop: StopCheck = NO_STOP,
    resume: str | Path | None = None,
) -> RunDirectory:
    """Train and evaluate a recipe, and generate or predict what it requests.

    Nothing is written before recipe, data and model have been checked. If torchrun has started several processes, each
    of them calls this function, and they train together.

    Args:
        recipe: the recipe as it was read.
        registry: the installed components.
        runs: the folder in which the run directory is created.
        callbacks: instances of `seqkit.training.callbacks.Callback`, and objects whose methods are lifecycle hooks.
        stop: checked between steps. Before and after training, a signal ends the process at once.
        resume: a run directory to resume instead of creating one.

    Returns:
        The run directory.

    Raises:
        SeqkitError: the recipe, the data or a component is invalid, or the run was stopped.
    """
    if resume is not None:
        recipe = replace(recipe, restored_from=Path(resume))
    plan = resolve(recipe, registry)
    from seqkit.layers.parallel import worker_threads
    from seqkit.modeling.device import choose_device, isolated_torch_state
    from seqkit.training.distributed import join_communicator
    from seqkit.training.resume import open_run
    from seqkit.training.setup import build_setup

    device = choose_device(plan.train.device)
    with isolated_torch_state(plan.seed), join_communicator(device) as communicator, ExitStack() as resources:
        all_callbacks = _collect_callbacks(callbacks, plan, registry, communicator)
        setup = communicator.run_or_fail_together(lambda: build_setup(plan, recipe, device, communicator))
        resources.enter_context(worker_threads(setup.threads.workers))
        run, checkpoint = open_run(setup, recipe, runs, resume, registry, all_callbacks, communicator, resources, stop)
        all_callbacks.emit("setup", setup=setup, processes=communicator.size)
        try:
            step = checkpoint.progress.step if checkpoint else 0
            all_callbacks.emit("run_start", run=run.path, recipe=plan.as_data(), step=step)
            result = _train_and_evaluate(setup, run, checkpoint, all_callbacks, communicator, stop)
        except BaseException as error:
            all_callbacks.emit("run_end", result=None, error=error)
            raise
        all_callbacks.emit("run_end", result=result, error=None)
    return run


def _collect_callbacks(
    given: Sequence[object], plan: Plan, registry: Registry, communicator: Communicator
) -> Callbacks:
    """Return the callbacks of the run: the given ones, then the hooks of plugins, of given objects and of trackers."""
    from seqkit.training.callbacks import Callback, Callbacks, HookCallback

    objects = [callback for callback in given if not isinstance(callback, Callback)]
    callbacks = Callbacks(
        [callback for callback in given if isinstance(callback, Callback)], enabled=communicator.is_first
    )
    trackers = {spec.name: spec.build() for spec in plan.train.trackers}
    callbacks.add(HookCallback(registry, objects, trackers, report=callbacks.hook_failure))
    return callbacks


def _train_and_evaluate(
    setup: TrainingSetup,
    run: RunDirectory,
    checkpoint: Checkpoint | None,
    callbacks: Callbacks,
    communicator: Communicator,
    stop: StopCheck,
) -> dict[str, Any]:
    """Train the model and evaluate it; return the content of result.json, which process 0 writes."""
    from safetensors.torch import save

    from seqkit.modeling.weights import copy_weights
    from seqkit.training.documents import notes_about_data
    from seqkit.training.evaluation import evaluate_split
    from seqkit.training.report_data import collect_exhibits, report_document
    from seqkit.training.trainer import Trainer

    progress = Trainer(setup, run, callbacks, communicator, stop, checkpoint).fit()
    stop.end_at_once(
        message("stopped after training, with everything saved; resume with: {command}", command=run.resume_command)
    )
    callbacks.emit("training_end")
    splits = setup.data.splits
    metrics, exhibits = {}, {}
    for split in setup.data.evaluated:
        batches = setup.evaluation_batches[split]
        metrics[split], predictions = evaluate_split(
            setup.model, splits[split], batches, communicator, metrics=setup.metrics
        )
        if communicator.is_first:
            exhibits[split] = collect_exhibits(setup, split, predictions, callbacks)
    if not communicator.is_first:
        return {}
    run.calibration.unlink(missing_ok=True)  # it is that of earlier weights, if the run was trained for longer
    write_file(run.model, save(copy_weights(setup.model)))
    result = {
        "examples": {split: len(dataset.examples) for split, dataset in splits.items()},
        "metrics": metrics,
        **_score_baseline_and_leak(setup, callbacks),
    }
    if setup.plan.train.average:
        result["weights"] = "average" if progress.uses_average else "last"
    for split, scores in metrics.items():
        callbacks.emit("evaluation", split=split, epoch=progress.epoch, step=progress.step, metrics=scores)
    result["timing"] = _timing(progress, setup, communicator)
    result |= _run_requested_outputs(setup.plan, run)
    notes = run.read_plan().get("notes") or notes_about_data(setup.data, setup.plan)
    write_file(run.report_data, to_json(report_document(setup, progress, exhibits, notes)))
    write_file(run.result, to_json(result))
    _write_report(run, callbacks)
    stop.end_at_once(message("interrupted after the run was finished: {run}", run=run.path))
    run.launched_by.unlink(missing_ok=True)
    return result


def _write_report(run: RunDirectory, callbacks: Callbacks) -> None:
    """Write report.html. The run is finished, and does not fail if its report does."""
    from seqkit.reports.run_page import write_report

    try:
        write_report(run)
    except Exception as error:
        callbacks.note(message("{file} was not written: {reason}", file=run.report, reason=describe_error(error)))


def _score_baseline_and_leak(setup: TrainingSetup, callbacks: Callbacks) -> dict[str, Any]:
    """Score the baseline and, if the encoder can see the tokens to predict, the loss from prefixes alone."""
    from seqkit.data.limits import length_limit
    from seqkit.training.evaluation import prefix_loss

    data, model = setup.data, setup.model
    split = data.baseline_split
    found: dict[str, Any] = {}
    if setup.plan.baseline:
        scores = data.baseline(split)
        if find_not_finite(scores) is not None:
            callbacks.note(message("the baseline contains a number that is not finite, and is left out"))
        elif scores is not None:
            found["baseline"] = {"split": split} | scores
    if data.head.allow_leak and not model.causal and data.head.per_time_step:
        limit = length_limit(model.embedding, model.encoder, model.head)
        context = min(data.head.context or DEFAULT_CONTEXT, limit.steps if limit else sys.maxsize)
        found["honest_loss"] = prefix_loss(model, data.splits[split], context)
    return found


def _timing(progress: Progress, setup: TrainingSetup, communicator: Communicator) -> dict[str, Any]:
    timing = {
        "train_seconds": progress.seconds,
        "tokens_per_second": progress.tokens / max(progress.seconds, 1e-9),
        "threads": setup.threads.total,
    }
    return timing | ({"processes": communicator.size} if communicator.size > 1 else {})


def _run_requested_outputs(plan: Plan, run: RunDirectory) -> dict[str, Any]:
    """Generate and predict what the recipe requests, as the commands would."""
    from seqkit.inference.run import Run

    trained = Run(run)
    outputs: dict[str, Any] = {}
    if plan.generate:  # without a prompt, the head generates whole texts
        outputs["generated"] = [{"prompt": plan.generate.prompt or "", "text": trained.generate()}]
    if plan.predict:
        outputs["predictions"] = trained.predict(plan.predict)
    return outputs
