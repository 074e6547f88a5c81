"""Each variable on its own, a segment of steps at a time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, EncoderFactory, PositiveInt, State


class Segments(nn.Module, Encoder):
    """Reads each variable on its own, by the same weights, a segment of steps at a time (SegRNN: Lin et al., 2023).

    A row's last value is subtracted from it, variable by variable. It is cut into segments of equal length, counted
    from its end, with zeros before its first step where that is needed; each segment is mapped to a vector (ReLU), and
    the inner encoder reads those. So a week of hours is seven steps of a day to an LSTM, which reads seven columns as
    seven rows.

    The final vector is that of each variable, one after another: the head `forecast` with `shared: true` maps each to
    its own forecast by the same weights.

    Args:
        length: the steps of a segment.
        dim: the width of a segment's vector.
        encoder: what reads the segments.
    """

    causal = False  # all of a row is measured against its last step

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
        counts = -(-lengths // self.length)  # segments a row
        segments = -(-time // self.length)  # of the longest row
        # Where each place of the segments is found in its row: before 0 there is nothing.
        before = (counts * self.length - lengths).to(inputs.device)[:, None]
        places = torch.arange(segments * self.length, device=inputs.device) - before  # (batch, segments * length)
        last = inputs.gather(1, (lengths - 1).to(inputs.device)[:, None, None].expand(-1, 1, variables))
        values = (inputs - last).gather(1, places.clamp(0, time - 1)[:, :, None].expand(-1, -1, variables))
        real = (places >= 0) & (places < lengths.to(inputs.device)[:, None])
        values = values.masked_fill(~real[:, :, None], 0.0)
        alone = values.transpose(1, 2).reshape(batch * variables, segments, self.length)
        vectors = torch.relu(self.segment(alone))  # (batch * variables, segments, dim)
        encoded = self.encoder(vectors, counts.repeat_interleave(variables))
        # A step's output is that of its segment.
        outputs = encoded.outputs.unflatten(0, (batch, variables)).transpose(1, 2).flatten(2)
        of_step = (torch.arange(time, device=inputs.device) + before).clamp(
            max=segments * self.length - 1
        ) // self.length
        outputs = outputs.gather(1, of_step[:, :, None].expand(-1, -1, self.output_size))
        return Encoded(outputs, encoded.final.reshape(batch, self.final_size))
