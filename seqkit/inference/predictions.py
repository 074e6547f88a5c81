"""Predict block by block: the memory depends neither on the number of examples nor on the size of their file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from seqkit.contracts import Example
from seqkit.errors import DataError
from seqkit.inference.engine import Engine, not_finite
from seqkit.inference.inputs import encode_inputs
from seqkit.messages import message
from seqkit.runs.numbers import find_not_finite

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
        inputs = encode_inputs(block, places, engine)
        predictions = engine.predict(inputs, values)
        for example, place, prediction in zip(block, places, predictions, strict=True):
            if find_not_finite(prediction) is not None:
                raise DataError(message("{place}: {reason}", place=place, reason=not_finite(model)))
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
