"""The tokens of a text as a reader sees them: the characters of the text, even where the tokenizer changes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Tokenizer
from seqkit.messages import message

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def token_texts(tokenizer: Tokenizer, ids: np.ndarray, value: Any) -> list[str]:
    """Return the text of each token.

    A token whose text is not known to the tokenizer (an unknown word, a part of a character) gets the characters of the
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
    numbers = ids.reshape(len(ids), -1)[:, 0].tolist()
    marks = {number: name for name, number in tokenizer.special_ids.items() if name != "unknown"}
    known = [None if number in marks else _known_text(tokenizer, number) for number in numbers]
    is_gap = [text is None and number not in marks for text, number in zip(known, numbers, strict=True)]
    content = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    names = [
        f"[{marks[number]}]" if number in marks else text or "" for number, text in zip(numbers, known, strict=True)
    ]
    for start, end, gap in _gaps(known, is_gap, content):
        _share(names, [place for place in range(start, end) if is_gap[place]], gap)
    return names


def _known_text(tokenizer: Tokenizer, number: int) -> str | None:
    """Return the text of a token; None if it has none of its own."""
    if number == tokenizer.special_ids.get("unknown"):
        return None
    text = tokenizer.decode([number])
    return None if not text or _REPLACEMENT in text else text


def _gaps(known: Sequence[str | None], is_gap: Sequence[bool], content: str) -> list[tuple[int, int, str]]:
    """Return each run of tokens between two known ones, and the characters of the input between these."""
    found: list[tuple[int, int, str]] = []
    position, start = 0, 0
    lowered = content.lower() if len(content.lower()) == len(content) else content
    for place, text in enumerate([*known, ""]):
        if text is None:
            continue
        at = len(content) if place == len(known) else lowered.find(text.strip().lower() or text, position)
        if any(is_gap[start:place]):
            found.append((start, place, content[position : max(at, position)]))
        if at >= 0 and place < len(known):
            position = at + len(text.strip() or text)
        start = place + 1
    return found


def _share(names: list[str], places: Sequence[int], gap: str) -> None:
    """Divide the characters of a gap among its tokens: one for each, the rest for the last; words if they fit."""
    pieces = gap.split() if len(gap.split()) == len(places) else list(gap)
    for number, place in enumerate(places):
        is_last = number == len(places) - 1
        piece = "".join(pieces[number:]) if is_last else "".join(pieces[number : number + 1])
        names[place] = piece if len(pieces) == len(places) or not is_last else piece.strip() or piece
        names[place] = names[place] or message("[unknown]")


def visible(token: str) -> str:
    """Return a token with its white space and its control characters made visible."""
    marks = {" ": "␣", "\n": "⏎", "\t": "⇥"}
    return "".join(marks.get(each, each if each.isprintable() else _REPLACEMENT) for each in token)


def place_tokens(text: str, tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Return each token after the characters of the text before it; a space before a token that is not in the text."""
    placed: list[tuple[str, str]] = []
    position = 0
    for token in tokens:
        at = text.find(token, position) if token else -1
        # A token that is far away is another occurrence: this one was changed by the tokenizer.
        if at >= 0 and not text[position:at].strip():
            placed.append((text[position:at], token))
            position = at + len(token)
        else:
            placed.append((" " if placed else "", token))
    return placed
