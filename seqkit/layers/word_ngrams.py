"""Hashed character n-grams of words, in NumPy: torch is not imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqkit.layers.ngram_counts import hash_ngrams

UNKNOWN_WORD = "\N{REPLACEMENT CHARACTER}"
"""The text of the id of unknown words. It has no n-grams."""

_BLOCK = 256
"""The number of words that are hashed together: each is padded to the longest."""


class WordNgrams(NamedTuple):
    """The character n-grams of words.

    Attributes:
        buckets: int64 (n-grams,), those of the first word, then those of the second, and so on.
        counts: int64 (words,), the number of n-grams of each word.
    """

    buckets: np.ndarray
    counts: np.ndarray


def word_ngrams(words: Sequence[str], min_n: int, max_n: int, buckets: int) -> WordNgrams:
    """Return the n-grams of the characters of each word, written as `<word>`, hashed to buckets.

    The marks distinguish the beginning and the end of a word from its middle. A single mark is not an n-gram. The
    result depends on the arguments alone: it is the same in every process and on every platform.

    Args:
        words: the words.
        min_n: the length of the shortest n-grams, at least 1.
        max_n: the length of the longest n-grams, at least min_n.
        buckets: the number of buckets, at least 1.
    """
    found = [
        _hash_block(words[first : first + _BLOCK], min_n, max_n, buckets) for first in range(0, len(words), _BLOCK)
    ]
    return WordNgrams(*map(np.concatenate, zip(*found, strict=True)))


def _hash_block(words: Sequence[str], min_n: int, max_n: int, buckets: int) -> WordNgrams:
    marked = [f"<{word}>" if word not in ("", UNKNOWN_WORD) else "" for word in words]
    lengths = np.array([len(word) for word in marked])
    characters = np.zeros((len(words), max(1, lengths.max())), dtype=np.int64)
    for row, word in zip(characters, marked, strict=True):
        row[: len(word)] = [ord(character) for character in word]
    codes = hash_ngrams(characters, max_n, buckets)[min_n - 1 :]
    is_real = []
    for n, code in enumerate(codes, start=min_n):
        starts = np.arange(code.shape[1])
        real = starts + n <= lengths[:, None]
        is_real.append(real & (starts > 0) & (starts < lengths[:, None] - 1) if n == 1 else real)
    real = np.concatenate(is_real, axis=1)
    return WordNgrams(np.concatenate(codes, axis=1)[real], real.sum(axis=1))
