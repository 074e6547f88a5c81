"""Counts of hashed n-grams of token ids, in NumPy: torch is not imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

_MULTIPLIER = np.uint64(0x2545F4914F6CDD1D)
"""The multiplier of xorshift64* (Vigna, An experimental exploration of Marsaglia's xorshift generators, 2016)."""


BUCKETS = 2**24
"""The number of buckets that n-grams are hashed to: of a million n-grams, few have the bucket of another one."""


class NgramCounts(NamedTuple):
    """How often each bucket occurs in each row, sorted by row and bucket.

    Attributes:
        rows: int64 (entries,), the number of the row.
        buckets: int64 (entries,), each at least 0 and below `BUCKETS`.
        counts: int64 (entries,), each at least 1.
    """

    rows: np.ndarray
    buckets: np.ndarray
    counts: np.ndarray


class NgramValues(NamedTuple):
    """The weight of each known n-gram of each row, sorted by row and n-gram.

    Attributes:
        rows: int64 (entries,), the number of the row.
        places: int64 (entries,), the place of the n-gram among the known ones.
        values: float64 (entries,).
    """

    rows: np.ndarray
    places: np.ndarray
    values: np.ndarray


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


def count_ngrams(ids: np.ndarray, lengths: np.ndarray, n: int) -> NgramCounts:
    """Count the n-grams of length 1 to n of each row, without its padding.

    Args:
        ids: int64 (batch, time) or (batch, time, ...), padded.
        lengths: int64 (batch,): the number of tokens of each row.
        n: the length of the longest n-grams, in tokens, at least 1.
    """
    keys = []  # row * BUCKETS + bucket
    for length, codes in enumerate(hash_ngrams(ids, n, BUCKETS)):
        is_real = np.arange(codes.shape[1]) + length < lengths[:, None]
        keys.append((codes + np.arange(len(ids))[:, None] * BUCKETS)[is_real])
    found, counts = np.unique(np.concatenate(keys), return_counts=True)
    return NgramCounts(*np.divmod(found, BUCKETS), counts)


def find(buckets: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which buckets are among the known ones, bool (entries,), and the places of these.

    Args:
        buckets: int64 (entries,).
        known: int64 (ngrams,), ascending.
    """
    places = np.searchsorted(known, buckets)
    is_known = np.searchsorted(known, buckets, side="right") > places
    return is_known, places[is_known]


class DocumentCounts(NamedTuple):
    """In how many texts each n-gram occurs, of those that a linear model has weights for.

    Attributes:
        texts: the number of texts.
        known: int64 (ngrams,), the buckets of the n-grams, ascending.
        total: int64 (ngrams,), the number of texts that contain an n-gram.
        by_label: int32 (labels, ngrams), the number of these that have a label.
    """

    texts: int
    known: np.ndarray
    total: np.ndarray
    by_label: np.ndarray


def count_documents(
    texts: Iterable[np.ndarray], n: int, limit: int, labels: Iterable[Sequence[int]] = (), size: int = 0
) -> DocumentCounts:
    """Count the texts that contain each n-gram.

    An n-gram that occurs in one text only does not generalize, and is left out if there are at least 50 texts.

    Args:
        texts: the ids of each text, int64 (time,) or (time, ...).
        n: the length of the longest n-grams, in tokens, at least 1.
        limit: the largest number of n-grams; of more, those that occur in the most texts are counted.
        labels: the numbers of the labels of each text; nothing if none are to be counted.
        size: the number of labels.
    """
    found = [count_ngrams(ids[None], np.array([len(ids)]), n).buckets.astype(np.int32) for ids in texts]
    total = np.zeros(BUCKETS, np.int32)
    for buckets in found:
        total[buckets] += 1
    known = np.flatnonzero(total >= (2 if len(found) >= 50 else 1))
    if len(known) > limit:
        known = np.sort(known[np.argsort(-total[known], kind="stable")[:limit]])
    by_label = np.zeros((size, len(known)), np.int32)
    for buckets, numbers in zip(found, labels, strict=False):
        by_label[np.array(numbers, int)[:, None], find(buckets, known)[1]] += 1
    return DocumentCounts(len(found), known, total[known].astype(np.int64), by_label)


def inverse_document_frequencies(counts: DocumentCounts) -> np.ndarray:
    """Return the weight of each n-gram: ln((1 + texts) / (1 + texts that contain it)) + 1, as scikit-learn's.

    Returns:
        float64 (ngrams,).
    """
    return np.asarray(np.log((1 + counts.texts) / (1 + counts.total)) + 1)


def label_ratios(counts: DocumentCounts) -> np.ndarray:
    """Return how much each n-gram distinguishes the labels: the root mean square of its log-count ratios.

    The log-count ratio of an n-gram and a label is ln(p / q): p is its share of the n-grams of the texts with the
    label, q that of the other texts (Wang and Manning, Baselines and Bigrams, 2012). Each count is increased by 1.

    Returns:
        float64 (ngrams,).
    """
    squares = np.zeros(len(counts.known))
    for having in counts.by_label:
        with_label, without = having + 1, counts.total - having + 1
        squares += np.log(with_label / with_label.sum() / (without / without.sum())) ** 2
    return np.sqrt(squares / max(1, len(counts.by_label)))


def ngram_weights(counts: NgramCounts, known: np.ndarray, idf: np.ndarray, batch: int) -> NgramValues:
    """Return the TF-IDF of the known n-grams: (1 + ln count) * idf, divided by the Euclidean norm of its row.

    Args:
        counts: the counts of a batch.
        known: int64 (ngrams,), the buckets of the known n-grams, ascending.
        idf: float (ngrams,), the weight of each.
        batch: the number of rows.
    """
    is_known, places = find(counts.buckets, known)
    rows = counts.rows[is_known]
    weights = (1 + np.log(counts.counts[is_known])) * idf[places].astype(np.float64)
    norms = np.sqrt(np.bincount(rows, weights**2, minlength=batch))
    return NgramValues(rows, places, weights / np.where(norms > 0, norms, 1)[rows])
