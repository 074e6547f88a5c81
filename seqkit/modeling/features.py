"""Check that a model can compute with features, before they are in a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.modeling.model import Model


def checked_extremes(model: Model, features: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return the least and the greatest value of each feature, (2, features).

    Args:
        model: the model, on the CPU.
        features: (time, features).
        names: the names of the features; empty if they have none.

    Raises:
        DataError: a value is too large for the model. The message names the feature and the time step.
    """
    extremes = np.stack([features.min(axis=0), features.max(axis=0)])
    try:
        with torch.no_grad():
            model.feature_vectors(torch.from_numpy(extremes[None]))
    except DataError as error:
        largest = int(np.abs(extremes).max(axis=0).argmax())
        raise DataError(
            message(
                "feature {name}, time step {step:,}: {reason}",
                name=feature_name(names, largest),
                step=int(np.abs(features[:, largest]).argmax()) + 1,
                reason=error,
            )
        ) from None
    return extremes


def feature_name(names: Sequence[str], index: int) -> str:
    """Return the name of a feature in quotes; its number, from 1, if it has none."""
    return f"'{names[index]}'" if names else str(index + 1)
