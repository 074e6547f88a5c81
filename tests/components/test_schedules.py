"""Learning rates compared with their formulas and with torch, and the schedule that depends on evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqkit.contracts import TrainingLength
from seqkit.registry import load_registry
from seqkit.schedules.decay import Constant, Cosine, Linear, Step
from seqkit.schedules.one_cycle import OneCycle
from seqkit.schedules.plateau import Plateau

LENGTH = TrainingLength(epochs=5, steps=20, steps_per_epoch=4)
CLASSES: dict[str, Any] = {
    "constant": Constant, "cosine": Cosine, "linear": Linear, "one_cycle": OneCycle, "plateau": Plateau, "step": Step
}  # fmt: skip
DECAYS = ["constant", "linear", "cosine", "step"]


def test_every_schedule_is_tested() -> None:
    assert sorted(CLASSES) == load_registry().names("schedule")


def linear(start: int, final: float) -> Callable[[int], float]:
    return lambda step: 1 - (1 - final) * (step - start) / (19 - start)


def cosine(start: int, final: float) -> Callable[[int], float]:
    return lambda step: final + (1 - final) * (1 + math.cos(math.pi * (step - start) / (19 - start))) / 2


FORMULAS: list[tuple[str, dict[str, Any], Callable[[int], float]]] = [
    ("constant", {}, lambda step: 1.0),
    ("linear", {}, linear(0, 0.0)),
    ("linear", {"final": 0.2}, linear(0, 0.2)),
    ("cosine", {}, cosine(0, 0.0)),
    ("cosine", {"final": 0.2}, cosine(0, 0.2)),
    ("step", {}, lambda step: 0.5 ** (step // 4)),
    ("step", {"every": 2, "gamma": 0.1}, lambda step: 0.1 ** (step // 8)),
    ("constant", {"warmup": 5}, lambda step: 1.0),
    ("linear", {"warmup": 5, "final": 0.2}, linear(5, 0.2)),
    ("cosine", {"warmup": 5, "final": 0.2}, cosine(5, 0.2)),
    ("step", {"warmup": 5}, lambda step: 0.5 ** (step // 4)),
    ("plateau", {"warmup": 5}, lambda step: 1.0),
]


@pytest.mark.parametrize(("name", "settings", "formula"), FORMULAS, ids=[f"{each[0]} {each[1]}" for each in FORMULAS])
def test_learning_rates_equal_their_formulas(
    name: str, settings: dict[str, Any], formula: Callable[[int], float]
) -> None:
    warmup, schedule = settings.get("warmup", 0), CLASSES[name](**settings)
    expected = [0.3 * ((step + 1) / warmup if step < warmup else formula(step)) for step in range(20)]
    actual = [schedule.learning_rate(0.3, step, LENGTH) for step in range(20)]
    assert actual == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_decreasing_rate_ends_at_final_and_stays_there(name: str) -> None:
    schedule = CLASSES[name](warmup=3, final=0.1)
    rates = [schedule.learning_rate(2.0, step, LENGTH) for step in range(25)]
    assert max(rates) == rates[2] == rates[3] == 2.0
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[19:] == pytest.approx([0.2] * 6, rel=1e-12)


@pytest.mark.parametrize("name", DECAYS)
@pytest.mark.parametrize("warmup", [0, 1, 2, 9])
@pytest.mark.parametrize("steps", [1, 2])
def test_learning_rate_of_the_shortest_runs(name: str, warmup: int, steps: int) -> None:
    length = TrainingLength(epochs=1, steps=steps, steps_per_epoch=steps)
    rates = [CLASSES[name](warmup=warmup).learning_rate(1.0, step, length) for step in range(steps)]
    assert rates[0] == pytest.approx(1 / max(1, warmup))


@pytest.mark.parametrize("settings", [{}, {"rise": 0.5, "initial": 0.1, "final": 0.01}])
@pytest.mark.parametrize("steps", [10, 37, 1000])
def test_one_cycle_equals_torch(settings: dict[str, float], steps: int) -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    initial = settings.get("initial", 0.04)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=0.3,
        total_steps=steps,
        pct_start=settings.get("rise", 0.3),
        div_factor=1 / initial,
        final_div_factor=initial / settings.get("final", 4e-6),
        cycle_momentum=False,
    )
    expected = []
    for _ in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        reference.step() if len(expected) < steps else None
    schedule, length = OneCycle(**settings), TrainingLength(1, steps, steps)
    actual = [schedule.learning_rate(0.3, step, length) for step in range(steps)]
    assert actual == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_one_cycle_of_the_shortest_runs_starts_low(steps: int) -> None:
    length = TrainingLength(1, steps, steps)
    rates = [OneCycle().learning_rate(1.0, step, length) for step in range(steps + 2)]
    assert rates[0] == pytest.approx(0.04)
    assert all(0 < rate <= 1 for rate in rates)


def test_plateau_reduces_the_rate_after_evaluations_without_improvement() -> None:
    schedule = Plateau(patience=2, gamma=0.5, final=0.2)
    rates = []
    for is_best in (True, False, True, False, False, False, False, True, False, False, False, False):
        schedule.evaluated({}, is_best)
        rates.append(schedule.learning_rate(1.0, 9, LENGTH))
    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2]
    other = Plateau(patience=2, gamma=0.5, final=0.2)
    other.restore(schedule.state())
    assert other.state() == schedule.state() == {"reductions": 4, "without_improvement": 0}


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"reductions": 1},
        {"reductions": -1, "without_improvement": 0},
        {"reductions": True, "without_improvement": 0},
        {"reductions": 1.0, "without_improvement": 0},
        {"reductions": 0, "without_improvement": "2"},
        {"reductions": 10**12, "without_improvement": 0},
    ],
)
def test_plateau_rejects_an_invalid_state(state: dict[str, Any]) -> None:
    schedule = Plateau()
    with pytest.raises(ValueError, match=r"^invalid (reductions|without_improvement): "):
        schedule.restore(state)
    assert schedule.state() == {"reductions": 0, "without_improvement": 0}


@pytest.mark.parametrize("steps", [20, 100, 1000])
def test_straight_one_cycle_is_slanted_triangular(steps: int) -> None:
    """The formula of Howard and Ruder (2018), section 3.2, with their cut_frac 0.1 and ratio 32."""
    schedule = OneCycle(shape="linear", rise=0.1, initial=1 / 32, final=1 / 32)
    length = TrainingLength(epochs=1, steps=steps, steps_per_epoch=steps)
    cut = int(0.1 * steps) - 1  # seqkit counts steps from 0, and the last one has the lowest rate
    for step in range(steps):
        part = step / cut if step < cut else 1 - (step - cut) / (steps - 1 - cut)
        assert schedule.learning_rate(0.01, step, length) == pytest.approx(0.01 * (1 + part * 31) / 32)
