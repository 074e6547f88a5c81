"""Checks before training that a model can compute with the features of the data."""

from __future__ import annotations

import numpy as np
import torch

from seqkit.contracts import Example
from seqkit.data.prepare import PreparedData
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.modeling.model import Model

MIN_STEPS = 1_000
"""The number of float32 numbers between the least and the greatest value of a feature, below which a note is issued."""


def check_features(model: Model, data: PreparedData) -> None:
    """Check the least and the greatest value of each feature, and add a note if float32 hides their difference.

    Raises:
        DataError: a value is too large.
    """
    model.eval()
    extremes = {
        split: np.stack([_checked_extremes(model, example) for example in dataset.examples])
        for split, dataset in data.splits.items()
    }
    model.train()
    if model.embedding is not None and model.embedding.accepts_float64:
        return
    low, high = extremes["train"][:, 0].min(axis=0), extremes["train"][:, 1].max(axis=0)
    resolution = np.spacing(np.maximum(np.abs(low), np.abs(high)).astype(np.float32)).astype(np.float64)
    for number in np.flatnonzero((low < high) & (high - low < MIN_STEPS * resolution)).tolist():
        data.notes.append(
            message(
                "feature {name} is between {low} and {high}, but float32 has steps of {resolution:.2g} there: set "
                "`embedding: {{type: scaled}}`",
                name=_name(data.splits["train"].examples[0], number),
                low=float(low[number]),
                high=float(high[number]),
                resolution=resolution[number],
            )
        )


def _checked_extremes(model: Model, example: Example) -> np.ndarray:
    """Return the least and the greatest value of each feature, (2, features).

    Raises:
        DataError: the model cannot compute with one of them.
    """
    features = np.asarray(example.input)
    extremes = np.stack([features.min(axis=0), features.max(axis=0)])
    try:
        with torch.no_grad():
            model.feature_vectors(torch.from_numpy(extremes[None]))
    except DataError as error:
        name = _name(example, int(np.abs(extremes).max(axis=0).argmax()))
        place = example.location or message("data")
        raise DataError(message("{place}: feature {name}: {reason}", place=place, name=name, reason=error)) from None
    return extremes


def _name(example: Example, column: int) -> str:
    return f"'{example.feature_names[column]}'" if example.feature_names else str(column + 1)
