"""Measure what a recipe costs, by a few training steps in a temporary folder."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.autograd.profiler import profile

from seqkit.contracts import TrainingLength
from seqkit.errors import Interrupted
from seqkit.modeling.multiply_adds import multiply_adds
from seqkit.recipe.plan import Plan
from seqkit.recipe.recipe import Recipe
from seqkit.runs.directory import RunDirectory
from seqkit.stop import StopCheck
from seqkit.training.callbacks import Callback, Callbacks
from seqkit.training.distributed import SINGLE
from seqkit.training.length import training_length
from seqkit.training.progress import Progress
from seqkit.training.setup import TrainingSetup, setup_without_run
from seqkit.training.trainer import Trainer

TIMED_STEPS = 16
"""The number of steps that are timed."""

_REPETITIONS = 4
"""How often each of them is computed. The shortest time counts, because another process may use the processor."""

PROFILED_STEPS = 6
_LEARNING_RATE = 1e-9

_FORWARD_SHARE = 0.35
"""The time of evaluating a batch in that of a training step, approximately: there is no backward pass."""


@dataclass(frozen=True)
class Costs:
    """What a recipe costs.

    Attributes:
        weights: the number of weights.
        multiply_adds: the products of weights for one token (`seqkit.modeling.multiply_adds`).
        memory: the most bytes that a training step has allocated: weights, gradients, the optimizer's state, and what
            is stored for the backward pass.
        step_seconds: the seconds of a training step.
        train_seconds: the estimated seconds of training.
        run_seconds: the estimated seconds of a whole run: reading the data, training and evaluation.
    """

    weights: int
    multiply_adds: int
    memory: int
    step_seconds: float
    train_seconds: float
    run_seconds: float


@dataclass(frozen=True)
class Probe:
    """What was measured of a recipe without a run.

    Attributes:
        costs: what it costs.
        baseline: the scores of the baseline on the validation split; None without either.
    """

    costs: Costs
    baseline: dict[str, Any] | None


def probe(plan: Plan, recipe: Recipe) -> Probe:
    """Build a recipe's model and train it for a few steps, which no plugin and no run directory sees.

    Args:
        plan: the resolved recipe.
        recipe: the recipe as it was read.

    Raises:
        SeqkitError: the recipe, the data or a component is invalid.
    """
    start = time.perf_counter()
    with _setup(plan, recipe) as setup:
        setup_seconds = time.perf_counter() - start
        data = setup.data
        baseline = data.baseline("valid") if plan.baseline and "valid" in data.splits else None
        step_seconds = _step_seconds(setup)
        length = training_length(plan.train, len(setup.train_batches))
        memory = _peak_memory(setup)
        training = step_seconds * length.steps
        held_out = sum(map(len, setup.evaluation_batches.values()))
        validated = len(setup.evaluation_batches["valid"]) if "valid" in data.splits else 0
        evaluations = validated * (length.epochs // plan.train.evaluate_every) + held_out
        costs = Costs(
            weights=setup.model.num_weights,
            multiply_adds=sum(multiply_adds(setup.model).values()),
            memory=memory,
            step_seconds=step_seconds,
            train_seconds=training,
            run_seconds=setup_seconds + training + _FORWARD_SHARE * step_seconds * evaluations,
        )
    return Probe(costs, baseline)


def train_seconds(plan: Plan, recipe: Recipe) -> float:
    """Return the estimated seconds of training. Raises as `probe` does."""
    with _setup(plan, recipe) as setup:
        return _step_seconds(setup) * training_length(plan.train, len(setup.train_batches)).steps


def _setup(plan: Plan, recipe: Recipe) -> AbstractContextManager[TrainingSetup]:
    """Return the setup of a recipe, whose learning rate is so small that no loss becomes infinite."""
    optimizer = replace(plan.train.optimizer, values=plan.train.optimizer.values | {"lr": _LEARNING_RATE})
    plan = replace(plan, train=replace(plan.train, optimizer=optimizer))
    return setup_without_run(plan, recipe)


class _StopAfter(Callback, StopCheck):
    """Request a stop after a number of steps, and record the seconds of each."""

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.seconds: list[float] = []
        self._before = 0.0

    def on_step(self, progress: Progress, length: TrainingLength, loss: float) -> None:
        self.seconds.append(progress.seconds - self._before)
        self._before = progress.seconds
        self.left -= 1

    def __call__(self) -> int:
        return 0 if self.left > 0 else 2  # as Ctrl-C does


def _train(setup: TrainingSetup, steps: int) -> list[float]:
    """Train for some steps, and return the seconds of each."""
    stop = _StopAfter(steps)
    with TemporaryDirectory(prefix="seqkit-") as folder:
        run = RunDirectory(Path(folder))
        run.checkpoints.mkdir()
        run.metrics.touch()
        with suppress(Interrupted):
            Trainer(setup, run, Callbacks([stop]), SINGLE, stop).fit()
    return stop.seconds


def _step_seconds(setup: TrainingSetup) -> float:
    """Return the mean seconds of the first training steps."""
    repetitions = [_train(setup, TIMED_STEPS) for _ in range(_REPETITIONS)]
    return fmean(map(min, zip(*repetitions, strict=True)))


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Discard what torch's C++ code prints: it warns of each freed tensor that is older than the profiler."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as null:
            os.dup2(null.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _peak_memory(setup: TrainingSetup) -> int:
    """Return the most bytes that training allocates: those of the weights, and what a step allocates besides."""
    weights = sum(weight.nbytes for weight in setup.model.parameters())
    if setup.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(setup.device)
        _train(setup, PROFILED_STEPS)
        return torch.cuda.max_memory_allocated(setup.device)
    for weight in setup.model.parameters():
        weight.grad = None
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler prints that it starts
    with _without_stderr(), profile(profile_memory=True) as profiler:
        _train(setup, PROFILED_STEPS)
    allocated = peak = 0
    for event in sorted(profiler.function_events or (), key=lambda event: event.time_range.end):
        is_memory = event.name == "[memory]"  # allocated or freed outside an operation
        allocated += event.cpu_memory_usage if is_memory else event.self_cpu_memory_usage
        peak = max(peak, allocated)
    return weights + peak
