"""The floor: each word's most frequent tag."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence


class MostFrequentTag:
    """Gives each word the tag that it has most often in training.

    A word that training does not show gets the most frequent tag of the words that are there once and look like it:
    with a capital at the beginning, with a digit, with a letter, or with neither.
    """

    name = "the most frequent tag of each word"

    def fit(self, sentences: Iterable[tuple[Sequence[str], Sequence[str]]]) -> None:
        """Learns from sentences, each its words and their tags."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for words, their_tags in sentences:
            for word, tag in zip(words, their_tags, strict=True):
                counts[word][tag] += 1
        looks: defaultdict[str, Counter[str]] = defaultdict(Counter)
        overall: Counter[str] = Counter()
        for word, tags in counts.items():
            overall.update(tags)
            if tags.total() == 1:
                looks[_look(word)].update(tags)
        self._tags = {word: _first(tags) for word, tags in counts.items()}
        self._looks = {look: _first(tags) for look, tags in looks.items()}
        self._overall = _first(overall)

    def predict(self, words: Sequence[str]) -> list[str]:
        return [self._tags.get(word) or self._looks.get(_look(word), self._overall) for word in words]


def _first(tags: Counter[str]) -> str:
    """Returns the most frequent tag; of several, the first in the alphabet."""
    return min(tags, key=lambda tag: (-tags[tag], tag))


def _look(word: str) -> str:
    if word[0].isupper():
        return "capital"
    if any(character.isdigit() for character in word):
        return "digit"
    return "letter" if word[0].isalpha() else "neither"
