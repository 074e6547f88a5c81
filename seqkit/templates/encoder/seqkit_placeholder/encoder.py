"""A plain recurrent layer, step by step."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, PositiveInt, State


class Placeholder(nn.Module, Encoder):
    """A plain recurrent layer (Elman, 1990): h_t = tanh(W x_t + U h_{t-1} + b). Put your own step in its place.

    Args:
        hidden_size: the width of the state, and of the outputs.
    """

    causal = True  # what is said at a step depends on nothing that comes after it

    def __init__(self, input_size: int, *, hidden_size: PositiveInt) -> None:
        super().__init__()
        self.output_size = self.final_size = hidden_size
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """inputs: (batch, time, input_size); state: (batch, hidden_size)."""
        hidden = inputs.new_zeros(len(lengths), self.output_size) if state is None else state
        steps = []
        for step in inputs.unbind(dim=1):  # (batch, input_size)
            hidden = self.cell(step, hidden)
            steps.append(hidden)
        outputs = torch.stack(steps, dim=1)  # (batch, time, hidden_size)
        # Rows are padded on the right: a row ends, and is gone on from, at its last real step.
        last = outputs[torch.arange(len(lengths)), lengths - 1]
        return Encoded(outputs, final=last, state=last)
