"""seqkit's own recurrence: its hand-written gradients against numerical ones, and what padding must not touch."""

from __future__ import annotations

import pytest
import torch

from seqkit.encoders.recurrence import recur


def drawn(lengths: list[int], size: int, projected: int | None) -> list[torch.Tensor | None]:
    generator = torch.Generator().manual_seed(7)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    time, batch, width = max(lengths), len(lengths), projected or size
    projection = draw(projected, size) if projected else None
    return [draw(time, batch, 4 * size), draw(4 * size, width), projection, draw(batch, width), draw(batch, size)]


@pytest.mark.parametrize("projected", [None, 2])
@pytest.mark.parametrize("lengths", [[1], [4, 4], [5, 3, 3, 1]])
def test_gradients_are_the_numerical_ones(lengths: list[int], projected: int | None) -> None:
    pushed, weight, projection, hidden, memory = drawn(lengths, 3, projected)

    def forward(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = iter(tensors)
        return recur(
            next(given),
            next(given),
            next(given) if projected else None,
            (next(given), next(given)),
            torch.tensor(lengths),
        )

    inputs = [tensor for tensor in (pushed, weight, projection, hidden, memory) if tensor is not None]
    assert torch.autograd.gradcheck(forward, inputs)


def test_padding_is_zero_in_the_outputs_and_in_the_gradients() -> None:
    lengths = [5, 2, 1]
    pushed, weight, _, hidden, memory = drawn(lengths, 3, None)
    outputs, last_hidden, _ = recur(pushed, weight, None, (hidden, memory), torch.tensor(lengths))
    outputs.sum().backward()
    for row, length in enumerate(lengths):
        assert not outputs[length:, row].any()
        assert not pushed.grad[length:, row].any()
        assert pushed.grad[:length, row].all()
        assert torch.equal(outputs[length - 1, row], last_hidden[row])


def test_inputs_are_left_as_they_were() -> None:
    tensors = drawn([3, 2], 3, None)
    before = [None if tensor is None else tensor.detach().clone() for tensor in tensors]
    pushed, weight, _, hidden, memory = tensors
    outputs, last_hidden, last_memory = recur(pushed, weight, None, (hidden, memory), torch.tensor([3, 2]))
    (outputs.sum() + last_hidden.sum() + last_memory.sum()).backward()
    for tensor, copy in zip(tensors, before, strict=True):
        assert tensor is None or torch.equal(tensor, copy)
