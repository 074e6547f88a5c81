"""A linear layer that shares its weight with an embedding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqkit.contracts import Embedding
from seqkit.messages import message


class TiedLinear(nn.Module):
    """A linear layer with one output per id, whose weight is the table of an embedding.

    Press and Wolf, Using the Output Embedding to Improve Language Models, 2017. The weight is a parameter of the
    embedding alone, so a run contains it once. The vectors of an embedding are large for a weight, so the products are
    divided by the square root of their width (Raffel et al., Exploring the Limits of Transfer Learning with a Unified
    Text-to-Text Transformer, 2020).

    Args:
        embedding: the embedding.

    Attributes:
        bias: float (vocab_size,), zeros at first.
        multiply_adds: the number of products with one vector (`seqkit.modeling.multiply_adds`).

    Raises:
        ValueError: the embedding has no table.
    """

    def __init__(self, embedding: Embedding) -> None:
        super().__init__()
        table = embedding.all_vectors()
        if table is None:
            raise ValueError(message("the embedding has no table of vectors"))
        # The method, not the embedding: a module assigned here would be a part of this one, and saved twice.
        self._all_vectors = embedding.all_vectors
        self.multiply_adds = table.numel()
        self.bias = nn.Parameter(torch.zeros(len(table)))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return float (..., vocab_size), of inputs float (..., width of the embedding's vectors)."""
        table = self._all_vectors()
        assert table is not None
        return nn.functional.linear(inputs * table.shape[1] ** -0.5, table, self.bias)
