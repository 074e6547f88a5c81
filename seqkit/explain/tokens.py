"""The tokens of a text as a reader sees them: the characters of the text, even where the tokenizer changes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from seqkit.contracts import SpecialToken, Tokenizer
from seqkit.messages import message, translate

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_REST = "…"
"""The text of the further tokens of one character or word."""

SPECIAL_TEXTS: dict[SpecialToken, str] = {
    "padding": message("[padding]"),
    "unknown": message("[unknown]"),
    "mask": message("[mask]"),
    "begin": message("[begin]"),
    "end": message("[end]"),
    "separator": message("[separator]"),
}
"""What is shown for special tokens, which have no text."""

_WORD = re.compile(r"\w+|[^\w\s]")


def token_texts(tokenizer: Tokenizer, ids: np.ndarray, value: Any) -> list[str]:
    """Return the text of each token.

    A token whose text the tokenizer does not know (an unknown word, a part of a character) gets the characters of the
    input that are between its neighbors.

    Args:
        tokenizer: the tokenizer.
        ids: the ids of the input, int64 (time,) or (time, ...).
        value: the input: a text, a list of words, or a `TextPair`.
    """
    if isinstance(value, list | tuple) and len(value) == len(ids):
        return [str(word) for word in value]
    if isinstance(value, str) and tokenizer.takes_words and len(words := tokenizer.words(value)) == len(ids):
        return words
    content = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    lowered = content.lower() if len(content.lower()) == len(content) else content
    special = {number: SPECIAL_TEXTS[name] for name, number in tokenizer.special_ids.items() if name != "unknown"}
    names: list[str] = []
    unknown = position = 0  # the number of tokens before this one that have no text yet; where they begin
    for number in ids.reshape(len(ids), -1)[:, 0].tolist():
        text = special.get(number) or _known_text(tokenizer, number)
        if text is None:
            unknown += 1
            continue
        at = -1 if number in special else lowered.find(text.strip().lower() or text, position)
        if at >= 0:
            names += _share(content[position:at], unknown)
            unknown = 0
            position = at + len(text.strip() or text)
            text = content[at:position] if text.strip() else text
        elif unknown and number in special:
            at = content.find("\n", position)
            names += _share(content[position : max(at, position)], unknown)
            unknown, position = 0, max(at, position)
        elif unknown:
            names += _share("", unknown)
            unknown = 0
        names.append(text)
    return names + _share(content[position:], unknown)


def _known_text(tokenizer: Tokenizer, number: int) -> str | None:
    """Return the text of a token; None if it has none."""
    if number == tokenizer.special_ids.get("unknown"):
        return None
    text = tokenizer.decode([number])
    return None if not text or _REPLACEMENT in text else text


def _share(gap: str, count: int) -> list[str]:
    """Divide the characters between two known tokens among the unknown ones: characters, words, or bytes."""
    words = _WORD.findall(gap)
    for pieces in (list(gap), words, gap.split()):
        if len(pieces) == count:
            return pieces
    if len(gap.encode(errors="replace")) == count:
        return [part for each in gap for part in (each, *[_REST] * (len(each.encode(errors="replace")) - 1))]
    if not words:
        return [SPECIAL_TEXTS["unknown"]] * count
    if len(words) > count:
        return [*words[: count - 1], " ".join(words[count - 1 :])] if count else []
    return [*words, *[_REST] * (count - len(words))]


def visible(token: str) -> str:
    """Return a token with its white space and its control characters made visible."""
    marks = {" ": "␣", "\n": "⏎", "\t": "⇥"}
    token = translate(token)  # a message is a token without a text
    return "".join(marks.get(each, each if each.isprintable() else _REPLACEMENT) for each in token)


def place_tokens(text: str, tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Return each token after the characters of the text before it that the tokenizer omits, such as spaces.

    A token that is not in the text, such as a separator, has a space before it.
    """
    placed: list[tuple[str, str]] = []
    position = 0
    for token in tokens:
        at = text.find(token, position) if token else -1
        gap = text[position:at] if at >= 0 else ""
        if at >= 0 and not (gap.strip() and token == _REST):
            placed.append((gap, token))
            position = at + len(token)
        else:
            placed.append((" " if placed and token != _REST else "", token))
    return placed
