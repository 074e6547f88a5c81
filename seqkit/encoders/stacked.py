"""Encoders on top of one another."""

from __future__ import annotations

from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, EncoderFactory, Fraction, State


class Stacked(nn.Module, Encoder):
    """Encoders on top of one another, each built from the output size of the one below; the top one's final is the final.

    Args:
        layers: the encoders, from the bottom up.
        dropout: the share of outputs dropped in training between one encoder and the next.
    """

    def __init__(self, input_size: int, *, layers: list[EncoderFactory], dropout: Fraction = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for factory in layers:
            self.layers.append(factory(input_size))
            input_size = self.layers[-1].output_size
        self.dropout = nn.Dropout(dropout)
        self.output_size = self.layers[-1].output_size
        self.final_size = self.layers[-1].final_size
        self.causal = all(layer.causal for layer in self.layers)

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        states = []
        outputs, final = inputs, None
        for number, layer in enumerate(self.layers):
            given = self.dropout(outputs) if number else outputs
            outputs, final, after = layer(given, lengths, None if state is None else state[number])
            states.append(after)
        return Encoded(outputs, final, tuple(states))
