"""A GRU that reads forwards."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, PositiveInt, State


class GRU(nn.Module, Encoder):
    """A GRU that reads forwards: causal, so it may predict what comes next. Gates and weights as in torch.nn.GRU.

    Rows are padded on the right, so what a GRU says at a real step has not seen the padding, and the state to go on
    from is what it said at the last one. Reference: Cho et al., 2014.

    Args:
        hidden_size: the width of the state, and of the outputs.
        num_layers: how many layers, each reading what the one below it says.
    """

    causal = True

    def __init__(self, input_size: int, *, hidden_size: PositiveInt, num_layers: PositiveInt = 1) -> None:
        super().__init__()
        self.output_size = self.final_size = hidden_size
        widths = [input_size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(nn.GRU(width, hidden_size, batch_first=True) for width in widths)

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """inputs: (batch, time, input_size); state: (batch, num_layers, hidden_size)."""
        rows = torch.arange(len(lengths))
        outputs, last = inputs, []
        for number, layer in enumerate(self.layers):
            # A state has the batch first; torch wants (1, batch, hidden_size).
            start = None if state is None else state[None, :, number].contiguous()
            outputs, _ = layer(outputs, start)  # (batch, time, hidden_size)
            last.append(outputs[rows, lengths - 1])  # (batch, hidden_size)
        return Encoded(outputs, final=last[-1], state=torch.stack(last, dim=1))
