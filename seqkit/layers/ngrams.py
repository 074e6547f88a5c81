"""A linear model of hashed n-grams, beside an encoder or in place of one."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.layers.ngram_counts import count_ngrams, hash_ngrams, ngram_weights


class NgramLinear(nn.Module):
    """A linear function of the TF-IDF of the n-grams of a text: what logistic regression on TF-IDF computes.

    Wang and Manning, Baselines and Bigrams, 2012; Joulin et al., Bag of Tricks for Efficient Text Classification, 2017;
    an n-gram is hashed to one of a fixed number of buckets (Weinberger et al., Feature Hashing for Large Scale
    Multitask Learning, 2009). The n-grams of a row are those of length 1 to n. Their counts are weighted as by
    `TfidfVectorizer(sublinear_tf=True)` of scikit-learn.

    The weights begin at 0, so at first the layer adds nothing.

    Args:
        output_size: the number of outputs: of labels, for instance.
        n: the length of the longest n-grams, in tokens.
        buckets: the number of buckets.
        scale: what the outputs are multiplied by. Adam changes each weight by about the learning rate in a step, so
            the learning rate of the layer is `scale` times that of the other layers. A text has hundreds of n-grams
            and a norm of 1, so the weights of a good linear model are large.

    Attributes:
        weight: float (buckets, output_size).
        idf: float (buckets,), a buffer: the weight of each bucket, 1 unless set by `set_idf`.
        multiply_adds: the number of products per token (`seqkit.modeling.multiply_adds`): those of one bucket.
    """

    idf: Tensor

    def __init__(self, output_size: int, *, n: int = 3, buckets: int = 2**18, scale: float = 10.0) -> None:
        super().__init__()
        self.n, self.buckets, self.scale = n, buckets, scale
        self.multiply_adds = output_size
        self.weight = nn.Parameter(torch.zeros(buckets, output_size))
        self.register_buffer("idf", torch.ones(buckets))

    def set_idf(self, idf: np.ndarray) -> None:
        """Set the weight of each bucket, float (buckets,) (`ngram_counts.inverse_document_frequencies`)."""
        self.idf.copy_(torch.from_numpy(idf))

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return float (batch, output_size).

        Args:
            ids: int64 (batch, time) or (batch, time, ...), padded.
            lengths: int64 (batch,): the number of tokens of each row.
        """
        counts = count_ngrams(ids.cpu().numpy(), lengths.cpu().numpy(), self.n, self.buckets)
        values = ngram_weights(counts, self.idf.cpu().numpy(), len(ids))
        rows, buckets = (torch.from_numpy(part).to(self.weight.device) for part in (counts.rows, counts.buckets))
        terms = nn.functional.embedding(buckets, self.weight) * torch.from_numpy(values).to(self.weight)[:, None]
        return self.scale * terms.new_zeros(len(ids), terms.shape[1]).index_add(0, rows, terms)

    def by_token(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Return the part of the outputs that comes from each token, float (batch, time, output_size).

        The term of an n-gram is divided equally among its tokens, and that of several equal ones among these, so the
        sum over time is what `forward` returns. Arguments as for `forward`.
        """
        numbers, sizes = ids.cpu().numpy(), lengths.cpu().numpy()
        counts = count_ngrams(numbers, sizes, self.n, self.buckets)
        values = ngram_weights(counts, self.idf.cpu().numpy(), len(ids)) / counts.counts
        keys = counts.rows * self.buckets + counts.buckets
        parts = self.weight.new_zeros(*ids.shape[:2], self.weight.shape[1])
        for length, codes in enumerate(hash_ngrams(numbers, self.n, self.buckets), start=1):
            rows, starts = np.nonzero(np.arange(codes.shape[1]) + length <= sizes[:, None])
            buckets = codes[rows, starts]
            factors = values[np.searchsorted(keys, rows * self.buckets + buckets)] / length
            terms = self.weight[torch.from_numpy(buckets)] * torch.from_numpy(factors).to(self.weight)[:, None]
            for offset in range(length):
                parts.index_put_((torch.from_numpy(rows), torch.from_numpy(starts + offset)), terms, accumulate=True)
        return self.scale * parts

    def extra_repr(self) -> str:
        return f"n={self.n}, buckets={self.buckets}, scale={self.scale}"
