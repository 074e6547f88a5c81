"""Encoders on top of one another."""

from __future__ import annotations

import warnings
from typing import Any

from torch import Tensor, nn

from seqkit.claims import stands_by
from seqkit.contracts import Encoded, Encoder, EncoderFactory, Fraction, State


class Stacked(nn.Module, Encoder):
    """Encoders on top of one another, each built from the output size of the one below; the top one's final is the
    final.

    Args:
        layers: the encoders, from the bottom up.
        dropout: the share of outputs dropped in training between one encoder and the next.
    """

    def __init__(self, input_size: int, *, layers: list[EncoderFactory], dropout: Fraction = 0.0) -> None:
        super().__init__()
        if dropout and len(layers) == 1:
            warnings.warn("encoder dropout acts between encoders: with one it does nothing", stacklevel=2)
        built: list[Any] = []
        for factory in layers:
            built.append(factory(built[-1].output_size if built else input_size))
        self.layers = nn.ModuleList(built)
        self.dropout = nn.Dropout(dropout)
        self.output_size = built[-1].output_size
        self.final_size = built[-1].final_size
        self.accepts_ids = stands_by(built[0], "accepts_ids", "forward")
        self.accepts_lookup = stands_by(built[0], "accepts_lookup", "forward")
        self.causal = all(layer.causal for layer in built)

    def forward(self, inputs: Any, lengths: Tensor, state: State = None) -> Encoded:
        states = []
        encoded = Encoded(inputs, inputs)
        for number, layer in enumerate(self.layers):
            given = self.dropout(encoded.outputs) if number else inputs
            encoded = layer(given, lengths, None if state is None else state[number])
            states.append(encoded.state)
        return encoded._replace(state=tuple(states))
