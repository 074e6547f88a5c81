"""Long short-term memory: a forward LSTM and a bidirectional one."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge, Le
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, Fraction, Lookup, NonNegativeInt, PositiveInt, State
from seqkit.encoders.lstm.layers import LSTMLayers


class LSTM(nn.Module, Encoder):
    """A forward LSTM, as torch.nn.LSTM computes it.

    It is causal: each output depends only on the inputs up to its time step, so it can predict the next token.
    Reference: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997.

    Args:
        hidden_size: the width of the cell, and of the outputs unless they are projected.
        num_layers: the number of layers, each reading the outputs of the one below.
        bias: whether gates have biases.
        dropout: the dropout probability between one layer and the next.
        proj_size: the width that outputs are projected to, less than hidden_size (Sak et al., 2014); 0 for no
            projection.
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

    def kernels(self) -> list[str]:
        return self.layers.kernels()

    def parallel_weights(self) -> int:
        return self.layers.parallel_weights()


class BiLSTM(LSTM):
    """A bidirectional LSTM, as torch.nn.LSTM with `bidirectional=True` computes it.

    The outputs of both directions are concatenated. The backward direction reads the rest of the row, so the encoder
    can be used to label rows or time steps, but not to predict the next token.
    Reference: Schuster and Paliwal, Bidirectional Recurrent Neural Networks, 1997; Graves and Schmidhuber, 2005.

    Args:
        hidden_size: the width of the cell of each direction. Outputs are twice as wide.
        num_layers: the number of layers, each reading the outputs of the one below.
        bias: whether gates have biases.
        dropout: the dropout probability between one layer and the next.
        proj_size: the width that the outputs of each direction are projected to, less than hidden_size (Sak et al.,
            2014); 0 for no projection.
    """

    directions = 2
    causal = False
