"""Tests of the LSTM recurrence: gradients against numerical gradients, and the layout of the time steps."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_sequence

from seqkit.encoders.lstm import recurrence, recurrence_loops
from seqkit.encoders.lstm.packing import PackedLayout
from seqkit.layers import parallel


def random_tensors(lengths: list[int], size: int, proj_size: int | None) -> list[torch.Tensor | None]:
    """Return gate inputs, hidden weight, projection, h and c, with which the recurrence can be called."""
    generator = torch.Generator().manual_seed(7)

    def randn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    total, batch, width = sum(lengths), len(lengths), proj_size or size
    projection = randn(proj_size, size) if proj_size else None
    return [randn(total, 4 * size), randn(4 * size, width), projection, randn(batch, width), randn(batch, size)]


def layout_of(lengths: list[int]) -> PackedLayout:
    return PackedLayout.from_lengths(torch.tensor(lengths), max(lengths), reverse=False)


@pytest.fixture(params=["TorchScript", "Python"], autouse=True)
def _loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "Python":
        monkeypatch.setattr(recurrence, "scripted", lambda loop: loop)


def test_loops_are_compiled() -> None:
    for loop in (recurrence_loops.forward_loop, recurrence_loops.backward_loop):
        assert isinstance(recurrence_loops.scripted(loop), torch.jit.ScriptFunction)


def test_loops_without_torchscript(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(recurrence_loops.jit, "script")
    loop = recurrence_loops.forward_loop
    assert recurrence_loops.scripted.__wrapped__(loop) is loop


@pytest.mark.parametrize("proj_size", [None, 2])
@pytest.mark.parametrize("lengths", [[1], [4, 4], [5, 3, 3, 1]])
def test_gradients_equal_numerical_gradients(lengths: list[int], proj_size: int | None) -> None:
    parameters = random_tensors(lengths, 3, proj_size)

    def forward(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        gate_inputs, weight, *projection, hidden, cell = tensors
        return recurrence.lstm_recurrence(
            gate_inputs.clone(), weight, projection[0] if projection else None, (hidden, cell), layout_of(lengths)
        )

    inputs = [tensor for tensor in parameters if tensor is not None]
    assert torch.autograd.gradcheck(forward, inputs)


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
def test_retained_graph_can_be_differentiated_twice(monkeypatch: pytest.MonkeyPatch, is_known: bool) -> None:
    if not is_known:
        monkeypatch.setattr(parallel, "_keeps_graph", lambda: True)
    tensors = random_tensors([3, 2], 3, 2)
    gate_inputs, weight, projection, hidden, cell = tensors
    before = [tensor.detach().clone() for tensor in tensors[1:]]
    parts = recurrence.lstm_recurrence(gate_inputs.clone(), weight, projection, (hidden, cell), layout_of([3, 2]))
    total = sum((part**2).sum() for part in parts)
    first, second = (torch.autograd.grad(total, tensors, retain_graph=retain) for retain in (True, False))
    assert all(map(torch.equal, first, second))
    assert all(map(torch.equal, tensors[1:], before))
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(total, tensors)


@pytest.mark.parametrize("reverse", [False, True])
@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=6), padding=st.integers(0, 2))
def test_layout_equals_packed_sequence(lengths: list[int], padding: int, reverse: bool) -> None:
    time = max(lengths) + padding
    padded = torch.arange(len(lengths) * time).view(len(lengths), time)
    rows = [row[:length].flip(0) if reverse else row[:length] for row, length in zip(padded, lengths, strict=True)]
    packed = pack_sequence(rows, enforce_sorted=False)
    layout = PackedLayout.from_lengths(torch.tensor(lengths), time, reverse)
    assert torch.equal(layout.positions, packed.data)
    assert layout.batch_sizes == packed.batch_sizes.tolist()
    assert layout.equal_lengths == (len(set(lengths)) == 1)
    assert layout.sorted_indices.tolist() == packed.sorted_indices.tolist()
    values = torch.cat([torch.full((len(lengths),), -1), layout.positions])  # -1: the initial values
    assert values[layout.last].tolist() == [int(rows[row][-1]) for row in layout.sorted_indices]
    following = {int(one): int(other) for row in rows for one, other in zip(row, row[1:], strict=False)}
    for position, previous in zip(layout.positions.tolist(), values[layout.previous].tolist(), strict=True):
        assert following[previous] == position if previous >= 0 else position in [int(row[0]) for row in rows]
