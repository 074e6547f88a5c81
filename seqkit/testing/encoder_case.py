"""An encoder to be checked: how it is built, and what it is tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from seqkit.contracts import Encoded, Lookup
from seqkit.device import seed_everything
from seqkit.testing.checks import Broken
from seqkit.testing.modules import (
    stirred,
    tensors_of,
)

LENGTHS = torch.tensor([3, 6, 1, 6, 4])
READ_LENGTHS = "a row's answer depends on its real steps alone, so mask by `lengths`, and take `final` at `lengths - 1`"


class EncoderCase:
    """An encoder to be built, and what it is tried on."""

    def __init__(
        self, factory: Callable[[int], Any], input_size: int, reference: Callable[[Any, Tensor], Tensor] | None
    ) -> None:
        self.factory = factory
        self.input_size = input_size
        self.reference = reference

    def build(self, seed: int = 0) -> Any:
        seed_everything(seed)
        return stirred(self.build_unseeded())

    def build_unseeded(self) -> Any:
        return self.factory(self.input_size)

    def inputs(self, batch: int = len(LENGTHS), time: int = 6, seed: int = 0) -> Tensor:
        return torch.randn(batch, time, self.input_size, generator=torch.Generator().manual_seed(seed))


def encode(encoder: Any, inputs: Tensor | Lookup, lengths: Tensor, state: Any = None) -> Encoded:
    encoded = encoder(inputs, lengths, state)
    if not isinstance(encoded, Encoded):
        raise Broken(
            f"forward returns a {type(encoded).__name__}: return seqkit.contracts.Encoded(outputs, final, state)"
        )
    return encoded


def parts(encoded: Encoded, lengths: Tensor) -> dict[str, Tensor]:
    """Returns all that is read of an answer: outputs at real steps (steps, output_size), final, the state's parts."""
    real = torch.arange(encoded.outputs.shape[1]) < lengths[:, None]
    found = {"outputs": encoded.outputs[real], "final": encoded.final}
    return found | {f"state {number}": part for number, part in enumerate(tensors_of(encoded.state), start=1)}


def rows_of(encoded: Encoded, rows: Any) -> Encoded:
    return Encoded(encoded.outputs[rows], encoded.final[rows], carried_rows(encoded.state, rows))


def carried_rows(state: Any, rows: Any) -> Any:
    if isinstance(state, tuple | list):
        return tuple(carried_rows(part, rows) for part in state)
    return None if state is None else state[rows]
