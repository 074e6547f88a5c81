"""From a recipe to a finished run directory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit.compatibility import causality_fault
from seqkit.data import encode, repeated
from seqkit.errors import Interrupted, PluginError, RecipeError, SeqkitError, StopAsked
from seqkit.lifecycle import Lifecycle
from seqkit.plan import BuildError, Plan
from seqkit.prepare import Prepared, check_asked_for, plan_document, prepare
from seqkit.recipe import Recipe
from seqkit.registry import Registry
from seqkit.report import Report
from seqkit.resolve import resolve
from seqkit.run_opening import run_directory
from seqkit.rundir import RunDirectory, to_json, write_whole

if TYPE_CHECKING:
    import torch

    from seqkit.checkpoint import Progress
    from seqkit.checkpoint_reading import Checkpoint
    from seqkit.contracts import Batch
    from seqkit.model import Model
    from seqkit.threads import Threads
    from seqkit.world import World


@dataclass
class Ready:
    """Everything that training needs, found good, before anything is written.

    Attributes:
        document: plan.json.
    """

    plan: Plan
    prepared: Prepared
    model: Model
    device: torch.device
    threads: Threads
    document: dict[str, Any]


def run_recipe(
    recipe: Recipe,
    registry: Registry,
    runs: Any,
    report: Any,
    stop: Callable[[], int] = lambda: 0,
    resume: Any = None,
    callbacks: Sequence[Any] = (),
) -> RunDirectory:
    """Trains, evaluates, and writes or answers what the recipe asks for.

    Nothing is written before the recipe, the data and the model have all been found good. Where torchrun has started
    several processes, each of them calls this, and they train together.

    Args:
        runs: the folder under which the run directory is made.
        report: a seqkit.report.Report.
        stop: returns the number of a signal that asks to stop, or 0.
        resume: a run directory to go on with, in place of a new one.
        callbacks: objects with lifecycle hooks (`hookspecs.py`) as methods, told of this run as plugins are.

    Raises:
        SeqkitError: of the kind that says what was wrong.
    """
    plan = resolve(recipe, registry)
    from seqkit.device import borrowed_torch, choose_device
    from seqkit.workers import workers
    from seqkit.world import joined_world

    device = choose_device(plan.train.device)
    with borrowed_torch(plan.seed), joined_world(device) as world, ExitStack() as held:
        if world.rank > 0:
            report = Report(None)
        lifecycle = Lifecycle(registry, callbacks, report.note, told=world.rank == 0)
        ready = world.together(lambda: _made_ready(plan, recipe, device, world, stop))
        held.enter_context(workers(ready.threads.workers))
        run, start = run_directory(ready, recipe, Path(runs), resume, report, world, held)
        lifecycle.run = run.path
        _introduce(ready, report, world)
        try:
            lifecycle.tell("seqkit_run_start", recipe=plan.as_data(), step=start.progress.step if start else 0)
            result = _trained(ready, run, start, report, lifecycle, stop, world)
        except BaseException as error:
            lifecycle.tell("seqkit_run_end", result=None, error=error)
            raise
        if world.rank == 0:
            report.summary(result)
        lifecycle.tell("seqkit_run_end", result=result, error=None)
    return run


def _made_ready(plan: Plan, recipe: Recipe, device: torch.device, world: World, stop: Callable[[], int]) -> Ready:
    """Reads the data, builds the model, and tries both out.

    Raises:
        SeqkitError: of the kind that says what was wrong.
    """
    import torch

    from seqkit.batches import to_device
    from seqkit.device import seed_everything
    from seqkit.evaluate import split_batches
    from seqkit.threads import threads_for

    try:
        prepared = prepare(plan, stop)
        check_asked_for(plan, recipe, prepared)
        seed_everything(plan.seed)
        model = _built(plan, recipe, prepared)
    except BuildError as error:
        raise RecipeError([recipe.fault(error.path, str(error))]) from error
    if model.embedding is not None:
        examples = prepared.splits["train"].examples
        model.embedding.fit(encode(example.input, prepared.tokenizer) for example in examples)
    model = model.to(device)
    batches = split_batches(prepared.splits["train"], plan.train, model.encoder.causal, plan.seed)
    batch = to_device(next(iter(batches.epoch(0))).batch, device)
    _try_out(plan, prepared, model, batch)
    threads = threads_for(model, batch, plan.train.threads, world.local_size)
    torch.set_num_threads(threads.each)
    if world.rank > 0:  # processes that dropped the same places would learn less from each batch
        seed_everything((plan.seed + world.rank) % 2**32)
    return Ready(plan, prepared, model, device, threads, plan_document(plan, prepared))


def _trained(
    ready: Ready,
    run: RunDirectory,
    start: Checkpoint | None,
    report: Any,
    lifecycle: Lifecycle,
    stop: Callable[[], int],
    world: World,
) -> dict[str, Any]:
    """Trains, evaluates and answers; returns result.json, which process 0 has written."""
    from safetensors.torch import save

    from seqkit.train import train
    from seqkit.weights import weights_of

    plan, prepared, model, device = ready.plan, ready.prepared, ready.model, ready.device
    observer = _Observer(report, lifecycle)
    progress = train(model, prepared.splits, plan.train, plan.seed, device, run, observer, stop, start, world)
    report.trained()
    try:
        metrics = _metrics(ready, stop, world)
        if world.rank > 0:
            return {}
        write_whole(run.model, save(weights_of(model)))
        result: dict[str, Any] = {"examples": {side: len(split.examples) for side, split in prepared.splits.items()}}
        result |= {"metrics": metrics} | _floors(ready, stop)
        for side, scores in metrics.items():
            where = {"split": side, "epoch": progress.epoch, "step": progress.step}
            lifecycle.tell("seqkit_evaluation", metrics=scores, **where)
        result["timing"] = {
            "train_seconds": progress.seconds,
            "tokens_per_second": progress.tokens / max(progress.seconds, 1e-9),
            "threads": ready.threads.total,
        } | ({"processes": world.size} if world.size > 1 else {})
        result |= _asked_for(plan, run)
    except StopAsked as asked:
        message = f"stopped once it was trained and saved: go on with --resume {run.path}"
        raise Interrupted(asked.signal_number, message) from None
    write_whole(run.result, to_json(result))
    run.launched_by.unlink(missing_ok=True)
    return result


@dataclass
class _Observer:
    """Passes on how training goes, to whoever started it and to the plugins."""

    report: Any
    lifecycle: Lifecycle

    def step(self, progress: Progress, steps_per_epoch: int, loss: float) -> None:
        self.report.step(progress, steps_per_epoch, loss)

    def epoch(self, progress: Progress, epochs: int, rows: list[dict[str, Any]], best: bool) -> str:
        self.report.epoch(progress, epochs, rows, best)
        scores = {row["split"]: {name: row[name] for name in row.keys() - {"epoch", "step", "split"}} for row in rows}
        if reason := self.lifecycle.epoch(progress.epoch, progress.step, scores):
            self.report.note(f"training ends here: {reason}")
        return reason

    def saved(self, checkpoint: Path, step: int) -> None:
        self.lifecycle.tell("seqkit_checkpoint", checkpoint=checkpoint, step=step)


def _built(plan: Plan, recipe: Recipe, prepared: Prepared) -> Model:
    """Builds the model, now that all its sizes are known.

    Raises:
        RecipeError: it is too large for memory, or its encoder turns out not to be causal where it has to be.
    """
    from seqkit.model import build_model

    try:
        model = build_model(plan, prepared.tokenizer, prepared.head, prepared.features)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        too_large = "this model does not fit into memory: make it smaller (hidden_size, num_layers, dim)"
        raise RecipeError([recipe.fault(("encoder",), too_large)]) from error
    if message := causality_fault(plan.encoder, plan.head, model.encoder, prepared.head):
        raise RecipeError([recipe.fault(("encoder", "type"), message)])
    return model


def _introduce(ready: Ready, report: Any, world: World) -> None:
    """Says what is about to be trained, and what is doubtful about its data."""
    from seqkit.threads import paths_of

    plan, prepared, model = ready.plan, ready.prepared, ready.model
    weights = sum(parameter.numel() for parameter in model.parameters())
    examples = {side: dataset.examples for side, dataset in prepared.splits.items()}
    counts = {side: len(members) for side, members in examples.items()}
    machine = f"{weights:,} weights, {ready.device}, {ready.threads}"
    machine += f" in each of {world.size} processes" if world.size > 1 else ""
    report.started(plan, counts, _sizes(prepared, model), machine)
    for line in paths_of(model):
        report.detail("path", line)
    for note in prepared.notes:
        report.note(note)
    for side, number in repeated(examples).items():
        if number:
            report.note(f"{number:,} of the {counts[side]:,} {side} examples are in train too")


def _try_out(plan: Plan, prepared: Prepared, model: Any, batch: Batch) -> None:
    """Gives a model with a plugin's components one batch, which holds them to their contracts before a file is written.

    Raises:
        PluginError: they fail.
    """
    import torch

    others = sorted(plan.providers().keys() - {"seqkit"})
    if not others:
        return
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), torch.no_grad():
            model.eval()
            model(batch)
            prepared.head.predict(model.encode(batch.inputs, batch.lengths), batch)
            model.train()
    except SeqkitError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise PluginError(f"{', '.join(others)}: the model fails on its first batch: {reason}") from error


def _sizes(prepared: Prepared, model: Any) -> dict[str, str]:
    sizes = {"encoder": f" -> {model.encoder.output_size}, {'causal' if model.encoder.causal else 'not causal'}"}
    if prepared.tokenizer is not None:
        sizes["tokenizer"] = f" -> {prepared.tokenizer.vocab_size:,} ids"
        sizes["embedding"] = f" -> {model.embedding.output_size:,}"
    return sizes


def _metrics(ready: Ready, stop: Callable[[], int], world: World) -> dict[str, dict[str, Any]]:
    """Returns the metrics of every split that was held out, or of train where none was."""
    from seqkit.evaluate import evaluate

    splits = ready.prepared.splits
    return {
        side: evaluate(ready.model, splits[side], ready.plan.train, ready.device, world, stop)
        for side in ([side for side in splits if side != "train"] or ["train"])
    }


def _floors(ready: Ready, stop: Callable[[], int]) -> dict[str, Any]:
    """Returns the baseline of result.json, and the honest loss of a model that was allowed to cheat."""
    from seqkit.evaluate import honest_loss

    prepared, model, head = ready.prepared, ready.model, ready.prepared.head
    splits, side = prepared.splits, prepared.scored
    found: dict[str, Any] = {}
    if signal_number := stop():
        raise StopAsked(signal_number)
    if ready.plan.baseline:
        floor = head.baseline(splits["train"].examples, splits[side].examples, prepared.tokenizer)
        found |= {"baseline": {"split": side} | floor} if floor is not None else {}
    if getattr(head, "allow_leak", False) and not model.encoder.causal and head.per_step:
        found["honest_loss"] = honest_loss(model, splits[side], getattr(head, "context", 128), ready.device)
    if signal_number := stop():
        raise StopAsked(signal_number)
    return found


def _asked_for(plan: Plan, run: RunDirectory) -> dict[str, Any]:
    """Returns what the finished run writes and answers, as `seqkit generate` and `seqkit predict` would."""
    from seqkit.infer.trained import Run

    trained = Run(run)
    asked: dict[str, Any] = {}
    if plan.generate and plan.generate.prompt:
        asked["generated"] = [{"prompt": plan.generate.prompt, "text": trained.generate()}]
    if plan.predict:
        asked["predictions"] = trained.predict(plan.predict)
    return asked
