"""From a recipe to a finished run directory."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import seqkit
from seqkit.compatibility import causality_fault
from seqkit.contracts import Head, Tokenizer
from seqkit.data import SPLITS, Dataset, encode, make_rows, read_splits, repeated
from seqkit.errors import DataError, Fault, PluginError, RecipeError, SeqkitError, UsageError
from seqkit.lifecycle import Lifecycle
from seqkit.plan import BuildError, Plan
from seqkit.recipe import Recipe
from seqkit.registry import Registry
from seqkit.resolve import resolve
from seqkit.rundir import FORMAT, RunDirectory, to_json, write_whole

if TYPE_CHECKING:
    from seqkit.checkpoint import Checkpoint, Progress
    from seqkit.model import Model


@dataclass
class Prepared:
    """The data of a plan, and what was fitted on its training split."""

    tokenizer: Tokenizer | None
    head: Head
    splits: dict[str, Dataset]

    @property
    def features(self) -> int | None:
        """The width of the features, where the reader yields them."""
        return None if self.tokenizer else int(self.splits["train"].rows[0].input.shape[-1])

    @property
    def scored(self) -> str:
        """The split that the baseline is scored on: the one that was kept furthest from training."""
        return next(side for side in ("test", "valid", "train") if side in self.splits)

    def digest(self) -> str:
        """Returns the sha256 of every row of every split."""
        digest = hashlib.sha256()
        for side, dataset in self.splits.items():
            digest.update(side.encode())
            for row in dataset.rows:
                for part in row:
                    digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


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

    Nothing is written before the recipe, the data and the model have all been found good.

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
    try:
        return _run(plan, recipe, registry, runs, report, stop, resume, callbacks)
    except BuildError as error:
        raise RecipeError([recipe.fault(error.path, str(error))]) from error


def _run(
    plan: Plan,
    recipe: Recipe,
    registry: Registry,
    runs: Any,
    report: Any,
    stop: Callable[[], int],
    resume: Any,
    callbacks: Sequence[Any],
) -> RunDirectory:
    import torch
    from safetensors.torch import save

    from seqkit.checkpoint import weights_of
    from seqkit.device import borrowed_torch, choose_device, choose_threads, seed_everything
    from seqkit.train import train

    device = choose_device(plan.train.device)
    with borrowed_torch(plan.seed):
        prepared = prepare(plan)
        _check_asked_for(plan, recipe, prepared)
        seed_everything(plan.seed)
        model = _built(plan, recipe, prepared)
        if model.embedding is not None:
            examples = prepared.splits["train"].examples
            model.embedding.fit(encode(example.input, prepared.tokenizer) for example in examples)
        model = model.to(device)
        threads = choose_threads(plan.train.threads, model.encoder.output_size)
        torch.set_num_threads(threads)
        _try_out(plan, prepared, model, device)

        document = plan_document(plan, prepared)
        if resume is None:
            run, start = _begun(plan, recipe, prepared, document, runs), None
        else:
            run = RunDirectory.open(resume)
            start = _going_on(run, document, report)
        lifecycle = Lifecycle(registry, callbacks, run.path, report.note)
        _introduce(plan, prepared, model, f"{device}, {threads} thread{'s' if threads > 1 else ''}", report)
        try:
            lifecycle.tell("seqkit_run_start", recipe=plan.as_data(), step=start.progress.step if start else 0)
            observer = _Observer(report, lifecycle)
            progress = train(model, prepared.splits, plan.train, plan.seed, device, run, observer, stop, start)
            report.trained()

            write_whole(run.model, save(weights_of(model)))
            result = _scored(plan, prepared, model, device)
            for side, scores in result["metrics"].items():
                where = {"split": side, "epoch": progress.epoch, "step": progress.step}
                lifecycle.tell("seqkit_evaluation", metrics=scores, **where)
            result["timing"] = {
                "train_seconds": progress.seconds,
                "tokens_per_second": progress.tokens / max(progress.seconds, 1e-9),
                "threads": threads,
            }
            result |= _asked_for(plan, run)
            write_whole(run.result, to_json(result))
        except BaseException as error:
            lifecycle.tell("seqkit_run_end", result=None, error=error)
            raise
    report.summary(result)
    lifecycle.tell("seqkit_run_end", result=result, error=None)
    return run


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


def _begun(plan: Plan, recipe: Recipe, prepared: Prepared, document: dict[str, Any], runs: Any) -> RunDirectory:
    """Makes a new run directory. What goes into it is made first, so that a fault leaves none behind."""
    contents = [text.encode() for text in (recipe.text, to_json(document), to_json(fitted_document(prepared)))]
    run = RunDirectory.create(runs, plan.name)
    for file, content in zip((run.recipe, run.plan, run.tokenizer), contents, strict=True):
        write_whole(file, content)
    return run


def _going_on(run: RunDirectory, document: dict[str, Any], report: Any) -> Checkpoint:
    """Returns the newest whole checkpoint of a run that is to be resumed, and tells which were passed over.

    Raises:
        UsageError, DataError: the recipe or the data is another, or there is no such checkpoint.
    """
    from seqkit.checkpoint import newest_checkpoint

    _refuse_if_different(run, document)
    start, passed_over = newest_checkpoint(run)
    for reason in passed_over:
        report.note(f"passed over: {reason}")
    if start is None:
        raise DataError(f"{run.path}: holds no checkpoint that is whole: start it again without --resume")
    report.note(f"going on from step {start.progress.step:,}: {start.path}")
    return start


def _introduce(plan: Plan, prepared: Prepared, model: Model, machine: str, report: Any) -> None:
    """Says what is about to be trained, and what is doubtful about its data."""
    weights = sum(parameter.numel() for parameter in model.parameters())
    examples = {side: dataset.examples for side, dataset in prepared.splits.items()}
    counts = {side: len(members) for side, members in examples.items()}
    report.started(plan, counts, _sizes(prepared, model), f"{weights:,} weights, {machine}")
    for side, number in repeated(examples).items():
        if number:
            report.note(f"{number:,} of the {counts[side]:,} {side} examples are in train too")


def prepare(plan: Plan) -> Prepared:
    """Reads the data, fits tokenizer and head on its training split, and makes the rows of every split.

    Raises:
        DataError: the data is wrong.
        BuildError: what a component was told does not fit the data.
    """
    splits = {side: Dataset(examples) for side, examples in read_splits(plan).items()}
    tokenizer: Tokenizer | None = plan.tokenizer.build() if plan.tokenizer else None
    head = plan.head.build()
    if plan.tokenizer is not None and tokenizer is not None:
        tokenizer.fit(example.input for example in splits["train"].examples)
        if not isinstance(getattr(tokenizer, "vocab_size", None), int):
            provider = plan.tokenizer.registered.provider
            raise PluginError(f"the tokenizer '{plan.tokenizer.name}' of {provider} does not set vocab_size")
    try:
        head.fit(splits["train"].examples, tokenizer)
    except ValueError as error:
        first, _, rest = str(error).partition(" ")
        if first in plan.head.values:
            raise BuildError(("head", first), rest) from error
        raise DataError(f"the head '{plan.head.name}' cannot learn from these targets: {error}") from error
    for side in SPLITS:
        if side in splits:
            splits[side].rows = make_rows(splits[side].examples, tokenizer, head)
            if not splits[side].rows:
                raise DataError(f"the {side} part holds nothing that the head '{plan.head.name}' can use")
    return Prepared(tokenizer, head, splits)


def plan_document(plan: Plan, prepared: Prepared) -> dict[str, Any]:
    """Returns plan.json: the whole recipe, resolved, and what it was resolved with."""
    return {
        "format": FORMAT,
        "recipe": plan.as_data(),
        "components": [
            {"kind": each.kind, "name": each.name, "distribution": each.distribution, "version": each.version}
            for each in (spec.registered for spec in plan.components)
        ],
        "data_sha256": prepared.digest(),
        "versions": {
            "python": platform.python_version(),
            "torch": metadata.version("torch"),
            "numpy": np.__version__,
            "seqkit": seqkit.__version__,
        }
        | plan.providers(),
    }


def fitted_document(prepared: Prepared) -> dict[str, Any]:
    """Returns tokenizer.json: what tokenizer and head learned from the data."""
    return {
        "tokenizer": prepared.tokenizer.state() if prepared.tokenizer else None,
        "head": prepared.head.state(),
        "features": prepared.features,
    }


def _check_asked_for(plan: Plan, recipe: Recipe, prepared: Prepared) -> None:
    """Finds out before training whether the prompt and the texts to predict can be encoded."""
    prompt = [plan.generate.prompt] if plan.generate and plan.generate.prompt else []
    places = [(("generate", "prompt"), text) for text in prompt]
    places += [(("predict", str(number)), text) for number, text in enumerate(plan.predict)]
    faults: list[Fault] = []
    for path, text in places:
        try:
            encode(text, prepared.tokenizer)
        except DataError as error:
            faults.append(recipe.fault(path, str(error)))
    if faults:
        raise RecipeError(faults)


def _try_out(plan: Plan, prepared: Prepared, model: Any, device: Any) -> None:
    """Gives a model with a plugin's components one batch, which holds them to their contracts before a file is written.

    Raises:
        PluginError: they fail.
    """
    import torch

    from seqkit.batches import to_device
    from seqkit.evaluate import split_batches

    others = sorted(plan.providers().keys() - {"seqkit"})
    if not others:
        return
    batches = split_batches(prepared.splits["train"], plan.train, model.encoder.causal, plan.seed)
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), torch.no_grad():
            model.eval()
            batch = to_device(next(iter(batches.epoch(0))).batch, device)
            model(batch)
            prepared.head.predict(model.encode(batch.inputs, batch.lengths), batch)
            model.train()
    except SeqkitError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise PluginError(f"{', '.join(others)}: the model fails on its first batch: {reason}") from error


def _refuse_if_different(run: RunDirectory, document: dict[str, Any]) -> None:
    """Raises UsageError or DataError when a run to be resumed is not the run that this recipe and data make."""
    before = run.read_plan()
    if differing := sorted(_differences(before["recipe"], document["recipe"])):
        raise UsageError(f"{run.path}: was made by another recipe: {', '.join(differing)}: resume it with its own")
    if before.get("data_sha256") != document["data_sha256"]:
        raise DataError(f"{run.path}: the data is not what it was when this run began")


def _differences(one: Any, other: Any, path: str = "") -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return [
            found
            for key in keys
            for found in _differences(one.get(key), other.get(key), f"{path}.{key}" if path else str(key))
        ]
    return [] if one == other else [path]


def _sizes(prepared: Prepared, model: Any) -> dict[str, str]:
    sizes = {"encoder": f" -> {model.encoder.output_size}, {'causal' if model.encoder.causal else 'not causal'}"}
    if prepared.tokenizer is not None:
        sizes["tokenizer"] = f" -> {prepared.tokenizer.vocab_size:,} ids"
        sizes["embedding"] = f" -> {model.embedding.output_size:,}"
    return sizes


def _scored(plan: Plan, prepared: Prepared, model: Any, device: Any) -> dict[str, Any]:
    """Returns the examples, metrics, baseline and honest loss of result.json."""
    from seqkit.evaluate import evaluate, honest_loss

    splits = prepared.splits
    held_out = [side for side in splits if side != "train"] or ["train"]
    result: dict[str, Any] = {
        "examples": {side: len(dataset.examples) for side, dataset in splits.items()},
        "metrics": {side: evaluate(model, splits[side], plan.train, device) for side in held_out},
    }
    head = prepared.head
    if plan.baseline:
        side = prepared.scored
        floor = head.baseline(splits["train"].examples, splits[side].examples, prepared.tokenizer)
        if floor is not None:
            result["baseline"] = {"split": side} | floor
    if getattr(head, "allow_leak", False) and not model.encoder.causal and head.per_step:
        result["honest_loss"] = honest_loss(model, splits[prepared.scored], getattr(head, "context", 128), device)
    return result


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
