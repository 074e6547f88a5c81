"""A one-directional GRU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, PositiveInt, State


class GRU(nn.Module, Encoder):
    """A one-directional, causal GRU with the gates, weights and initialization of `torch.nn.GRU`.

    Rows are padded on the right, so the outputs at real time steps do not depend on the padding. The state is the
    output of each layer at the last real time step. Reference: Cho et al., 2014.

    Args:
        hidden_size: the width of the state and of the outputs.
        num_layers: the number of layers; each layer reads the outputs of the one below.
    """

    causal = True
    width_parameters = ("hidden_size",)

    def __init__(self, input_size: int, *, hidden_size: PositiveInt, num_layers: PositiveInt = 1) -> None:
        super().__init__()
        self.output_size = self.final_size = hidden_size
        widths = [input_size] + [hidden_size] * (num_layers - 1)
        self.layers = nn.ModuleList(nn.GRU(width, hidden_size, batch_first=True) for width in widths)

    def layer_parameters(self) -> list[list[nn.Parameter]]:
        return [list(layer.parameters()) for layer in self.layers]

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """Encode a padded batch.

        Args:
            inputs: float (batch, time, input_size).
            lengths: int64 (batch,).
            state: float (batch, num_layers, hidden_size), or None.
        """
        rows = torch.arange(len(lengths))
        outputs, final_states = inputs, []
        for index, layer in enumerate(self.layers):
            # seqkit keeps the batch dimension first; torch.nn.GRU expects (1, batch, hidden_size).
            initial_state = None if state is None else state[None, :, index].contiguous()
            outputs, _ = layer(outputs, initial_state)  # (batch, time, hidden_size)
            final_states.append(outputs[rows, lengths - 1])  # (batch, hidden_size)
        return Encoded(outputs, final=final_states[-1], state=torch.stack(final_states, dim=1))
