"""The setup of a run: everything that training needs, built and checked before anything is written."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from seqkit.contracts import Batch, DataNote, Head, Metric, ParameterGroup, Tokenizer
from seqkit.data.batching import Batches, split_batches, to_device
from seqkit.data.dataset import encode, make_rows
from seqkit.data.limits import LengthLimit, length_limit
from seqkit.data.prepare import PreparedData, check_requested_texts, prepare
from seqkit.data.renewal import renewal
from seqkit.data.tokenizer_checks import check_ids
from seqkit.errors import PluginError, RecipeError, SeqkitError
from seqkit.layers.parallel import worker_threads
from seqkit.layers.precision import products_in, supports_bf16
from seqkit.messages import listed, message
from seqkit.modeling.device import choose_device, isolated_torch_state, seed_everything
from seqkit.modeling.initialization import check_shapes_of_sources, initialize
from seqkit.modeling.model import Model, build_model
from seqkit.recipe.compatibility import causality_fault, directions_fault
from seqkit.recipe.dry_build import innermost_not_causal
from seqkit.recipe.paths import recipe_errors
from seqkit.recipe.plan import Plan
from seqkit.recipe.recipe import Recipe
from seqkit.registry.failures import describe_failure
from seqkit.training.distributed import SINGLE, Communicator
from seqkit.training.documents import data_file_digests
from seqkit.training.features import check_features
from seqkit.training.groups import parameter_groups
from seqkit.training.lineage import check_lineage, sources
from seqkit.training.metrics import build_metrics
from seqkit.training.threads import Threads, measure_threads


@dataclass
class TrainingSetup:
    """Everything that training needs.

    Attributes:
        plan: the resolved recipe.
        data: the examples and rows of each split, tokenizer and head.
        model: the model on its device, with initial weights.
        groups: its trained parameters.
        device: the device of the model.
        threads: the CPU threads of this process.
        train_batches: this process's batches of the training split.
        evaluation_batches: this process's batches of each split that is evaluated: the held-out ones, and the training
            split if none is held out, or if the recipe says so.
        metrics: the metrics of the recipe, by name.
    """

    plan: Plan
    data: PreparedData
    model: Model
    groups: list[ParameterGroup]
    device: torch.device
    threads: Threads
    train_batches: Batches
    evaluation_batches: dict[str, Batches]
    metrics: dict[str, Metric]

    @property
    def higher_is_better(self) -> frozenset[str]:
        """The metrics that are to be maximized."""
        added = {name for name, metric in self.metrics.items() if metric.higher_is_better}
        return self.data.head.higher_is_better | added


def build_setup(plan: Plan, recipe: Recipe, device: torch.device, communicator: Communicator) -> TrainingSetup:
    """Read the data, build the model, and try it on a batch.

    Raises:
        SeqkitError: the recipe, the data or a component is invalid.
    """
    if plan.train.precision == "bf16" and not supports_bf16(device):
        needed = message("bf16 requires a CPU with AMX, AVX512_BF16 or BF16 of ARM: use float32")
        raise RecipeError([recipe.fault(("train", "precision"), needed)])
    notes = check_sources(plan, recipe)
    with recipe_errors(recipe, plan):
        data = prepare(plan)
        check_requested_texts(plan, recipe, data)
        seed_everything(plan.seed)
        model = build_checked_model(plan, recipe, data)
        _limit_lengths(plan, recipe, model, data)
    data.notes += notes
    if model.embedding is not None:
        examples = data.splits["train"].examples
        model.embedding.fit(encode(example.input, data.tokenizer) for example in examples)
        if plan.embedding is not None and plan.embedding.restored_from is None:
            data.notes += model.embedding.notes(
                {
                    split: (encode(example.input, data.tokenizer) for example in dataset.examples)
                    for split, dataset in data.splits.items()
                }
            )
    data.notes += initialize(model, plan, data.tokenizer, recipe)
    if data.tokenizer is None:
        check_features(model, data)
    # MPS has no float64.
    model = model.to(device, torch.float32) if device.type == "mps" else model.to(device)
    groups = parameter_groups(model, plan.train.groups, recipe)
    causal, shard = model.causal, communicator.shard
    renew = renewal(data.head, data.tokenizer)
    train_batches = split_batches(data.splits["train"], plan.train, causal, plan.seed, shard, renew)
    evaluation_batches = {
        # Windows that do not change from epoch to epoch are used for both.
        split: train_batches
        if split == "train" and not (train_batches.whole_rows or plan.train.shift_windows or renew)
        else split_batches(data.splits[split], plan.train, causal, shard=shard)
        for split in dict.fromkeys([*data.evaluated, *(["train"] if plan.train.evaluate_train else [])])
    }
    # Use the whole batch, even with several processes, so that all of them choose the same number of threads.
    whole = (
        train_batches
        if communicator.size == 1
        else split_batches(data.splits["train"], plan.train, causal, plan.seed, renew=renew)
    )
    batch = to_device(next(whole.epoch(0)).batch, device)
    with products_in(plan.train.precision):
        _try_batch(plan, recipe, model, batch, data.tokenizer)
        threads = measure_threads(model, batch, plan.train.threads, communicator.local_size)
    torch.set_num_threads(threads.per_operation)
    if not communicator.is_first:  # with equal seeds, dropout would drop the same elements in every process
        seed_everything((plan.seed + communicator.rank) % 2**32)
    metrics = build_metrics(plan)
    return TrainingSetup(plan, data, model, groups, device, threads, train_batches, evaluation_batches, metrics)


@contextmanager
def setup_without_run(plan: Plan, recipe: Recipe) -> Iterator[TrainingSetup]:
    """Set up training in this process alone, to measure it: no run is written, and torch's state is restored.

    Raises:
        SeqkitError: the recipe, the data or a component is invalid.
    """
    with isolated_torch_state(plan.seed):
        setup = build_setup(plan, recipe, choose_device(plan.train.device), SINGLE)
        with worker_threads(setup.threads.workers):
            yield setup


def check_sources(plan: Plan, recipe: Recipe) -> list[str]:
    """Check the runs that a new run is initialized from, as far as possible before the data is read.

    Returns:
        Notes for the user.

    Raises:
        RecipeError: weights do not fit, or a run may have been trained on texts that are held out here.
    """
    if plan.reader.restored_from is not None or not sources(plan):
        return []
    check_shapes_of_sources(plan, recipe)
    return check_lineage(plan, data_file_digests(plan), recipe)


def build_checked_model(plan: Plan, recipe: Recipe, data: PreparedData) -> Model:
    """Build the model, whose sizes the prepared data determines.

    Raises:
        RecipeError: it does not fit into memory, or its encoder or embedding is not causal although the head needs it
            to be.
    """
    try:
        model = build_model(plan, data.tokenizer, data.head, data.features)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error):
            raise
        too_large = message("the model does not fit into memory: make it smaller (hidden_size, num_layers, dim)")
        raise RecipeError([recipe.fault(("encoder",), too_large)]) from error
    check_causality(plan, recipe, model, data.tokenizer, data.head)
    return model


def check_causality(plan: Plan, recipe: Recipe, model: Model, tokenizer: Tokenizer | None, head: Head) -> None:
    """Check that neither the encoder nor the embedding sees what the head predicts.

    Raises:
        RecipeError: one of them does.
    """
    for find_fault in (causality_fault, directions_fault):
        if problem := find_fault(plan.encoder, plan.head, model.encoder, head):
            raise RecipeError([recipe.fault(("encoder", "type"), problem)])
    if plan.embedding is not None and model.embedding is not None:
        culprit = innermost_not_causal(plan.embedding, model.embedding, tokenizer) or plan.embedding
        for find_fault in (causality_fault, directions_fault):
            if problem := find_fault(culprit, plan.head, model.embedding, head):
                raise RecipeError([recipe.fault(culprit.name_path, problem)])


def _limit_lengths(plan: Plan, recipe: Recipe, model: Model, data: PreparedData) -> None:
    """Cut the rows that are longer than the model takes, or reject them, as its components say.

    Raises:
        DataError: a row is too long. The message names its example.
        RecipeError: windows of the text are too long.
    """
    limit = length_limit(model.embedding, model.encoder, model.head)
    check_window(plan, recipe, limit)
    if limit is None or plan.train.sequence_length:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataNote)  # issued when the rows were made first, before there was a model
        for dataset in data.splits.values():
            if any(len(row.input) > limit.steps for row in dataset.rows):
                dataset.rows = make_rows(dataset.examples, data.tokenizer, data.head, limit)


def check_window(plan: Plan, recipe: Recipe, limit: LengthLimit | None) -> None:
    """Check that the windows of `train.sequence_length` are not longer than the model takes.

    Raises:
        RecipeError: they are.
    """
    if limit is not None and (plan.train.sequence_length or 0) > limit.steps:
        text = message("must be at most {steps}, the longest input of the {kind}", steps=limit.steps, kind=limit.kind)
        raise RecipeError([recipe.fault(("train", "sequence_length"), text)])


def _try_batch(plan: Plan, recipe: Recipe, model: Model, batch: Batch, tokenizer: Tokenizer | None) -> None:
    """Run a model that has components of plugins on one batch, before a file is written.

    Raises:
        PluginError: a component fails.
        RecipeError: the recipe requests predictions, and the head makes none.
    """
    plugins = sorted(plan.providers().keys() - {"seqkit"})
    if not plugins:
        return
    try:
        if tokenizer is not None and batch.inputs.dim() == 2:
            check_ids(batch.inputs[0, : int(batch.lengths[0])].tolist(), tokenizer)
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), torch.no_grad():
            model.eval()
            model(batch)
            predictions = model.predict(model.encode(batch.inputs, batch.lengths), batch)
            model.train()
    except SeqkitError:
        raise
    except Exception as error:
        if failure := describe_failure(error):
            raise PluginError(failure) from error
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise PluginError(
            message("{plugins}: the model fails on its first batch: {reason}", plugins=listed(plugins), reason=reason)
        ) from error
    if plan.predict and not predictions:
        problem = message("the head '{head}' makes no predictions: remove this key", head=plan.head.name)
        raise RecipeError([recipe.fault(("predict",), problem, at_key=True)])
