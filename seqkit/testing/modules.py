"""What embeddings, encoders and heads owe alike, as torch modules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.errors import PluginError
from seqkit.signature import parameters
from seqkit.testing.checks import Broken
from seqkit.testing.surroundings import changed_by, drawn_from, seeded_by

TOLERANCE = 1e-6
"""In float64, rounding stays far below this and mistakes far above it."""


def named(component: object) -> str:
    return type(component).__qualname__


def is_component(component: Any, contract: type, *, module: bool) -> None:
    """Raises Broken where a component doesn't inherit what it has to, or takes parameters that a recipe can't check."""
    if not isinstance(component, contract):
        raise Broken(f"is a {named(component)}: inherit seqkit.contracts.{contract.__name__}")
    if module and not isinstance(component, nn.Module):
        raise Broken(
            f"{named(component)} is no torch.nn.Module: inherit it beside seqkit.contracts.{contract.__name__}"
        )
    try:
        cls: Any = type(component)
        parameters(cls)
    except PluginError as error:
        raise Broken(str(error)) from None


def is_size(component: object, attribute: str) -> int:
    """Returns a size that a component states, a positive whole number."""
    size = getattr(component, attribute, None)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise Broken(f"{attribute} is {size!r}: set it to a whole number above 0 in the constructor")
    return size


def stirred(module: Any) -> Any:
    """Returns a module in evaluation with noise on its weights, since layers that begin at zero would hide mistakes."""
    if isinstance(module, nn.Module):
        with torch.no_grad():
            for weight in module.parameters():
                if weight.requires_grad:
                    weight.add_(0.1 * torch.randn_like(weight))
        module.eval()
    return module


def gap(one: Tensor, other: Tensor) -> float:
    """Returns by how much two tensors of one shape differ at most; infinity where one is finite and the other not."""
    if one.shape != other.shape:
        return math.inf
    if not one.numel():
        return 0.0
    apart = (one.detach().double() - other.detach().double()).abs()
    apart = apart.masked_fill((one == other) | (one.isnan() & other.isnan()), 0)
    scale = max(1.0, float(other.detach().double().abs().nan_to_num(0, 0, 0).max()))
    return float(apart.nan_to_num(nan=math.inf).max()) / scale


def differs(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> str:
    """Returns which of the parts named alike differ first, and by how much: `final moves by 0.3`; else nothing."""
    for name, tensor in one.items():
        if tensor.shape != other[name].shape:
            return f"{name} turns from {tuple(tensor.shape)} into {tuple(other[name].shape)}"
        if (apart := gap(tensor, other[name])) > TOLERANCE:
            return f"{name} moves by {apart:.2g}"
    return ""


def unreached(weights: Iterable[tuple[str, Tensor]]) -> str:
    """Returns the names of weights that are to be trained and have no gradient, or one of zeros."""
    names = [
        name for name, weight in weights if weight.requires_grad and (weight.grad is None or not weight.grad.any())
    ]
    return ", ".join(names)


def slope_fault(total: Callable[[], Tensor], values: list[Tensor]) -> str:
    """Compares the gradient of `total` along a random direction with the difference it makes; returns what is wrong.

    Args:
        total: computes a scalar from the values.
        values: leaves that require a gradient, changed in place and put back.
    """
    if not values:
        return ""
    gradients = torch.autograd.grad(total(), values, allow_unused=True)
    # What has no gradient at all may be meant to have none: the vector of an id that stands for padding.
    directions = [
        torch.zeros_like(value) if gradient is None else torch.randn_like(value).masked_fill(gradient == 0, 0)
        for value, gradient in zip(values, gradients, strict=True)
    ]
    stated = sum(
        float((gradient * direction).sum())
        for gradient, direction in zip(gradients, directions, strict=True)
        if gradient is not None
    )
    small = 1e-5
    ends = []
    before = [value.detach().clone() for value in values]
    with torch.no_grad():
        for side in (small, -small):
            for value, start, direction in zip(values, before, directions, strict=True):
                value.copy_(start + side * direction)
            ends.append(float(total()))
        for value, start in zip(values, before, strict=True):
            value.copy_(start)
    measured = (ends[0] - ends[1]) / (2 * small)
    if abs(stated - measured) <= 1e-4 * max(1.0, abs(stated), abs(measured)):
        return ""
    return (
        f"the gradient says that a small step changes the sum by {stated:.6g} a unit, and it changes by {measured:.6g}"
    )


def through_safetensors(module: nn.Module, other: nn.Module) -> None:
    """Saves a module's weights as a run does, and loads them into another one built alike."""
    from safetensors.torch import load, save

    weights = {name: tensor.detach().clone().contiguous() for name, tensor in module.state_dict().items()}
    try:
        saved = save(weights)
    except Exception as error:
        raise Broken(f"its weights cannot be saved as safetensors, {error}: keep plain tensors as weights") from error
    try:
        other.load_state_dict(load(saved))
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise Broken(f"its weights do not fit one built alike: {reason}: make all layers when it is built") from None


def draws_nothing(build: Callable[[], Any], use: Callable[[Any], Any]) -> None:
    """Raises Broken where building seeds a global generator, or using a component in evaluation draws from one."""
    if whose := seeded_by(build):
        raise Broken(f"building it seeds {whose[0]} global random generator: leave seeds to the recipe")
    component = build()
    if whose := drawn_from(lambda: use(component)):
        raise Broken(
            f"in evaluation it draws from {whose[0]} global random generator: drop only while self.training, and draw "
            "from a generator of its own what else has to be random"
        )


def leaves_settings(build: Callable[[], Any], use: Callable[[Any], Any]) -> None:
    """Raises Broken where building or using a component changes what the whole process shares."""
    if calls := changed_by(lambda: use(build())):
        raise Broken(f"it changes what {', '.join(calls)} sets for the whole process: leave it, or put it back")


def unchanged(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raises Broken where something that was given was written into."""
    for name, value in before.items():
        same = torch.equal(value, after[name]) if isinstance(value, Tensor) else np.array_equal(value, after[name])
        if not same:
            raise Broken(f"it writes into the {name} that it is given: work on a copy (no method that ends in _)")


def tensors_of(state: Any) -> list[Any]:
    """Returns what a state holds, however its tuples are nested."""
    if isinstance(state, tuple | list):
        return [tensor for part in state for tensor in tensors_of(part)]
    return [] if state is None else [state]
