"""One id a character."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import PositiveInt, Tokenizer
from seqkit.tokenizers.vocabulary import UnknownPolicy, Vocabulary

FEW = 64
"""A text of fewer characters is encoded one by one, which takes less time than setting NumPy to work."""

FEW_TO_COUNT = 4096
"""And one of fewer is counted so: going through the counts of every code point takes as long."""


class Char(Tokenizer):
    """One id a character (a Unicode code point), ids in the characters' order.

    Args:
        unknown: what a character that training never showed becomes: `error` refuses the text, `skip` leaves it out,
            `mark` gives all such characters one id.
        min_count: rarer characters of the training text count as unknown, which trains the mark.
        max_length: keep so many characters of a text, from its beginning; null keeps all.
    """

    def __init__(
        self, *, unknown: UnknownPolicy = "error", min_count: PositiveInt = 1, max_length: PositiveInt | None = None
    ) -> None:
        self.max_length = max_length
        self.vocabulary = Vocabulary(unknown=unknown, min_count=min_count)
        self._table: np.ndarray | None = None

    @property
    def piecewise(self) -> bool:  # type: ignore[override]
        return self.max_length is None

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        return len(self.vocabulary)

    @property
    def unwritable(self) -> Sequence[int]:
        return range(len(self.vocabulary.symbols), len(self.vocabulary))

    def fit(self, texts: Iterable[str]) -> None:
        counts: Counter[str] = Counter()
        for text in texts:
            if len(text) < FEW_TO_COUNT:
                counts.update(text)
                continue
            of_codes = np.bincount(_codes(text))
            found = np.flatnonzero(of_codes)
            counts.update(dict(zip(map(chr, found.tolist()), of_codes[found].tolist(), strict=True)))
        self.vocabulary.learn(counts)
        self._table = None

    def encode(self, text: str) -> np.ndarray:
        if len(text) < FEW:
            return self.vocabulary.encode(text)[: self.max_length]
        if self._table is None:
            self._table = self._made_table()
        codes = _codes(text)
        ids = self._table.take(codes, mode="clip")
        if self.vocabulary.unknown == "skip":
            ids = ids[ids >= 0]
        elif self.vocabulary.unknown == "error" and ids.min() < 0:
            place = int(np.argmax(ids < 0))
            raise self.vocabulary.refusal(text[place], place)
        return ids[: self.max_length]

    def _made_table(self) -> np.ndarray:
        """Returns the id of every code point up to the first that is past them all, which stands for all that follow.

        What is unknown has the mark's id where there is one, else -1.
        """
        known = {ord(symbol): number for number, symbol in enumerate(self.vocabulary.symbols) if len(symbol) == 1}
        unknown = len(self.vocabulary.symbols) if self.vocabulary.unknown == "mark" else -1
        table = np.full(max(known, default=0) + 2, unknown, dtype=np.int64)
        table[list(known)] = list(known.values())
        return table

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.vocabulary.decode(ids))

    def state(self) -> dict[str, Any]:
        return self.vocabulary.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.vocabulary.restore(state)
        self._table = None


def _codes(text: str) -> np.ndarray:
    """Returns the code points of a text, halves of surrogate pairs among them."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
