"""Split a text into words, and join words into a text, for input that is typed rather than read from columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

_PUNCTUATION = r"([^\w\s#@&%$+=<>|~^`\\/*])\1*"
"""A punctuation mark, or a repeated one: `...`, `--`, `!!`."""
_LEADING = re.compile(_PUNCTUATION)
_TRAILING = re.compile(_PUNCTUATION + "$")
_ABBREVIATION = re.compile(r"(?:[^\W\d_]{1,3}\.){2,}|(?i:mr|mrs|ms|dr|prof|st|jr|sr)\.")
_CLITIC = re.compile(r"(?i)(?<=\w)(?:n['\u2019]t|['\u2019](?:s|m|d|re|ve|ll))$")
_UNSPACED_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "THAI")


def split_words(text: str) -> list[str]:
    """Return the words of a text, by the conventions of English treebanks.

    Words are separated by white space. Leading and trailing punctuation marks are separate words (`...` is one), except
    for the full stop of initials and titles (`U.S.`, `Dr.`). The clitics `n't`, `'s`, `'m`, `'d`, `'re`, `'ve` and
    `'ll` are separate words too, and so is each character of a script written without spaces (Chinese, Japanese, Thai).
    """
    return [
        word for chunk in text.split() for part in _split_unspaced_scripts(chunk) for word in _split_punctuation(part)
    ]


def join_words(words: Sequence[str]) -> str:
    """Return words joined by spaces, except between characters of a script written without spaces."""
    pieces: list[str] = []
    for word in words:
        without_space = pieces and _is_unspaced(pieces[-1][-1:]) and _is_unspaced(word[:1])
        pieces += [word] if without_space or not pieces else [" ", word]
    return "".join(pieces)


def are_characters(words: Sequence[str], share: float) -> bool:
    """Return whether at least a share of words are single characters, as in Chinese data with a character per line."""
    return sum(len(word) == 1 for word in words) >= share * len(words)


def join_part(words: Sequence[str], start: int, end: int) -> str:
    """Return a part of a sentence as a text: without spaces if all words of the sentence are single characters."""
    join = "".join if are_characters(words, 1) else join_words
    return join(words[start:end])


def _split_unspaced_scripts(chunk: str) -> Iterator[str]:
    """Yield each character of an unspaced script separately, and each part of the chunk between them."""
    start = 0
    for index, character in enumerate(chunk):
        if _is_unspaced(character):
            yield from filter(None, (chunk[start:index], character))
            start = index + 1
    if start < len(chunk):
        yield chunk[start:]


def _split_punctuation(chunk: str) -> Iterator[str]:
    """Yield the leading punctuation marks of a word, the word, its clitic and its trailing punctuation marks."""
    while (mark := _LEADING.match(chunk)) and mark.end() < len(chunk):
        yield mark[0]
        chunk = chunk[mark.end() :]
    trailing: list[str] = []
    while (mark := _TRAILING.search(chunk)) and mark.start() and not _ABBREVIATION.fullmatch(chunk):
        trailing.append(mark[0])
        chunk = chunk[: mark.start()]
    if clitic := _CLITIC.search(chunk):
        trailing.append(clitic[0])
        chunk = chunk[: clitic.start()]
    yield chunk
    yield from reversed(trailing)


def _is_unspaced(character: str) -> bool:
    return not character.isascii() and unicodedata.name(character, "").startswith(_UNSPACED_SCRIPTS)
