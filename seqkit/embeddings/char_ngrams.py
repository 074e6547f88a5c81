"""Vectors of words and of their characters."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from seqkit.contracts import Embedding, Fraction, Lookup, PositiveInt, Tokenizer
from seqkit.layers.dropout import WordDropout, word_ids
from seqkit.layers.word_ngrams import UNKNOWN_WORD, word_ngrams
from seqkit.messages import message


class CharNgrams(nn.Module, Embedding):
    """A vector of each word, plus the mean of the vectors of its character n-grams: words of like spelling are alike.

    Bojanowski et al., Enriching Word Vectors with Subword Information, 2017. The n-grams are those of `<word>`, in
    which the marks distinguish prefixes and suffixes, hashed to a fixed number of buckets. The vectors of words begin
    at 0, so a word that training does not contain (one of the tokenizer's `extra_words`) has that of its n-grams.

    Works with any tokenizer that decodes the id of a token to its text. If a token has several integers, the first is
    the id of the word; an unknown word that the tokenizer decodes to its spelling nevertheless, as
    `words_and_characters` does, has n-grams too. They are in lower case if all words of the vocabulary are.

    Args:
        dim: the width of a vector.
        min_n: the length of the shortest n-grams, in characters, marks included.
        max_n: the length of the longest n-grams.
        buckets: the number of buckets: vectors of n-grams.
        dropout: the dropout probability of each element of a vector.
        word_dropout: the dropout probability of each word of the vocabulary: in a batch, the vector of a dropped word
            is 0 wherever it occurs (Gal and Ghahramani, 2016; Merity, Keskar and Socher, 2018).
    """

    ngrams_of_words: Tensor
    """The buckets of the n-grams of all words, int64 (n-grams,)."""
    starts: Tensor
    """Where those of each word begin, and where the last end, int64 (vocab_size + 1,)."""
    is_unknown: Tensor
    """Whether an id represents unknown words, bool (vocab_size,)."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        dim: PositiveInt,
        min_n: Annotated[int, Ge(1), Le(20)] = 3,
        max_n: Annotated[int, Ge(1), Le(20)] = 6,
        buckets: Annotated[int, Ge(1), Le(2**26)] = 2**15,
        dropout: Fraction = 0.0,
        word_dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        if max_n < min_n:
            raise ValueError(message("max_n must be at least min_n ({min_n}), not {max_n}", min_n=min_n, max_n=max_n))
        self.output_size = dim
        self.tokenizer = tokenizer
        self.min_n, self.max_n, self.buckets = min_n, max_n, buckets
        words = [tokenizer.decode([number]) for number in range(tokenizer.vocab_size)]
        self.is_lower = all(word == word.lower() for word in words)
        self.words = nn.Embedding(len(words), dim)
        nn.init.zeros_(self.words.weight)
        self.ngrams = nn.Embedding(buckets, dim)
        self.dropout = nn.Dropout(dropout)
        self.word_dropout = WordDropout(word_dropout, len(words))
        found = word_ngrams(words, min_n, max_n, buckets)
        # They follow from the vocabulary, so a run need not contain them.
        self.register_buffer("ngrams_of_words", torch.from_numpy(found.buckets), persistent=False)
        starts = np.concatenate([[0], found.counts.cumsum()])
        self.register_buffer("starts", torch.from_numpy(starts), persistent=False)
        is_unknown = np.array([word == UNKNOWN_WORD for word in words])
        self.register_buffer("is_unknown", torch.from_numpy(is_unknown), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Embed ids, int64 (batch, time) or (batch, time, k). Returns float (batch, time, output_size)."""
        words = word_ids(ids)
        distinct, places = words.unique(return_inverse=True)
        vectors = nn.functional.embedding(places, self._vectors(distinct))
        if ids.ndim > 2 and (unknown := self.is_unknown[words]).any():
            vectors = vectors.index_put((unknown,), vectors[unknown] + self._spelled(ids[unknown]))
        return self.dropout(self.word_dropout(vectors, words))

    def as_lookup(self, ids: Tensor) -> Lookup | None:
        if ids.ndim > 2 or (self.training and self.dropout.p):
            return None
        distinct, places = ids.unique(return_inverse=True)
        return Lookup(places, self.word_dropout(self._vectors(distinct), distinct))

    def all_vectors(self) -> Tensor:
        return self._vectors(torch.arange(len(self.words.weight), device=self.words.weight.device))

    def _vectors(self, words: Tensor) -> Tensor:
        """Return the vectors of words, int64 (words,), without dropout, float (words, output_size)."""
        starts, counts = self.starts[words], self.starts[words + 1] - self.starts[words]
        ends = counts.cumsum(0)
        places = torch.arange(int(counts.sum()), device=words.device)
        entries = places + (starts - ends + counts).repeat_interleave(counts)
        return self.words(words) + self._mean(self.ngrams_of_words[entries], ends - counts)

    def _mean(self, buckets: Tensor, offsets: Tensor) -> Tensor:
        """Return the mean of the vectors of n-grams from each offset to the next; zeros without any."""
        return nn.functional.embedding_bag(buckets, self.ngrams.weight, offsets, mode="mean")

    def _spelled(self, tokens: Tensor) -> Tensor:
        """Return the mean of the vectors of the n-grams of unknown words, int64 (words, k)."""
        distinct, places = tokens.unique(dim=0, return_inverse=True)
        texts = [self.tokenizer.decode(token) for token in distinct.cpu().numpy()[:, None]]
        texts = [text.lower() for text in texts] if self.is_lower else texts
        found = word_ngrams(texts, self.min_n, self.max_n, self.buckets)
        buckets, counts = (torch.from_numpy(part).to(tokens.device) for part in found)
        return nn.functional.embedding(places, self._mean(buckets, counts.cumsum(0) - counts))
