"""A simple recurrent layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, PositiveInt, State


class Placeholder(nn.Module, Encoder):
    """A simple recurrent layer (Elman, 1990): h_t = tanh(W x_t + U h_{t-1} + b). Replace it with your own.

    Args:
        hidden_size: the width of the state and of the outputs.
    """

    causal = True  # the output at a time step does not depend on later inputs
    width_parameters = ("hidden_size",)  # what `seqkit compare --match parameters` may change

    def __init__(self, input_size: int, *, hidden_size: PositiveInt) -> None:
        super().__init__()
        self.output_size = self.final_size = hidden_size
        self.cell = nn.RNNCell(input_size, hidden_size)

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """Encode inputs (batch, time, input_size), starting from a state (batch, hidden_size)."""
        hidden = inputs.new_zeros(len(lengths), self.output_size) if state is None else state
        hidden_states = []
        for vectors in inputs.unbind(dim=1):  # (batch, input_size)
            hidden = self.cell(vectors, hidden)
            hidden_states.append(hidden)
        outputs = torch.stack(hidden_states, dim=1)  # (batch, time, hidden_size)
        # Rows are padded on the right, so the state of a row is the output at its last real time step.
        last = outputs[torch.arange(len(lengths)), lengths - 1]
        return Encoded(outputs, final=last, state=last)
