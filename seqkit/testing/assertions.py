"""Assertions that the checks of several kinds of component share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Contract
from seqkit.contracts.capabilities import check_declared
from seqkit.errors import PluginError
from seqkit.messages import message
from seqkit.recipe.parameters import misplaced_parameters, parameters
from seqkit.testing.checks import ContractViolation
from seqkit.testing.isolation import rngs_seeded, rngs_used, settings_changed
from seqkit.testing.precision import FLOAT64, epsilon

ComponentT = TypeVar("ComponentT")


def assert_component(component: Contract, contract: type[Contract], *, is_module: bool) -> None:
    """Check base classes, that a recipe can set the parameters, and that no capability flag is set on the instance."""
    name = type(component).__qualname__
    if not isinstance(component, contract):
        raise ContractViolation(
            message("is a {name}: inherit from seqkit.contracts.{contract}", name=name, contract=contract.__name__)
        )
    if is_module and not isinstance(component, nn.Module):
        raise ContractViolation(
            message(
                "{name} is not a torch.nn.Module: inherit from torch.nn.Module and seqkit.contracts.{contract}",
                name=name,
                contract=contract.__name__,
            )
        )
    _assert_sets(component, contract)
    try:
        parameters(type(component))
        check_declared(component)
    except PluginError as error:
        raise ContractViolation(str(error)) from None
    signature = inspect.signature(type(component)).parameters  # one without a default is set by who wraps another
    if misplaced := [
        name for name in misplaced_parameters(type(component)) if signature[name].default is not inspect.Parameter.empty
    ]:
        raise ContractViolation(
            message(
                "no recipe can set {parameter!r}, which precedes the `*` of the constructor: put it after",
                parameter=misplaced[0],
            )
        )


def _assert_sets(component: Contract, contract: type[Contract]) -> None:
    """Check that what the contract declares as a set, or as a tuple, is no text: `in` would find any part of it."""
    for name, annotation in inspect.get_annotations(contract).items():
        value = getattr(component, name, None)
        if "frozenset[" in annotation and isinstance(value, str | list | tuple):
            items = value.replace(",", " ").split() if isinstance(value, str) else value
            fix = f"frozenset({{{', '.join(map(repr, items))}}})"
        elif "tuple[" in annotation and isinstance(value, str):
            fix = f"({value!r},)"
        else:
            continue
        raise ContractViolation(message("{name} is {value!r}: set it to {fix}", name=name, value=value, fix=fix))


def assert_size(component: Contract, attribute: str) -> None:
    """Check that an attribute is a positive integer."""
    size = getattr(component, attribute, None)
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ContractViolation(
            message(
                "{attribute} is {size!r}: set it to a positive integer in the constructor",
                attribute=attribute,
                size=size,
            )
        )


def perturb(module: ComponentT) -> ComponentT:
    """Add noise to a module's weights and return it in evaluation mode. Layers initialized to zero hide mistakes."""
    if isinstance(module, nn.Module):
        with torch.no_grad():
            for weight in module.parameters():
                if weight.requires_grad:
                    weight.add_(0.1 * torch.randn_like(weight))
        module.eval()
    return module


def assert_gradient_flow(module: nn.Module, total: Tensor) -> None:
    """Check that all weights are parameters, and that each has a gradient of a scalar that is not zero."""
    weights = set(module.parameters())
    for part in module.modules():
        for name, value in vars(part).items():
            tensors = value if isinstance(value, list | tuple) else [value]
            leaves = {each for each in tensors if isinstance(each, Tensor) and each.is_leaf and each.requires_grad}
            if leaves - weights:
                raise ContractViolation(
                    message(
                        "{name} takes gradients but is no parameter, so it is neither trained nor saved: use "
                        "torch.nn.Parameter, and ParameterList for a list",
                        name=name,
                    )
                )
    if total.requires_grad:
        total.backward()
    names = [
        name
        for name, weight in module.named_parameters()
        if weight.requires_grad and (weight.grad is None or not weight.grad.any())
    ]
    if names:
        raise ContractViolation(
            message(
                "no gradient reaches the weights {names}: use them in the computation, remove them, freeze them with "
                "requires_grad_(False), or remove the detach() that stops their gradient",
                names=", ".join(names),
            )
        )


def assert_gradients_match(total: Callable[[], Tensor], leaves: list[Tensor]) -> None:
    """Compare the gradient along a random direction with a central finite difference.

    Args:
        total: computes a scalar from the leaves.
        leaves: tensors that require a gradient. They are modified in place and restored.
    """
    if not leaves:
        return
    found = gradients(total(), leaves)
    # A value without a gradient may be meant to have none: the vector of a padding id, for instance.
    directions = [torch.randn_like(gradient).masked_fill(gradient == 0, 0) for gradient in found]
    analytical = sum(float((gradient * each).sum()) for gradient, each in zip(found, directions, strict=True))
    numerical = _finite_difference(total, leaves, directions)
    if not abs(analytical - numerical) <= _gradient_tolerance() * max(1.0, abs(analytical), abs(numerical)):
        raise ContractViolation(
            message(
                "the gradient along a random direction is {analytical:.6g}, but finite differences give "
                "{numerical:.6g}: fix the custom backward, or remove the detach() or no_grad() that stops a gradient",
                analytical=analytical,
                numerical=numerical,
            )
        )


