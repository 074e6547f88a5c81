"""One id a character, capitals told by a mark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Tokenizer
from seqkit.errors import DataError, UnknownText

CAPITAL = 0
"""The id that says of the character after it that it is a capital."""


class Placeholder(Tokenizer):
    """One id a character, where a capital is a mark and its small letter: `At` is read as `^at`.

    A model then knows at once what a word means at the beginning of a sentence, and the vocabulary is smaller.
    """

    def fit(self, texts: Iterable[str]) -> None:
        self._set(sorted({character for text in texts for character, _ in _folded(text)}))

    def encode(self, text: str) -> np.ndarray:
        ids: list[int] = []
        for place, (character, is_capital) in enumerate(_folded(text), start=1):
            if character not in self._ids:
                raise UnknownText(f"'{character}', character {place} of the text, is not in the vocabulary")
            ids += [CAPITAL, self._ids[character]] if is_capital else [self._ids[character]]
        return np.array(ids, dtype=np.int64)

    def decode(self, ids: Sequence[int]) -> str:
        text, is_capital = [], False
        for number in ids:
            if number != CAPITAL:
                character = self.characters[number - 1]
                text.append(character.upper() if is_capital else character)
            is_capital = number == CAPITAL
        return "".join(text)

    def state(self) -> dict[str, Any]:
        return {"characters": self.characters}

    def restore(self, state: Mapping[str, Any]) -> None:
        characters = state.get("characters")
        if not isinstance(characters, list) or not all(isinstance(item, str) for item in characters):
            raise DataError("the tokenizer's state holds no list of characters")
        self._set(characters)

    def _set(self, characters: list[str]) -> None:
        self.characters = characters
        self._ids = {character: number for number, character in enumerate(characters, start=1)}
        self.vocab_size = 1 + len(characters)


def _folded(text: str) -> Iterator[tuple[str, bool]]:
    """Yields each character, and whether it is to be made a capital. One whose small letter leads to another stays."""
    for character in text:
        small = character.lower()
        is_capital = small != character and small.upper() == character
        yield (small if is_capital else character), is_capital
