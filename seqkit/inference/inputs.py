"""Check and encode the inputs that users pass to a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from seqkit.contracts import Example, Tokenizer
from seqkit.errors import DataError, UnknownText, UsageError
from seqkit.inference.engine import Engine
from seqkit.messages import format_value, message


def encode_prompts(prompts: Sequence[str], tokenizer: Tokenizer) -> list[np.ndarray]:
    """Return the ids of prompts, each int64 (time,).

    Raises:
        UsageError: a prompt cannot be encoded.
    """
    encoded: list[np.ndarray] = []
    for number, prompt in enumerate(prompts, start=1):
        place = message("the prompt")
        if len(prompts) > 1:
            place = message("prompt {number} of {count}", number=number, count=len(prompts))
        try:
            encoded.append(tokenizer.encode_prompt(_check_text(prompt)))
        except (UnknownText, UsageError) as error:
            raise UsageError(message("{place}: {reason}", place=place, reason=error)) from None
        if not len(encoded[-1]):
            raise UsageError(message("{place}: none of its tokens is in the vocabulary", place=place))
    return encoded


def encode_inputs(values: Sequence[Any], places: Sequence[str], engine: Engine) -> list[np.ndarray]:
    """Encode inputs for prediction.

    Args:
        values: texts, or lists of words if the tokenizer takes them; or features, numbers (time, features).
        places: the origin of each value, for messages.
        engine: the engine of the run.

    Returns:
        Ids, each int64 (time,) or (time, ...); or features, each float32 (time, features).

    Raises:
        DataError: a value is invalid, or the tokenizer rejects it.
    """
    from seqkit.data.dataset import encode

    inputs = []
    for value, place in zip(values, places, strict=True):
        try:
            checked = _check_input(value, engine)
            encoded = checked if engine.tokenizer is None else encode(checked, engine.tokenizer)
            inputs.append(engine.prediction_input(encoded))
        except (DataError, UsageError) as error:
            raise DataError(message("{place}: {reason}", place=place, reason=error)) from None
    return inputs


def examples_of_pairs(pairs: Iterable[Any], engine: Engine) -> list[Example]:
    """Return the examples of (input, target) pairs.

    Raises:
        UsageError: one is not a pair.
        DataError: an input is invalid.
    """
    examples = []
    for number, pair in enumerate(pairs, start=1):
        place = message("pair {number}", number=number)
        try:
            value, target = [pair] if isinstance(pair, str) else pair  # two characters are not a pair
        except (TypeError, ValueError):
            raise UsageError(
                message("{place}: must be (input, target), not {value!r:.40}", place=place, value=pair)
            ) from None
        try:
            examples.append(Example(_check_input(value, engine), target, place))
        except (DataError, UsageError) as error:
            raise DataError(message("{place}: {reason}", place=place, reason=error)) from None
    return examples


def _check_input(value: Any, engine: Engine) -> Any:
    """Return an input in the form that the run reads: a text, words, or features as float32.

    Raises:
        DataError: the input should be features, and is not valid.
        UsageError: the input should be text, and is not valid.
    """
    if engine.tokenizer is None:
        return _check_features(value, engine.feature_width)
    if engine.tokenizer.takes_words and isinstance(value, list | tuple):
        return [_check_text(word) for word in value]
    return _check_text(value)


def _check_text(text: Any) -> str:
    """Return a text that can be encoded in UTF-8. A command line can contain bytes that are not text.

    Raises:
        UsageError: it is not a text, or cannot be encoded in UTF-8.
    """
    if not isinstance(text, str):
        raise UsageError(message("must be text, not {value}", value=format_value(text)))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(message("character {number} is not valid Unicode", number=error.start + 1)) from None
    return text


def _check_features(value: Any, width: int | None) -> np.ndarray:
    features = np.asarray(value)
    if features.ndim != 2 or features.shape[1] != width or not len(features) or features.dtype.kind not in "fiu":
        expected = message("this run reads features, numbers of shape (time, {width})", width=width)
        if features.ndim:
            raise DataError(message("{expected}, not of shape {shape}", expected=expected, shape=features.shape))
        raise DataError(message("{expected}, not {value!r:.40}", expected=expected, value=value))
    with np.errstate(over="ignore"):
        converted = features.astype(np.float32)
    if not np.isfinite(converted).all():
        raise DataError(message("contains a number that is not finite, or too large for float32"))
    return converted
