"""Hashed pairs of neighboring tokens, in NumPy: torch is not imported."""

from __future__ import annotations

import numpy as np

from seqkit.layers.ngram_counts import hash_ngrams


def pair_buckets(
    ids: np.ndarray, lengths: np.ndarray, previous: np.ndarray | None, edge: int, buckets: int
) -> np.ndarray:
    """Return the bucket of each pair of neighbors of each row, the edges of the row included.

    Args:
        ids: int64 (batch, time), padded.
        lengths: int64 (batch,): the number of tokens of each row.
        previous: int64 (batch,), the token before the first one; None at the beginning of the rows.
        edge: the id before the first and after the last token of a row.
        buckets: the number of buckets, at least 1.

    Returns:
        int64 (batch, time + 1): at each time step, the bucket of the token before and that token; one time step later,
        therefore, that of the token and the next one.
    """
    batch, time = ids.shape
    extended = np.full((batch, time + 2), edge, dtype=np.int64)
    if previous is not None:
        extended[:, 0] = previous
    extended[:, 1:-1] = np.where(np.arange(time) < lengths[:, None], ids, edge)
    return hash_ngrams(extended, 2, buckets)[1]
