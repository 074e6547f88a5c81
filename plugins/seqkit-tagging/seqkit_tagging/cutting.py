"""A text into words, and words into a text, for what is typed in rather than read from columns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

_CLITIC = re.compile(
    r"(?i)(?<=\w)(n['\N{RIGHT SINGLE QUOTATION MARK}]t|['\N{RIGHT SINGLE QUOTATION MARK}](?:s|m|d|re|ve|ll))$"
)
_PLACE = re.compile(r"(?i)https?://|www\.|\w@\w")
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI")


def cut(text: str) -> list[str]:
    """Returns the words of a text, as English treebanks cut them.

    Words stand between white space. Punctuation marks at a word's beginning and end are words of their own (a full stop
    stays with initials: `U.S.`), and so are `n't`, `'s`, `'m`, `'d`, `'re`, `'ve`, `'ll` and every character of Chinese
    and Japanese.
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


def _peeled(chunk: str) -> list[str]:
    before: list[str] = []
    after: list[str] = []
    while len(chunk) > 1 and _is_mark(chunk[0]) and not _is_one_mark(chunk):
        before.append(chunk[0])
        chunk = chunk[1:]
    while len(chunk) > 1 and _is_mark(chunk[-1]) and not _is_one_mark(chunk):
        if chunk[-1] == "." and "." in chunk[:-1] and not _PLACE.search(chunk):
            break  # initials
        after.append(chunk[-1])
        chunk = chunk[:-1]
    if (clitic := _CLITIC.search(chunk)) and clitic.start():
        after.append(clitic[0])
        chunk = chunk[: clitic.start()]
    return [*before, chunk, *reversed(after)]


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("P") and character not in "#@&%"


def _is_one_mark(chunk: str) -> bool:
    """Says whether a chunk is the same mark over and over: `...`, `--`, `!!!`."""
    return len(set(chunk)) == 1


def _is_unspaced(character: str) -> bool:
    return not character.isascii() and unicodedata.name(character, "").startswith(_UNSPACED)
