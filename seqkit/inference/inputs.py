"""Check and encode the inputs that users pass to a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.contracts import Example, Reader, TextPair, Tokenizer
from seqkit.data.values import as_pair, is_nothing, target_of
from seqkit.errors import DataError, UnknownText, UsageError
from seqkit.inference.engine import Engine
from seqkit.messages import format_object, format_value, listed, message

if TYPE_CHECKING:
    from seqkit.modeling.model import Model


def list_of(values: Any, wanted: str, column_example: str, list_example: str = "[text]") -> list[Any]:
    """Return the items of a list, an array, a column of a table (a pandas Series), or any other iterable, in its order.

    Args:
        values: what was passed.
        wanted: what to pass, for messages: `predict takes a list of strings`.
        column_example: what to pass for a table: `run.predict(frame['text'])`.
        list_example: what to pass for a text: `[text]`.

    Raises:
        UsageError: iterating it would give something else: the characters of a string, the bytes of bytes, the column
            names of a table, the keys of a mapping, or the items of a set, which have no order.
    """
    kind = type(values).__name__
    if isinstance(values, Mapping) or hasattr(values, "columns"):
        raise UsageError(
            message("{wanted}, not a {kind}: use {example}", wanted=wanted, kind=kind, example=column_example)
        )
    if isinstance(values, AbstractSet):
        raise UsageError(message("{wanted}, not a {kind}, which has no order: pass a list", wanted=wanted, kind=kind))
    is_scalar = isinstance(values, str | bytes | bytearray | memoryview) or getattr(values, "ndim", 1) == 0
    if is_scalar or not isinstance(values, Iterable):
        hint = ""
        if isinstance(values, str):
            hint = message(": pass {example}", example=list_example)
        elif isinstance(values, Path):
            hint = message(": read the file with predict_file or evaluate")
        raise UsageError(message("{wanted}, not {value}", wanted=wanted, value=format_object(values)) + hint)
    return list(values)


def encode_prompts(prompts: Sequence[str], tokenizer: Tokenizer, *, begin: int | None = None) -> list[np.ndarray]:
    """Return the ids of prompts, each int64 (time,).

    Args:
        prompts: the texts.
        tokenizer: encodes them.
        begin: the id that each prompt begins with, so that a prompt may be empty; None for none.

    Raises:
        UsageError: a prompt cannot be encoded.
    """
    encoded: list[np.ndarray] = []
    for number, prompt in enumerate(prompts, start=1):
        place = message("the prompt")
        if len(prompts) > 1:
            place = message("prompt {number} of {count}", number=number, count=len(prompts))
        try:
            ids = tokenizer.encode_prompt(_check_text(prompt)) if prompt else np.empty(0, dtype=np.int64)
        except (UnknownText, UsageError) as error:
            raise UsageError(message("{place}: {reason}", place=place, reason=error)) from None
        if not len(ids) and (prompt or begin is None):
            raise UsageError(message("{place}: none of its tokens is in the vocabulary", place=place))
        encoded.append(ids if begin is None else np.insert(ids, 0, begin))
    return encoded


def encode_inputs(examples: Sequence[Example], places: Sequence[str], engine: Engine) -> list[np.ndarray]:
    """Encode inputs for prediction.

    Args:
        examples: texts, or lists of words if the tokenizer takes them; or features, numbers (time, features).
        places: the origin of each example, for messages.
        engine: the engine of the run.

    Returns:
        Ids, each int64 (time,) or (time, ...); or features, each float64 (time, features).

    Raises:
        DataError: a value is invalid, or the tokenizer rejects it.
    """
    from seqkit.data.dataset import encode
    from seqkit.data.words import encode_words

    inputs = []
    for example, place in zip(examples, places, strict=True):
        try:
            checked = _check_input(example.input, engine, example.feature_names)
            if engine.tokenizer is None:
                encoded = checked
            elif engine.reads_words:
                encoded = encode_words(checked, engine.tokenizer)
            else:
                encoded = encode(checked, engine.tokenizer)
            inputs.append(engine.prediction_input(encoded, example.feature_names))
        except (DataError, UsageError) as error:
            raise DataError(message("{place}: {reason}", place=place, reason=error)) from None
    return inputs


def examples_of_inputs(values: Sequence[Any], are_features: bool) -> Iterator[Example]:
    """Yield the example of each input, with its number.

    Args:
        values: the inputs.
        are_features: whether they are features, not texts.
    """
    for number, value in enumerate(values, start=1):
        location = (
            message("input {number} of {count}", number=number, count=len(values))
            if are_features
            else message("text {number} of {count}", number=number, count=len(values))
        )
        value = str(value) if isinstance(value, str) else value  # a string of NumPy becomes Python's
        yield Example(value, location=location, row=number)


def read_named(examples: Iterable[Example], reader: Callable[[], Reader]) -> Iterator[Example]:
    """Yield examples of features. An input that is text, such as the path of a recording, is read by the reader.

    Args:
        examples: the examples.
        reader: returns the reader of the run.

    Raises:
        DataError: an input cannot be read.
    """
    for number, example in enumerate(examples, start=1):
        if not isinstance(example.input, str | PathLike):
            yield example
            continue
        place = example.location or message("example {number}", number=number)
        try:
            read = reader().read_input(str(example.input))
        except (DataError, OSError) as error:
            raise DataError(message("{place}: {reason}", place=place, reason=error)) from None
        yield example if read is None else replace(read, location=example.location, row=example.row)


def check_features(examples: Iterable[Example], engine: Engine, model: Model) -> None:
    """Check the features of examples for evaluation.

    Raises:
        DataError: their number is not that of the training data, or the model cannot compute with a value.
    """
    from seqkit.modeling.features import checked_extremes

    for number, example in enumerate(examples, start=1):
        try:
            names = example.feature_names
            checked_extremes(model, _check_input(example.input, engine, names), names)
        except DataError as error:
            place = example.location or message("example {number}", number=number)
            raise DataError(message("{place}: {reason}", place=place, reason=error)) from None


def examples_of_pairs(pairs: Iterable[Any], engine: Engine) -> list[Example]:
    """Return the examples of (input, target) pairs.

    Raises:
        UsageError: one is not a pair.
        DataError: an input is invalid.
    """
    examples: list[Example] = []
    for number, pair in enumerate(pairs, start=1):
        place = message("pair {number}", number=number)
        try:
            # Two characters are not a pair, nor are two keys.
            is_pair = not isinstance(pair, str | bytes | Mapping | AbstractSet)
            value, target = pair if is_pair else [pair]
        except (TypeError, ValueError):
            raise UsageError(
                message("{place}: must be (input, target), not {value}", place=place, value=format_object(pair))
            ) from None
        target = None if is_nothing(target) else target_of(target, place)
        examples += checked_examples([Example(value, target, place)], engine)
    return examples


def checked_examples(examples: Iterable[Example], engine: Engine) -> Iterator[Example]:
    """Yield examples, with their inputs in the form that the run reads.

    Raises:
        DataError: an input is invalid.
    """
    for example in examples:
        try:
            yield replace(example, input=_check_input(example.input, engine, example.feature_names))
        except (DataError, UsageError) as error:
            raise DataError(message("{place}: {reason}", place=example.location, reason=error)) from None


def _check_input(value: Any, engine: Engine, feature_names: Sequence[str] = ()) -> Any:
    """Return an input in the form that the run reads: a text, words, or features.

    Raises:
        DataError: the input should be features, and is not valid.
        UsageError: the input should be text, and is not valid.
    """
    if engine.tokenizer is None:
        return _check_features(value, engine.feature_width, feature_names)
    if engine.reads_pairs:
        return _check_pair(value)
    if isinstance(value, TextPair):
        raise UsageError(message("this run reads single texts, not pairs: pass one text"))
    if engine.tokenizer.takes_words and isinstance(value, list | tuple):
        return [_check_text(word) for word in value]
    return _check_text(value)


def _check_pair(value: Any) -> TextPair:
    """Return a pair of texts.

    Raises:
        UsageError: it is something else, or one of them is empty.
    """
    value = as_pair(value)
    if not isinstance(value, TextPair):
        raise UsageError(
            message("this run reads pairs of texts: pass (first, second), not {value}", value=format_value(value))
        )
    for number, text in enumerate((value.first, value.second), start=1):
        if not _check_text(text).strip():
            raise UsageError(message("text {number} of the pair is empty", number=number))
    return value


def _check_text(text: Any) -> str:
    """Return a text that can be encoded in UTF-8. A command line can contain bytes that are not text.

    Raises:
        UsageError: it is not a text, or cannot be encoded in UTF-8.
    """
    if isinstance(text, bytes):
        raise UsageError(message("must be text, not {value}: decode the bytes", value=format_value(text)))
    if not isinstance(text, str):
        raise UsageError(message("must be text, not {value}", value=format_value(text)))
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(message("character {number} is not valid Unicode", number=error.start + 1)) from None
    return text


def _check_features(value: Any, width: int | None, names: Sequence[str]) -> np.ndarray:
    """Return features as float64 (time, width).

    Raises:
        DataError: they are no numbers, have another shape, or are not finite.
    """
    expected = message("this run reads features, numbers of shape (time, {width})", width=width)
    if isinstance(value, str):
        raise DataError(
            message(
                "{expected}, not {value}: pass a file in the format that the recipe reads with --data FILE, in Python "
                "to `predict_file`",
                expected=expected,
                value=format_object(value),
            )
        )
    try:
        features = np.asarray(value)
    except (TypeError, ValueError):  # rows of different lengths
        raise DataError(message("{expected}, not {value}", expected=expected, value=format_object(value))) from None
    if not features.ndim or features.dtype.kind not in "fiu":
        raise DataError(message("{expected}, not {value}", expected=expected, value=format_object(value)))
    if features.ndim != 2 or features.shape[1] != width or not len(features):
        raise DataError(
            message(
                "{expected}, not of shape {shape}: the columns are {columns}, but must be those of the training data",
                expected=expected,
                shape=features.shape,
                columns=listed(names),
            )
            if names
            else message("{expected}, not of shape {shape}", expected=expected, shape=features.shape)
        )
    features = features.astype(np.float64)
    if not np.isfinite(features).all():
        number = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0]) + 1
        raise DataError(message("time step {number} contains a number that is not finite", number=number))
    return features