def assert_no_gradient_is_missing(total: Callable[[], Tensor], weights: Mapping[str, Tensor]) -> None:
    """Check that all values of the weights that change a scalar have a gradient.

    Args:
        total: computes the scalar, from inputs without padding.
        weights: the weights by name. They are modified in place and restored.
    """
    for (name, weight), gradient in zip(weights.items(), gradients(total(), [*weights.values()]), strict=True):
        direction = torch.randn_like(weight).masked_fill(gradient != 0, 0)
        if not direction.any():
            continue
        numerical = _finite_difference(total, [weight], [direction])
        if abs(numerical) > _gradient_tolerance() * max(1.0, abs(total().item())):
            missing = direction.flatten(1).any(dim=1).nonzero() if direction.ndim > 1 else direction.nonzero()
            raise ContractViolation(
                message(
                    "{name}[{row}] has no gradient, although the result depends on it: remove padding_idx for an id "
                    "that occurs at real time steps, and the detach() or no_grad() that stops a gradient",
                    name=name,
                    row=int(missing[0, 0]) if direction.ndim else "",
                )
            )


def gradients(total: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradient of a scalar for each leaf: zeros if there is none."""
    if not (leaves and total.requires_grad):
        return [torch.zeros_like(leaf) for leaf in leaves]
    found = torch.autograd.grad(total, leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if each is None else each for leaf, each in zip(leaves, found, strict=True)]


def _finite_difference(total: Callable[[], Tensor], leaves: list[Tensor], directions: list[Tensor]) -> float:
    """Return the derivative of a scalar along a direction."""
    step = 1e-5 if epsilon() == FLOAT64 else 2 * epsilon() ** (1 / 3)  # 0.01 in float32
    totals = []
    originals = [leaf.detach().clone() for leaf in leaves]
    with torch.no_grad():
        for offset in (step, -step):
            for leaf, original, direction in zip(leaves, originals, directions, strict=True):
                leaf.copy_(original + offset * direction)
            totals.append(float(total()))
        for leaf, original in zip(leaves, originals, strict=True):
            leaf.copy_(original)
    return (totals[0] - totals[1]) / (2 * step)


def _gradient_tolerance() -> float:
    return 1e-4 if epsilon() == FLOAT64 else 0.05


def copy_weights_as_saved(module: nn.Module, other: nn.Module) -> None:
    """Copy the weights of a module into another one through the file format of a run, safetensors."""
    from safetensors.torch import load, save

    weights = {name: tensor.detach().clone().contiguous() for name, tensor in module.state_dict().items()}
    try:
        serialized = save(weights)
    except Exception as error:
        raise ContractViolation(
            message("weights cannot be saved as safetensors ({error}): use plain tensors as weights", error=error)
        ) from error
    try:
        other.load_state_dict(load(serialized))
    except RuntimeError as error:
        raise ContractViolation(
            message(
                "saved weights do not fit a new instance ({error}): create all layers in the same way each time",
                error=" ".join(str(error).split()),
            )
        ) from None


def assert_global_rng_unchanged(build: Callable[[], ComponentT], use: Callable[[ComponentT], object]) -> None:
    """Check that building a component seeds no global generator and using it in evaluation mode advances none."""
    if libraries := rngs_seeded(build):
        raise ContractViolation(
            message(
                "the constructor seeds the global random generator of {library}: remove it, recipes set the seed",
                library=libraries[0],
            )
        )
    component = build()
    if libraries := rngs_used(lambda: use(component)):
        raise ContractViolation(
            message(
                "the global random generator of {library} is used in evaluation mode: apply dropout only if "
                "self.training, and use a private generator for other random numbers",
                library=libraries[0],
            )
        )


def assert_global_settings_unchanged(build: Callable[[], ComponentT], use: Callable[[ComponentT], object]) -> None:
    """Check that building and using a component changes no process-wide setting."""
    if names := settings_changed(lambda: use(build())):
        raise ContractViolation(
            message(
                "process-wide settings change ({names}): do not change them, or restore them", names=", ".join(names)
            )
        )


def assert_unchanged(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Check that arguments were not modified.

    Args:
        before: copies of the arguments, tensors or arrays, by name.
        after: the arguments.
    """
    for name, value in before.items():
        equal = torch.equal(value, after[name]) if isinstance(value, Tensor) else np.array_equal(value, after[name])
        if not equal:
            raise ContractViolation(
                message(
                    "the argument {name} is modified in place: work on a copy, without methods that end in _", name=name
                )
            )
