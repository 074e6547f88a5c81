"""The width at which a model has as many weights as another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import seqkit
from helpers.recipes import CHARACTER_RECIPE
from seqkit.compare import widths
from seqkit.compare.widths import Match, closest, matched_widths
from seqkit.contracts import Encoded, Encoder
from seqkit.errors import UsageError
from seqkit.recipe.plan import Plan
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

WIDE: dict[str, Any] = {"type": "bilstm", "hidden_size": 12}
LEAK: dict[str, Any] = {"type": "next_char", "allow_leak": True}


def read(encoder: dict[str, Any], *overrides: str) -> tuple[Plan, Recipe]:
    recipe = read_recipe(CHARACTER_RECIPE | {"encoder": encoder, "head": LEAK}, overrides)
    return resolve(recipe, load_registry()), recipe


def weights(encoder: dict[str, Any], overrides: list[str], folder: Path) -> int:
    recipe = CHARACTER_RECIPE | {"encoder": encoder, "head": LEAK, "train": {"epochs": 1}}
    changes = {key.replace(".", "__"): int(value) for key, value in (each.split("=") for each in overrides)}
    run = seqkit.run(recipe, runs=folder, quiet=True, **changes)
    return sum(weight.numel() for weight in run.model.parameters())


@given(st.integers(1, 400), st.integers(1, 300), st.integers(1, 9))
def test_closest(target: int, start: int, slope: int) -> None:
    found = closest(lambda number: slope * number + 5, target, start)
    assert all(abs(slope * found + 5 - target) <= abs(slope * other + 5 - target) for other in range(1, 500))


@pytest.mark.parametrize(
    "encoder",
    [
        {"type": "lstm", "hidden_size": 3},
        {"type": "projected", "proj_size": 4, "encoder": {"type": "lstm", "hidden_size": 40, "num_layers": 2}},
        {"type": "stacked", "layers": [{"type": "bilstm", "hidden_size": 4}, {"type": "lstm", "hidden_size": 8}]},
        {"type": "lstm", "hidden_size": 9, "proj_size": 5},
    ],
)
def test_parameters_are_as_close_as_a_width_allows(encoder: dict[str, Any], tmp_path: Path) -> None:
    target = weights(WIDE, [], tmp_path)
    found = matched_widths("parameters", read(WIDE), read(encoder))
    off = abs(weights(encoder, found, tmp_path) - target)
    plan, _ = read(encoder, *found)
    largest = max(widths._widths(plan).values())
    for other in (largest - 1, largest + 1):
        neighbor = widths._scaled(read(encoder)[0], other / max(widths._widths(read(encoder)[0]).values()))
        overrides = [f"{'.'.join(path)}={value}" for path, value in widths._widths(neighbor).items()]
        assert off <= abs(weights(encoder, overrides, tmp_path) - target)


def test_width_takes_the_width_of_the_first() -> None:
    assert matched_widths("width", read(WIDE), read({"type": "lstm", "hidden_size": 3})) == ["encoder.hidden_size=12"]


def test_seconds_choose_by_the_measured_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def seconds(plan: Plan, recipe: Recipe) -> float:
        return plan.encoder.values["hidden_size"] * (2.0 if plan.encoder.name == "bilstm" else 1.0)

    monkeypatch.setattr(widths, "train_seconds", seconds)
    assert matched_widths("seconds", read(WIDE), read({"type": "lstm", "hidden_size": 3})) == ["encoder.hidden_size=24"]


@pytest.mark.parametrize("match", ["parameters", "width", "seconds"])
def test_an_encoder_without_a_width(match: Match, isolated_registry: None) -> None:
    class Fixed(nn.Module, Encoder):
        causal = True

        def __init__(self, input_size: int) -> None:
            super().__init__()
            self.layer = nn.Linear(input_size, 3)
            self.output_size = self.final_size = 3

        def forward(self, inputs: torch.Tensor, lengths: torch.Tensor, state: Any = None) -> Encoded:
            outputs = self.layer(inputs)
            return Encoded(outputs, outputs[torch.arange(len(lengths)), lengths - 1])

    seqkit.register("encoder", "fixed", Fixed)
    with pytest.raises(UsageError, match="the encoder 'fixed' of .* names no width parameter"):
        matched_widths(match, read(WIDE), read({"type": "fixed"}))
