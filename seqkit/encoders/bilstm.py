"""An LSTM that reads both ways."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Le
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, Fraction, Lookup, NonNegativeInt, PositiveInt, State
from seqkit.encoders.lstm_layers import LSTMLayers


class BiLSTM(nn.Module, Encoder):
    """An LSTM that reads both ways, each step's output the two side by side: torch.nn.LSTM with `bidirectional=True`.

    Its backward half has seen the rest of the row, so it may label a row or its steps and not predict what comes next.
    Reference: Schuster and Paliwal, 1997; Graves and Schmidhuber, 2005.

    Args:
        hidden_size: the width of a cell; the outputs are twice as wide.
        num_layers: how many layers.
        bias: whether gates have biases.
        dropout: the share of outputs dropped in training between one layer and the next.
        proj_size: project each direction to this width, below hidden_size; 0 for none.
    """

    causal = False
    accepts_ids = True
    accepts_lookup = True

    def __init__(
        self,
        input_size: int,
        *,
        hidden_size: PositiveInt,
        num_layers: Annotated[int, Ge(1), Le(100)] = 1,
        bias: bool = True,
        dropout: Fraction = 0.0,
        proj_size: NonNegativeInt = 0,
    ) -> None:
        super().__init__()
        self.layers = LSTMLayers(
            input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bias=bias,
            dropout=dropout,
            proj_size=proj_size,
            directions=2,
        )
        self.output_size = self.final_size = self.layers.output_size

    def forward(self, inputs: Tensor | Lookup, lengths: Tensor, state: State = None) -> Encoded:
        return self.layers(inputs, lengths, state)
