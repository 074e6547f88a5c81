"""Counts of hashed n-grams of token ids, in NumPy: torch is not imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import NamedTuple

import numpy as np

_MULTIPLIER = np.uint64(0x2545F4914F6CDD1D)
"""The multiplier of xorshift64* (Vigna, An experimental exploration of Marsaglia's xorshift generators, 2016)."""


class NgramCounts(NamedTuple):
    """How often each bucket occurs in each row, sorted by row and bucket.

    Attributes:
        rows: int64 (entries,), the number of the row.
        buckets: int64 (entries,), each at least 0 and below the number of buckets.
        counts: int64 (entries,), each at least 1.
    """

    rows: np.ndarray
    buckets: np.ndarray
    counts: np.ndarray


def hash_ngrams(ids: np.ndarray, n: int, buckets: int) -> list[np.ndarray]:
    """Return the bucket of each n-gram of each length.

    It depends on the ids of the n-gram, in order, and on `buckets` alone: it is the same in every process and on every
    platform.

    Args:
        ids: int64 (batch, time); or (batch, time, ...) if a token is represented by several integers.
        n: the length of the longest n-grams, in tokens, at least 1.
        buckets: the number of buckets, at least 1.

    Returns:
        For each length from 1 to n: int64 (batch, time - length + 1), or (batch, 0) if time is less than length. The
        bucket at a time step is that of the n-gram that begins there.
    """
    batch, time = ids.shape[:2]
    parts = ids.reshape(batch, time, -1).astype(np.uint64)
    tokens = np.zeros((batch, time), np.uint64)
    for part in range(parts.shape[2]):
        tokens = _append(tokens, parts[:, :, part])
    codes, found = np.zeros((batch, time), np.uint64), []
    for length in range(1, n + 1):
        codes = _append(codes[:, : max(time - length + 1, 0)], tokens[:, length - 1 :])
        found.append((codes % np.uint64(buckets)).astype(np.int64))
    return found


def _append(codes: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return the hash of sequences that are longer by one id. Products are modulo 2^64."""
    codes = (codes + ids + np.uint64(1)) * _MULTIPLIER
    return codes ^ (codes >> np.uint64(32))  # the lower bits of a product depend on the lower bits of its factors alone


def count_ngrams(ids: np.ndarray, lengths: np.ndarray, n: int, buckets: int) -> NgramCounts:
    """Count the n-grams of length 1 to n of each row, without its padding.

    Args:
        ids: int64 (batch, time) or (batch, time, ...), padded.
        lengths: int64 (batch,): the number of tokens of each row.
        n: the length of the longest n-grams, in tokens, at least 1.
        buckets: the number of buckets, at least 1.
    """
    keys = []  # row * buckets + bucket
    for length, codes in enumerate(hash_ngrams(ids, n, buckets)):
        is_real = np.arange(codes.shape[1]) + length < lengths[:, None]
        keys.append((codes + np.arange(len(ids))[:, None] * buckets)[is_real])
    found, counts = np.unique(np.concatenate(keys), return_counts=True)
    return NgramCounts(*np.divmod(found, buckets), counts)


class DocumentCounts(NamedTuple):
    """In how many texts each bucket occurs.

    Attributes:
        texts: the number of texts.
        total: int64 (buckets,), the number of texts that contain the n-grams of a bucket.
        by_label: int32 (labels, buckets), the number of these that have a label.
    """

    texts: int
    total: np.ndarray
    by_label: np.ndarray


def count_documents(
    texts: Iterable[np.ndarray], n: int, buckets: int, labels: Iterable[Sequence[int]] | None = None, size: int = 0
) -> DocumentCounts:
    """Count the texts that contain the n-grams of each bucket.

    Args:
        texts: the ids of each text, int64 (time,) or (time, ...).
        n: the length of the longest n-grams, in tokens, at least 1.
        buckets: the number of buckets, at least 1.
        labels: the numbers of the labels of each text.
        size: the number of labels.
    """
    number, total, by_label = 0, np.zeros(buckets, np.int64), np.zeros((size, buckets), np.int32)
    for ids, numbers in zip(texts, repeat(()) if labels is None else labels, strict=False):
        number += 1
        found = count_ngrams(ids[None], np.array([len(ids)]), n, buckets).buckets
        total[found] += 1
        for label in numbers:
            by_label[label, found] += 1
    return DocumentCounts(number, total, by_label)


def inverse_document_frequencies(counts: DocumentCounts) -> np.ndarray:
    """Return the weight of each bucket: ln((1 + texts) / (1 + texts that contain it)) + 1, as scikit-learn's.

    It is 0 for a bucket that occurs in one text only, which does not generalize, if there are at least 50 texts; and 0
    for one that occurs in none.

    Returns:
        float64 (buckets,).
    """
    weights = np.log((1 + counts.texts) / (1 + counts.total)) + 1
    return np.where(counts.total >= (2 if counts.texts >= 50 else 1), weights, 0.0)


def label_ratios(counts: DocumentCounts) -> np.ndarray:
    """Return how much each bucket distinguishes the labels: the root mean square of its log-count ratios.

    The log-count ratio of a bucket and a label is ln(p / q): of the n-grams of the texts with the label, p is the share
    that is in the bucket; q is that share in the other texts (Wang and Manning, Baselines and Bigrams, 2012). Each
    count is increased by 1.

    Returns:
        float64 (buckets,); 0 for a bucket that occurs in no text.
    """
    occurs = counts.total > 0
    squares = np.zeros(len(occurs))
    for having in counts.by_label:
        with_label, without = having[occurs] + 1, counts.total[occurs] - having[occurs] + 1
        squares[occurs] += np.log(with_label / with_label.sum() / (without / without.sum())) ** 2
    return np.sqrt(squares / max(1, len(counts.by_label)))


def ngram_weights(counts: NgramCounts, idf: np.ndarray, batch: int) -> np.ndarray:
    """Return the TF-IDF of each entry: (1 + ln count) * idf, divided by the Euclidean norm of its row.

    Args:
        counts: the counts of a batch.
        idf: float (buckets,), the weight of each bucket.
        batch: the number of rows.

    Returns:
        float64 (entries,); 0 in a row that contains no n-gram of the training texts.
    """
    weights = (1 + np.log(counts.counts)) * idf[counts.buckets].astype(np.float64)
    norms = np.sqrt(np.bincount(counts.rows, weights**2, minlength=batch))
    return weights / np.where(norms > 0, norms, 1)[counts.rows]
