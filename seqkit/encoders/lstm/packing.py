"""Rows of different lengths, packed time step by time step without padding, as in torch's PackedSequence.

Rows are sorted by decreasing length. The first time steps of all rows come first, then the second time steps of the
rows that have one, and so on: the rows of one time step are adjacent, and the rows that continue come first.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class PackedLayout(NamedTuple):
    """The positions of the real time steps of a padded batch in its packed form.

    Shapes: batch is the number of rows, total the number of real time steps of all rows together.

    Attributes:
        sorted_indices: int64 (batch,), the rows sorted by decreasing length.
        positions: int64 (total,), the position of each packed time step in the padded batch, flattened to
            (batch * time,).
        previous: int64 (total,), where the values before each packed time step are, in an array that holds one initial
            value per row and then one value per packed time step.
        last: int64 (batch,), where the values after each row's last time step are in the same array.
        batch_sizes: the number of rows of each time step, as in PackedSequence.
        is_transposed: whether packing only exchanges the axes of rows and time steps.
    """

    sorted_indices: Tensor
    positions: Tensor
    previous: Tensor
    last: Tensor
    batch_sizes: list[int]
    is_transposed: bool

    @classmethod
    def from_lengths(cls, lengths: Tensor, time: int, reverse: bool) -> PackedLayout:
        """Return the layout of a batch.

        Args:
            lengths: int64 (batch,), each at least 1.
            time: the time steps of the padded batch.
            reverse: whether each row is read from its last real time step to its first.
        """
        batch = len(lengths)
        sorted_indices = lengths.argsort(descending=True, stable=True)
        sorted_lengths = lengths[sorted_indices]
        steps = int(sorted_lengths[0])
        batch_sizes = (sorted_lengths[None] > torch.arange(steps)[:, None]).sum(dim=1)  # (steps,)
        first = batch_sizes.cumsum(0) - batch_sizes  # (steps,): the first packed position of each time step
        step = torch.arange(steps).repeat_interleave(batch_sizes)  # (total,)
        row = torch.arange(len(step)) - first[step]  # (total,), among the sorted rows
        # (steps + 1,): where the values after 0, 1, 2, … time steps begin, the initial values included.
        starts = torch.cat([torch.zeros(1, dtype=torch.int64), batch + first])
        positions = sorted_indices[row] * time + (sorted_lengths[row] - 1 - step if reverse else step)
        last = starts[sorted_lengths] + torch.arange(batch)
        is_transposed = not reverse and int(sorted_lengths[-1]) == time
        return cls(sorted_indices, positions, starts[step] + row, last, batch_sizes.tolist(), is_transposed)

    @property
    def equal_lengths(self) -> bool:
        """Whether all rows have the same length; `previous` is then 0, 1, 2, …"""
        return self.batch_sizes[0] == self.batch_sizes[-1]

    def pack(self, padded: Tensor) -> Tensor:
        """Return the real time steps, (total, …), of a padded batch, (batch, time, …)."""
        if self.is_transposed:
            return padded.transpose(0, 1).flatten(0, 1)
        return padded.flatten(0, 1).index_select(0, self.positions)

    def unpack(self, packed: Tensor, time: int) -> Tensor:
        """Return a padded batch, (batch, time, size), of packed time steps, (total, size); padding is 0."""
        batch = len(self.last)
        if self.is_transposed:
            return packed.view(time, batch, -1).transpose(0, 1)
        padded = packed.new_zeros(batch * time, packed.shape[1]).index_copy(0, self.positions, packed)
        return padded.view(batch, time, -1)
