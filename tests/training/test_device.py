"""The device of a run, and the global state of torch that a run restores."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from helpers.recipes import RECIPES
from seqkit.errors import UsageError
from seqkit.modeling.device import choose_device, isolated_torch_state

TRAINING_SCRIPT = """
import sys, seqkit
options = {"embedding": {"type": "learned", "dim": 4}, "train": {"epochs": 2}}
run = seqkit.run(sys.argv[1], runs=sys.argv[2], quiet=True, **options)
assert run.metrics[-1]["epoch"] == 2
assert seqkit.load(run.path).evaluate([("In Beijing", None)])["loss"] > 0
print(*sorted({"torch", "torch._dynamo", "sklearn"} & set(sys.modules)))
"""


def test_training_and_evaluation_import_neither_the_torch_compiler_nor_scikit_learn(tmp_path) -> None:
    command = [sys.executable, "-c", TRAINING_SCRIPT, str(RECIPES / "char_gen.yaml"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["torch"]


def test_optimizer_methods_are_restored() -> None:
    method = torch.optim.Optimizer.zero_grad.__wrapped__
    before = vars(method).copy()
    with isolated_torch_state(1):
        parameter = torch.nn.Parameter(torch.ones(2))
        optimizer = torch.optim.Adam([parameter], lr=0.1)
        parameter.sum().backward()
        optimizer.step()
        assert parameter.detach() == pytest.approx([0.9, 0.9])
        optimizer.zero_grad()
        assert parameter.grad is None
    assert vars(method) == before


def test_missing_device_is_an_error() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    missing = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(UsageError) as caught:
        choose_device(missing)
    remedy = "set it to `auto` to use what is available"
    assert str(caught.value) == f"train.device: this machine has no {missing}: {remedy}"
