"""Optimizers: build one by its name, and take a step."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from seqkit.recipe.schema import SGD, Adam, AdamW, RMSprop

CLASSES = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
}
FUSED = ("adam", "adamw", "sgd")
"""The optimizers that have a fused kernel, which updates all parameters in one call."""


def make_optimizer(settings: Adam | AdamW | SGD | RMSprop, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Build the optimizer of a recipe, with its fused kernel if there is one."""
    arguments = {name: value for name, value in vars(settings).items() if name != "type"}
    if settings.type in FUSED:
        arguments["fused"] = True
    return CLASSES[settings.type](parameters, **arguments)


@torch.no_grad()
def optimizer_step(optimizer: torch.optim.Optimizer) -> None:
    """Update the parameters, with the arithmetic of the optimizer's `step`.

    `optimizer.step()` wraps it in hooks for torch's profiler and compiler and imports the compiler, which takes as long
    as importing torch itself. seqkit compiles nothing.
    """
    inspect.unwrap(type(optimizer).step)(optimizer)
