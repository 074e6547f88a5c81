"""Embeddings in NumPy: each is a table with a row for each id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqkit.contracts.parameters import PositiveInt
from seqkit.inference.numpy_engine.weights import CheckedWeights, read_setting


def build_table(section: Mapping[str, Any], name: str, vocab_size: int, weights: CheckedWeights) -> np.ndarray | None:
    """Return the vectors of an embedding, float (vocab_size, width); None if they are one-hot.

    Args:
        section: the section of the embedding in the recipe.
        name: its path, for messages and the names of the weights.
        vocab_size: the number of ids.
        weights: the weights of the run.

    Raises:
        InvalidSetting: a value of the recipe is invalid.
        DataError: the weights are not those of the recipe.
    """
    if section["type"] == "learned":
        width = read_setting(section, "dim", name, PositiveInt)
        return weights.take(f"{name}.vectors.weight", (vocab_size, width))
    if section["type"] == "pretrained":
        known, width = (*weights.shape(f"{name}.known"), 0, 0)[:2]
        vectors = weights.take(f"{name}.known", (known, width))
        own = weights.take(f"{name}.own", (max(1, vocab_size - known), width))
        return np.concatenate([vectors, own])[weights.take_permutation(f"{name}.rows", vocab_size)]
    if section["type"] == "concat":
        tables = [
            build_table(inner, f"{name}.embeddings.{place}", vocab_size, weights)
            for place, inner in enumerate(section["embeddings"])
        ]
        identity = np.eye(vocab_size, dtype=weights.dtype)
        return np.concatenate([identity if table is None else table for table in tables], axis=1)
    return None
