"""Optimizers compared with torch.optim, and learning rates compared with their formulas."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqkit.recipe.schema import SGD, Adam, AdamW, RMSprop, Schedule, Train
from seqkit.recipe.section import Section
from seqkit.training.optimizers import make_optimizer
from seqkit.training.schedule import TrainingLength, learning_rate, training_length

ADAM = {"lr": 0.02, "betas": (0.7, 0.95), "eps": 1e-3, "weight_decay": 0.1}
DEFAULT_ADAM = {"lr": 0.001, "betas": (0.9, 0.999), "eps": 1e-8}

REFERENCES = {
    "adam, defaults": (Adam(), torch.optim.Adam, DEFAULT_ADAM | {"weight_decay": 0}),
    "adam": (Adam(**ADAM), torch.optim.Adam, ADAM),
    "adamw, defaults": (AdamW(type="adamw"), torch.optim.AdamW, DEFAULT_ADAM | {"weight_decay": 0.01}),
    "adamw": (AdamW(type="adamw", **ADAM), torch.optim.AdamW, ADAM),
    "sgd, defaults": (SGD(type="sgd"), torch.optim.SGD, {"lr": 0.1}),
    "sgd": (
        SGD(type="sgd", lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1),
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ),
    "rmsprop, defaults": (RMSprop(type="rmsprop"), torch.optim.RMSprop, {"lr": 0.001, "alpha": 0.99, "eps": 1e-8}),
    "rmsprop": (
        RMSprop(type="rmsprop", lr=0.01, alpha=0.8, eps=1e-3, momentum=0.5, weight_decay=0.1),
        torch.optim.RMSprop,
        {"lr": 0.01, "alpha": 0.8, "eps": 1e-3, "momentum": 0.5, "weight_decay": 0.1},
    ),
}


def weights_after(make: Callable[[list[nn.Parameter]], torch.optim.Optimizer], dtype: torch.dtype) -> list[Tensor]:
    """Return the weights after six steps of a small regression with an optimizer."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).to(dtype)
    inputs, targets = torch.randn(8, 3, dtype=dtype), torch.randn(8, 2, dtype=dtype)
    optimizer = make(list(model.parameters()))
    for _ in range(6):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs), targets).backward()
        optimizer.step()
    return [weight.detach() for weight in model.parameters()]


@pytest.mark.parametrize("name", REFERENCES)
def test_optimizer_equals_torch(name: str) -> None:
    settings, reference, arguments = REFERENCES[name]
    actual = weights_after(lambda weights: make_optimizer(settings, weights), torch.float64)
    expected = weights_after(lambda weights: reference(weights, **arguments), torch.float64)
    for pair in zip(actual, expected, strict=True):
        torch.testing.assert_close(*pair, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", REFERENCES)
def test_fused_optimizer_is_used_if_torch_has_one(name: str) -> None:
    settings, reference, arguments = REFERENCES[name]
    fused = {} if reference is torch.optim.RMSprop else {"fused": True}
    actual = weights_after(lambda weights: make_optimizer(settings, weights), torch.float32)
    expected = weights_after(lambda weights: reference(weights, **arguments, **fused), torch.float32)
    assert all(torch.equal(*pair) for pair in zip(actual, expected, strict=True))


@pytest.mark.parametrize("settings", [Adam(), AdamW(type="adamw"), SGD(type="sgd"), RMSprop(type="rmsprop")])
def test_all_settings_are_passed_to_the_optimizer(settings: Section) -> None:
    group = make_optimizer(settings, [nn.Parameter(torch.zeros(1))]).param_groups[0]
    for name, value in vars(settings).items():
        assert name == "type" or group[name] == value


@pytest.mark.parametrize(
    ("train", "length"),
    [
        ({}, (10, 70, 7)),
        ({"epochs": 3}, (3, 21, 7)),
        ({"steps": 21}, (3, 21, 7)),
        ({"steps": 22}, (4, 22, 7)),
        ({"steps": 1}, (1, 1, 7)),
    ],
)
def test_training_length_from_epochs_or_steps(train: dict[str, int], length: tuple[int, int, int]) -> None:
    assert training_length(Train(**train), 7) == TrainingLength(*length)


LENGTH = TrainingLength(epochs=5, steps=20, steps_per_epoch=4)


def linear(start: int, final: float) -> Callable[[int], float]:
    return lambda step: 1 - (1 - final) * (step - start) / (19 - start)


def cosine(start: int, final: float) -> Callable[[int], float]:
    return lambda step: final + (1 - final) * (1 + math.cos(math.pi * (step - start) / (19 - start))) / 2


FORMULAS: list[tuple[dict[str, Any], Callable[[int], float]]] = [
    ({"type": "constant"}, lambda step: 1.0),
    ({"type": "linear"}, linear(0, 0.0)),
    ({"type": "linear", "final": 0.2}, linear(0, 0.2)),
    ({"type": "cosine"}, cosine(0, 0.0)),
    ({"type": "cosine", "final": 0.2}, cosine(0, 0.2)),
    ({"type": "step"}, lambda step: 0.5 ** (step // 4)),
    ({"type": "step", "every": 2, "gamma": 0.1}, lambda step: 0.1 ** (step // 8)),
    ({"type": "constant", "warmup": 5}, lambda step: 1.0),
    ({"type": "linear", "warmup": 5, "final": 0.2}, linear(5, 0.2)),
    ({"type": "cosine", "warmup": 5, "final": 0.2}, cosine(5, 0.2)),
    ({"type": "step", "warmup": 5}, lambda step: 0.5 ** (step // 4)),
]


@pytest.mark.parametrize(("schedule", "formula"), FORMULAS, ids=[str(schedule) for schedule, _ in FORMULAS])
def test_learning_rates_equal_their_formulas(schedule: dict[str, Any], formula: Callable[[int], float]) -> None:
    warmup = schedule.get("warmup", 0)
    expected = [0.3 * ((step + 1) / warmup if step < warmup else formula(step)) for step in range(20)]
    actual = [learning_rate(Schedule(**schedule), 0.3, step, LENGTH) for step in range(20)]
    assert actual == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_decreasing_rate_ends_at_final_and_stays_there(kind: str) -> None:
    schedule = Schedule(type=kind, warmup=3, final=0.1)
    rates = [learning_rate(schedule, 2.0, step, LENGTH) for step in range(25)]
    assert max(rates) == rates[2] == rates[3] == 2.0
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[19:] == pytest.approx([0.2] * 6, rel=1e-12)


@pytest.mark.parametrize("kind", ["constant", "linear", "cosine", "step"])
@pytest.mark.parametrize("warmup", [0, 1, 2, 9])
@pytest.mark.parametrize("steps", [1, 2])
def test_learning_rate_of_the_shortest_runs(kind: str, warmup: int, steps: int) -> None:
    length = TrainingLength(epochs=1, steps=steps, steps_per_epoch=steps)
    rates = [learning_rate(Schedule(type=kind, warmup=warmup), 1.0, step, length) for step in range(steps)]
    assert rates[0] == pytest.approx(1 / max(1, warmup))
