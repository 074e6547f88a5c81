"""A word's id beside those of its characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from seqkit.contracts import PositiveInt, Tokenizer
from seqkit.errors import DataError
from seqkit_tagging.cutting import cut, join

_DIGIT = re.compile(r"\d")


class WordsAndCharacters(Tokenizer):
    """A row of numbers a word: its id, then the ids of its characters.

    A word that training did not show has the id 0, such a character 1; what follows a word's last character is 0.
    Characters are taken as they are written, whatever becomes of the word.

    Args:
        lower: fold letters to lower case in words.
        fold_digits: every digit is 0 in words, so that `1984` and `2017` are one.
        min_count: rarer words count as unknown.
        word_length: how many characters of a word are read: of a longer one, its first and its last half.
    """

    takes_words = True

    def __init__(
        self,
        *,
        lower: bool = True,
        fold_digits: bool = True,
        min_count: PositiveInt = 1,
        word_length: Annotated[int, Ge(2)] = 20,
    ) -> None:
        self.lower = lower
        self.fold_digits = fold_digits
        self.min_count = min_count
        self.word_length = word_length

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        """The number of words, the unknown one among them."""
        return 1 + len(self._words)

    @property
    def character_vocab_size(self) -> int:
        """The number of characters, with padding and the unknown one."""
        return 2 + len(self._characters)

    def fit(self, texts: Iterable[str | Sequence[str]]) -> None:
        counts: Counter[str] = Counter()
        characters: set[str] = set()
        for text in texts:
            for word in self._given(text):
                counts[self._form(word)] += 1
                characters.update(word)
        words = sorted(word for word, count in counts.items() if count >= self.min_count)
        if not words:
            raise DataError(f"no word of the training text is there {self.min_count} times: lower tokenizer.min_count")
        self._set(words, sorted(characters))

    def encode(self, text: str | Sequence[str]) -> np.ndarray:
        """Returns int64 (time, 1 + word_length)."""
        words = self._given(text)
        ids = np.zeros((len(words), 1 + self.word_length), dtype=np.int64)
        for row, word in zip(ids, words, strict=True):
            row[0] = self._word_ids.get(self._form(word), 0)
            read = self._read(word)
            row[1 : 1 + len(read)] = [self._character_ids.get(character, 1) for character in read]
        return ids

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """Returns the words, as far as their ids tell, with spaces between; `ids` as `encode` gives them."""
        return join([self._decoded(np.atleast_1d(row)) for row in ids])

    def words(self, text: str) -> list[str]:
        return cut(text)

    def state(self) -> dict[str, Any]:
        return {"words": self._words, "characters": self._characters}

    def restore(self, state: Mapping[str, Any]) -> None:
        for name in ("words", "characters"):
            items = state.get(name)
            if not (isinstance(items, list) and items and all(isinstance(item, str) and item for item in items)):
                raise DataError(f"the tokenizer's state holds no list of {name}")
            if len(set(items)) != len(items):
                raise DataError(f"the tokenizer's state holds one of its {name} twice")
        self._set(state["words"], state["characters"])

    def _set(self, words: list[str], characters: list[str]) -> None:
        self._words, self._characters = words, characters
        self._word_ids = {word: number for number, word in enumerate(words, start=1)}
        self._character_ids = {character: number for number, character in enumerate(characters, start=2)}

    def _given(self, text: str | Sequence[str]) -> Sequence[str]:
        return cut(text) if isinstance(text, str) else text

    def _form(self, word: str) -> str:
        word = word.lower() if self.lower else word
        return _DIGIT.sub("0", word) if self.fold_digits else word

    def _read(self, word: str) -> str:
        if len(word) <= self.word_length:
            return word
        half = self.word_length // 2
        return word[: self.word_length - half] + word[-half:]

    def _decoded(self, row: np.ndarray) -> str:
        if row[0] > 0:
            return self._words[row[0] - 1]
        read = [
            self._characters[number - 2] if number > 1 else "\N{REPLACEMENT CHARACTER}" for number in row[1:] if number
        ]
        return "".join(read) or "\N{REPLACEMENT CHARACTER}"
