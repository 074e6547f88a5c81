"""The baseline of the tagging heads: the most frequent tag of each word."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from seqkit.messages import message


class MostFrequentTag:
    """Predict for each word the tag that it has most often in the training data.

    A word that is not in the training data is assigned to one of four classes: it begins with a capital, contains a
    digit, begins with a letter, or none of these. It receives the most frequent tag of the training words that occur
    once and belong to the same class.
    """

    name = message("the most frequent tag of each word")

    def fit(self, sentences: Iterable[tuple[Sequence[str], Sequence[str]]]) -> None:
        """Count the tags of (words, tags) pairs, one per sentence."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for words, word_tags in sentences:
            for word, tag in zip(words, word_tags, strict=True):
                counts[word][tag] += 1
        class_counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        total: Counter[str] = Counter()
        for word, tags in counts.items():
            total.update(tags)
            if tags.total() == 1:
                class_counts[_word_class(word)].update(tags)
        self._tag_of_word = {word: _most_frequent(tags) for word, tags in counts.items()}
        self._tag_of_class = {word_class: _most_frequent(tags) for word_class, tags in class_counts.items()}
        self._default_tag = _most_frequent(total)

    def predict(self, words: Sequence[str]) -> list[str]:
        """Return a tag for each word of a sentence."""
        return [
            self._tag_of_word.get(word) or self._tag_of_class.get(_word_class(word), self._default_tag)
            for word in words
        ]


def _most_frequent(tags: Counter[str]) -> str:
    """Return the most frequent tag; of several, the first in alphabetical order."""
    return min(tags, key=lambda tag: (-tags[tag], tag))


def _word_class(word: str) -> str:
    if word[:1].isupper():
        return "capital"
    if any(character.isdigit() for character in word):
        return "digit"
    return "letter" if word[:1].isalpha() else "other"
