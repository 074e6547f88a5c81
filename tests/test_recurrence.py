"""seqkit's own recurrence: its hand-written gradients against numerical ones, and the layout of its steps."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import pack_sequence

from seqkit import graphs
from seqkit.encoders import recurrence, steps
from seqkit.encoders.packing import Packing


def drawn(lengths: list[int], size: int, projected: int | None) -> list[torch.Tensor | None]:
    generator = torch.Generator().manual_seed(7)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    total, batch, width = sum(lengths), len(lengths), projected or size
    projection = draw(projected, size) if projected else None
    return [draw(total, 4 * size), draw(4 * size, width), projection, draw(batch, width), draw(batch, size)]


def packing(lengths: list[int]) -> Packing:
    return Packing.of(torch.tensor(lengths), max(lengths), backwards=False)


@pytest.fixture(params=["TorchScript", "Python"], autouse=True)
def _loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "Python":
        monkeypatch.setattr(recurrence, "fast", lambda loop: loop)


def test_the_loops_are_torchscript() -> None:
    assert all(isinstance(steps.fast(loop), torch.jit.ScriptFunction) for loop in (steps.forwards, steps.backwards))


def test_without_torchscript_the_loops_are_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(steps.jit, "script")
    assert steps.fast.__wrapped__(steps.forwards) is steps.forwards


@pytest.mark.parametrize("projected", [None, 2])
@pytest.mark.parametrize("lengths", [[1], [4, 4], [5, 3, 3, 1]])
def test_gradients_are_the_numerical_ones(lengths: list[int], projected: int | None) -> None:
    pushed, weight, projection, hidden, memory = drawn(lengths, 3, projected)

    def forward(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = iter(tensors)
        return recurrence.recur(
            next(given).clone(),
            next(given),
            next(given) if projected else None,
            (next(given), next(given)),
            packing(lengths),
        )

    inputs = [tensor for tensor in (pushed, weight, projection, hidden, memory) if tensor is not None]
    assert torch.autograd.gradcheck(forward, inputs)


@pytest.mark.parametrize("knows", [True, False], ids=["torch tells", "torch does not tell"])
def test_a_graph_that_is_retained_gives_its_gradients_again(monkeypatch: pytest.MonkeyPatch, knows: bool) -> None:
    if not knows:
        monkeypatch.setattr(graphs, "_retained", lambda: True)
    tensors = drawn([3, 2], 3, 2)
    pushed, weight, projection, hidden, memory = tensors
    before = [tensor.detach().clone() for tensor in tensors[1:]]
    parts = recurrence.recur(pushed.clone(), weight, projection, (hidden, memory), packing([3, 2]))
    total = sum((part**2).sum() for part in parts)
    first, second = (torch.autograd.grad(total, tensors, retain_graph=retain) for retain in (True, False))
    assert all(map(torch.equal, first, second))
    assert all(map(torch.equal, tensors[1:], before))
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(total, tensors)


@pytest.mark.parametrize("backwards", [False, True])
@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=6), further=st.integers(0, 2))
def test_packing_is_torchs(lengths: list[int], further: int, backwards: bool) -> None:
    time = max(lengths) + further
    padded = torch.arange(len(lengths) * time).view(len(lengths), time)
    rows = [row[:length].flip(0) if backwards else row[:length] for row, length in zip(padded, lengths, strict=True)]
    packed = pack_sequence(rows, enforce_sorted=False)
    found = Packing.of(torch.tensor(lengths), time, backwards)
    assert torch.equal(found.places, packed.data)
    assert found.running == packed.batch_sizes.tolist()
    assert found.even == (len(set(lengths)) == 1)
    assert found.order.tolist() == packed.sorted_indices.tolist()
    listed = torch.cat([torch.full((len(lengths),), -1), found.places])
    assert listed[found.last].tolist() == [int(rows[row][-1]) for row in found.order]
    after = {int(one): int(other) for row in rows for one, other in zip(row, row[1:], strict=False)}
    for place, before in zip(found.places.tolist(), listed[found.before].tolist(), strict=True):
        assert after[before] == place if before >= 0 else place in [int(row[0]) for row in rows]
