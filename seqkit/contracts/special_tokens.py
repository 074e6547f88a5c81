"""Special tokens: ids that represent no text, which a component requests by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts.capabilities import class_name
from seqkit.contracts.tokenizer import SPECIAL_TOKENS, SpecialToken, Tokenizer


class WithSpecialTokens(Tokenizer):
    """A tokenizer with the special tokens that components request; any tokenizer works.

    A token that the tokenizer has itself (`Tokenizer.special_ids`) keeps its id. The others have the ids after those of
    the tokenizer, which therefore never encodes a text as one of them. Their text is empty, and generation never
    samples them. All other attributes and the state are those of the tokenizer.

    seqkit applies it to the tokenizer of a recipe. A head applies it to a tokenizer of its own.

    Args:
        tokenizer: the tokenizer, before `fit` or `restore`.
        names: the names of the tokens.
    """

    def __init__(self, tokenizer: Tokenizer, names: Iterable[SpecialToken]) -> None:
        self._tokenizer = tokenizer
        self.names = tuple(name for name in SPECIAL_TOKENS if name in set(names))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "_tokenizer":
            raise AttributeError(name)
        return getattr(self._tokenizer, name)

    @property
    def takes_words(self) -> bool:  # type: ignore[override]
        return self._tokenizer.takes_words

    @property
    def cuts_words(self) -> bool:  # type: ignore[override]
        return self._tokenizer.cuts_words

    @property
    def chunkable(self) -> bool:  # type: ignore[override]
        return self._tokenizer.chunkable

    @property
    def max_length(self) -> int | None:  # type: ignore[override]
        return self._tokenizer.max_length

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        return self._tokenizer.vocab_size + len(self._added)

    @property
    def special_ids(self) -> Mapping[SpecialToken, int]:
        added = {name: number for number, name in enumerate(self._added, start=self._tokenizer.vocab_size)}
        return {**self._tokenizer.special_ids, **added}

    @property
    def suppressed_ids(self) -> Sequence[int]:
        return [*self._tokenizer.suppressed_ids, *range(self._tokenizer.vocab_size, self.vocab_size)]

    @property
    def _added(self) -> list[SpecialToken]:
        return [name for name in self.names if name not in self._tokenizer.special_ids]

    def fit(self, texts: Iterable[Any]) -> None:
        self._tokenizer.fit(texts)

    def encode(self, text: Any) -> np.ndarray:
        return self._tokenizer.encode(text)

    def encode_pair(self, first: str, second: str) -> np.ndarray:
        if type(self._tokenizer).encode_pair is Tokenizer.encode_pair:
            return super().encode_pair(first, second)
        return self._tokenizer.encode_pair(first, second)

    def encode_prompt(self, text: str) -> np.ndarray:
        return self._tokenizer.encode_prompt(text)

    def encode_words(self, text: str | Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        return self._tokenizer.encode_words(text)

    def words(self, text: str) -> list[str]:
        return self._tokenizer.words(text)

    def decode(self, ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(self._with_text(ids)))

    def _with_text(self, ids: Sequence[Any]) -> Iterator[Any]:
        size = self._tokenizer.vocab_size
        return (token for token in ids if np.ravel(token)[0] < size)

    def state(self) -> dict[str, Any]:
        return self._tokenizer.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self._tokenizer.restore(state)


def tokenizer_name(tokenizer: Tokenizer) -> str:
    """Return the name of the class of a tokenizer, without special tokens, for messages to its author."""
    return class_name(type(tokenizer._tokenizer if isinstance(tokenizer, WithSpecialTokens) else tokenizer))
