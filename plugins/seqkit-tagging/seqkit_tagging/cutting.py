"""A text into words, and words into a text, for what is typed in rather than read from columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

# A mark that is there several times over is one word: `...`, `--`, `!!`.
_MARK = r"([^\w\s#@&%$+=<>|~^`\\/*])\1*"
_BEFORE = re.compile(_MARK)
_AFTER = re.compile(_MARK + "$")
_SHORT = re.compile(r"(?:[^\W\d_]{1,3}\.){2,}|(?i:mr|mrs|ms|dr|prof|st|jr|sr)\.")
_CLITIC = re.compile(r"(?i)(?<=\w)(?:n['\u2019]t|['\u2019](?:s|m|d|re|ve|ll))$")
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI")


def cut(text: str) -> list[str]:
    """Returns the words of a text, as English treebanks cut them.

    Words stand between white space. Punctuation marks at a word's beginning and end are words of their own, `...` one
    of them, though initials and titles keep their full stop (`U.S.`, `Dr.`). So are `n't`, `'s`, `'m`, `'d`, `'re`,
    `'ve` and `'ll`, and every character of Chinese and Japanese.
    """
    return [word for chunk in text.split() for part in _scripts(chunk) for word in _peeled(part)]


def join(words: Sequence[str]) -> str:
    """Returns words with spaces between them, save between characters of a script that has none."""
    pieces: list[str] = []
    for word in words:
        tight = pieces and _is_unspaced(pieces[-1][-1]) and _is_unspaced(word[0])
        pieces += [word] if tight or not pieces else [" ", word]
    return "".join(pieces)


def _scripts(chunk: str) -> Iterator[str]:
    """Yields the characters of unspaced scripts one by one, and what is between them."""
    start = 0
    for place, character in enumerate(chunk):
        if _is_unspaced(character):
            yield from filter(None, (chunk[start:place], character))
            start = place + 1
    if start < len(chunk):
        yield chunk[start:]


def _peeled(chunk: str) -> Iterator[str]:
    """Yields what stands before a word, the word, and what stands after it."""
    while (mark := _BEFORE.match(chunk)) and mark.end() < len(chunk):
        yield mark[0]
        chunk = chunk[mark.end() :]
    after: list[str] = []
    while (mark := _AFTER.search(chunk)) and mark.start() and not _SHORT.fullmatch(chunk):
        after.append(mark[0])
        chunk = chunk[: mark.start()]
    if clitic := _CLITIC.search(chunk):
        after.append(clitic[0])
        chunk = chunk[: clitic.start()]
    yield chunk
    yield from reversed(after)


def _is_unspaced(character: str) -> bool:
    return not character.isascii() and unicodedata.name(character, "").startswith(_UNSPACED)
