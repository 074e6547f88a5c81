"""Tests of `seqkit summary`: the layers of a model, and the multiply-adds of its products."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import seqkit
from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.modeling.multiply_adds import multiply_adds
from tests.helpers.commands import run_process
from tests.helpers.recipes import PROJECT

TIME, INPUT, HIDDEN = 7, 12, 20
LAYER = 4 * HIDDEN * (INPUT + HIDDEN)
"""The products of an LSTM cell for one time step: four gates, from the input and from the previous output."""


@pytest.mark.parametrize(
    "encoder, expected",
    [
        (lambda: LSTM(INPUT, hidden_size=HIDDEN), LAYER),
        (lambda: LSTM(INPUT, hidden_size=HIDDEN, num_layers=2), LAYER + 4 * HIDDEN * 2 * HIDDEN),
        (lambda: BiLSTM(INPUT, hidden_size=HIDDEN), 2 * LAYER),
        (lambda: BiLSTM(INPUT, hidden_size=HIDDEN, proj_size=5), 2 * (4 * HIDDEN * (INPUT + 5) + HIDDEN * 5)),
    ],
)
@pytest.mark.parametrize("one_hot", [False, True])
def test_multiply_adds_of_an_lstm_are_those_of_its_definition(encoder: Any, expected: int, one_hot: bool) -> None:
    built = encoder()
    inputs = torch.randint(INPUT, (1, TIME)) if one_hot and not built.layers.proj_size else torch.randn(1, TIME, INPUT)
    counts = multiply_adds(built, lambda: built(inputs, torch.tensor([TIME])))
    assert counts == {"": TIME * expected, "layers": TIME * expected}


@pytest.mark.parametrize(
    "module, shape, expected",
    [
        (nn.Linear(3, 5), (2, 4, 3), 2 * 4 * 3 * 5),
        (nn.Conv1d(3, 5, 3), (1, 3, 9), 7 * 3 * 5 * 3),
        (nn.GRU(INPUT, HIDDEN, batch_first=True), (1, TIME, INPUT), TIME * 3 * HIDDEN * (INPUT + HIDDEN)),
        (nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)), (1, 3), 15 + 10),
    ],
)
def test_multiply_adds_of_layers_of_torch(module: nn.Module, shape: tuple[int, ...], expected: int) -> None:
    assert multiply_adds(module, lambda: module(torch.randn(shape)))[""] == expected


def test_a_module_that_is_called_twice_counts_twice() -> None:
    module = nn.Sequential(nn.Linear(3, 3))
    assert multiply_adds(module, lambda: module(module(torch.randn(1, 3)))) == {"": 18, "0": 18}


def test_no_hook_remains() -> None:
    module = nn.Linear(3, 5)
    with pytest.raises(RuntimeError):
        multiply_adds(module, lambda: module(torch.randn(1, 4)))
    assert not module._forward_hooks
    assert not module._forward_pre_hooks


@pytest.mark.parametrize("name", ["char_gen", "char_gen_stacked", "char_gen_prefix", "scores", "topics"])
def test_summary_has_the_weights_of_the_run(name: str, tmp_path: Path) -> None:
    recipe = PROJECT / "recipes" / f"{name}.yaml"
    found = json.loads(run_process("summary", recipe, "--json").stdout)
    run = seqkit.run(recipe, runs=tmp_path, train={"epochs": 1}, quiet=True)
    assert found["weights"] == found["trainable"] == sum(weight.numel() for weight in run.model.parameters())
    shapes = {layer["name"]: layer["output"] for layer in found["layers"]}
    assert shapes["head.output"][-1] == run.model.head.output.out_features
    assert shapes["encoder"][-1] == run.model.encoder.output_size


def test_table_shows_layers_below_their_components() -> None:
    done = run_process("summary", PROJECT / "recipes" / "char_gen.yaml", "encoder.hidden_size=16")
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["layer", "class", "output", "weights", "multiply-adds"]
    assert [line.split()[0] for line in lines[1:6]] == ["embedding", "encoder", "layers.cells.0", "head", "output"]
    assert "1 × 87 × 16" in lines[2]
    assert "multiply-adds for a text of 87 time steps" in lines[-1]


def test_frozen_weights_are_counted(tmp_path: Path) -> None:
    recipe = PROJECT / "recipes" / "char_gen.yaml"
    override = "train.groups=[{parameters: encoder.*, frozen_epochs: always}]"
    done = run_process("summary", recipe, override)
    assert "of them frozen" in done.stdout


def test_an_invalid_recipe_is_one_line() -> None:
    done = run_process("summary", PROJECT / "recipes" / "char_gen.yaml", "encoder.hidden_size=0")
    assert done.returncode == 2
    assert "encoder.hidden_size" in done.stderr
    assert len(done.stderr.splitlines()) == 1
