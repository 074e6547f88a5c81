"""Features of the form of a word that words with the same grammar or the same kind of name often share."""

from __future__ import annotations

import re
from typing import Literal

WordFeature = Literal[
    "shape", "prefix_1", "prefix_2", "prefix_3", "prefix_4", "suffix_1", "suffix_2", "suffix_3", "suffix_4"
]

_RUN = re.compile(r"(.)\1+", re.DOTALL)


def word_feature(word: str, feature: WordFeature) -> str:
    """Return a feature of a word.

    Args:
        word: the word, at least one character.
        feature: `shape` (see `word_shape`), or `prefix_N` and `suffix_N`: the first or last N characters in lower case,
            with 0 for each digit; the whole word if it is shorter.
    """
    if feature == "shape":
        return word_shape(word)
    side, length = feature.split("_")
    folded = "".join("0" if character.isdigit() else character for character in word.lower())
    return folded[: int(length)] if side == "prefix" else folded[-int(length) :]


def word_shape(word: str) -> str:
    """Return the shape of a word: X for capitals, x for other letters, 0 for digits; each run shortened to one.

    `McDonald's` has the shape `XxXx'x`, `1984` has `0`. Reference: Collins, Ranking Algorithms for Named-Entity
    Extraction, 2002.
    """
    return _RUN.sub(r"\1", "".join(map(_shape, word)))


def _shape(character: str) -> str:
    if character.isdigit():
        return "0"
    if character.isalpha():
        return "X" if character.isupper() or character.istitle() else "x"
    return character
