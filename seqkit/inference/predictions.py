"""Predict block by block: the memory depends neither on the number of examples nor on the size of their file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from seqkit.contracts import Example, TextPair
from seqkit.errors import DataError
from seqkit.heads.label_predictions import calibrated
from seqkit.inference.engine import Engine, not_finite
from seqkit.inference.inputs import encode_inputs
from seqkit.inference.rebuild import first_line
from seqkit.messages import message
from seqkit.runs.numbers import find_not_finite

BLOCK_ROWS = 4096
"""The maximum number of examples of a block: enough for an engine to batch rows of similar length."""

BLOCK_SIZE = 1 << 22
"""The number of characters or time steps after which a block ends, whatever the number of its examples."""


def predict_examples(
    examples: Iterable[Example], engines: Sequence[Engine], model: Path, temperature: float | None = None
) -> Iterator[tuple[Example, Any]]:
    """Yield each example with its prediction, in the form that users see.

    Args:
        examples: texts, words or features; their targets are ignored.
        engines: the engine of the run, or those of the members of an ensemble.
        model: the file of the weights, or the folder of the members, for messages.
        temperature: of a calibrated run; None for any other.

    Raises:
        DataError: an input is invalid, or a prediction is not finite.
    """
    count = 0
    for block in _blocks(examples):
        places = [
            example.location or message("example {number}", number=number)
            for number, example in enumerate(block, start=count + 1)
        ]
        predictions = combine(
            [engine.predict(encode_inputs(block, places, engine)) for engine in engines], engines, model, temperature
        )
        predictions = engines[0].format_predictions(predictions, block)
        for example, place, prediction in zip(block, places, predictions, strict=True):
            if find_not_finite(prediction) is not None:
                raise DataError(message("{place}: {reason}", place=place, reason=not_finite(model)))
            yield example, _texts(example.input) | prediction
        count += len(block)


def _texts(value: Any) -> dict[str, str]:
    """Return an input as the fields of its prediction; none for words and features."""
    if isinstance(value, TextPair):
        return {"text": value.first, "text_pair": value.second}
    return {"text": value} if isinstance(value, str) else {}


def combine(
    predictions: Sequence[list[dict[str, Any]]],
    engines: Sequence[Engine],
    model: Path,
    temperature: float | None = None,
) -> list[dict[str, Any]]:
    """Return the predictions of the only engine, or those of the members of an ensemble combined; then calibrate them.

    Args:
        predictions: the predictions of each engine for the same rows.
        engines: the engines.
        model: the file of the weights, or the folder of the members, for messages.
        temperature: of a calibrated run; None for any other.

    Raises:
        DataError: the head cannot combine them, or they have no probabilities to calibrate.
    """
    combined = predictions[0] if len(engines) == 1 else _combine(predictions, engines, model)
    if temperature is None:
        return combined
    try:
        return calibrated(combined, temperature)
    except (KeyError, AttributeError, TypeError):
        raise DataError(
            message(
                "{folder}: is calibrated, but its predictions have no probabilities of labels: remove the calibration "
                "with: seqkit evaluate {folder} --calibrate off",
                folder=model.parent,
            )
        ) from None


def _combine(
    predictions: Sequence[list[dict[str, Any]]], engines: Sequence[Engine], model: Path
) -> list[dict[str, Any]]:
    try:
        return engines[0].combine(predictions)
    except Exception as error:  # a plugin can fail on the predictions of a corrupt member in any way
        reason = first_line(error)
        raise DataError(
            message(
                "{folder}: the predictions of the members cannot be combined: {reason}", folder=model, reason=reason
            )
        ) from error


def _blocks(examples: Iterable[Example]) -> Iterator[list[Example]]:
    block: list[Example] = []
    size = 0
    for example in examples:
        block.append(example)
        size += len(example.input) if hasattr(example.input, "__len__") else 1
        if len(block) == BLOCK_ROWS or size >= BLOCK_SIZE:
            yield block
            block, size = [], 0
    if block:
        yield block
