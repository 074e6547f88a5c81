"""One token per word or punctuation mark; Chinese and Japanese by character."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from seqkit.contracts import PositiveInt, Tokenizer
from seqkit.tokenizers.vocabulary import UnknownPolicy, Vocabulary

_JOINERS = "'\N{RIGHT SINGLE QUOTATION MARK}-\N{HYPHEN}"
_UNSPACED = (
    (0x3005, 0x3007),  # the iteration mark, the closing mark and the zero of Han
    (0x3040, 0x30FF),  # Hiragana and Katakana
    (0x31F0, 0x31FF),  # Katakana's phonetic extensions
    (0x3400, 0x4DBF),  # Han, extension A
    (0x4E00, 0x9FFF),  # Han
    (0xF900, 0xFAFF),  # Han, compatibility
    (0x20000, 0x3FFFF),  # Han, extensions B and up
)
_MARKS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Not combining marks in Unicode, but part of words in Persian and the scripts of India."""
_NO_SPACE_BEFORE = frozenset(",.;:!?%)]}…")
_NO_SPACE_AFTER = frozenset("([{$#@")


class Word(Tokenizer):
    """One token per word: a run of letters, digits and combining marks, including `don't` and `well-known`.

    Each punctuation mark, and each character of a script written without spaces (Han, Kana), is a token. White space is
    dropped; `decode` inserts spaces according to the rules of each script.

    Args:
        lower: whether to convert the text to lower case.
        unknown: how to encode words that do not occur in the training text: `error` raises an error, `skip` omits
            them, `mark` gives all of them one additional id.
        min_count: words with fewer occurrences in the training text are unknown. With `unknown: mark`, the additional
            id then occurs in training, so the model learns it.
        max_length: the maximum number of tokens; longer texts are truncated. Null for no limit.
    """

    def __init__(
        self,
        *,
        lower: bool = False,
        unknown: UnknownPolicy = "error",
        min_count: PositiveInt = 1,
        max_length: PositiveInt | None = None,
    ) -> None:
        self.max_length = max_length
        self.lower = lower
        self.vocabulary = Vocabulary(unknown=unknown, min_count=min_count)

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        return len(self.vocabulary)

    @property
    def suppressed_ids(self) -> Sequence[int]:
        return range(len(self.vocabulary.symbols), len(self.vocabulary))

    def fit(self, texts: Iterable[str]) -> None:
        self.vocabulary.fit(self._words(text) for text in texts)

    def encode(self, text: str) -> np.ndarray:
        return self.vocabulary.encode(self._words(text))[: self.max_length]

    def decode(self, ids: Sequence[int]) -> str:
        return join(self.vocabulary.decode(ids))

    def state(self) -> dict[str, Any]:
        return self.vocabulary.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        self.vocabulary.restore(state)

    def _words(self, text: str) -> Iterator[str]:
        return words(text.lower() if self.lower else text)


def words(text: str) -> Iterator[str]:
    """Yield the words and punctuation marks of a text, in order."""
    start = None
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind == "letter" or (kind == "mark" and start is not None):
            start = place if start is None else start
            continue
        if start is not None:
            is_inside = character in _JOINERS and place + 1 < len(text) and _kind(text[place + 1]) == "letter"
            if is_inside:
                continue
            yield text[start:place]
            start = None
        if kind != "space":
            yield character
    if start is not None:
        yield text[start:]


def join(tokens: Sequence[str]) -> str:
    """Join tokens into a text, with spaces according to the rules of their scripts."""
    parts: list[str] = []
    before = ""
    for token in tokens:
        is_attached = (
            not before
            or token in _NO_SPACE_BEFORE
            or before in _NO_SPACE_AFTER
            or (token == before and unicodedata.category(token[0]).startswith("P"))  # a dash of two characters
            or _kind(token[0]) in ("unspaced", "wide", "mark")
            or _kind(before[-1]) in ("unspaced", "wide")
        )
        parts += [token] if is_attached else [" ", token]
        before = token
    return "".join(parts)


@lru_cache(maxsize=65_536)
def _kind(character: str) -> Literal["letter", "mark", "unspaced", "space", "wide", "other"]:
    code = ord(character)
    if any(first <= code <= last for first, last in _UNSPACED):
        return "unspaced"
    if character.isalnum() or character == "_":
        return "letter"
    if unicodedata.category(character).startswith("M") or character in _MARKS:
        return "mark"
    if character.isspace():
        return "space"
    return "wide" if unicodedata.east_asian_width(character) in "WF" else "other"
