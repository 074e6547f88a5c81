"""A stack of encoders."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import cast

from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, EncoderFactory, Fraction, InputLimit, Lookup, State, Trace
from seqkit.layers.dropout import VariationalDropout
from seqkit.messages import message


class Stacked(nn.Module, Encoder):
    """A stack of encoders, each reading the outputs of the one below.

    The final vector is that of the top encoder. The state is a tuple of the encoders' states.

    Args:
        layers: the encoders, from the bottom up.
        dropout: the dropout probability between one encoder and the next.
        variational: whether dropout drops the same features of a row at all its time steps (Gal and Ghahramani, A
            Theoretically Grounded Application of Dropout in Recurrent Neural Networks, 2016), not features of each time
            step independently.
    """

    def __init__(
        self,
        input_size: int,
        *,
        layers: list[EncoderFactory],
        dropout: Fraction = 0.0,
        variational: bool = False,
    ) -> None:
        super().__init__()
        if dropout and len(layers) == 1:
            warnings.warn(
                message(
                    "encoder dropout applies between encoders and has no effect with one encoder: "
                    "remove it, or add an encoder"
                ),
                stacklevel=2,
            )
        if variational and not dropout:
            warnings.warn(
                message("encoder variational has no effect without dropout: remove it, or set dropout"), stacklevel=2
            )
        encoders: list[Encoder] = []
        for factory in layers:
            encoders.append(factory(encoders[-1].output_size if encoders else input_size))
        self.layers = nn.ModuleList(cast(list[nn.Module], encoders))
        self.dropout = VariationalDropout(dropout) if variational else nn.Dropout(dropout)
        self.output_size = encoders[-1].output_size
        self.final_size = encoders[-1].final_size
        self.causal = all(encoder.causal for encoder in encoders)

    @property
    def accepts_ids(self) -> bool:  # type: ignore[override]
        return self._encoders[0].accepts_ids

    @property
    def accepts_lookup(self) -> bool:  # type: ignore[override]
        return self._encoders[0].accepts_lookup

    @property
    def input_limit(self) -> InputLimit | None:  # type: ignore[override]
        return min((each.input_limit for each in self._encoders if each.input_limit), default=None)

    @property
    def _encoders(self) -> list[Encoder]:
        return cast(list[Encoder], list(self.layers))

    def layer_parameters(self) -> list[Iterable[nn.Parameter]]:
        return [layer for encoder in self._encoders for layer in encoder.layer_parameters()]

    def trace(self, inputs: Tensor, lengths: Tensor) -> list[Trace]:
        traces = []
        for number, encoder in enumerate(self._encoders, start=1):
            traces += [
                trace._replace(name=message("encoder {number}, {name}", number=number, name=trace.name))
                for trace in encoder.trace(inputs, lengths)
            ]
            if number < len(self.layers):
                inputs = encoder(inputs, lengths).outputs
        return traces

    def forward(self, inputs: Tensor | Lookup, lengths: Tensor, state: State = None) -> Encoded:
        bottom, *others = self._encoders
        bottom_state, *other_states = [None] * len(self.layers) if state is None else state
        encoded = bottom(inputs, lengths, bottom_state)
        states, penalties = [encoded.state], encoded.penalties
        for encoder, encoder_state in zip(others, other_states, strict=True):
            encoded = encoder(self.dropout(encoded.outputs), lengths, encoder_state)
            states.append(encoded.state)
            penalties += encoded.penalties
        return encoded._replace(state=tuple(states), penalties=penalties)
