"""What a run borrows of torch, and gives back."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from conftest import RECIPES

from seqkit.device import borrowed_torch, choose_device
from seqkit.errors import UsageError

TRAINED = """
import sys, seqkit
run = seqkit.run(sys.argv[1], runs=sys.argv[2], quiet=True, train={"epochs": 2})
assert run.metrics[-1]["epoch"] == 2
print(*sorted({"torch", "torch._dynamo", "sklearn"} & set(sys.modules)))
"""


def test_training_imports_torch_without_its_compiler_and_without_scikit_learn(tmp_path) -> None:
    command = [sys.executable, "-c", TRAINED, str(RECIPES / "char_gen.yaml"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["torch"]


def test_optimizers_are_left_as_they_were() -> None:
    method = torch.optim.Optimizer.zero_grad.__wrapped__
    before = vars(method).copy()
    with borrowed_torch(1):
        parameter = torch.nn.Parameter(torch.ones(2))
        optimizer = torch.optim.Adam([parameter], lr=0.1)
        parameter.sum().backward()
        optimizer.step()
        assert parameter.detach() == pytest.approx([0.9, 0.9])
        optimizer.zero_grad()
        assert parameter.grad is None
    assert vars(method) == before


def test_a_device_that_is_not_there_is_refused() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    missing = f"cuda:{torch.cuda.device_count()}"
    with pytest.raises(UsageError, match=f"there is no {missing} on this machine; `auto` takes what there is"):
        choose_device(missing)
