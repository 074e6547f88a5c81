"""Optimizers compared with torch.optim, weight decay without biases, and the checks of every optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqkit.modeling.optimizers import optimizer_step
from seqkit.optimizers.adam import Adam, AdamW, NAdam
from seqkit.optimizers.rmsprop import RMSprop
from seqkit.optimizers.sgd import SGD
from seqkit.registry import load_registry

ADAM = {"lr": 0.02, "betas": (0.7, 0.95), "eps": 1e-3, "weight_decay": 0.1}
DEFAULT_ADAM = {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8}
MOMENTUM = {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}
ROOT = {"lr": 0.01, "alpha": 0.8, "eps": 1e-3, "momentum": 0.5, "weight_decay": 0.1}
DECOUPLED = {"decoupled_weight_decay": True}

REFERENCES: dict[str, tuple[Any, dict[str, Any], Any, dict[str, Any]]] = {
    "adam, defaults": (Adam, {}, torch.optim.Adam, DEFAULT_ADAM | {"weight_decay": 0}),
    "adam": (Adam, ADAM, torch.optim.Adam, ADAM),
    "adamw, defaults": (AdamW, {}, torch.optim.AdamW, DEFAULT_ADAM | {"weight_decay": 0.01}),
    "adamw": (AdamW, ADAM, torch.optim.AdamW, ADAM),
    "nadam, defaults": (NAdam, {}, torch.optim.NAdam, DEFAULT_ADAM | DECOUPLED),
    "nadam": (NAdam, ADAM | {"momentum_decay": 0.1}, torch.optim.NAdam, ADAM | {"momentum_decay": 0.1} | DECOUPLED),
    "sgd, defaults": (SGD, {}, torch.optim.SGD, {"lr": 0.1}),
    "sgd": (SGD, MOMENTUM, torch.optim.SGD, MOMENTUM),
    "rmsprop, defaults": (RMSprop, {}, torch.optim.RMSprop, {"lr": 0.001, "alpha": 0.99, "eps": 1e-8}),
    "rmsprop": (RMSprop, ROOT, torch.optim.RMSprop, ROOT),
}
CLASSES: dict[str, Any] = {"adam": Adam, "adamw": AdamW, "nadam": NAdam, "sgd": SGD, "rmsprop": RMSprop}


def test_every_optimizer_is_tested() -> None:
    assert sorted(CLASSES) == load_registry().names("optimizer")


def weights_after(
    make: Callable[[list[nn.Parameter]], Any], dtype: torch.dtype, step: Callable[[Any], Any] = optimizer_step
) -> list[Tensor]:
    """Return the weights after six steps of a small regression with an optimizer."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).to(dtype)
    inputs, targets = torch.randn(8, 3, dtype=dtype), torch.randn(8, 2, dtype=dtype)
    optimizer = make(list(model.parameters()))
    for _ in range(6):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs), targets).backward()
        step(optimizer)
    return [weight.detach() for weight in model.parameters()]


@pytest.mark.parametrize("name", REFERENCES)
def test_optimizer_equals_torch(name: str) -> None:
    cls, settings, reference, arguments = REFERENCES[name]
    actual = weights_after(lambda weights: cls(weights, **settings), torch.float64)
    expected = weights_after(lambda weights: reference(weights, **arguments), torch.float64, lambda each: each.step())
    for pair in zip(actual, expected, strict=True):
        torch.testing.assert_close(*pair, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", REFERENCES)
def test_fused_optimizer_is_used_if_torch_has_one(name: str) -> None:
    cls, settings, reference, arguments = REFERENCES[name]
    fused = {} if reference in (torch.optim.RMSprop, torch.optim.NAdam) else {"fused": True}
    actual = weights_after(lambda weights: cls(weights, **settings), torch.float32)
    expected = weights_after(
        lambda weights: reference(weights, **arguments, **fused), torch.float32, lambda each: each.step()
    )
    assert all(torch.equal(*pair) for pair in zip(actual, expected, strict=True))


def test_step_of_a_plugin_is_not_unwrapped() -> None:
    """Only the wrappers of torch are skipped: a decorator of a plugin may be needed."""
    calls = []

    class Counting(SGD):
        def step(self, closure: Any = None) -> None:
            calls.append(self)
            super().step()

    weight = nn.Parameter(torch.ones(1, 1))
    weight.grad = torch.ones(1, 1)
    optimizer = Counting([weight], lr=0.25)
    optimizer_step(optimizer)
    assert (calls, weight.item()) == ([optimizer], 0.75)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("grouped", [False, True])
def test_exempt_biases_have_no_weight_decay(name: str, grouped: bool) -> None:
    """With a gradient of 0, weight decay alone changes a weight. The keys of the groups are kept."""
    matrix, bias, other = (nn.Parameter(torch.ones(shape)) for shape in ((2, 2), (2,), (1, 3, 1)))
    weights = [bias, matrix, other]
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    given: Any = [{"params": [bias, matrix], "lr_scale": 0.5}, {"params": [other]}] if grouped else iter(weights)
    optimizer = CLASSES[name](given, lr=0.1, weight_decay=0.1, exempt_biases=True)
    optimizer_step(optimizer)
    assert torch.equal(bias, torch.ones(2))
    assert (matrix < 1).all() and (other < 1).all()
    assert len(optimizer.param_groups) == (3 if grouped else 2)
    assert [group.get("lr_scale") for group in optimizer.param_groups] == ([0.5, 0.5, None] if grouped else [None] * 2)


@pytest.mark.parametrize("name", CLASSES)
def test_biases_decay_by_default(name: str) -> None:
    bias = nn.Parameter(torch.ones(2))
    bias.grad = torch.zeros(2)
    optimizer_step(CLASSES[name]([bias], lr=0.1, weight_decay=0.1))
    assert (bias < 1).all()


def test_momentum_of_a_weight_that_gets_its_first_gradient_later() -> None:
    """The fused kernel of torch requires that all weights have a momentum or none."""
    weights = [nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))]
    optimizer = SGD(weights, lr=0.1, momentum=0.5)
    references = [nn.Parameter(torch.ones(2, 2)) for _ in weights]
    expected = [torch.optim.SGD([each], lr=0.1, momentum=0.5) for each in references]
    for step in range(4):
        for number, (weight, reference) in enumerate(zip(weights, references, strict=True)):
            if step >= 2 * number:
                weight.grad = reference.grad = torch.full((2, 2), 1.0 + step)
                expected[number].step()
        optimizer_step(optimizer)
    assert all(torch.equal(*pair) for pair in zip(weights, references, strict=True))
