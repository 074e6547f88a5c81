"""The choice of the next id in each of many rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Drawing(NamedTuple):
    """How a next id is chosen.

    Attributes:
        temperature: divides the logits; 0 takes the likeliest, and of equals the first.
        top_k: draw from so many likeliest; None from all.
        top_p: draw from the fewest likeliest that hold this probability together; None from all.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None


def generator(seed: int, row: int = 0) -> np.random.Generator:
    """Returns what the draws of one row come from: a stream of its own, however many rows there are.

    Row 0 draws as a text that is written alone does.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(row,)) if row else seed)


def sample(
    logits: np.ndarray, drawing: Drawing, generators: Sequence[np.random.Generator], never: Sequence[int] = ()
) -> np.ndarray:
    """Draws an id a row by its logits: temperature first, then the top k, then of these the top p.

    Args:
        logits: (rows, vocab_size).
        generators: one a row, of which each draw takes one number; none is asked at temperature 0.
        never: ids that are not drawn.

    Returns:
        int64 (rows,).

    References: Fan et al., 2018, for top-k; Holtzman et al., 2020, for top-p.
    """
    temperature, top_k, top_p = drawing
    if temperature == 0:
        if len(never):
            logits = logits.copy()
            logits[:, never] = -np.inf
        return logits.argmax(axis=1)
    scores = logits.astype(np.float64)
    scores[:, never] = -np.inf
    with np.errstate(over="ignore"):  # at a temperature next to 0, minus infinity is the score of all but the best
        scores = (scores - scores.max(axis=1, keepdims=True)) / temperature
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
    probabilities = np.exp(np.take_along_axis(scores, order, axis=1))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    sums = probabilities.cumsum(axis=1)
    if top_p is not None:
        # The first is kept, and each further one as long as those before it fall short.
        short = sums[:, :-1] < min(top_p, 1.0) - 1e-12
        probabilities[:, 1:] *= short
        sums = probabilities.cumsum(axis=1)
    drawn = np.array([each.random() for each in generators])
    places = (sums / sums[:, -1:] <= drawn[:, None]).sum(axis=1)
    return np.take_along_axis(order, places[:, None], axis=1)[:, 0]
