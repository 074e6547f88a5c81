"""Rows of unlike length laid out step by step, without padding: the order in which seqkit's own recurrence goes.

The rows come in order of falling length. First stand the first steps of all rows, then the second steps of those that
have one, and so on, so that the rows of a step lie side by side, and those that are still running come first. It is
the layout of torch's PackedSequence.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Packing(NamedTuple):
    """Where each real step of a batch stands. Below, total is the number of real steps.

    Attributes:
        order: int64 (batch,), the rows by falling length.
        places: int64 (total,), each packed step's place in the padded batch, rows one after another.
        before: int64 (total,), for each packed step the one before it of the same row, in a list that begins with what
            stands before the first step, a place a row.
        last: int64 (batch,), in that list the last step of each row.
        running: how many rows each step still has.
    """

    order: Tensor
    places: Tensor
    before: Tensor
    last: Tensor
    running: list[int]

    @classmethod
    def of(cls, lengths: Tensor, time: int, backwards: bool) -> Packing:
        """Lays out a batch.

        Args:
            lengths: int64 (batch,), each at least 1.
            time: the steps of the padded batch.
            backwards: whether each row is read from its last real step to its first.
        """
        batch = len(lengths)
        order = lengths.argsort(descending=True, stable=True)
        falling = lengths[order]
        steps = int(falling[0])
        running = (falling[None] > torch.arange(steps)[:, None]).sum(dim=1)  # (steps,)
        first = running.cumsum(0) - running  # where each step's rows begin
        step = torch.arange(steps).repeat_interleave(running)
        row = torch.arange(len(step)) - first[step]  # among the ordered rows
        begins = torch.cat([torch.zeros(1, dtype=torch.int64), batch + first])  # the same, in the list of `before`
        places = order[row] * time + (falling[row] - 1 - step if backwards else step)
        return cls(order, places, begins[step] + row, begins[falling] + torch.arange(batch), running.tolist())

    @property
    def even(self) -> bool:
        """Whether all rows are of one length; `before` then counts from 0."""
        return self.running[0] == self.running[-1]
