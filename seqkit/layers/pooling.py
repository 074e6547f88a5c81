"""Pooling: one vector per row from the outputs of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded
from seqkit.messages import message

PoolingName: TypeAlias = Literal["final", "mean", "max", "attention"]


class Pooled(NamedTuple):
    """The result of attention.

    Attributes:
        vector: float (batch, width): the weighted mean of the outputs of each row.
        weights: float (batch, time): the weight of each time step; exactly 0 at padding, 1 in total.
    """

    vector: Tensor
    weights: Tensor


class AdditiveAttention(nn.Module):
    """The mean of outputs h_t with weights softmax(v . tanh(W h_t + b)).

    Bahdanau et al., Neural Machine Translation by Jointly Learning to Align and Translate, 2015; with a learned v in
    place of a decoder's state as in Yang et al., Hierarchical Attention Networks for Document Classification, 2016.

    Args:
        width: the width of the outputs.
        attention_size: the size of v.
    """

    def __init__(self, width: int, attention_size: int = 64) -> None:
        super().__init__()
        self.projection = nn.Linear(width, attention_size)
        self.score = nn.Linear(attention_size, 1, bias=False)

    def forward(self, outputs: Tensor, mask: Tensor) -> Pooled:
        """Pool outputs.

        Args:
            outputs: float (batch, time, width). What is at padded time steps has no influence.
            mask: bool (batch, time): True at real time steps, of which each row has at least one.
        """
        outputs = outputs.masked_fill(~mask[:, :, None], 0)
        scores = self.score(torch.tanh(self.projection(outputs)))[:, :, 0]  # (batch, time)
        weights = torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=1)
        return Pooled((weights[:, None] @ outputs)[:, 0], weights)


class Pooling(nn.Module):
    """The concatenation of one or more poolings of an encoder's outputs.

    - `final`: the final vector.
    - `mean`, `max`: the mean or the maximum of the outputs over the real time steps.
    - `attention`: their mean with learned weights (`AdditiveAttention`).

    Args:
        names: the poolings, in the order in which they are concatenated.
        output_size: the width of the encoder's outputs.
        final_size: the width of its final vector.

    Attributes:
        output_size: the width of the result.
        attention: the attention, if it is one of the poolings; else None. `attention(outputs, mask).weights` explains
            which time steps a result is computed from.

    Raises:
        ValueError: there is no name, or one twice.
    """

    def __init__(self, names: Sequence[PoolingName], output_size: int, final_size: int) -> None:
        super().__init__()
        self.names = check_names(names)
        self.output_size = sum(final_size if name == "final" else output_size for name in names)
        self.attention = AdditiveAttention(output_size) if "attention" in names else None

    def forward(self, encoded: Encoded, mask: Tensor) -> Tensor:
        """Return float (batch, output_size).

        Args:
            encoded: the output of the encoder.
            mask: bool (batch, time): True at real time steps, of which each row has at least one.
        """
        return torch.cat([self._pool(name, encoded, mask) for name in self.names], dim=1)

    def _pool(self, name: PoolingName, encoded: Encoded, mask: Tensor) -> Tensor:
        if name == "final":
            return encoded.final
        if name == "attention":
            assert self.attention is not None
            return self.attention(encoded.outputs, mask).vector
        padded = ~mask[:, :, None]  # (batch, time, 1)
        if name == "max":
            return encoded.outputs.masked_fill(padded, -torch.inf).amax(dim=1)
        return encoded.outputs.masked_fill(padded, 0).sum(dim=1) / mask.sum(dim=1, keepdim=True)

    def extra_repr(self) -> str:
        return ", ".join(self.names)


def check_names(names: Sequence[PoolingName]) -> tuple[PoolingName, ...]:
    """Return the names of poolings as a tuple.

    Raises:
        ValueError: there is no name, or one twice.
    """
    if not names:
        raise ValueError(message("pooling is empty: name at least one of final, mean, max, attention"))
    for name in names:
        if names.count(name) > 1:
            raise ValueError(message("pooling contains '{name}' twice: remove one", name=name))
    return tuple(names)
