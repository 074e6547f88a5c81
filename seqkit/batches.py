"""Rows into padded batches: by similar length, or as windows of a long text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from seqkit.contracts import Batch, Row, State
from seqkit.token_file import release
from seqkit.world import WHOLE, Share

WINDOW = 64
"""Batches are made of rows of similar length out of so many batches' worth of shuffled rows."""

RELEASED = 64
"""After so many windows of a text in a mapped file, the pages that they were read from are given back."""


class Step(NamedTuple):
    """One training step's batch, or a process's share of it.

    Attributes:
        continues: its rows go on where the first so many rows of the step before it ended.
        rows: their numbers in the split; of windows, those of the streams.
        counts: False where the batch has fewer rows than there are processes: this one's row stands in, for nothing.
    """

    batch: Batch
    continues: bool
    rows: np.ndarray
    counts: bool = True


class Batches(Protocol):
    """What an epoch is made of. The same seed, epoch and place give the same batch."""

    def __len__(self) -> int: ...

    def epoch(self, number: int, start: int = 0) -> Iterator[Step]:
        """Yields the steps of an epoch, from the given place on."""


class RowBatches:
    """Batches of whole rows, shuffled anew each epoch, with rows of similar length together.

    Args:
        rows: what to batch.
        batch_size: rows a batch, the last one aside.
        seed: of the shuffling; None keeps the rows in order of length, for evaluation.
        share: this process's part of every batch.
    """

    def __init__(self, rows: Sequence[Row], batch_size: int, seed: int | None, share: Share = WHOLE) -> None:
        self.share = share
        self.rows = rows
        self.batch_size = batch_size
        self.seed = seed
        self.lengths = np.array([len(row.input) for row in rows])
        self._only: Batch | None = None

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def epoch(self, number: int, start: int = 0) -> Iterator[Step]:
        for members in self.order(number)[start:]:
            own = _share_of(members, self.share)
            yield Step(self._collate(own if len(own) else members[:1]), False, own, counts=len(own) > 0)

    def order(self, number: int) -> list[np.ndarray]:
        """Returns which rows make up each batch of an epoch."""
        if len(self.rows) <= self.batch_size:
            return [np.arange(len(self.rows))]
        if self.seed is None:
            rows = np.argsort(self.lengths, kind="stable")
            return [rows[place : place + self.batch_size] for place in range(0, len(rows), self.batch_size)]
        generator = np.random.default_rng([self.seed, number])
        shuffled = generator.permutation(len(self.rows))
        window = self.batch_size * WINDOW
        batches = []
        for place in range(0, len(shuffled), window):
            rows = shuffled[place : place + window]
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
            batches += [rows[first : first + self.batch_size] for first in range(0, len(rows), self.batch_size)]
        return [batches[place] for place in generator.permutation(len(batches))]

    def _collate(self, members: np.ndarray) -> Batch:
        if len(self) > 1:
            return collate([self.rows[member] for member in members])
        # The whole split is one batch, and its order changes nothing: make it once.
        self._only = self._only or collate([self.rows[member] for member in members])
        return self._only


class StreamBatches:
    """Windows over one long text, cut into streams that are read side by side: truncated back-propagation.

    All rows are laid end to end and cut into `batch_size` streams, as even as can be. A batch is the next window of
    each stream, so that an encoder may carry its state from batch to batch, and no step is left out.

    Args:
        rows: with targets step by step.
        batch_size: the number of streams.
        length: the steps of a window.
        carry: whether a window continues the one before it.
        share: this process's part of the streams.
    """

    def __init__(self, rows: Sequence[Row], batch_size: int, length: int, carry: bool, share: Share = WHOLE) -> None:
        self.share = share
        # One row stays where it is: it may be the views of a file that is larger than memory.
        parts = zip(*rows, strict=True)
        inputs, targets = [np.asarray(part[0]) if len(part) == 1 else np.concatenate(part) for part in parts]
        streams = min(batch_size, len(inputs))
        size, longer = divmod(len(inputs), streams)
        # The longer streams come first, so that a last window that only they have is a batch of the first rows.
        ends = np.cumsum([size + (stream < longer) for stream in range(streams)])
        self.inputs = np.split(inputs, ends[:-1])
        self.targets = np.split(targets, ends[:-1])
        self.length = length
        self.carry = carry

    def __len__(self) -> int:
        return -(-len(self.inputs[0]) // self.length)

    def epoch(self, number: int, start: int = 0) -> Iterator[Step]:
        for window in range(start, len(self)):
            here = slice(window * self.length, (window + 1) * self.length)
            rows = [Row(ids[here], targets[here]) for ids, targets in zip(self.inputs, self.targets, strict=True)]
            streams = np.array([number for number, row in enumerate(rows) if len(row.input)])
            own = _share_of(streams, self.share)
            batch = collate([rows[number] for number in (own if len(own) else streams[:1])])
            if window % RELEASED == RELEASED - 1:
                release(self.inputs[0])
            yield Step(batch, self.carry and window > 0 and len(own) > 0, own, counts=len(own) > 0)


def _share_of(rows: np.ndarray, share: Share) -> np.ndarray:
    return rows[share.rank :: share.size]


def collate(rows: Sequence[Row]) -> Batch:
    """Pads rows on the right with zeros."""
    inputs, lengths = _padded([row.input for row in rows])
    if rows[0].target is None:
        return Batch(inputs, lengths)
    if np.ndim(rows[0].target) == 0:
        return Batch(inputs, lengths, _tensor(np.array([row.target for row in rows])))
    targets, target_lengths = _padded([row.target for row in rows])
    return Batch(inputs, lengths, targets, target_lengths)


def _padded(values: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    lengths = np.array([len(value) for value in values])
    if len(values) == 1:
        return _tensor(values[0][None].copy()), torch.from_numpy(lengths)
    kind = np.result_type(*{value.dtype for value in values})
    padded = np.zeros((len(values), lengths.max(), *values[0].shape[1:]), dtype=kind)
    for row, value in zip(padded, values, strict=True):
        row[: len(value)] = value
    return _tensor(padded), torch.from_numpy(lengths)


def _tensor(values: np.ndarray) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.to(torch.get_default_dtype()) if tensor.is_floating_point() else tensor.long()


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Moves what is computed with; lengths stay on the CPU."""
    if device.type == "cpu":
        return batch
    targets = None if batch.targets is None else batch.targets.to(device)
    return batch._replace(inputs=batch.inputs.to(device), targets=targets)


def carried(state: State, rows: int) -> State:
    """Returns the state of the first rows, cut off from the graph that made it."""
    if isinstance(state, tuple | list):
        return tuple(carried(part, rows) for part in state)
    return state[:rows].detach() if isinstance(state, Tensor) else state
