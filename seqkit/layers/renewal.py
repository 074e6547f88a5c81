"""Rows as one epoch trains on them: with noise, masked, or a part of a long one. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seqkit.contracts import SpecialToken


def replace_tokens(
    ids: np.ndarray, probability: float, special_ids: Mapping[SpecialToken, int], generator: np.random.Generator
) -> np.ndarray:
    """Return a row in which tokens are replaced by others of the same row, drawn at random.

    So frequent tokens replace others more often: unigram noise (Xie et al., 2017). A special token is neither replaced
    nor drawn.

    Args:
        ids: (time, ...): ids or features.
        probability: of each time step, to be replaced.
        special_ids: the ids of the special tokens; empty for features.
        generator: the random numbers.
    """
    ordinary = np.flatnonzero(~_is_special(ids, special_ids))
    replaced = ordinary[generator.random(len(ordinary)) < probability]
    noisy = np.array(ids)
    if len(replaced):
        noisy[replaced] = ids[ordinary[generator.integers(len(ordinary), size=len(replaced))]]
    return noisy


def mask_tokens(
    ids: np.ndarray, probability: float, special_ids: Mapping[SpecialToken, int], generator: np.random.Generator
) -> np.ndarray:
    """Return a row in which tokens are replaced by the mask token: blanking noise (Xie et al., 2017).

    A special token, such as the separator of a pair, is never replaced. Of a token with several integers, the others
    are 0.

    Args:
        ids: int64 (time, ...).
        probability: of each token, to be replaced.
        special_ids: the ids of the special tokens, `mask` among them.
        generator: the random numbers.
    """
    replaced = (generator.random(len(ids)) < probability) & ~_is_special(ids, special_ids)
    mask = np.zeros_like(ids[:1])
    mask.flat[0] = special_ids["mask"]
    masked = np.array(ids)
    masked[replaced] = mask
    return masked


def _is_special(ids: np.ndarray, special_ids: Mapping[SpecialToken, int]) -> np.ndarray:
    """Return whether each time step is a special token, bool (time,)."""
    return np.isin(ids.reshape(len(ids), -1)[:, 0], list(special_ids.values()))


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
