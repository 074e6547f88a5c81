"""Fit a recipe to the time that training may take, by training a few steps of it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.data.statistics import describe_cut_texts
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry.registry import Registry

if TYPE_CHECKING:
    from seqkit.data.prepare import PreparedData
    from seqkit.training.setup import TrainingSetup

_PROBE_SECONDS = 4.0
_PROBE_STEPS, _MIN_PROBES = 40, 8
_MIN_EPOCHS = 3
_SHARE = 0.8
"""The share of the time that is planned for training; the rest is for reading, validation and the baseline."""

_OVERHEAD = 1.25
"""What an epoch takes, as a multiple of the forward and backward passes: the optimizer and the validation split."""


@dataclass(frozen=True)
class Fitted:
    """A recipe that was tried.

    Attributes:
        recipe: the recipe, with the epochs or steps that fit in the time.
        seconds: the estimated time of training, in seconds.
        examples: the number of examples of each split.
        baseline: the baseline on the validation split; None if the head has none.
        weights: the number of weights.
        notes: notes about the data.
        cut_texts: the one of them on the texts that the tokenizer cuts; empty if it cuts none.
    """

    recipe: dict[str, Any]
    seconds: float
    examples: dict[str, int]
    baseline: dict[str, Any] | None
    weights: int
    notes: list[str]
    cut_texts: str


def fit(recipe: Mapping[str, Any], smaller: Mapping[str, Any], registry: Registry, minutes: float) -> Fitted:
    """Return a recipe whose training takes at most this time on this machine.

    If few epochs fit, the smaller model is tried; if not even one does, training ends within the first epoch.

    Args:
        recipe: the recipe; its paths are absolute, or relative to the current folder.
        smaller: the sections of a cheaper model.
        registry: the installed components.
        minutes: the time.

    Raises:
        SeqkitError: the recipe or the data is invalid.
    """
    wanted = recipe["train"]["epochs"]
    tried = _try(recipe, registry)
    seconds = _SHARE * 60 * minutes
    if smaller and seconds / tried.epoch_seconds < min(_MIN_EPOCHS, wanted):
        recipe = _merged(recipe, smaller)
        tried = _try(recipe, registry)
    epochs = min(wanted, int(seconds / tried.epoch_seconds))
    if epochs >= 1:
        length, total = {"epochs": epochs}, epochs * tried.epoch_seconds
    else:
        length, total = {"steps": max(1, int(seconds / tried.step_seconds))}, seconds
    train = {key: value for key, value in recipe["train"].items() if key != "epochs"}
    data = tried.data
    return Fitted(
        {**recipe, "train": length | train},
        total,
        {split: len(dataset.examples) for split, dataset in data.splits.items()},
        _baseline(data),
        tried.weights,
        list(data.notes),
        describe_cut_texts(data.splits, data.tokenizer),
    )


def _merged(recipe: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {**recipe, **{key: {**recipe[key], **values} for key, values in changes.items()}}


@dataclass(frozen=True)
class _Tried:
    """A recipe whose data was read and whose model was trained for a few steps.

    Attributes:
        data: the data.
        weights: the number of weights.
        step_seconds: the time of a step.
        epoch_seconds: the time of an epoch.
    """

    data: PreparedData
    weights: int
    step_seconds: float
    epoch_seconds: float


def _try(recipe: Mapping[str, Any], registry: Registry) -> _Tried:
    """Read the data, build the model, and train a few steps."""
    read = read_recipe(recipe)
    plan = resolve(read, registry)
    from seqkit.training.setup import setup_without_run

    with setup_without_run(plan, read) as setup:
        seconds = max(1e-4, _seconds_per_step(setup)) * _OVERHEAD
        return _Tried(setup.data, setup.model.num_weights, seconds, seconds * len(setup.train_batches))


def _baseline(data: PreparedData) -> dict[str, Any] | None:
    """Return the baseline on the validation split; None without one."""
    if "valid" not in data.splits:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return data.baseline("valid")


def _seconds_per_step(setup: TrainingSetup) -> float:
    """Return the mean time of a forward and a backward pass on a machine that does nothing else.

    The time of each batch is divided by its size. Of these, the lower quartile counts: caches are cold at first, and
    other programs may use the machine now.
    """
    from seqkit.data.batching import to_device

    sizes, rates = [], []
    deadline = time.perf_counter() + _PROBE_SECONDS
    for number, shard in enumerate(islice(setup.train_batches.epoch(0), _PROBE_STEPS)):
        batch = to_device(shard.batch, setup.device)
        size = batch.inputs.shape[0] * batch.inputs.shape[1]
        start, used = time.perf_counter(), time.process_time()
        setup.model(batch)[0].total.backward()
        setup.model.zero_grad()
        sizes.append(size)
        rates.append(min(time.perf_counter() - start, time.process_time() - used) / size)
        if number >= _MIN_PROBES and time.perf_counter() > deadline:
            break
    return float(np.quantile(rates[1:] or rates, 0.25) * np.mean(sizes))
