"""Take a step of an optimizer, and describe its state."""

from __future__ import annotations

import inspect
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from seqkit.contracts import Optimizer

_TORCH = str(Path(torch.__file__).parent)


@torch.no_grad()
def optimizer_step(optimizer: Optimizer) -> None:
    """Update the parameters, with the arithmetic of the optimizer's `step`.

    `optimizer.step()` wraps it in hooks for torch's profiler and compiler and imports the compiler, which takes as long
    as importing torch itself. seqkit compiles nothing.
    """
    step: Any = type(optimizer).step
    inspect.unwrap(step, stop=lambda each: not each.__code__.co_filename.startswith(_TORCH))(optimizer)


def expected_state(optimizer: Optimizer, group: dict[str, Any], shape: torch.Size) -> dict[str, torch.Size]:
    """Return the name and the shape of each tensor in the state of a parameter that was updated.

    Args:
        optimizer: the optimizer, which is not changed.
        group: the group of the parameter.
        shape: the shape of the parameter.
    """
    parameter = torch.nn.Parameter(torch.zeros(shape))
    parameter.grad = torch.zeros(shape)
    fresh = object.__new__(type(optimizer))
    fresh.__dict__.update(optimizer.__dict__)
    fresh.state, fresh.param_groups = defaultdict(dict), [group | {"params": [parameter]}]
    optimizer_step(fresh)
    return {name: value.shape for name, value in fresh.state[parameter].items() if isinstance(value, Tensor)}
