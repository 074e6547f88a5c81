"""Assertions about training steps and instances, which the checks of embeddings, encoders and heads share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from seqkit.messages import message
from seqkit.modeling.device import seed_everything
from seqkit.testing.checks import ContractViolation
from seqkit.testing.comparison import describe_difference, max_difference, numbers_differ
from seqkit.testing.precision import tolerance

LONG = 300
"""A length beyond common sizes of blocks and tables, 64, 128 and 256."""

ModuleT = TypeVar("ModuleT", bound=nn.Module)

Step = Callable[[Any, int], Tensor]
"""Computes the loss of a training batch, 0 or 1, as a scalar."""


def seeded(step: Step) -> Step:
    """Return a step that computes with the same random numbers, for dropout, each time."""

    def run(module: Any, batch: int) -> Tensor:
        seed_everything(batch)
        return step(module, batch)

    return run


def without_dropout(module: ModuleT) -> ModuleT:
    """Set the probability of dropout to 0 in torch's layers, and return the module."""
    for part in module.modules():
        for name in ("p", "dropout"):
            if isinstance(getattr(part, name, None), float):
                setattr(part, name, 0.0)
    return module


def assert_modes_agree(build: Callable[[], nn.Module], compute: Callable[[Any], Mapping[str, Tensor]]) -> None:
    """Check that, without dropout, results in training mode are those in evaluation mode, unless they are random.

    Args:
        build: returns a module, with the same weights each time.
        compute: computes the results.
    """
    expected = compute(build())
    results = []
    for seed in (0, 1):
        module = without_dropout(build()).train()
        seed_everything(seed)
        results.append(compute(module))
    if not describe_difference(*results) and (difference := describe_difference(expected, results[0])):
        raise ContractViolation(
            message(
                "{difference} between evaluation and training mode without dropout: compute the same in both; "
                "torch.nn.Dropout scales in training mode already",
                difference=difference,
            )
        )


def assert_training_steps(build: Callable[[], Any], step: Step) -> None:
    """Check that training steps change nothing but gradients, and do not depend on earlier steps.

    Args:
        build: returns a module, with the same weights each time.
        step: computes the loss.
    """
    step = seeded(step)
    module = build().train()
    weights = {name: weight.detach().clone() for name, weight in module.named_parameters()}
    first = step(module, 0)
    if changed := [name for name, weight in module.named_parameters() if not torch.equal(weight, weights[name])]:
        raise ContractViolation(
            message(
                "a forward pass in training mode changes the weights {names}: only the optimizer changes weights",
                names=", ".join(changed),
            )
        )
    if not all(part.training for part in module.modules()):
        raise ContractViolation(
            message("a forward pass ends training mode: do not call eval() or train() in forward, loss or predict")
        )
    _backward(first)
    again = step(module, 0)
    _backward(again)  # fails if the graph of the first step is used again
    if numbers_differ(again.item(), first.item()):
        raise ContractViolation(
            message(
                "a training step repeated with the same seed and weights gives {again:.6g}, not {first:.6g}: store "
                "nothing on self, and use the global random generators of torch, which a run seeds and saves",
                again=again.item(),
                first=first.item(),
            )
        )
    module.zero_grad()
    _backward(step(module, 1))
    fresh = build().train()
    _backward(step(fresh, 1))
    for (name, weight), other in zip(module.named_parameters(), fresh.parameters(), strict=True):
        one, two = (torch.zeros_like(each) if each.grad is None else each.grad for each in (weight, other))
        if (gap := max_difference(one, two)) > tolerance():
            raise ContractViolation(
                message(
                    "the gradient of {name} in a training step differs by {gap:.2g} if another step came before: "
                    "store nothing on self, and update no buffers in forward",
                    name=name,
                    gap=gap,
                )
            )


def _backward(loss: Tensor) -> None:
    if loss.requires_grad:
        loss.backward()


def assert_instances_independent(build: Callable[[int], Any]) -> None:
    """Check that instances have equal weights if, and only if, they are built with one seed, and share none.

    Args:
        build: returns a module, given the seed.
    """
    one, same = build(0), build(0)
    for cls in type(one).__mro__:
        for name, value in vars(cls).items():
            if isinstance(value, nn.Module | Tensor):
                raise ContractViolation(
                    message("all instances share the class attribute {name}: create it in the constructor", name=name)
                )
    for (name, weight), (other_name, other) in zip(_weights(one), _weights(same), strict=False):
        if name != other_name or not torch.equal(weight, other):
            raise ContractViolation(
                message(
                    "{name} differs between two instances built with the same seed: initialize weights from the global "
                    "random generators",
                    name=name,
                )
            )
        if weight.numel() and weight.data_ptr() == other.data_ptr():
            raise ContractViolation(
                message("two instances share {name}: create it in the constructor or in build", name=name)
            )


def _weights(module: nn.Module) -> list[tuple[str, Tensor]]:
    """Return parameters and buffers by name."""
    return [*module.named_parameters(), *module.named_buffers()]
