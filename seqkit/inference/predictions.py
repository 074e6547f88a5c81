"""Predict block by block: the memory depends neither on the number of examples nor on the size of their file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.contracts import Example
from seqkit.errors import DataError
from seqkit.inference.engine import Engine
from seqkit.inference.inputs import encode_inputs
from seqkit.messages import message

BLOCK_ROWS = 4096
"""The maximum number of examples of a block: enough for an engine to batch rows of similar length."""

BLOCK_SIZE = 1 << 22
"""The number of characters or time steps after which a block ends, whatever the number of its examples."""


def predict_examples(examples: Iterable[Example], engine: Engine, model: Path) -> Iterator[tuple[Example, Any]]:
    """Yield each example with its prediction, in the form that users see.

    Args:
        examples: texts, words or features; their targets are ignored.
        engine: the engine of the run.
        model: the file of the weights, for messages.

    Raises:
        DataError: an input is invalid, or a prediction is not finite.
    """
    count = 0
    for block in _blocks(examples):
        values = [example.input for example in block]
        places = [
            example.location or message("example {number}", number=number)
            for number, example in enumerate(block, start=count + 1)
        ]
        inputs = encode_inputs(values, places, engine)
        with np.errstate(all="ignore"):  # what is not finite is an error below
            predictions = engine.predict(inputs, values)
        for example, place, prediction in zip(block, places, predictions, strict=True):
            if not _is_finite(prediction):
                raise DataError(
                    message(
                        "{place}: the prediction is not a finite number: the weights in {file} are damaged, or the "
                        "input is too large",
                        place=place,
                        file=model,
                    )
                )
            yield example, ({"text": example.input} if isinstance(example.input, str) else {}) | prediction
        count += len(block)


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


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)
