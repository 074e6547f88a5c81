"""One token per character, two per capital."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Tokenizer
from seqkit.errors import DataError, UnknownText

CAPITAL = 0
"""The id that makes the next character a capital."""


class Placeholder(Tokenizer):
    """One token per character. A capital is a mark followed by the lower-case letter: `At` becomes `^at`.

    A word then has the same letters at the beginning of a sentence as elsewhere, and the vocabulary is smaller.
    """

    def fit(self, texts: Iterable[str]) -> None:
        self._set(sorted({character for text in texts for character, _ in _folded(text)}))

    def encode(self, text: str) -> np.ndarray:
        ids: list[int] = []
        for number, (character, is_capital) in enumerate(_folded(text), start=1):
            if character not in self._ids:
                raise UnknownText(f"'{character}', character {number} of the text, is not in the vocabulary")
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
            raise DataError("the tokenizer's state has no list of characters")
        self._set(characters)

    def _set(self, characters: list[str]) -> None:
        self.characters = characters
        self._ids = {character: number for number, character in enumerate(characters, start=1)}
        self.vocab_size = 1 + len(characters)


def _folded(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each character in lower case, with whether it was a capital."""
    for character in text:
        # A few characters, such as the Turkish dotted I, cannot be restored from lower case and are not changed.
        lower = character.lower()
        is_capital = lower != character and lower.upper() == character
        yield (lower if is_capital else character), is_capital
