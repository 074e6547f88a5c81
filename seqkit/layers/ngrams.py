"""A linear model of n-grams, beside an encoder or in place of one."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.layers.ngram_counts import BUCKETS, count_ngrams, find, hash_ngrams, ngram_weights


class NgramLinear(nn.Module):
    """A linear function of the TF-IDF of the n-grams of a text: what logistic regression on TF-IDF computes.

    Wang and Manning, Baselines and Bigrams, 2012; Joulin et al., Bag of Tricks for Efficient Text Classification, 2017.
    The n-grams of a row are those of length 1 to n. Their counts are weighted as by
    `TfidfVectorizer(sublinear_tf=True)` of scikit-learn. The n-grams that have weights are known by their hashes
    (Weinberger et al., Feature Hashing for Large Scale Multitask Learning, 2009), so no text of them is stored.

    The weights begin at 0, so at first the layer adds nothing.

    Args:
        output_size: the number of outputs: of labels, for instance.
        ngrams: the number of n-grams that have weights.
        n: the length of the longest n-grams, in tokens.
        scale: what the outputs are multiplied by. Adam changes each weight by about the learning rate in a step, so
            the learning rate of the layer is `scale` times that of the other layers. A text has hundreds of n-grams
            and a norm of 1, so the weights of a good linear model are large.

    Attributes:
        weight: float (ngrams, output_size).
        known: int64 (ngrams,), a buffer: the hash of each n-gram, ascending. `set_ngrams` sets it.
        idf: float (ngrams,), a buffer: the factor of each n-gram. `set_ngrams` sets it.
        multiply_adds: the number of products per token (`seqkit.modeling.multiply_adds`): those of one n-gram.
    """

    known: Tensor
    idf: Tensor

    def __init__(self, output_size: int, ngrams: int, *, n: int = 3, scale: float = 10.0) -> None:
        super().__init__()
        self.n, self.scale = n, scale
        self.multiply_adds = output_size
        self.weight = nn.Parameter(torch.zeros(ngrams, output_size))
        self.register_buffer("known", torch.zeros(ngrams, dtype=torch.int64))
        self.register_buffer("idf", torch.zeros(ngrams))

    def set_ngrams(self, known: np.ndarray, idf: np.ndarray) -> None:
        """Set the n-grams that have weights (`ngram_counts.DocumentCounts`), and the factor of each.

        Args:
            known: int64 (ngrams,), ascending.
            idf: float (ngrams,).
        """
        self.known.copy_(torch.from_numpy(known))
        self.idf.copy_(torch.from_numpy(idf))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return float (batch, output_size).

        Args:
            ids: int64 (batch, time) or (batch, time, ...), padded.
            lengths: int64 (batch,): the number of tokens of each row.
        """
        counts = count_ngrams(ids.cpu().numpy(), lengths.cpu().numpy(), self.n)
        found = ngram_weights(counts, self.known.cpu().numpy(), self.idf.cpu().numpy(), len(ids))
        rows, places, values = (torch.from_numpy(part).to(self.weight.device) for part in found)
        terms = nn.functional.embedding(places, self.weight) * values.to(self.weight)[:, None]
        return self.scale * terms.new_zeros(len(ids), terms.shape[1]).index_add(0, rows, terms)

    def by_token(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the part of the outputs that comes from each token, float (batch, time, output_size).

        The term of an n-gram is divided equally among its tokens, and that of several equal ones among these, so the
        sum over time is what `forward` returns. Arguments as for `forward`.
        """
        numbers, sizes, known = ids.cpu().numpy(), lengths.cpu().numpy(), self.known.cpu().numpy()
        counts = count_ngrams(numbers, sizes, self.n)
        found = ngram_weights(counts, known, self.idf.cpu().numpy(), len(ids))
        keys = found.rows * BUCKETS + found.places
        shares = found.values / counts.counts[find(counts.buckets, known)[0]]
        parts = self.weight.new_zeros(*ids.shape[:2], self.weight.shape[1])
        for length, codes in enumerate(hash_ngrams(numbers, self.n, BUCKETS), start=1):
            rows, starts = np.nonzero(np.arange(codes.shape[1]) + length <= sizes[:, None])
            is_known, places = find(codes[rows, starts], known)
            rows, starts = rows[is_known], starts[is_known]
            factors = shares[np.searchsorted(keys, rows * BUCKETS + places)] / length
            terms = self.weight[torch.from_numpy(places)] * torch.from_numpy(factors).to(self.weight)[:, None]
            for offset in range(length):
                parts.index_put_((torch.from_numpy(rows), torch.from_numpy(starts + offset)), terms, accumulate=True)
        return self.scale * parts

    def extra_repr(self) -> str:
        return f"ngrams={len(self.weight)}, n={self.n}, scale={self.scale}"
