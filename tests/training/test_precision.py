"""`train.precision: bf16`: products in bfloat16, everything else in float32."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from helpers.recipes import CHARACTER_RECIPE
from helpers.training import interrupted_run, reproducible_contents
from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.errors import RecipeError
from seqkit.layers.precision import product_dtype, products_in, supports_bf16

CPU = torch.device("cpu")
BF16 = {"train__precision": "bf16", "train__batch_size": 2, "train__sequence_length": 5}

needs_bf16 = pytest.mark.skipif(not supports_bf16(CPU), reason="this processor has no bfloat16 instructions")


def results(encoder: torch.nn.Module, inputs: torch.Tensor, lengths: torch.Tensor) -> list[torch.Tensor]:
    """Return outputs, state and gradients of an encoder."""
    encoded = encoder(inputs, lengths)
    parts = [encoded.outputs, encoded.final, *encoded.state]
    gradients = torch.autograd.grad(sum((part**2).sum() for part in parts), [*encoder.parameters()])
    return [part.detach() for part in [*parts, *gradients]]


@needs_bf16
@pytest.mark.parametrize("lengths", [[9, 9, 9, 9], [9, 4, 7, 1]], ids=["equal", "different"])
@pytest.mark.parametrize("encoder", [LSTM, BiLSTM])
@pytest.mark.parametrize("proj_size", [0, 20])
def test_results_equal_those_of_float64_but_for_the_rounding_of_factors(
    encoder: Any, lengths: list[int], proj_size: int
) -> None:
    torch.manual_seed(2)
    built = encoder(40, hidden_size=32, num_layers=2, proj_size=proj_size)
    inputs, lengths_tensor = torch.randn(4, 9, 40), torch.tensor(lengths)
    with products_in("bf16"):
        reduced = results(built, inputs, lengths_tensor)
    full = results(built, inputs, lengths_tensor)
    exact = results(built.double(), inputs.double(), lengths_tensor)
    assert all(part.dtype == torch.float32 for part in reduced)
    for one, other, reference in zip(reduced, full, exact, strict=True):
        scale = float(reference.abs().max())
        assert 1e-5 < float((one - reference).abs().max()) / scale < 0.03  # bfloat16 has 8 significant bits
        assert float((other - reference).abs().max()) / scale < 1e-5


@needs_bf16
def test_block_sets_the_precision_and_restores_it() -> None:
    before = torch.get_float32_matmul_precision()
    values = torch.zeros(1)
    with pytest.raises(KeyError), products_in("bf16"):
        assert product_dtype(values) == torch.bfloat16
        assert product_dtype(values.double()) == torch.float64
        raise KeyError
    assert product_dtype(values) == torch.float32
    assert torch.get_float32_matmul_precision() == before


@needs_bf16
def test_training_differs_from_float32_and_resumes_exactly(tmp_path: Path) -> None:
    full = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "full", quiet=True, **(BF16 | {"train__precision": "float32"}))
    complete = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "complete", quiet=True, **BF16)
    path = interrupted_run(CHARACTER_RECIPE, tmp_path / "stopped", 13, **BF16)
    resumed = seqkit.run(CHARACTER_RECIPE, runs=tmp_path, resume=path, quiet=True, **BF16)
    assert reproducible_contents(resumed) == reproducible_contents(complete)
    losses = [[row["loss"] for row in run.metrics] for run in (full, complete)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_blocks_of_two_threads_may_overlap() -> None:
    first, second = products_in("bf16"), products_in("bf16")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert product_dtype(torch.zeros(1)) == torch.bfloat16
    second.__exit__(None, None, None)
    assert product_dtype(torch.zeros(1)) == torch.float32
    assert torch.get_float32_matmul_precision() == "highest"


def test_setting_of_the_caller_does_not_change_float32() -> None:
    torch.set_float32_matmul_precision("medium")
    try:
        with products_in("float32"):
            assert product_dtype(torch.zeros(1)) == torch.float32
    finally:
        torch.set_float32_matmul_precision("highest")


def test_processor_without_bfloat16_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that began in bfloat16 must not continue in float32 on another machine."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": False})
    expected = "train.precision: bf16 requires a CPU with AMX, AVX512_BF16 or BF16 of ARM: use float32"
    with pytest.raises(RecipeError, match=expected):
        seqkit.run(CHARACTER_RECIPE, runs=tmp_path, quiet=True, **BF16)
    assert not list(tmp_path.iterdir())
    assert not supports_bf16(torch.device("cuda"))


@needs_bf16
def test_evaluation_is_in_float32(tmp_path: Path) -> None:
    data = {"data__split": {"by": "order", "valid": 0.2, "test": 0.2}}
    run = seqkit.run(CHARACTER_RECIPE, runs=tmp_path, quiet=True, **(BF16 | data))
    evaluated = seqkit.load(run.path).evaluate()
    assert run.result["metrics"]["test"]["loss"] == pytest.approx(evaluated["loss"], rel=1e-6)
    assert torch.get_float32_matmul_precision() == "highest"


SHAPES = """
import ctypes
import torch
from seqkit.layers.precision import products_in

class Usage(ctypes.Structure):  # mallinfo2(3)
    _fields_ = [(str(number), ctypes.c_size_t) for number in range(10)]

library = ctypes.CDLL(None)
library.mallinfo2.restype = Usage
weights = torch.zeros(256, 2900)
with products_in("bf16"):
    torch.zeros(5, 256) @ weights
    before = getattr(library.mallinfo2(), "7")  # bytes in use
    for rows in range(100, 300):
        torch.zeros(rows, 256) @ weights
    print((getattr(library.mallinfo2(), "7") - before) / 1e6)
"""


@needs_bf16
@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc" or not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="requires glibc 2.33"
)
def test_products_of_many_shapes_take_little_memory() -> None:
    """Without a limit, torch and oneDNN store 0.6 MB for each shape of a product."""
    variables = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"}
    environment = {name: value for name, value in os.environ.items() if name not in variables}  # another test sets them
    done = subprocess.run([sys.executable, "-c", SHAPES], capture_output=True, text=True, check=True, env=environment)
    assert float(done.stdout) < 80
