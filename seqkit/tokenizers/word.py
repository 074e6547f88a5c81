"""One token per word or punctuation mark; Chinese and Japanese by character."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal

import numpy as np

from seqkit.contracts import PositiveInt, Requires, SpecialToken, Tokenizer, TrainingFile
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.files import check_encoding, read_lines
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

    Each punctuation mark, and each character of a script written without spaces (Han, Kana), is a token. `decode`
    inserts spaces by rules: one between two words, none before a comma or between Han characters, for example. White
    space that differs from the rules is also a token: a line end, or the missing space of `1.4`, whose tokens are `1`,
    `.`, the empty text and `4`. `decode` therefore returns exactly the text that was encoded, if all its tokens are in
    the vocabulary. White space that is not in the vocabulary is dropped, whatever `unknown` is.

    Args:
        lower: whether to convert the text to lower case.
        spaces: whether white space that differs from the rules is a token. Without it, texts whose words and
            punctuation marks are already separated by spaces have the tokens of ordinary text, so a classifier reads
            both alike; `decode` then returns ordinary text.
        unknown: how to encode words that do not occur in the training text: `error` raises an error, `skip` omits
            them, `mark` gives all of them one additional id.
        min_count: words with fewer occurrences in the training text are unknown. With `unknown: mark`, the additional
            id then occurs in training, so the model learns it.
        max_length: the maximum number of tokens; longer texts are truncated. Null for no limit.
        extra_words: a file whose lines begin with a word, of vectors for instance. Words that are a single token have
            an id too, so that with the embedding `pretrained` they have a vector although the training text does not
            contain them. The file is needed once, to train.
        encoding: the encoding of that file.
    """

    def __init__(
        self,
        *,
        lower: bool = False,
        spaces: bool = True,
        unknown: UnknownPolicy = "error",
        min_count: PositiveInt = 1,
        max_length: PositiveInt | None = None,
        extra_words: TrainingFile = None,
        encoding: Annotated[str, Requires("extra_words")] = "utf-8",
    ) -> None:
        self.extra_words = extra_words
        self.encoding = check_encoding(encoding)
        self.max_length = max_length
        self.lower = lower
        self.vocabulary = Vocabulary(unknown=unknown, min_count=min_count)
        self.spaces = spaces

    @property
    def vocab_size(self) -> int:  # type: ignore[override]
        return len(self.vocabulary)

    @property
    def special_ids(self) -> Mapping[SpecialToken, int]:
        return self.vocabulary.special_ids

    @property
    def suppressed_ids(self) -> Sequence[int]:
        return range(len(self.vocabulary.symbols), len(self.vocabulary))

    def fit(self, texts: Iterable[str]) -> None:
        counts = Counter(token for text in texts for token in self._words(text))
        if self.extra_words is not None:
            found = (re.split("[ \t]", line, maxsplit=1)[0] for line in read_lines(self.extra_words, self.encoding))
            extra = (word for word in found if word and list(self._words(word)) == [word])
            counts.update(dict.fromkeys(extra, self.vocabulary.min_count))
        self.vocabulary.fit_counts(counts)

    def encode(self, text: str) -> np.ndarray:
        known = (token for token in self._words(text) if token in self.vocabulary or not _is_space(token))
        return self.vocabulary.encode(known)[: self.max_length]

    def encode_prompt(self, text: str) -> np.ndarray:
        """Return the ids of a text, without a space at its end: training texts have no token for a regular space."""
        ids = self.encode(text)
        *_, before, last = ("", "", *self.vocabulary.decode(ids[-2:].tolist()))
        return ids[:-1] if last == " " == _space_between(before, "a") else ids

    def decode(self, ids: Sequence[int]) -> str:
        return join(self.vocabulary.decode(ids))

    def state(self) -> dict[str, Any]:
        return self.vocabulary.state() | ({"spaces": True} if self.spaces else {})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned, which says whether white space can be a token.

        Raises:
            DataError: it is something else.
        """
        spaces = state.get("spaces", False) if isinstance(state, Mapping) else False
        if not isinstance(spaces, bool):
            raise DataError(message("`spaces` of the tokenizer's state must be true or false"))
        self.vocabulary.restore(state, lambda symbol: spaces or not _is_space(symbol))
        self.spaces = spaces

    def _words(self, text: str) -> Iterator[str]:
        text = text.lower() if self.lower else text
        return words_and_spaces(text) if self.spaces else words(text)


def words(text: str) -> Iterator[str]:
    """Yield the words and punctuation marks of a text, in order."""
    return (word for _, word in _split(text) if word)


def words_and_spaces(text: str) -> Iterator[str]:
    """Yield what `join` joins to this text: its words, and the white space that differs from the rules of `join`.

    White space between two words that is `""` stands for a space that the rules would add.
    """
    before = ""
    for space, word in _split(text):
        if space != _space_between(before, word):
            yield space
        if word:
            yield word
        before = word


def _split(text: str) -> Iterator[tuple[str, str]]:
    """Yield each word of a text, after the white space before it. The last word is `""`."""
    start = None
    end = 0  # of the last word
    for place, character in enumerate(text):
        kind = _kind(character)
        if kind == "letter" or (kind == "mark" and start is not None):
            start = place if start is None else start
            continue
        if start is not None:
            is_inside = character in _JOINERS and place + 1 < len(text) and _kind(text[place + 1]) == "letter"
            if is_inside:
                continue
            yield text[end:start], text[start:place]
            start, end = None, place
        if kind != "space":
            yield text[end:place], character
            end = place + 1
    if start is not None:
        yield text[end:start], text[start:]
        end = len(text)
    yield text[end:], ""


def join(tokens: Iterable[str]) -> str:
    """Join tokens into a text: with the white space between them, or else according to the rules of their scripts."""
    parts: list[str] = []
    before = ""
    for token in tokens:
        if _is_space(token):
            parts.append(token)
            before = ""
        else:
            parts += [_space_between(before, token), token]
            before = token
    return "".join(parts)


def _space_between(before: str, token: str) -> str:
    """Return the white space between two tokens according to the rules of their scripts: a space or none.

    One of them is `""` at the beginning and the end of a text, and after white space.
    """
    is_attached = (
        not before
        or not token
        or token in _NO_SPACE_BEFORE
        or before in _NO_SPACE_AFTER
        or (token == before and unicodedata.category(token[0]).startswith("P"))  # a dash of two characters
        or _kind(token[0]) in ("unspaced", "wide", "mark")
        or _kind(before[-1]) in ("unspaced", "wide")
    )
    return "" if is_attached else " "


def _is_space(token: str) -> bool:
    return not token or token.isspace()


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
