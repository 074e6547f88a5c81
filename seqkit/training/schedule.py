"""The learning-rate schedule, and the length of training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqkit.recipe.schema import Schedule, Train


@dataclass(frozen=True)
class TrainingLength:
    """The length of training. The last epoch can be incomplete if the recipe sets `train.steps`."""

    epochs: int
    steps: int
    steps_per_epoch: int


def training_length(train: Train, steps_per_epoch: int) -> TrainingLength:
    """Return the length of training in epochs and in steps, of which a recipe sets at most one."""
    if train.steps:
        return TrainingLength(-(-train.steps // steps_per_epoch), train.steps, steps_per_epoch)
    epochs = train.epochs or 10
    return TrainingLength(epochs, epochs * steps_per_epoch, steps_per_epoch)


def learning_rate(schedule: Schedule, base: float, step: int, length: TrainingLength) -> float:
    """Return the learning rate of a step.

    Args:
        schedule: the section `train.schedule` of the recipe.
        base: the learning rate of the optimizer.
        step: the number of the step, from 0.
        length: the length of training.
    """
    if step < schedule.warmup:
        return base * (step + 1) / schedule.warmup
    if schedule.type == "constant":
        return base
    if schedule.type == "step":
        return base * schedule.gamma ** (step // (length.steps_per_epoch * schedule.every))
    done = min(1.0, (step - schedule.warmup) / max(1, length.steps - 1 - schedule.warmup))
    if schedule.type == "cosine":
        done = (1 - math.cos(math.pi * done)) / 2
    return base * (1 - (1 - schedule.final) * done)
