"""Segments of each variable as the input of another encoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, EncoderFactory, PositiveInt, State


class Segments(nn.Module, Encoder):
    """Encode each variable separately, with shared weights, one segment at a time (SegRNN: Lin et al., 2023).

    The last value of each variable is subtracted from it. Each row is cut into segments of equal length, counted from
    its end and padded with zeros before its first time step. A linear layer with a ReLU maps each segment to a vector,
    and the inner encoder reads the vectors: a week of hourly values in seven columns becomes seven rows of seven
    segments of a day.

    The final vectors of the variables are concatenated. The head `forecast` with `shared: true` maps each of them to
    the forecast of its variable with the same weights.

    Args:
        length: the number of time steps of a segment.
        dim: the width of the vector of a segment.
        encoder: the encoder of the segments.
    """

    causal = False  # the last time step is subtracted from all others
    width_parameters = ("dim",)

    def __init__(self, input_size: int, *, length: PositiveInt, dim: PositiveInt, encoder: EncoderFactory) -> None:
        super().__init__()
        self.length = length
        self.variables = input_size
        self.segment = nn.Linear(length, dim)
        self.encoder: Any = encoder(dim)
        self.output_size = input_size * self.encoder.output_size
        self.final_size = input_size * self.encoder.final_size

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        batch, time, variables = inputs.shape
        device = inputs.device
        counts = -(-lengths // self.length)  # (batch,): the segments of each row
        segments = -(-time // self.length)  # of the longest row
        # Negative positions are the zeros before the first time step of a row.
        padding = (counts * self.length - lengths).to(device)[:, None]
        positions = torch.arange(segments * self.length, device=device) - padding  # (batch, segments * length)
        last = inputs.gather(1, (lengths - 1).to(device)[:, None, None].expand(-1, 1, variables))
        values = (inputs - last).gather(1, positions.clamp(0, time - 1)[:, :, None].expand(-1, -1, variables))
        real = (positions >= 0) & (positions < lengths.to(device)[:, None])
        values = values.masked_fill(~real[:, :, None], 0.0)
        per_variable = values.transpose(1, 2).reshape(batch * variables, segments, self.length)
        vectors = torch.relu(self.segment(per_variable))  # (batch * variables, segments, dim)
        encoded = self.encoder(vectors, counts.repeat_interleave(variables))
        # The output at a time step is the output at its segment.
        outputs = encoded.outputs.unflatten(0, (batch, variables)).transpose(1, 2).flatten(2)
        places = (torch.arange(time, device=device) + padding).clamp(max=segments * self.length - 1)
        segment_of_step = places // self.length  # (batch, time)
        outputs = outputs.gather(1, segment_of_step[:, :, None].expand(-1, -1, self.output_size))
        return encoded._replace(outputs=outputs, final=encoded.final.reshape(batch, self.final_size), state=None)
