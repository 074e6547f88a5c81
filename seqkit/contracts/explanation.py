"""What an explanation of a prediction reads from a model: the scores of a head, and what happens inside an encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Scores(NamedTuple):
    """What a head computes from a row, before it chooses a prediction.

    Attributes:
        values: float (batch, names), or (batch, time, names) if the head explains each time step. Gradients must reach
            what they are computed from.
        token_values: the part of the scores that the head computes from the tokens themselves and not from the encoder
            (n-grams), divided among them: float (batch, time, names), 0 at padding. The score is `values` plus their
            sum over time. None for a head that reads the encoder alone. Only if there is one row of scores per row.
    """

    values: Tensor
    token_values: Tensor | None = None


class Trace(NamedTuple):
    """What happens in one layer of an encoder, time step by time step: its gates and its state, for a heat map.

    Attributes:
        name: the layer and its direction: `layer 1, backward`.
        values: by name (`input gate`), float (batch, time, units). The order is that of the computation. What is at
            padded time steps is ignored. A layer that reads a row backward has its values at the time step that it has
            just read.
    """

    name: str
    values: Mapping[str, Tensor]
