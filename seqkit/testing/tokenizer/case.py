"""A tokenizer under test: its factory and the texts that it is fitted to."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Tokenizer
from seqkit.testing.checks import Case

TEXTS = (
    "In Beijing Sarah bought a basket of apples.",
    "It's a well-known fact: 3 apples (not 4) cost 1.50!",
    "我今天很开心，因为我考试考了 100 分",
    "two words",
)
UNSEEN = "Ω≈ç√∫ zyxwv ŽŽ 人山人海"
"""A text with characters and words that `TEXTS` do not contain."""


class TokenizerCase(Case):
    """A tokenizer's factory and texts. Arguments as for `checks_for_tokenizer`."""

    def __init__(self, factory: Callable[[], Tokenizer], texts: Sequence[str | list[str]]) -> None:
        self.factory = factory
        self._texts = list(texts)

    @property
    def texts(self) -> list[str | list[str]]:
        """A copy of the texts, which a faulty tokenizer may modify."""
        return copy.deepcopy(self._texts)

    def build(self) -> Any:
        """Return a new tokenizer."""
        return self.factory()

    def fitted(self) -> Any:
        """Return a new tokenizer, fitted to the texts."""
        tokenizer = self.build()
        tokenizer.fit(self.texts)
        return tokenizer

    def encode(self, tokenizer: Tokenizer) -> list[np.ndarray]:
        """Return the ids of each text."""
        return [tokenizer.encode(text) for text in self.texts]

    def compute(self) -> dict[str, Any]:
        """Return the state, the ids of the texts, and the texts of the ids."""
        tokenizer = self.fitted()
        ids = self.encode(tokenizer)
        decoded = [tokenizer.decode(each) for each in ids]
        return {"ids": ids, "decoded texts": decoded, "states": tokenizer.state()}


def all_equal(one: Sequence[np.ndarray], other: Sequence[np.ndarray]) -> bool:
    """Return whether the ids of all texts are the same."""
    return all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


def token_ids(ids: np.ndarray) -> np.ndarray:
    """Return the id of each token. If tokens are represented by several integers, it is the first of them."""
    return ids if ids.ndim == 1 else ids[..., 0]


def as_text(text: str | list[str]) -> str:
    """Return a text, or the words of a list joined with spaces."""
    return text if isinstance(text, str) else " ".join(text)
