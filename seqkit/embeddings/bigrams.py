"""Vectors of pairs of neighboring tokens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from seqkit.contracts import Embedding, Fraction, PositiveInt, Tokenizer
from seqkit.layers.bigrams import pair_buckets
from seqkit.layers.dropout import word_ids

_BLOCK = 1_000_000
"""The number of ids whose pairs are counted at a time, to limit the memory that they take."""


class Bigrams(nn.Module, Embedding):
    """A vector of each token and its neighbor: of character bigrams, with the tokenizer `char`.

    Most Chinese words have two characters, and the vectors of bigrams help to find them (Zhang and Yang, Chinese NER
    Using Lattice LSTM, 2018). Concatenate them with the vectors of the characters themselves:

        embedding:
          type: concat
          embeddings: [{type: learned, dim: 64}, {type: bigrams, dim: 64}]

    Pairs are hashed to a fixed number of buckets. All buckets whose pairs are rare in training share one vector, which
    begins at 0, so that a pair that training does not contain has no arbitrary vector. The edges of a text count as
    neighbors, and so does the end of a window of a long row (`train.sequence_length`).

    Args:
        dim: the width of the vector of a pair.
        pairs: `next`: each token and the next one; `previous`: the token before and each token; or `both`, one after
            the other, from one table. Only `previous` is causal: a head that predicts the next token must not see it.
        buckets: the number of buckets.
        min_count: buckets with fewer occurrences in training share one vector.
        dropout: the dropout probability of each element of a vector.
    """

    is_frequent: Tensor
    """Whether each bucket has a vector of its own, bool (buckets,)."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        dim: PositiveInt,
        pairs: Literal["next", "previous", "both"] = "next",
        buckets: Annotated[int, Ge(1), Le(2**26)] = 2**16,
        min_count: PositiveInt = 2,
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        self.edge = tokenizer.vocab_size
        self.buckets = buckets
        self.min_count = min_count
        self.causal = pairs == "previous"
        self.reads_previous = pairs != "next"
        self.output_size = dim * (2 if pairs == "both" else 1)
        self.vectors = nn.Embedding(buckets + 1, dim)  # the last is that of rare pairs
        with torch.no_grad():
            self.vectors.weight[buckets] = 0
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("is_frequent", torch.zeros(buckets, dtype=torch.bool))

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        """Count the pairs."""
        counts = np.zeros(self.buckets, dtype=np.int64)
        first, last = (0 if self.reads_previous else 1), (None if not self.causal else -1)
        for ids in inputs:
            words = ids if ids.ndim == 1 else ids[:, 0]
            for start in range(0, len(words), _BLOCK):
                block, end = words[None, start : start + _BLOCK + 1].astype(np.int64), start + _BLOCK >= len(words)
                found = pair_buckets(block, np.array([block.shape[1]]), None, self.edge, self.buckets)[0]
                # A pair that crosses from one block to the next is counted in the first.
                found = found[first if start == 0 else 1 : last if end else _BLOCK + 1]
                counts += np.bincount(found, minlength=self.buckets)
        self.is_frequent.copy_(torch.from_numpy(counts >= self.min_count))

    def forward(self, ids: Tensor, *, lengths: Tensor | None = None, previous: Tensor | None = None) -> Tensor:
        """Embed ids, int64 (batch, time) or (batch, time, k). Returns float (batch, time, output_size)."""
        words = word_ids(ids).cpu().numpy()
        if lengths is None:
            lengths = torch.full((len(words),), words.shape[1])
        before = None if previous is None else (previous if previous.ndim == 1 else previous[:, 0]).cpu().numpy()
        found = torch.from_numpy(pair_buckets(words, lengths.numpy(), before, self.edge, self.buckets))
        found = found.to(ids.device)
        vectors = self.vectors(torch.where(self.is_frequent[found], found, self.buckets))  # (batch, time + 1, dim)
        directions = [vectors[:, :-1]] if self.reads_previous else []
        directions += [] if self.causal else [vectors[:, 1:]]
        return self.dropout(torch.cat(directions, dim=2))
