"""One id a character."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import PositiveInt, Tokenizer
from seqkit.tokenizers.vocabulary import UnknownPolicy, Vocabulary


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

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        return len(self.vocabulary)

    @property
    def unwritable(self) -> Sequence[int]:
        return range(len(self.vocabulary.symbols), len(self.vocabulary))

    def fit(self, texts: Iterable[str]) -> None:
        self.vocabulary.fit(texts)

    def encode(self, text: str) -> np.ndarray:
        return self.vocabulary.encode(text)[: self.max_length]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.vocabulary.decode(ids))

    def state(self) -> dict[str, Any]:
        return self.vocabulary.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.vocabulary.restore(state)
