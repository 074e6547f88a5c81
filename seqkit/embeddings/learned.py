"""Learned vectors."""

from __future__ import annotations

from torch import Tensor, nn

from seqkit.contracts import Embedding, Fraction, Lookup, PositiveInt, Tokenizer


class Learned(nn.Module, Embedding):
    """A learned vector for each token id, initialized from the standard normal distribution as `torch.nn.Embedding`.

    Args:
        dim: the width of a vector.
        dropout: the dropout probability of each element of a vector.
    """

    def __init__(self, tokenizer: Tokenizer, *, dim: PositiveInt, dropout: Fraction = 0.0) -> None:
        super().__init__()
        self.output_size = dim
        self.vectors = nn.Embedding(tokenizer.vocab_size, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor) -> Tensor:
        return self.dropout(self.vectors(ids))

    def all_vectors(self) -> Tensor:
        return self.vectors.weight

    def as_lookup(self, ids: Tensor) -> Lookup | None:
        # With dropout, two occurrences of an id have different vectors.
        return None if self.training and self.dropout.p else Lookup(ids, self.vectors.weight)
