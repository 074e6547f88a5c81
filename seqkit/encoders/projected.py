"""A linear projection of any encoder."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from seqkit.claims import stands_by
from seqkit.contracts import Encoded, Encoder, EncoderFactory, PositiveInt, State


class Projected(nn.Module, Encoder):
    """A linear projection of any encoder's outputs and of its final vector, by the same weights where their widths
    agree.

    It acts on what the encoder returns and leaves its recurrence alone; the projection inside the recurrence is
    `proj_size` of `lstm` and `bilstm`.

    Args:
        encoder: what is projected.
        proj_size: the width of the projection.
        bias: whether it adds a bias.
    """

    def __init__(self, input_size: int, *, encoder: EncoderFactory, proj_size: PositiveInt, bias: bool = True) -> None:
        super().__init__()
        self.encoder: Any = encoder(input_size)
        self.projection = nn.Linear(self.encoder.output_size, proj_size, bias=bias)
        shared = self.encoder.final_size == self.encoder.output_size
        self.final_projection = None if shared else nn.Linear(self.encoder.final_size, proj_size, bias=bias)
        self.output_size = self.final_size = proj_size
        self.accepts_ids = stands_by(self.encoder, "accepts_ids", "forward")
        self.accepts_lookup = stands_by(self.encoder, "accepts_lookup", "forward")
        self.causal = self.encoder.causal

    def forward(self, inputs: Any, lengths: Tensor, state: State = None) -> Encoded:
        encoded = self.encoder(inputs, lengths, state)
        final_projection = self.final_projection or self.projection
        return Encoded(self.projection(encoded.outputs), final_projection(encoded.final), encoded.state)
