"""Which of several ways a layer of LSTM is computed by: all of it decided here, from sizes.

The constants are where two ways were found to change places on a machine with two cores: `benchmarks/paths.py` measures
it, and `benchmarks/PATHS.md` is what it found. A choice depends on sizes alone, never on a timing of the moment, so the
same batch is always computed in the same way.
"""

from __future__ import annotations

from typing import NamedTuple

JOBS = 2
"""A layer is computed as so many jobs side by side: its two directions, or the two halves of its rows."""

ROWS_A_JOB = 16
"""Fewer rows at a time keep a core from multiplying at its best."""

WORTH_A_JOB = 8_000_000
"""Multiply-adds of a layer and direction forwards below which handing a job to a thread costs more than it gains."""

LOOK_UP_FROM = 600_000
"""The number products * rows * input_size * hidden_size of a job from which on the products that looking up spares
outweigh what seqkit's recurrence costs more than torch's kernel, operation by operation, at each step. A one-hot input
takes two products, forwards and backwards by the weights; one that is learned a third, backwards by itself."""

FULL = 0.65
"""The share of a batch's steps that are real below which skipping the padding outweighs the same."""


class Path(NamedTuple):
    """How one layer of a batch is computed.

    Attributes:
        looks_up: the product of input and weights is looked up by id, and the recurrence is seqkit's own.
        recurs: the recurrence is seqkit's own; else torch's kernel (oneDNN's, on a CPU).
        parts: into how many parts the rows are cut.
        together: whether parts and directions are jobs side by side.
        at_once: whether one call of torch's kernel does both directions, where no row is padded.
    """

    looks_up: bool
    recurs: bool
    parts: int
    together: bool
    at_once: bool = False

    def __str__(self) -> str:
        way = "seqkit's recurrence" if self.recurs else "torch's kernel"
        way = f"input looked up, {way}" if self.looks_up else way
        if self.at_once:
            return f"{way}, both directions in one call"
        if not self.together:
            return way
        return f"{way}, {'rows in two halves' if self.parts > 1 else 'both directions'} side by side"


def spared(products: int, rows: int, share: float, input_size: int, hidden_size: int) -> float:
    """Returns what `LOOK_UP_FROM` is compared with.

    Args:
        products: that the input takes: 2 of one-hot vectors, 3 of vectors that are learned.
        rows: of a job.
        share: of the input's vectors that need no product of their own.
    """
    return products * rows * share * input_size * hidden_size


def choose_path(
    *,
    multiplied: int,
    rows: int,
    time: int,
    real: int,
    input_size: int,
    hidden_size: int,
    proj_size: int,
    directions: int,
    device: str,
) -> Path:
    """Returns how a layer is computed.

    Args:
        multiplied: by how many vectors the input's weights have to be multiplied: for ids that stand for one-hot
            vectors none, for ids that stand for others those that are different, and else one a real step.
        real: how many of the rows * time steps are no padding.
        device: its type.
    """
    if device != "cpu" or rows == 0:
        return Path(False, False, 1, False)
    parts = JOBS // directions if rows >= JOBS * ROWS_A_JOB else 1
    share = max(0, real - parts * multiplied) / real  # each part of the rows multiplies for itself
    work = spared(3 if multiplied else 2, rows // parts, share, input_size, hidden_size)
    looks_up = share > 0 and work >= LOOK_UP_FROM
    width = (proj_size or hidden_size) + input_size * (1 - share if looks_up else 1)
    worth = real * 4 * hidden_size * width >= WORTH_A_JOB
    parts = parts if worth else 1
    recurs = looks_up or proj_size > 0 or (worth and real < FULL * rows * time)
    together = worth and parts * directions > 1
    return Path(looks_up, recurs, parts, together, at_once=directions == 2 and not (together or recurs))
