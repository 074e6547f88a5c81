"""Dropout of LSTM layers: of inputs, between layers, of outputs, and of the recurrent weights."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from seqkit.layers.dropout import VariationalDropout
from seqkit.messages import message


class LSTMDropout(nn.Module):
    """The dropout of LSTM layers, active in training alone.

    The recurrent weights are dropped before the time steps, once per batch, so every kernel computes with them at full
    speed. Dropout of the states themselves (Gal and Ghahramani, 2016) would need an operation at each time step, which
    torch's kernel does not offer.

    References: Gal and Ghahramani, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks, 2016;
    Merity, Keskar and Socher, Regularizing and Optimizing LSTM Language Models, 2018.

    Args:
        inputs: the dropout probability of the inputs.
        between: of what one layer passes to the next.
        outputs: of the outputs of the last layer, and of the final vector.
        recurrent_weights: of the weights that multiply the output of the previous time step.
        variational: whether the first three drop the same features of a row at all time steps.
    """

    def __init__(
        self, *, inputs: float, between: float, outputs: float, recurrent_weights: float, variational: bool
    ) -> None:
        super().__init__()
        dropout = VariationalDropout if variational else nn.Dropout
        self.inputs, self.between, self.outputs = dropout(inputs), dropout(between), dropout(outputs)
        self.recurrent_weights = nn.Dropout(recurrent_weights)

    @property
    def drops_inputs(self) -> bool:
        """Whether inputs are dropped in the present mode."""
        return self.training and self.inputs.p > 0

    def of_results(self, outputs: Tensor, final: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs (batch, time, output_size) and the final vector (batch, output_size) after dropout.

        With variational dropout, both lose the same features.
        """
        if not self.training or self.outputs.p == 0:
            return outputs, final
        if not isinstance(self.outputs, VariationalDropout):
            return self.outputs(outputs), self.outputs(final)
        mask = self.outputs(torch.ones_like(final)[:, None])  # (batch, 1, output_size)
        return outputs * mask, final * mask[:, 0]


def make_dropout(
    num_layers: int, *, inputs: float, between: float, outputs: float, recurrent_weights: float, variational: bool
) -> LSTMDropout | None:
    """Return the dropout of some number of layers, with the arguments of `LSTMDropout`; None without any.

    Warns:
        UserWarning: a setting has no effect.
    """
    if between and num_layers == 1:
        warnings.warn(
            message(
                "encoder dropout applies between layers and has no effect with one layer: "
                "remove it, or increase num_layers"
            ),
            stacklevel=2,
        )
    if variational and not (inputs or between or outputs):
        warnings.warn(
            message(
                "encoder variational has no effect without dropout: "
                "remove it, or set input_dropout, dropout or output_dropout"
            ),
            stacklevel=2,
        )
    if not (inputs or between or outputs or recurrent_weights):
        return None
    return LSTMDropout(
        inputs=inputs, between=between, outputs=outputs, recurrent_weights=recurrent_weights, variational=variational
    )
