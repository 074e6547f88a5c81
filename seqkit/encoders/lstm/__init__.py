"""Long short-term memory: a forward LSTM and a bidirectional one."""

from __future__ import annotations

from typing import Annotated, ClassVar, cast

from annotated_types import Ge, Le
from torch import Tensor, nn

from seqkit.contracts import (
    Encoded,
    Encoder,
    Fraction,
    Lookup,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    State,
    Trace,
)
from seqkit.encoders.lstm.dropout import make_dropout
from seqkit.encoders.lstm.layers import LSTMLayers
from seqkit.encoders.lstm.trace import trace_layers
from seqkit.layers.penalties import ActivationPenalties


class LSTM(nn.Module, Encoder):
    """A forward LSTM, as torch.nn.LSTM computes it.

    It is causal: each output depends only on the inputs up to its time step, so it can predict the next token.
    Reference: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997.

    Dropout is active in training alone. What is dropped is chosen anew for each batch, and for each window of a long
    row (`train.sequence_length`).

    Args:
        hidden_size: the width of the cell, and of the outputs unless they are projected.
        num_layers: the number of layers, each reading the outputs of the one below.
        bias: whether gates have biases.
        dropout: the dropout probability between one layer and the next.
        proj_size: the width that outputs are projected to, less than hidden_size (Sak et al., 2014); 0 for no
            projection.
        input_dropout: the dropout probability of the inputs.
        output_dropout: the dropout probability of the outputs and of the final vector.
        variational: whether `dropout`, `input_dropout` and `output_dropout` drop the same features of a row at all its
            time steps (Gal and Ghahramani, A Theoretically Grounded Application of Dropout in Recurrent Neural
            Networks, 2016), not features of each time step independently.
        weight_dropout: the dropout probability of the recurrent weights (Merity, Keskar and Socher, Regularizing and
            Optimizing LSTM Language Models, 2018). All rows and time steps of a batch have the same weights.
        activation_penalty: the factor of the mean square of the outputs (of the last layer, after dropout), which is
            added to the training loss: activation regularization (Merity, Keskar and Socher, 2018).
        temporal_penalty: the factor of the mean square of the differences between the outputs of one time step and the
            next, before dropout: temporal activation regularization. Reported losses contain neither.
    """

    directions: ClassVar[int] = 1
    causal = True
    accepts_ids = True
    accepts_lookup = True
    width_parameters = ("hidden_size", "proj_size")

    def __init__(
        self,
        input_size: int,
        *,
        hidden_size: PositiveInt,
        num_layers: Annotated[int, Ge(1), Le(100)] = 1,
        bias: bool = True,
        dropout: Fraction = 0.0,
        proj_size: NonNegativeInt = 0,
        input_dropout: Fraction = 0.0,
        output_dropout: Fraction = 0.0,
        variational: bool = False,
        weight_dropout: Fraction = 0.0,
        activation_penalty: NonNegativeFloat = 0.0,
        temporal_penalty: NonNegativeFloat = 0.0,
    ) -> None:
        super().__init__()
        self.layers = LSTMLayers(
            input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bias=bias,
            proj_size=proj_size,
            directions=self.directions,
            dropout=make_dropout(
                num_layers,
                inputs=input_dropout,
                between=dropout,
                outputs=output_dropout,
                recurrent_weights=weight_dropout,
                variational=variational,
            ),
            penalties=ActivationPenalties(activation_penalty, temporal_penalty),
        )
        self.output_size = self.final_size = self.layers.output_size

    def forward(self, inputs: Tensor | Lookup, lengths: Tensor, state: State = None) -> Encoded:
        return self.layers(inputs, lengths, state)

    def trace(self, inputs: Tensor, lengths: Tensor) -> list[Trace]:
        return trace_layers([cast(nn.LSTM, cell) for cell in self.layers.cells], self.directions, inputs, lengths)

    def kernels(self) -> list[str]:
        return self.layers.kernels()

    def parallel_weights(self) -> int:
        return self.layers.parallel_weights()

    def layer_parameters(self) -> list[list[nn.Parameter]]:
        cells = list(self.layers.cells)
        starts = range(0, len(cells), self.directions)
        return [[weight for cell in cells[at : at + self.directions] for weight in cell.parameters()] for at in starts]


class BiLSTM(LSTM):
    """A bidirectional LSTM, as torch.nn.LSTM with `bidirectional=True` computes it.

    The outputs of both directions are concatenated. The backward direction reads the rest of the row, so the encoder
    can be used to label rows or time steps, but not to predict the next token.
    Reference: Schuster and Paliwal, Bidirectional Recurrent Neural Networks, 1997; Graves and Schmidhuber, 2005.

    Dropout is active in training alone, and what is dropped is chosen anew for each batch.

    Args:
        hidden_size: the width of the cell of each direction. Outputs are twice as wide.
        num_layers: as in `lstm`.
        bias: as in `lstm`.
        dropout: as in `lstm`.
        proj_size: the width that the outputs of each direction are projected to, less than hidden_size (Sak et al.,
            2014); 0 for no projection.
        input_dropout: as in `lstm`.
        output_dropout: as in `lstm`.
        variational: as in `lstm`.
        weight_dropout: as in `lstm`.
        activation_penalty: as in `lstm`.
        temporal_penalty: as in `lstm`.
    """

    directions = 2
    causal = False

    @property
    def separate_directions(self) -> bool:  # type: ignore[override]
        return self.layers.num_layers == 1  # a second layer reads both directions of the first
