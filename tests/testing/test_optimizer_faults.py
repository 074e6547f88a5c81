"""Faults of optimizers and schedules that the checks must find, each with the check and a part of its message."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import pytest
import torch

from seqkit.contracts import Optimizer, PositiveFloat, Schedule
from seqkit.optimizers.sgd import SGD
from seqkit.testing import CheckFailure, check_optimizer, check_schedule


class Signs(torch.optim.Optimizer, Optimizer):
    """Steps in the direction of the signs of a running mean of the gradient: correct, and the base of the faults."""

    def __init__(self, parameters: Any, *, lr: PositiveFloat = 0.01, weight_decay: float = 0.1) -> None:
        super().__init__(parameters, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self.update(weight, group)

    def update(self, weight: Any, group: dict[str, Any]) -> None:
        mean = self.state[weight].setdefault("mean", torch.zeros_like(weight))
        mean.lerp_(weight.grad, 0.1)
        weight.mul_(1 - group["lr"] * group["weight_decay"]).sub_(mean.sign(), alpha=group["lr"])


class NoOptimizer(Optimizer):
    def __init__(self, parameters: Any, *, lr: float = 0.1) -> None:
        self.parameters = list(parameters)

    def step(self) -> None: ...


class NoRate(Signs):
    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters)


class LosesKeys(Signs):
    def __init__(self, parameters: Any, *, lr: PositiveFloat = 0.01) -> None:
        given = list(parameters)
        groups = given if isinstance(given[0], dict) else [{"params": given}]
        super().__init__([{"params": group["params"]} for group in groups], lr=lr)


class Ascends(Signs):
    def update(self, weight: Any, group: dict[str, Any]) -> None:
        weight.add_(weight.grad, alpha=group["lr"])


class OwnRate(Signs):
    def update(self, weight: Any, group: dict[str, Any]) -> None:
        super().update(weight, group | {"lr": self.defaults["lr"]})


class HalfOwnRate(Signs):
    def update(self, weight: Any, group: dict[str, Any]) -> None:
        super().update(weight, group | {"lr": self.defaults["lr"] if group["lr"] else 0.0})


class DecaysFrozen(Signs):
    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                weight.mul_(1 - group["lr"] * group["weight_decay"])
        super().step()


class StateOfFrozen(Signs):
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                self.state[weight].setdefault("mean", torch.zeros_like(weight))
        super().step()


class OnlyFirst(Signs):
    def step(self, closure: Any = None) -> None:
        if not self.state:
            self.first = {
                weight for group in self.param_groups for weight in group["params"] if weight.grad is not None
            }
        super().step()

    def update(self, weight: Any, group: dict[str, Any]) -> None:
        if weight in self.first:
            super().update(weight, group)


class StateOnSelf(Signs):
    def update(self, weight: Any, group: dict[str, Any]) -> None:
        self.means = getattr(self, "means", {})
        mean = self.means.setdefault(weight, torch.zeros_like(weight))
        mean.lerp_(weight.grad, 0.1)
        weight.sub_(mean, alpha=group["lr"])


class PlainCount(Signs):
    def update(self, weight: Any, group: dict[str, Any]) -> None:
        state = self.state[weight]
        state["steps"] = state.get("steps", 0) + 1
        weight.sub_(weight.grad, alpha=group["lr"] / state["steps"])


class IntegerCount(Signs):
    def update(self, weight: Any, group: dict[str, Any]) -> None:
        count = self.state[weight].setdefault("count", torch.zeros((), dtype=torch.int64))
        count.add_(1)
        weight.sub_(weight.grad, alpha=group["lr"] / float(count))


class LateState(Signs):
    def update(self, weight: Any, group: dict[str, Any]) -> None:
        if "mean" in self.state[weight]:
            self.state[weight]["square"] = weight.grad.square()
        super().update(weight, group)


class DividesByZero(Signs):
    def update(self, weight: Any, group: dict[str, Any]) -> None:
        weight.sub_(weight.grad / weight.grad.abs(), alpha=group["lr"])


class SharedState(Signs):
    steps: ClassVar[list[int]] = []

    def update(self, weight: Any, group: dict[str, Any]) -> None:
        self.steps.append(0)
        weight.sub_(weight.grad, alpha=group["lr"] * (1 + 1e-3 * len(self.steps)))


class Noisy(Signs):
    def update(self, weight: Any, group: dict[str, Any]) -> None:
        super().update(weight, group)
        random.random()


OPTIMIZER_FAULTS: list[tuple[Any, str, str]] = [
    (NoOptimizer, "contract", "NoOptimizer is not a torch.optim.Optimizer"),
    (NoRate, "contract", "add a parameter lr"),
    (LosesKeys, "contract", "a group has lost its key lr_scale"),
    (Ascends, "convex_problem", "check the sign of the step"),
    (OwnRate, "learning_rate", "a group changes although its lr was set to 0"),
    (HalfOwnRate, "learning_rate", "does not depend on the lr that is set in the group"),
    (DecaysFrozen, "frozen_parameters", "weight decay included"),
    (StateOfFrozen, "frozen_parameters", "has a state"),
    (OnlyFirst, "frozen_parameters", "is never updated"),
    (StateOnSelf, "state_round_trip", "steps differ after the state is saved"),
    (PlainCount, "state_round_trip", "steps differ after the state is saved"),
    (IntegerCount, "state_round_trip", "'count' is not of floating-point numbers"),
    (LateState, "state_round_trip", "create all of it then"),
    (DividesByZero, "zero_gradients", "add a small number"),
    (SharedState, "determinism", "store nothing on the class"),
    (Noisy, "global_rng_unchanged", "random"),
]


@pytest.mark.parametrize(("cls", "name", "text"), OPTIMIZER_FAULTS, ids=[each[0].__name__ for each in OPTIMIZER_FAULTS])
def test_fault_of_an_optimizer_is_found(cls: Any, name: str, text: str) -> None:
    with pytest.raises(CheckFailure) as caught:
        check_optimizer(cls)
    assert text in caught.value.failures[name]


@pytest.mark.parametrize("cls", [Signs, lambda parameters: SGD(parameters, lr=3.0)])
def test_correct_optimizer_passes(cls: Any) -> None:
    check_optimizer(cls)


class Falls(Schedule):
    """A rate that falls with the square root of the step: correct, and the base of the faults."""

    def learning_rate(self, base: float, step: int, length: Any) -> Any:
        return base / (1 + step) ** 0.5


class Negative(Falls):
    def learning_rate(self, base: float, step: int, length: Any) -> Any:
        return base * (1 - step / 50)


class Infinite(Falls):
    def learning_rate(self, base: float, step: int, length: Any) -> Any:
        return base / max(1, length.steps - 1) if length.steps > 1 else float("inf")


class Tensor(Falls):
    def learning_rate(self, base: float, step: int, length: Any) -> Any:
        return torch.tensor(base)


class Counts(Falls):
    calls = 0

    def learning_rate(self, base: float, step: int, length: Any) -> Any:
        self.calls += 1
        return base / self.calls


class Random(Falls):
    def learning_rate(self, base: float, step: int, length: Any) -> Any:
        return base * random.random()


class Halves(Falls):
    """Halves the rate after each evaluation that is not the best."""

    needs_validation = True
    worse = 0

    def learning_rate(self, base: float, step: int, length: Any) -> Any:
        return base / 2**self.worse

    def evaluated(self, metrics: Any, is_best: bool) -> None:
        self.worse += not is_best

    def state(self) -> dict[str, Any]:
        return {"worse": self.worse}

    def restore(self, state: Any) -> None:
        self.worse = state["worse"]


class NoState(Halves):
    def state(self) -> dict[str, Any]:
        return {}


class SetState(Halves):
    def state(self) -> dict[str, Any]:
        return {"worse": {self.worse}}


class LosesHistory(Halves):
    history: Any = ()

    def evaluated(self, metrics: Any, is_best: bool) -> None:
        self.history = (*self.history, is_best)
        self.worse += self.history[-2:] == (False, False)


class Undeclared(Halves):
    needs_validation = False


class UndeclaredLength(Falls):
    def learning_rate(self, base: float, step: int, length: Any) -> Any:
        return base * (1 - step / length.steps)


class Changes(Falls):
    def evaluated(self, metrics: Any, is_best: bool) -> None:
        metrics["loss"] = 0.0


class OnTheClass(Halves):
    def evaluated(self, metrics: Any, is_best: bool) -> None:
        type(self).worse += not is_best


class Keywords(Falls):
    def __init__(self, **settings: Any) -> None:
        super().__init__()


SCHEDULE_FAULTS: list[tuple[Any, str, str]] = [
    (Keywords, "contract", "takes **kwargs"),
    (Negative, "finite_rates", "the learning rate of step 51 of 100 is -0.0"),
    (Infinite, "finite_rates", "the learning rate of step 0 of 1 is inf"),
    (Tensor, "finite_rates", "is tensor(0.5000"),
    (Counts, "determinism", "depends on earlier calls"),
    (Random, "global_rng_unchanged", "random"),
    (NoState, "state_round_trip", "the learning rates differ after restoring"),
    (SetState, "state_round_trip", "the state is not JSON"),
    (LosesHistory, "state_round_trip", "evaluations have another effect after restoring"),
    (Undeclared, "declared_dependence", "set needs_validation = True"),
    (UndeclaredLength, "declared_dependence", "set depends_on_length = True"),
    (Changes, "independent_instances", "evaluated modifies the metrics"),
    (OnTheClass, "independent_instances", "evaluations of one instance change another"),
]


@pytest.mark.parametrize(("cls", "name", "text"), SCHEDULE_FAULTS, ids=[each[0].__name__ for each in SCHEDULE_FAULTS])
def test_fault_of_a_schedule_is_found(cls: Any, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OnTheClass, "worse", 0, raising=False)
    with pytest.raises(CheckFailure) as caught:
        check_schedule(cls)
    assert text in caught.value.failures[name]


@pytest.mark.parametrize("cls", [Falls, Halves])
def test_correct_schedule_passes(cls: Any) -> None:
    check_schedule(cls)
