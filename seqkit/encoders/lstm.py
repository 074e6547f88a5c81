"""An LSTM that reads forwards."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge, Le
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, Fraction, Lookup, NonNegativeInt, PositiveInt, State
from seqkit.encoders.lstm_layers import LSTMLayers


class LSTM(nn.Module, Encoder):
    """An LSTM that reads forwards: causal, so it may predict what comes next. Parameters as in torch.nn.LSTM.

    Args:
        hidden_size: the width of the cell, and of the outputs where nothing projects them.
        num_layers: how many layers.
        bias: whether gates have biases.
        dropout: the share of outputs dropped in training between one layer and the next.
        proj_size: project the outputs to this width, below hidden_size; 0 for none.
    """

    directions: ClassVar[int] = 1
    causal = True
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
            directions=self.directions,
        )
        self.output_size = self.final_size = self.layers.output_size

    def forward(self, inputs: Tensor | Lookup, lengths: Tensor, state: State = None) -> Encoded:
        return self.layers(inputs, lengths, state)
