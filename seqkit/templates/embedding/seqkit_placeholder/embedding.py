"""Learned vectors of length 1."""

from __future__ import annotations

from torch import Tensor, nn

from seqkit.contracts import Embedding, PositiveInt, Tokenizer


class Placeholder(nn.Module, Embedding):
    """A learned vector of length 1 for each token, so that frequent tokens do not get longer vectors than rare ones.

    Args:
        dim: the width of a vector.
    """

    def __init__(self, tokenizer: Tokenizer, *, dim: PositiveInt) -> None:
        super().__init__()
        self.output_size = dim
        self.vectors = nn.Embedding(tokenizer.vocab_size, dim)

    def forward(self, ids: Tensor) -> Tensor:
        return nn.functional.normalize(self.vectors(ids), dim=-1)  # (batch, time, dim)
