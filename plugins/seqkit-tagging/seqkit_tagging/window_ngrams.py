"""A linear model of the n-grams around each word, beside an encoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeAlias

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from seqkit.contracts import Example, Tokenizer
from seqkit.layers.dropout import word_ids
from seqkit.layers.ngram_counts import BUCKETS, find, hash_ngrams
from seqkit.messages import message

WINDOW = 2
"""The number of words on each side of a word whose n-grams count."""

MAX_WEIGHTS = 2**23
"""The largest number of weights. Of more n-grams, the most frequent ones have weights."""

_SLOTS = 2 * WINDOW + 1

NgramLength: TypeAlias = Annotated[int, Ge(0), Le(_SLOTS)]

NGRAM_SCALE = 5.0
"""The default of `ngram_scale`."""


def fit_ngrams(examples: Iterable[Example], tokenizer: Tokenizer | None, n: int, outputs: int) -> np.ndarray:
    """Return the hashes of the n-grams that have weights, int64 (ngrams,), ascending.

    An n-gram that occurs once is one of them: it can be a name. If all would have more than 2^23 weights, it is the
    most frequent ones.

    Args:
        examples: the training examples.
        tokenizer: the tokenizer; None for features.
        n: the length of the longest n-grams, in words, at least 1.
        outputs: the number of outputs.

    Raises:
        ValueError: the input has no words, or the tokenizer cuts them.
    """
    if tokenizer is None:
        raise ValueError(message("ngrams must be 0 for a reader of features, which have no words"))
    if tokenizer.cuts_words:
        raise ValueError(message("ngrams must be 0 with a tokenizer that cuts words into tokens"))
    found = []
    for example in examples:
        ids = tokenizer.encode_input(example.input)
        words = ids if ids.ndim == 1 else ids[:, 0]
        found += [codes[0] for codes in hash_ngrams(np.pad(words + 1, 1)[None], n, BUCKETS)]
    known, counts = np.unique(np.concatenate(found), return_counts=True)
    limit = max(1, MAX_WEIGHTS // (_SLOTS * outputs))
    return np.sort(known[np.argsort(-counts, kind="stable")[:limit]])


class WindowNgrams(nn.Module):
    """A linear function of the n-grams around each word: the part of a CRF that reads the words themselves.

    The n-grams of a word are those of length 1 to n among itself and the two words on each side of it, together with
    where they begin. The edges of a sentence count as words. So a linear-chain CRF with these scores is the usual one
    with lexical features (Sha and Pereira, Shallow Parsing with Conditional Random Fields, 2003).

    The weights begin at 0, so at first the layer adds nothing.

    Args:
        outputs: the number of outputs: of tags.
        ngrams: the number of n-grams that have weights.
        n: the length of the longest n-grams, in words.
        scale: what the outputs are multiplied by. Adam changes each weight by about the learning rate in a step, so
            the learning rate of the layer is `scale` times that of the other layers. Most n-grams are rare, and their
            weights change in few steps.

    Attributes:
        weight: float (ngrams, 2 * `WINDOW` + 1, outputs): for each place of an n-gram in the window, from the left.
        known: int64 (ngrams,), a buffer: the hash of each n-gram, ascending, from `fit_ngrams`.
        multiply_adds: the number of products per word (`seqkit.modeling.multiply_adds`): those with `scale`.
    """

    known: Tensor

    def __init__(self, outputs: int, ngrams: int, *, n: int, scale: float) -> None:
        super().__init__()
        self.n, self.scale = n, scale
        self.multiply_adds = outputs
        self.weight = nn.Parameter(torch.zeros(ngrams, _SLOTS, outputs))
        self.register_buffer("known", torch.zeros(ngrams, dtype=torch.int64))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return float (batch, time, outputs).

        Args:
            ids: int64 (batch, time) or (batch, time, k), padded.
            lengths: int64 (batch,): the number of words of each row.
        """
        words, sizes = word_ids(ids).cpu().numpy(), lengths.cpu().numpy()[:, None]
        batch, time = words.shape
        extended = np.pad(np.where(np.arange(time) < sizes, words + 1, 0), ((0, 0), (1, 1)))
        known = self.known.cpu().numpy()
        cells, weights = [], []
        for length, codes in enumerate(hash_ngrams(extended, self.n, BUCKETS), start=1):
            rows, starts = np.nonzero(np.arange(codes.shape[1]) + length <= sizes + 2)
            is_known, places = find(codes[rows, starts], known)
            rows, firsts = rows[is_known], starts[is_known] - 1  # -1: the n-gram begins with the edge
            for slot in range(_SLOTS - length + 1):
                targets = firsts - slot + WINDOW  # the word whose window has the n-gram in this place
                is_word = (targets >= 0) & (targets < sizes[rows, 0])
                cells.append((rows * time + targets)[is_word])
                weights.append((places * _SLOTS + slot)[is_word])
        chosen, targets = (torch.from_numpy(np.concatenate(part)).to(ids.device) for part in (weights, cells))
        terms = nn.functional.embedding(chosen, self.weight.flatten(0, 1))  # (n-grams in windows, outputs)
        scores = terms.new_zeros(batch * time, terms.shape[1]).index_add(0, targets, terms)
        return self.scale * scores.view(batch, time, -1)

    def extra_repr(self) -> str:
        return f"ngrams={len(self.weight)}, n={self.n}, scale={self.scale}"
