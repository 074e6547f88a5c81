"""Checks of what a tokenizer returns: a plugin's mistake is reported before it causes an error in the model.

All of them raise a PluginError that names the class of the tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqkit.contracts import Tokenizer
from seqkit.contracts.special_tokens import tokenizer_name
from seqkit.errors import PluginError
from seqkit.messages import message


def check_encoded_text(ids: object, tokenizer: Tokenizer) -> None:
    """Check that `encode` returned an array of integers."""
    if isinstance(ids, np.ndarray) and ids.dtype.kind in "iu" and ids.ndim:
        return
    found = f"{ids.dtype} {ids.shape}" if isinstance(ids, np.ndarray) else type(ids).__name__
    raise PluginError(
        message(
            "{tokenizer}: encode returns {found}, not int64 (time,)", tokenizer=tokenizer_name(tokenizer), found=found
        )
    )


def check_ids(ids: Sequence[int], tokenizer: Tokenizer) -> None:
    """Check the range of the ids of a text, and what `decode` makes of them."""
    if wrong := [number for number in ids if not 0 <= number < tokenizer.vocab_size]:
        raise PluginError(
            message(
                "{tokenizer}: encode returns the id {id}, but vocab_size is {size}",
                tokenizer=tokenizer_name(tokenizer),
                id=wrong[0],
                size=tokenizer.vocab_size,
            )
        )
    suppressed = set(tokenizer.suppressed_ids)
    if not isinstance(text := tokenizer.decode([number for number in ids if number not in suppressed]), str):
        raise PluginError(
            message(
                "{tokenizer}: decode returns {found}, not text",
                tokenizer=tokenizer_name(tokenizer),
                found=type(text).__name__,
            )
        )
