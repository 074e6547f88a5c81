"""Rows that a head makes anew in each epoch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import numpy as np

from seqkit.contracts import Head, Row, Tokenizer
from seqkit.contracts.capabilities import accepted_by
from seqkit.errors import PluginError
from seqkit.messages import message

Renew: TypeAlias = Callable[[Row, np.random.Generator], Row]
"""`Head.renew`."""


def renewal(head: Head, tokenizer: Tokenizer | None) -> Renew | None:
    """Return what makes the rows of a head anew; None if nothing does."""
    if not head.renews_rows:
        return None
    special_ids = tokenizer.special_ids if tokenizer else {}
    return partial(head.renew, **accepted_by(head.renew, special_ids=special_ids))


def renewed(row: Row, renew: Renew, seed: int | None, *place: int, is_window: bool = False) -> Row:
    """Return a row as an epoch trains on it.

    Args:
        row: the row, or a window of one.
        renew: makes it anew.
        seed: the seed of the recipe.
        place: what determines its random numbers, besides the seed: the epoch and the number of the row.
        is_window: whether the row is a window, whose length does not change.

    Raises:
        PluginError: the row has no time step, or is a window of another length.
    """
    made = renew(row, np.random.default_rng([seed or 0, *place]))
    if not len(made.input) or (is_window and len(made.input) != len(row.input)):
        raise PluginError(
            message(
                "renew of the head returns a row of {length} time steps for one of {expected}",
                length=len(made.input),
                expected=len(row.input),
            )
        )
    return made
