"""The words and the tags of an example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqkit.contracts import Example, Tokenizer
from seqkit.errors import DataError
from seqkit.messages import message


def is_tagged(example: Example) -> bool:
    """Return whether the target of an example is a sequence of tags."""
    return not isinstance(example.target, str) and isinstance(example.target, Sequence)


def tags_of(example: Example) -> list[str]:
    """Return the tags of an example.

    Raises:
        DataError: the target is not a sequence of tags.
    """
    if not is_tagged(example):
        raise DataError(message("the words have no tags: use a file with a column of tags"))
    return [str(tag) for tag in example.target]


def is_words(value: Any) -> bool:
    """Return whether an input is a list of words, not a text or features."""
    return isinstance(value, list | tuple)


def words_of(example: Example, tokenizer: Tokenizer | None) -> list[str]:
    """Return the words of an example; the numbers of the time steps of features."""
    value = example.input
    if isinstance(value, str) and tokenizer is not None:
        return tokenizer.words(value)
    return list(map(str, value)) if is_words(value) else [str(number + 1) for number in range(len(value))]


def count_words(value: Any, tokenizer: Tokenizer | None) -> int:
    """Return the number of words of a text or a list, or of time steps of features."""
    return len(tokenizer.words(value)) if isinstance(value, str) and tokenizer is not None else len(value)
