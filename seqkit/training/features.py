"""Checks before training that a model can compute with the features of the data."""

from __future__ import annotations

import numpy as np

from seqkit.contracts import Example
from seqkit.data.prepare import PreparedData
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.modeling.features import checked_extremes, feature_name
from seqkit.modeling.model import Model

MIN_DIFFERENCE = 1_000
"""The least difference of the values of a feature without a note, in units of the distance between float32 numbers."""


def check_features(model: Model, data: PreparedData) -> None:
    """Check the least and the greatest value of each feature, and add a note if float32 hides their difference.

    Raises:
        DataError: a value is too large.
    """
    model.eval()
    extremes = {
        split: np.stack([_extremes(model, example) for example in dataset.examples])
        for split, dataset in data.splits.items()
    }
    model.train()
    if model.embedding is not None and model.embedding.accepts_float64:
        return
    low, high = extremes["train"][:, 0].min(axis=0), extremes["train"][:, 1].max(axis=0)
    resolution = np.spacing(np.maximum(np.abs(low), np.abs(high)).astype(np.float32)).astype(np.float64)
    for number in np.flatnonzero((low < high) & (high - low < MIN_DIFFERENCE * resolution)).tolist():
        data.notes.append(
            message(
                "feature {name} is between {low} and {high}, but float32 numbers are {resolution:.2g} apart there: set "
                "`embedding: {{type: scaled}}`",
                name=feature_name(data.splits["train"].examples[0].feature_names, number),
                low=float(low[number]),
                high=float(high[number]),
                resolution=resolution[number],
            )
        )


def _extremes(model: Model, example: Example) -> np.ndarray:
    """Return the least and the greatest value of each feature, (2, features).

    Raises:
        DataError: the model cannot compute with one of them.
    """
    try:
        return checked_extremes(model, np.asarray(example.input), example.feature_names)
    except DataError as error:
        place = example.location or message("data")
        raise DataError(message("{place}: {reason}", place=place, reason=error)) from None
