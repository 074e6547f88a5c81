"""An encoder under test: its factory and its inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from seqkit.contracts import Encoded, Encoder, Lookup, State
from seqkit.messages import message
from seqkit.modeling.device import seed_everything
from seqkit.modeling.state import leaves
from seqkit.testing.assertions import perturb
from seqkit.testing.checks import Case, ContractViolation

LENGTHS = torch.tensor([3, 6, 1, 6, 4])


class EncoderCase(Case):
    """An encoder's factory and its inputs. Arguments as for `checks_for_encoder`."""

    def __init__(
        self,
        factory: Callable[[int], Encoder],
        input_size: int,
        reference: Callable[[Any, Tensor], Tensor] | None,
    ) -> None:
        self.factory = factory
        self.input_size = input_size
        self.reference = reference

    def build(self, seed: int = 0) -> Any:
        """Return an encoder in evaluation mode, with noise added to its weights."""
        seed_everything(seed)
        return perturb(self.build_unseeded())

    def build_unseeded(self) -> Any:
        """Return an encoder without seeding the global random generators."""
        return self.factory(self.input_size)

    def inputs(self, batch: int = len(LENGTHS), time: int = 6, seed: int = 0) -> Tensor:
        """Return random inputs, float (batch, time, input_size)."""
        return torch.randn(batch, time, self.input_size, generator=torch.Generator().manual_seed(seed))

    def compute(self) -> dict[str, Any]:
        """Return the sizes, the weights and the results."""
        encoder = self.build()
        sizes = [encoder.output_size, encoder.final_size]
        results = real_values(encode(encoder, self.inputs(), LENGTHS), LENGTHS)
        return {"sizes": sizes, "weights": dict(encoder.state_dict()), "results": results}


def encode(encoder: Any, inputs: Tensor | Lookup, lengths: Tensor, state: State = None) -> Encoded:
    """Return the encoder's result after checking its type."""
    encoded = encoder(inputs, lengths, state)
    if not isinstance(encoded, Encoded):
        raise ContractViolation(
            message(
                "forward returns a {type}: return seqkit.contracts.Encoded(outputs, final, state)",
                type=type(encoded).__name__,
            )
        )
    return encoded


def real_values(encoded: Encoded, lengths: Tensor) -> dict[str, Tensor]:
    """Return what is used of a result: outputs at real time steps (total, output_size), and final.

    The state is not included, as its form is the encoder's own: a cache may be padded, or contain integers. What counts
    is that the encoder continues from it correctly.
    """
    real = torch.arange(encoded.outputs.shape[1]) < lengths[:, None]
    return {"outputs": encoded.outputs[real], "final": encoded.final}


def carries_state(encoder: Any, encoded: Encoded) -> bool:
    """Return whether the encoder continues from the state that it returned."""
    return encoder.causal and any(True for _ in leaves(encoded.state))


def select_encoded(encoded: Encoded, rows: Tensor) -> Encoded:
    """Return the result for the given rows, int64 (rows,), without the state."""
    return Encoded(encoded.outputs[rows], encoded.final[rows])
