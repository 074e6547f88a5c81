"""The checks of an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from seqkit.contracts import Optimizer
from seqkit.messages import message
from seqkit.modeling.optimizers import expected_state, optimizer_step
from seqkit.recipe.parameters import parameters
from seqkit.testing.assertions import assert_component, assert_global_rng_unchanged, assert_global_settings_unchanged
from seqkit.testing.checks import Case, Check, CheckSuite, ContractViolation, require_all

__all__ = ["check_optimizer", "checks_for_optimizer"]

SHAPES = ((3, 2), (2,), (), (2, 1, 3))
"""The shapes of the parameters: of a matrix, of a bias, and of what components may have besides."""

RATES = (1.0, 0.1, 0.01, 1e-3, 1e-4)
"""Learning rates, one of which minimizes a problem whose gradient and solution are about 1."""

Factory = Callable[[Any], Any]


class OptimizerCase(Case):
    """An optimizer's factory."""

    def __init__(self, factory: Factory) -> None:
        self.factory = factory

    def weights(self) -> list[nn.Parameter]:
        """Return parameters of several shapes, in float32 as in a run, the same each time."""
        generator = torch.Generator().manual_seed(0)
        return [nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float32)) for shape in SHAPES]

    def trained(self, steps: int = 3) -> tuple[Any, list[nn.Parameter]]:
        """Return an optimizer after a few steps, and its parameters."""
        weights = self.weights()
        optimizer = self.factory(weights)
        for number in range(steps):
            take_step(optimizer, weights, number)
        return optimizer, weights

    def compute(self) -> dict[str, Any]:
        """Return the weights after a few steps."""
        return {"weights": [weight.detach() for weight in self.trained()[1]]}


check = CheckSuite[OptimizerCase]("optimizer")


def checks_for_optimizer(factory: Factory) -> list[Check]:
    """Return the checks of an optimizer, for `parametrize_with_checks`.

    Args:
        factory: builds the optimizer from parameters: the class, or `lambda parameters: Lion(parameters, lr=0.1)`.
    """
    return check.for_case(OptimizerCase(factory))


def check_optimizer(factory: Factory) -> None:
    """Run all checks of an optimizer. Arguments as for `checks_for_optimizer`.

    Raises:
        CheckFailure: what is wrong and how to fix it.
    """
    require_all(checks_for_optimizer(factory), "this optimizer")


def take_step(optimizer: Any, weights: Iterable[nn.Parameter], number: int = 0) -> None:
    """Take a step with random gradients, the same for each number."""
    generator = torch.Generator().manual_seed(number)
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    optimizer_step(optimizer)


def copies(weights: Sequence[Tensor]) -> list[Tensor]:
    """Return copies of weights."""
    return [weight.detach().clone() for weight in weights]


