"""One token per character."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import PositiveInt, SpecialToken, Tokenizer
from seqkit.tokenizers.vocabulary import UnknownPolicy, Vocabulary

MIN_VECTORIZED_ENCODE = 64
"""The minimum number of characters for encoding with NumPy; for fewer, a Python loop is faster."""

MIN_VECTORIZED_FIT = 4096
"""The minimum number of characters for counting with NumPy, which scans the counts of all code points."""


class Char(Tokenizer):
    """One token per character (Unicode code point). Ids follow the order of the code points.

    Args:
        unknown: how to encode characters that do not occur in the training text: `error` raises an error, `skip`
            omits them, `mark` gives all of them one additional id.
        min_count: characters with fewer occurrences in the training text are unknown. With `unknown: mark`, the
            additional id then occurs in training, so the model learns it.
        max_length: the maximum number of characters; longer texts are truncated. Null for no limit.
    """

    def __init__(
        self, *, unknown: UnknownPolicy = "error", min_count: PositiveInt = 1, max_length: PositiveInt | None = None
    ) -> None:
        self.max_length = max_length
        self.vocabulary = Vocabulary(unknown=unknown, min_count=min_count)
        self._table: np.ndarray | None = None

    @property
    def chunkable(self) -> bool:  # type: ignore[override]
        return self.max_length is None

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        return len(self.vocabulary)

    @property
    def special_ids(self) -> Mapping[SpecialToken, int]:
        return self.vocabulary.special_ids

    @property
    def suppressed_ids(self) -> Sequence[int]:
        return range(len(self.vocabulary.symbols), len(self.vocabulary))

    def fit(self, texts: Iterable[str]) -> None:
        counts: Counter[str] = Counter()
        for text in texts:
            if len(text) < MIN_VECTORIZED_FIT:
                counts.update(text)
                continue
            count_by_code = np.bincount(_code_points(text))
            codes = np.flatnonzero(count_by_code)
            counts.update(dict(zip(map(chr, codes.tolist()), count_by_code[codes].tolist(), strict=True)))
        self.vocabulary.fit_counts(counts)
        self._table = None

    def encode(self, text: str) -> np.ndarray:
        if len(text) < MIN_VECTORIZED_ENCODE:
            return self.vocabulary.encode(text)[: self.max_length]
        if self._table is None:
            self._table = self._id_table()
        ids = self._table.take(_code_points(text), mode="clip")
        if self.vocabulary.unknown == "skip":
            ids = ids[ids >= 0]
        elif self.vocabulary.unknown == "error" and ids.min() < 0:
            position = int(np.argmax(ids < 0))
            raise self.vocabulary.unknown_error(text[position], position)
        return ids[: self.max_length]

    def _id_table(self) -> np.ndarray:
        """Return the id of each code point, int64. The last entry is for all code points beyond the table.

        Unknown characters have the additional id under `unknown: mark`, and -1 otherwise.
        """
        ids = {ord(symbol): number for number, symbol in enumerate(self.vocabulary.symbols)}
        unknown = len(self.vocabulary.symbols) if self.vocabulary.unknown == "mark" else -1
        table = np.full(max(ids, default=0) + 2, unknown, dtype=np.int64)
        table[list(ids)] = list(ids.values())
        return table

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.vocabulary.decode(ids))

    def state(self) -> dict[str, Any]:
        return self.vocabulary.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.vocabulary.restore(state, lambda symbol: len(symbol) == 1)
        self._table = None


def _code_points(text: str) -> np.ndarray:
    """Return the code points of a text, unsigned integers (time,), unpaired surrogates included."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
