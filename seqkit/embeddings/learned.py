"""Learned vectors."""

from __future__ import annotations

from torch import Tensor, nn

from seqkit.contracts import Embedding, Fraction, Lookup, PositiveInt, Tokenizer
from seqkit.layers.dropout import WordDropout, word_ids


class Learned(nn.Module, Embedding):
    """A learned vector for each token id, initialized from the standard normal distribution as `torch.nn.Embedding`.

    If a token is represented by several integers, the first is its id.

    Args:
        dim: the width of a vector.
        dropout: the dropout probability of each element of a vector.
        word_dropout: the dropout probability of each token of the vocabulary: in a batch, the vector of a dropped token
            is 0 wherever it occurs (Gal and Ghahramani, 2016; Merity, Keskar and Socher, 2018).
    """

    def __init__(
        self, tokenizer: Tokenizer, *, dim: PositiveInt, dropout: Fraction = 0.0, word_dropout: Fraction = 0.0
    ) -> None:
        super().__init__()
        self.output_size = dim
        self.vectors = nn.Embedding(tokenizer.vocab_size, dim)
        self.dropout = nn.Dropout(dropout)
        self.word_dropout = WordDropout(word_dropout, tokenizer.vocab_size)

    def forward(self, ids: Tensor) -> Tensor:
        ids = word_ids(ids)
        return self.dropout(self.word_dropout(self.vectors(ids), ids))

    def all_vectors(self) -> Tensor:
        return self.vectors.weight

    def as_lookup(self, ids: Tensor) -> Lookup | None:
        # With dropout of elements, two occurrences of an id have different vectors.
        is_row = not (self.training and self.dropout.p)
        return Lookup(word_ids(ids), self.word_dropout.of_table(self.vectors.weight)) if is_row else None
