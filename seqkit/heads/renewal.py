"""Rows as one epoch trains on them: with noise, or a part of a long one. Needs no torch."""

from __future__ import annotations

import numpy as np


def replace_tokens(ids: np.ndarray, probability: float, generator: np.random.Generator) -> np.ndarray:
    """Return a row in which tokens are replaced by others of the same row, drawn at random.

    So frequent tokens replace others more often: unigram noise (Xie et al., 2017).

    Args:
        ids: (time, ...): ids or features.
        probability: of each time step, to be replaced.
        generator: the random numbers.
    """
    replaced = np.flatnonzero(generator.random(len(ids)) < probability)
    noisy = np.array(ids)
    noisy[replaced] = ids[generator.integers(len(ids), size=len(replaced))]
    return noisy


def crop(ids: np.ndarray, length: int, generator: np.random.Generator) -> np.ndarray:
    """Return a part of a row of this length, from a time step drawn at random; a shorter row as it is.

    Args:
        ids: (time, ...): ids or features.
        length: in time steps.
        generator: the random numbers.
    """
    if len(ids) <= length:
        return ids
    start = int(generator.integers(len(ids) - length + 1))
    return ids[start : start + length]
