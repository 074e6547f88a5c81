"""Embeddings in NumPy: tables with a row for each id, and vectors of pairs of neighbors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Le

from seqkit.contracts.parameters import PositiveInt
from seqkit.inference.numpy_engine.weights import CheckedWeights, InvalidSetting, read_setting
from seqkit.layers.bigrams import pair_buckets
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


class PairVectors:
    """The embedding `bigrams`.

    Args:
        table: float (buckets + 1, dim): the vector of each bucket, and that of rare pairs.
        rows: int64 (buckets,): the row of each bucket in the table.
        edge: the id of the edges of a row.
        pairs: which pairs: `next`, `previous`, or `both`.
    """

    def __init__(self, table: np.ndarray, rows: np.ndarray, edge: int, pairs: str) -> None:
        self.causal = pairs == "previous"
        self.reads_previous = pairs != "next"
        self.width = table.shape[1] * (2 if pairs == "both" else 1)
        self._table, self._rows, self._edge = table, rows, edge

    def embed(self, ids: np.ndarray, lengths: np.ndarray, previous: np.ndarray | None) -> np.ndarray:
        found = pair_buckets(ids, lengths, previous, self._edge, len(self._rows))
        vectors = self._table[self._rows[found]]  # (batch, time + 1, dim)
        directions = [vectors[:, :-1]] if self.reads_previous else []
        return np.concatenate([*directions, *([] if self.causal else [vectors[:, 1:]])], axis=2)


class NumpyEmbedding:
    """An embedding.

    Args:
        parts: tables, float (vocab_size, width), and vectors of pairs, which are concatenated.

    Attributes:
        width: the width of a vector.
        table: the vectors of all ids, float (vocab_size, width); None if a vector depends on neighbors.
        causal: whether the vector of a token does not depend on later tokens.
        reads_previous: whether it depends on the token before.
    """

    def __init__(self, parts: Sequence[np.ndarray | PairVectors]) -> None:
        tables = [part for part in parts if isinstance(part, np.ndarray)]
        pairs = [part for part in parts if isinstance(part, PairVectors)]
        self.width = sum(table.shape[1] for table in tables) + sum(part.width for part in pairs)
        self.table = None
        if not pairs:
            self.table = tables[0] if len(tables) == 1 else np.concatenate(tables, axis=1)
        self.causal = all(part.causal for part in pairs)
        self.reads_previous = any(part.reads_previous for part in pairs)
        self._parts = list(parts)

    def embed(self, ids: np.ndarray, lengths: np.ndarray, previous: np.ndarray | None = None) -> np.ndarray:
        """Return the vectors of padded rows, float (batch, time, width).

        Args:
            ids: int64 (batch, time).
            lengths: int64 (batch,).
            previous: int64 (batch,), the token before each row; None at the beginning of the rows.
        """
        if self.table is not None:
            return self.table[ids]
        vectors = [
            part[ids] if isinstance(part, np.ndarray) else part.embed(ids, lengths, previous) for part in self._parts
        ]
        return np.concatenate(vectors, axis=2)


def build_embedding(
    section: Mapping[str, Any], name: str, vocabulary: Vocabulary, weights: CheckedWeights
) -> NumpyEmbedding | None:
    """Return an embedding; None if its vectors are one-hot. Arguments and errors as for `_parts`."""
    if section["type"] == "one_hot":
        return None
    return NumpyEmbedding(_parts(section, name, vocabulary, weights))


def _parts(
    section: Mapping[str, Any], name: str, vocabulary: Vocabulary, weights: CheckedWeights
) -> list[np.ndarray | PairVectors]:
    """Return the parts of an embedding, which are concatenated.

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
        return [weights.take(f"{name}.vectors.weight", (vocab_size, width))]
    if section["type"] == "pretrained":
        known, width = (*weights.shape(f"{name}.known"), 0, 0)[:2]
        vectors = weights.take(f"{name}.known", (known, width))
        own = weights.take(f"{name}.own", (max(1, vocab_size - known), width))
        return [np.concatenate([vectors, own])[weights.take_permutation(f"{name}.rows", vocab_size)]]
    if section["type"] == "char_ngrams":
        return [_char_ngrams(section, name, vocabulary, weights)]
    if section["type"] == "bigrams":
        return [_bigrams(section, name, vocab_size, weights)]
    if section["type"] == "concat":
        return [
            part
            for place, inner in enumerate(section["embeddings"])
            for part in _parts(inner, f"{name}.embeddings.{place}", vocabulary, weights)
        ]
    return [np.eye(vocab_size, dtype=weights.dtype)]


def _bigrams(section: Mapping[str, Any], name: str, edge: int, weights: CheckedWeights) -> PairVectors:
    """Return the vectors of pairs of neighbors. Raises as `_parts` does."""
    dim, buckets = (read_setting(section, key, name, PositiveInt) for key in ("dim", "buckets"))
    pairs = read_setting(section, "pairs", name, Literal["next", "previous", "both"])
    table = weights.take(f"{name}.vectors.weight", (buckets + 1, dim))
    is_frequent = weights.take_flags(f"{name}.is_frequent", buckets)
    return PairVectors(table, np.where(is_frequent, np.arange(buckets), buckets), edge, pairs)


def _char_ngrams(section: Mapping[str, Any], name: str, vocabulary: Vocabulary, weights: CheckedWeights) -> np.ndarray:
    """Return the vectors of words, each with the mean of those of its n-grams. Raises as `_parts` does."""
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
