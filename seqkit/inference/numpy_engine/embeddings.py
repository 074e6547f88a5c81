"""Embeddings in NumPy: each is a table with a row for each id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Ge, Le

from seqkit.contracts.parameters import PositiveInt
from seqkit.inference.numpy_engine.weights import CheckedWeights, InvalidSetting, read_setting
from seqkit.layers.word_ngrams import word_ngrams
from seqkit.messages import message

_BLOCK = 1024
"""The number of words whose n-grams are summed at a time, to limit the memory that they take."""


class Vocabulary(NamedTuple):
    """The ids of a fitted tokenizer.

    Attributes:
        size: their number.
        decode: returns the text of ids.
    """

    size: int
    decode: Callable[[Sequence[int]], str]


def build_table(
    section: Mapping[str, Any], name: str, vocabulary: Vocabulary, weights: CheckedWeights
) -> np.ndarray | None:
    """Return the vectors of an embedding, float (vocab_size, width); None if they are one-hot.

    Args:
        section: the section of the embedding in the recipe.
        name: its path, for messages and the names of the weights.
        vocabulary: the ids of the tokenizer.
        weights: the weights of the run.

    Raises:
        InvalidSetting: a value of the recipe is invalid.
        DataError: the weights are not those of the recipe.
    """
    vocab_size = vocabulary.size
    if section["type"] == "learned":
        width = read_setting(section, "dim", name, PositiveInt)
        return weights.take(f"{name}.vectors.weight", (vocab_size, width))
    if section["type"] == "pretrained":
        known, width = (*weights.shape(f"{name}.known"), 0, 0)[:2]
        vectors = weights.take(f"{name}.known", (known, width))
        own = weights.take(f"{name}.own", (max(1, vocab_size - known), width))
        return np.concatenate([vectors, own])[weights.take_permutation(f"{name}.rows", vocab_size)]
    if section["type"] == "char_ngrams":
        return _char_ngrams(section, name, vocabulary, weights)
    if section["type"] == "concat":
        tables = [
            build_table(inner, f"{name}.embeddings.{place}", vocabulary, weights)
            for place, inner in enumerate(section["embeddings"])
        ]
        identity = np.eye(vocab_size, dtype=weights.dtype)
        return np.concatenate([identity if table is None else table for table in tables], axis=1)
    return None


def _char_ngrams(section: Mapping[str, Any], name: str, vocabulary: Vocabulary, weights: CheckedWeights) -> np.ndarray:
    """Return the vectors of words, each with the mean of those of its n-grams. Raises as `build_table` does."""
    width, buckets = (read_setting(section, key, name, PositiveInt) for key in ("dim", "buckets"))
    min_n, max_n = (read_setting(section, key, name, Annotated[int, Ge(1), Le(20)]) for key in ("min_n", "max_n"))
    if max_n < min_n:
        raise InvalidSetting(message("{name}.max_n: must be at least min_n", name=name))
    table = weights.take(f"{name}.words.weight", (vocabulary.size, width)).copy()
    vectors = weights.take(f"{name}.ngrams.weight", (buckets, width))
    words = [vocabulary.decode([number]) for number in range(vocabulary.size)]
    for first in range(0, len(words), _BLOCK):
        found = word_ngrams(words[first : first + _BLOCK], min_n, max_n, buckets)
        with_ngrams = found.counts > 0
        counts = found.counts[with_ngrams]
        if len(counts):
            sums = np.add.reduceat(vectors[found.buckets], counts.cumsum() - counts)
            table[first : first + _BLOCK][with_ngrams] += sums / counts[:, None].astype(table.dtype)
    return table
