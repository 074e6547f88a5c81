"""Sample the next token of each row: temperature, top-k and nucleus sampling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class SamplingConfig(NamedTuple):
    """The options of sampling.

    Attributes:
        temperature: divides the logits; 0 takes the most likely token, the first one in a tie.
        top_k: sample from the K most likely tokens; None for all.
        top_p: nucleus sampling: sample from the smallest set of most likely tokens whose probability reaches P; None
            for all.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None


def row_generator(seed: int, row: int = 0) -> np.random.Generator:
    """Return the random generator of one row. It depends on the seed and the row alone, not on the number of rows.

    Args:
        seed: the random seed of all rows.
        row: the index of the row. Row 0 has the generator of a text that is generated alone.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(row,)) if row else seed)


def sample(
    logits: np.ndarray,
    sampling: SamplingConfig,
    generators: Sequence[np.random.Generator],
    suppressed_ids: Sequence[int] = (),
) -> np.ndarray:
    """Sample one id per row: temperature is applied first, then top-k, then top-p to the tokens that are left.

    Args:
        logits: (rows, vocab_size).
        sampling: how to choose.
        generators: one per row. Each generates one number, or none at temperature 0.
        suppressed_ids: ids that are never chosen.

    Returns:
        int64 (rows,).

    References:
        Top-k: Fan et al., "Hierarchical Neural Story Generation", 2018. Top-p: Holtzman et al., "The Curious Case of
        Neural Text Degeneration", 2020.
    """
    temperature, top_k, top_p = sampling
    if temperature == 0:
        if len(suppressed_ids):
            logits = logits.copy()
            logits[:, suppressed_ids] = -np.inf
        return logits.argmax(axis=1)
    scores = logits.astype(np.float64)
    scores[:, suppressed_ids] = -np.inf
    with np.errstate(over="ignore"):  # at a tiny temperature, all scores but the best become minus infinity
        scores = (scores - scores.max(axis=1, keepdims=True)) / temperature
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    probabilities = np.exp(np.take_along_axis(scores, order, axis=1))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    cumulative = probabilities.cumsum(axis=1)
    if top_p is not None:
        # The first token is always in the set, and each further one if those before it do not reach top_p.
        probabilities[:, 1:] *= cumulative[:, :-1] < min(top_p, 1.0) - 1e-12
        cumulative = probabilities.cumsum(axis=1)
    uniform = np.array([generator.random() for generator in generators])
    places = (cumulative / cumulative[:, -1:] <= uniform[:, None]).sum(axis=1)
    return np.take_along_axis(order, places[:, None], axis=1)[:, 0]
