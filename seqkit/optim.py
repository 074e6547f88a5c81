"""Optimizers by name, and the learning rate of every step."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from seqkit.settings import SGD, Adam, AdamW, RMSprop, Schedule, Train

CLASSES = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}
FUSED = ("adam", "adamw", "sgd")


def make_optimizer(settings: Adam | AdamW | SGD | RMSprop, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Builds the optimizer; the fused kernels, where there are any, do a step in one call."""
    arguments = settings.model_dump(exclude={"type"})
    if settings.type in FUSED:
        arguments["fused"] = True
    return CLASSES[settings.type](parameters, **arguments)


@torch.no_grad()
def step(optimizer: torch.optim.Optimizer) -> None:
    """Takes a step by the optimizer's own arithmetic.

    `optimizer.step()` wraps it in hooks for torch's profiler and compiler, and imports the compiler for that, which
    takes as long as importing torch itself. Nothing here compiles.
    """
    inspect.unwrap(type(optimizer).step)(optimizer)


@dataclass(frozen=True)
class Length:
    """How long a run is."""

    epochs: int
    steps: int
    steps_per_epoch: int


def run_length(settings: Train, steps_per_epoch: int) -> Length:
    """Turns epochs into steps or steps into epochs; the last epoch may be cut short by `train.steps`."""
    if settings.steps:
        return Length(-(-settings.steps // steps_per_epoch), settings.steps, steps_per_epoch)
    epochs = settings.epochs or 10
    return Length(epochs, epochs * steps_per_epoch, steps_per_epoch)


def learning_rate(schedule: Schedule, base: float, step: int, length: Length) -> float:
    """Returns the learning rate of a step, counted from 0; `base` is the optimizer's own."""
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
