"""Inputs for a head with a prediction per word, where the tokenizer cuts words into several tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqkit.contracts import Tokenizer
from seqkit.contracts.special_tokens import tokenizer_name
from seqkit.errors import DataError, PluginError
from seqkit.messages import message


def encode_words(value: str | Sequence[str], tokenizer: Tokenizer) -> np.ndarray:
    """Return the ids of the words of an input, each with the index of its word, int64 (time, n).

    The last column is the index, -1 for a token that belongs to no word (`seqkit.modeling.subwords`).

    Raises:
        DataError: the input is empty, or a word has no token.
        PluginError: the tokenizer violates its contract.
    """
    words = tokenizer.words(value) if isinstance(value, str) else value
    if not len(words):
        raise DataError(message("the text is empty"))
    ids, indices = tokenizer.encode_words(words)
    found = indices[indices >= 0]
    if len(indices) != len(ids) or (np.diff(found) < 0).any() or (len(found) and found[-1] >= len(words)):
        raise PluginError(
            message(
                "{tokenizer}: encode_words does not return the index of each token's word in ascending order",
                tokenizer=tokenizer_name(tokenizer),
            )
        )
    if missing := sorted(set(range(len(words))) - set(found.tolist())):
        raise DataError(
            message(
                "word {number}, '{word}', has no token: the tokenizer omits it, or its `max_length` is too small",
                number=missing[0] + 1,
                word=words[missing[0]],
            )
        )
    return np.column_stack([ids, indices])


def first_ids(encoded: np.ndarray) -> np.ndarray:
    """Return the ids of the first token of each word, (words,) or (words, ...), given what `encode_words` returned."""
    indices, places = np.unique(encoded[:, -1], return_index=True)
    first = encoded[places[indices >= 0]]
    return first[:, 0] if first.shape[1] == 2 else first[:, :-1]