def all_equal(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    """Return whether all bits are equal."""
    return all(torch.equal(*pair) for pair in zip(one, other, strict=True))


@check
def contract(case: OptimizerCase) -> None:
    """The optimizer is a torch.optim.Optimizer, has a parameter `lr`, and keeps the groups that it is given."""
    weights = case.weights()
    optimizer = case.factory(weights)
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ContractViolation(
            message(
                "{name} is not a torch.optim.Optimizer: inherit from it and from seqkit.contracts.Optimizer",
                name=type(optimizer).__qualname__,
            )
        )
    assert_component(optimizer, Optimizer, is_module=False)  # type: ignore[arg-type]
    if "lr" not in parameters(type(optimizer)) or any("lr" not in group for group in optimizer.param_groups):
        raise ContractViolation(
            message("the learning rate is missing: add a parameter lr, and pass it on in the defaults of the groups")
        )
    optimizer = case.factory([{"params": weights[:2], "lr_scale": 0.5}, {"params": weights[2:]}])
    scales = {
        id(weight): group.get("lr_scale") for group in optimizer.param_groups for weight in group.get("params", ())
    }
    if [scales.get(id(weight), "missing") for weight in weights] != [0.5, 0.5, None, None]:
        raise ContractViolation(
            message("a group has lost its key lr_scale, or a parameter: pass the groups on with all their keys")
        )


@check
def convex_problem(case: OptimizerCase) -> None:
    """With a suitable learning rate that falls to 0, a convex function falls to a tenth in 300 steps."""
    best = start = 0.0
    for rate in RATES:
        targets, weights = copies(case.weights()), [nn.Parameter(torch.zeros(shape)) for shape in SHAPES]
        optimizer = case.factory(weights)

        def loss(weights: Sequence[Tensor] = weights, targets: Sequence[Tensor] = targets) -> Tensor:
            return torch.stack(
                [(one - other).square().sum() for one, other in zip(weights, targets, strict=True)]
            ).sum()

        start = float(loss().detach())
        for number in range(300):
            for group in optimizer.param_groups:
                group["lr"] = rate * (1 - number / 300)
            for weight in weights:
                weight.grad = None
            loss().backward()
            optimizer_step(optimizer)
        end = float(loss().detach())
        best = min(best or start, end) if end == end else best or start
        if best < start / 10:
            return
    raise ContractViolation(
        message(
            "a quadratic function falls from {start:.3g} to {best:.3g} only, at the best of the learning rates "
            "{rates}: check the sign of the step, and that lr scales it",
            start=start,
            best=best,
            rates=", ".join(map(str, RATES)),
        )
    )


@check
def learning_rate(case: OptimizerCase) -> None:
    """Each group is updated with the `lr` that is set in it before the step; with 0, it does not change."""
    weights = case.weights()
    optimizer = case.factory([{"params": weights[:2]}, {"params": weights[2:]}])
    still = {id(weight) for weight in weights[:2]}
    for group in optimizer.param_groups:
        group["lr"] = 0.0 if id(group["params"][0]) in still else 0.5
    before = copies(weights)
    take_step(optimizer, weights)
    if not all_equal(weights[:2], before[:2]):
        raise ContractViolation(
            message("a group changes although its lr was set to 0: read lr from the group in each step")
        )
    after = copies(weights)
    other_weights = case.weights()
    other = case.factory(other_weights)
    for group in other.param_groups:
        group["lr"] = 0.25
    take_step(other, other_weights)
    if all_equal(after[2:], before[2:]) or all_equal(after[2:], copies(other_weights[2:])):
        raise ContractViolation(
            message("a step does not depend on the lr that is set in the group: read it from there in each step")
        )


@check
def frozen_parameters(case: OptimizerCase) -> None:
    """A parameter without a gradient does not change, has no state, and is updated once it has a gradient."""
    weights = case.weights()
    optimizer, before = case.factory(weights), copies(weights)
    for number in range(2):
        take_step(optimizer, weights[1:], number)
        if weights[0].grad is not None or not torch.equal(weights[0], before[0]):
            raise ContractViolation(
                message("a parameter whose grad is None changes: skip it in step, weight decay included")
            )
    if optimizer.state.get(weights[0]):
        raise ContractViolation(message("a parameter whose grad is None has a state: create it in its first update"))
    take_step(optimizer, weights, 2)
    if torch.equal(weights[0], before[0]):
        raise ContractViolation(message("a parameter that had no gradient at first is never updated"))


@check
def state_round_trip(case: OptimizerCase) -> None:
    """After the state is saved in a checkpoint and restored, the next steps are the same, bit for bit."""
    optimizer, weights = case.trained()
    saved = {
        f"{number}.{name}": value.contiguous()
        for number, entry in optimizer.state_dict()["state"].items()
        for name, value in entry.items()
        if isinstance(value, Tensor)
    }
    if wrong := [name for name, value in saved.items() if not value.is_floating_point()]:
        raise ContractViolation(
            message("the state '{name}' is not of floating-point numbers: convert it", name=wrong[0].partition(".")[2])
        )
    entries: dict[int, dict[str, Tensor]] = {}
    for name, value in load(save(saved)).items():
        number, _, key = name.partition(".")
        entries.setdefault(int(number), {})[key] = value
    owners = [(group, weight) for group in optimizer.param_groups for weight in group["params"]]
    for place, (group, weight) in enumerate(owners):
        shapes = {name: value.shape for name, value in entries.get(place, {}).items()}
        if shapes != expected_state(optimizer, group, weight.shape):
            raise ContractViolation(
                message(
                    "the state has other tensors or shapes after 3 steps than after the first: create all of it then"
                )
            )
    other_weights = [nn.Parameter(weight.detach().clone()) for weight in weights]
    other = case.factory(other_weights)
    other.load_state_dict(other.state_dict() | {"state": entries})
    for step in (3, 4):
        take_step(optimizer, weights, step)
        take_step(other, other_weights, step)
    if not all_equal(weights, other_weights):
        raise ContractViolation(
            message(
                "steps differ after the state is saved and restored: keep in state, for each parameter, tensors of its "
                "type, and a step count in float32 under the name 'step'; nothing on self"
            )
        )


@check
def zero_gradients(case: OptimizerCase) -> None:
    """Weights stay finite if all gradients are 0."""
    weights = case.weights()
    optimizer = case.factory(weights)
    for _ in range(3):
        for weight in weights:
            weight.grad = torch.zeros_like(weight)
        optimizer_step(optimizer)
    if not all(bool(weight.isfinite().all()) for weight in weights):
        raise ContractViolation(message("a gradient of 0 makes a weight infinite or NaN: add a small number (eps)"))


@check
def determinism(case: OptimizerCase) -> None:
    """Two optimizers that take the same steps give the same weights, and do not affect each other."""
    (one, weights), (other, other_weights) = case.trained(), case.trained()
    before = copies(weights)
    take_step(other, other_weights, 3)
    if not all_equal(weights, before):
        raise ContractViolation(
            message("a step of one instance changes the weights of another: use attributes of self")
        )
    take_step(one, weights, 3)
    if not all_equal(weights, other_weights):
        raise ContractViolation(
            message("the same steps give other weights: store nothing on the class, and use no random numbers")
        )


@check
def global_rng_unchanged(case: OptimizerCase) -> None:
    """Global random generators are not seeded or used."""
    assert_global_rng_unchanged(case.trained, lambda trained: take_step(*trained))


@check
def global_settings_unchanged(case: OptimizerCase) -> None:
    """Process-wide settings do not change: default dtype, threads, environment, working directory."""
    assert_global_settings_unchanged(case.trained, lambda trained: take_step(*trained))
