"""A tokenizer that represents a word by its id and the ids of its characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from seqkit.contracts import PositiveInt, SpecialToken, Tokenizer, TokenizerFactory, TrainingFile
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.files import check_encoding, read_lines
from seqkit_tagging.gazetteer import Gazetteer
from seqkit_tagging.word_features import WordFeature, word_feature
from seqkit_tagging.word_splitting import are_characters, join_words, split_words

_DIGIT = re.compile(r"\d")
_MIN_WORDS_OF_FEATURE = 2
"""A value of a feature that fewer words of the training data have is unknown, so that its vector is trained."""


_MIN_CHARACTERS = 0.95
"""The share of the vocabulary's words that are single characters, from which on texts are split into characters."""


class WordCharacterTokenizer(Tokenizer):
    """The id of each word and the ids of its characters, for the embedding `words_and_characters`.

    Unknown words have the id 0, unknown characters the id 1. Character ids are padded with 0. `lower` and `fold_digits`
    apply to word ids only; characters are never changed. The ids of `features` follow those of the characters; 0 is a
    value that a single word of the training data has, or none. Those of `gazetteers` come last.

    If almost all words of the vocabulary are single characters, as in Chinese data with a character per line, a text is
    split into its characters, else into words by the conventions of English treebanks.

    Args:
        lower: whether to convert words to lower case.
        fold_digits: whether to replace each digit of a word by 0, so that `1984` and `2017` have the same id.
        min_count: words with fewer occurrences in the training data are unknown.
        word_length: the maximum number of characters per word; of a longer word, half are taken from its beginning and
            half from its end.
        features: features of each word that get vectors too: `shape` (capitals, letters, digits and other characters:
            `Xx` for `Paris`), `prefix_1` to `prefix_4` and `suffix_1` to `suffix_4` (its first or last characters in
            lower case). They help where words that are not in the training data are frequent.
        gazetteers: lists of names, `{type: gazetteer, path: places.txt}` each. Whether a word begins, continues or ends
            an entry of a list gets a vector too.
        extra_words: a file whose lines begin with a word, of vectors for instance. Words that are spelled in it as in
            the vocabulary (`lower`, `fold_digits`) have an id too, so that with the embedding `pretrained` they have a
            vector although the training data does not contain them. The file is needed once, to train.
        encoding: the encoding of that file.
    """

    takes_words = True

    _are_characters = False
    """Whether almost all words of the vocabulary are single characters."""

    def __init__(
        self,
        *,
        lower: bool = True,
        fold_digits: bool = True,
        min_count: PositiveInt = 1,
        word_length: Annotated[int, Ge(2)] = 20,
        features: list[WordFeature] | None = None,
        gazetteers: list[TokenizerFactory] = [],  # noqa: B006
        extra_words: TrainingFile = None,
        encoding: str = "utf-8",
    ) -> None:
        self.gazetteers = [build() for build in gazetteers]
        if not all(isinstance(gazetteer, Gazetteer) for gazetteer in self.gazetteers):
            raise ValueError(message("gazetteers contains another tokenizer: set its `type` to `gazetteer`"))
        self.features = features or []
        if duplicates := sorted({name for name in self.features if self.features.count(name) > 1}):
            raise ValueError(message("features contains {name} twice: remove one", name=duplicates[0]))
        self.lower = lower
        self.fold_digits = fold_digits
        self.min_count = min_count
        self.word_length = word_length
        self.extra_words = extra_words
        self.encoding = check_encoding(encoding)

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        """The number of word ids, including that of unknown words."""
        return 1 + len(self._words)

    @property
    def special_ids(self) -> Mapping[SpecialToken, int]:
        return {"unknown": 0}

    @property
    def character_vocab_size(self) -> int:
        """The number of character ids, including padding and unknown characters."""
        return 2 + len(self._characters)

    @property
    def feature_vocab_sizes(self) -> list[int]:
        """The number of ids of each feature, including that of unknown values, and of each gazetteer."""
        sizes = [1 + len(ids) for ids in self._feature_ids]
        return sizes + [gazetteer.vocab_size for gazetteer in self.gazetteers]

    def fit(self, texts: Iterable[str | Sequence[str]]) -> None:
        counts: Counter[str] = Counter()
        distinct: set[str] = set()
        for text in texts:
            for word in self._split(text):
                counts[self._normalize(word)] += 1
                distinct.add(word)
        words = sorted(word for word, count in counts.items() if count >= self.min_count)
        if not words:
            raise DataError(
                message(
                    "no word of the training data occurs {count} times: lower tokenizer.min_count", count=self.min_count
                )
            )
        if self.extra_words is not None:
            extra = {re.split("[ \t]", line, maxsplit=1)[0] for line in read_lines(self.extra_words, self.encoding)}
            words = sorted({word for word in extra if word and self._normalize(word) == word}.union(words))
        features: dict[str, list[str]] = {}
        for name in self.features:
            values = Counter(word_feature(word, name) for word in distinct)
            features[name] = sorted(value for value, count in values.items() if count >= _MIN_WORDS_OF_FEATURE)
        self._set_vocabulary(words, sorted(set().union(*distinct)), features)
        for gazetteer in self.gazetteers:
            gazetteer.fit([])

    def encode(self, text: str | Sequence[str]) -> np.ndarray:
        """Return the ids of a text or a list of words, int64 (time, 1 + word_length + features + gazetteers)."""
        words = self._split(text)
        first_feature = 1 + self.word_length
        ids = np.zeros((len(words), first_feature + len(self.features)), dtype=np.int64)
        for row, word in zip(ids, words, strict=True):
            row[0] = self._word_ids.get(self._normalize(word), 0)
            characters = self._truncate(word)
            row[1 : 1 + len(characters)] = [self._character_ids.get(character, 1) for character in characters]
            row[first_feature:] = [
                values.get(word_feature(word, name), 0)
                for name, values in zip(self.features, self._feature_ids, strict=True)
            ]
        return np.column_stack([ids, *(gazetteer.encode(words) for gazetteer in self.gazetteers)])

    def decode(self, ids: Sequence[int] | np.ndarray) -> str:
        """Return the words that `encode` turned into ids, joined by spaces. Unknown words are spelled by characters."""
        return join_words([self._decode_word(np.atleast_1d(row)) for row in ids])

    def words(self, text: str) -> list[str]:
        """Return the words of a text: its characters, if almost all words of the vocabulary are single ones."""
        return [each for each in text if not each.isspace()] if self._are_characters else split_words(text)

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"words": self._words, "characters": self._characters}
        state |= {"features": self._feature_values} if self.features else {}
        return state | ({"gazetteers": [each.state() for each in self.gazetteers]} if self.gazetteers else {})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned.

        Raises:
            DataError: it is something else.
        """
        words, characters = (_strings(state, name) for name in ("words", "characters"))
        if any(len(character) != 1 for character in characters):
            raise DataError(message("the characters of the tokenizer's state are not single characters"))
        features = state.get("features", {})
        self._set_vocabulary(words, characters, {name: _strings(features, name) for name in self.features})
        entries = state.get("gazetteers", [])
        if not isinstance(entries, list) or len(entries) != len(self.gazetteers):
            raise DataError(
                message("the tokenizer's state does not have {count} gazetteers", count=len(self.gazetteers))
            )
        for gazetteer, entry in zip(self.gazetteers, entries, strict=True):
            gazetteer.restore(entry)

    def _set_vocabulary(self, words: list[str], characters: list[str], features: dict[str, list[str]]) -> None:
        self._words, self._characters, self._feature_values = words, characters, features
        self._feature_ids = [
            {value: value_id for value_id, value in enumerate(features[name], start=1)} for name in self.features
        ]
        self._are_characters = are_characters(words, _MIN_CHARACTERS)
        self._word_ids = {word: word_id for word_id, word in enumerate(words, start=1)}
        self._character_ids = {character: character_id for character_id, character in enumerate(characters, start=2)}

    def _split(self, text: str | Sequence[str]) -> Sequence[str]:
        """Return the words of a text; or the words themselves, after checking them.

        Raises:
            DataError: a word is not text, or is empty.
        """
        if isinstance(text, str):
            return self.words(text)
        for number, word in enumerate(text, start=1):
            if not isinstance(word, str):
                raise DataError(message("word {number} is {word!r:.40}, not text", number=number, word=word))
            if not word.strip(" \t\r\n"):
                raise DataError(message("word {number} is empty: add it, or leave it out", number=number))
        return text

    def _normalize(self, word: str) -> str:
        word = word.lower() if self.lower else word
        return _DIGIT.sub("0", word) if self.fold_digits else word

    def _truncate(self, word: str) -> str:
        if len(word) <= self.word_length:
            return word
        half = self.word_length // 2
        return word[: self.word_length - half] + word[-half:]

    def _decode_word(self, row: np.ndarray) -> str:
        if row[0] > 0:
            return self._words[row[0] - 1]
        characters = [
            self._characters[character_id - 2] if character_id > 1 else "\N{REPLACEMENT CHARACTER}"
            for character_id in row[1 : 1 + self.word_length]
            if character_id
        ]
        return "".join(characters) or "\N{REPLACEMENT CHARACTER}"


def _strings(state: Any, name: str) -> list[str]:
    """Return a list of a state, after checking it.

    Raises:
        DataError: it is no sorted list of distinct strings, or it is empty (a feature may have no known value).
    """
    items = state.get(name) if isinstance(state, Mapping) else None
    may_be_empty = name not in ("words", "characters")
    if not (
        isinstance(items, list) and (items or may_be_empty) and all(isinstance(item, str) and item for item in items)
    ):
        raise DataError(message("the tokenizer's state has no list of {name}", name=name))
    if len(set(items)) != len(items):
        raise DataError(message("the tokenizer's state has duplicate {name}", name=name))
    if items != sorted(items):
        raise DataError(message("the {name} of the tokenizer's state are not sorted", name=name))
    return items
