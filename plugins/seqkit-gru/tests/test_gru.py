"""Tests of the encoder `gru` against torch.nn.GRU on packed sequences, and of its recipe."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_gru.encoder import GRU
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import seqkit.testing

INPUT_SIZE, HIDDEN_SIZE = 3, 5
RECIPE = Path(__file__).parent.parent / "recipes" / "char_gen_gru.yaml"

batches = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@pytest.fixture(autouse=True, scope="module")
def _float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def pair(num_layers: int, seed: int) -> tuple[GRU, nn.GRU]:
    """Return the encoder and torch.nn.GRU, initialized with the same seed."""
    torch.manual_seed(seed)
    encoder = GRU(INPUT_SIZE, hidden_size=HIDDEN_SIZE, num_layers=num_layers)
    torch.manual_seed(seed)
    return encoder, nn.GRU(INPUT_SIZE, HIDDEN_SIZE, num_layers, batch_first=True)


def run_packed(
    reference: nn.GRU, inputs: Tensor, lengths: Tensor, state: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the outputs of torch.nn.GRU, zero at padded time steps, and its state with the batch dimension first."""
    start = None if state is None else state.transpose(0, 1).contiguous()
    sequences = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    outputs, last = reference(sequences, start)
    return pad_packed_sequence(outputs, batch_first=True, total_length=inputs.shape[1])[0], last.transpose(0, 1)


def assert_close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


@settings(deadline=None, derandomize=True, database=None, max_examples=40)
@given(batches, st.integers(1, 3), st.integers(0, 2), st.booleans(), st.integers(0, 2**31))
def test_outputs_state_and_gradients_equal_torch_gru_on_packed_sequences(
    lengths: list[int], num_layers: int, extra_padding: int, with_state: bool, seed: int
) -> None:
    encoder, reference = pair(num_layers, seed)
    batch, time = len(lengths), max(lengths) + extra_padding
    inputs = torch.randn(batch, time, INPUT_SIZE, requires_grad=True)
    state = torch.randn(batch, num_layers, HIDDEN_SIZE, requires_grad=True) if with_state else None
    encoded = encoder(inputs, torch.tensor(lengths), state)
    outputs, last = run_packed(reference, inputs, torch.tensor(lengths), state)
    real = torch.arange(time) < torch.tensor(lengths)[:, None]
    assert_close(encoded.outputs[real], outputs[real])
    assert_close(encoded.state, last)
    assert_close(encoded.final, last[:, -1])

    output_weights, state_weights = torch.randn_like(outputs), torch.randn_like(last)
    differentiated = [inputs] if state is None else [inputs, state]
    loss = (encoded.outputs * output_weights)[real].sum() + (encoded.state * state_weights).sum()
    reference_loss = (outputs * output_weights)[real].sum() + (last * state_weights).sum()
    actual = torch.autograd.grad(loss, [*differentiated, *encoder.parameters()])
    expected = torch.autograd.grad(reference_loss, [*differentiated, *reference.parameters()])
    for gradient, expected_gradient in zip(actual, expected, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-9, atol=1e-10)
    assert not actual[0][~real].any()


@pytest.mark.parametrize("windows", [[1] * 7, [3, 3, 1], [5, 2]], ids=str)
def test_windows_with_carried_state_equal_a_single_pass(windows: list[int]) -> None:
    encoder, _ = pair(num_layers=2, seed=0)
    inputs = torch.randn(4, 7, INPUT_SIZE)
    single_pass = encoder(inputs, torch.full((4,), 7))
    outputs, state = [], None
    for window in inputs.split(windows, dim=1):
        encoded = encoder(window, torch.full((4,), window.shape[1]), state)
        state = encoded.state
        outputs.append(encoded.outputs)
    assert_close(torch.cat(outputs, dim=1), single_pass.outputs)
    assert_close(encoded.state, single_pass.state)


@seqkit.testing.parametrize_with_checks(
    seqkit.testing.checks_for_encoder(lambda input_size: GRU(input_size, hidden_size=4, num_layers=2))
)
def test_encoder_implements_its_contract(check) -> None:
    check()


def test_empty_batch() -> None:
    encoder, _ = pair(num_layers=2, seed=0)
    encoded = encoder(torch.randn(0, 4, INPUT_SIZE), torch.zeros(0, dtype=torch.int64))
    assert [tuple(part.shape) for part in encoded[:3]] == [(0, 4, HIDDEN_SIZE), (0, HIDDEN_SIZE), (0, 2, HIDDEN_SIZE)]


def test_recipe_trains_and_run_generates(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "seqkit", "run", RECIPE, "train.epochs=60", "train.threads=1", "--runs", tmp_path],
        env=os.environ | {"SEQKIT_PLUGINS": "on"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "  encoder    gru (hidden_size 32) -> 32, causal" in done.stdout.splitlines()
    run = seqkit.load(done.stdout.splitlines()[-1])
    assert run.result["metrics"]["train"]["loss"] < 0.5
    assert run.generate("Sarah bought a", length=11) == " basket of "
