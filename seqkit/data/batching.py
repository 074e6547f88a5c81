"""Batches: rows of similar length padded together, or windows of a long row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from seqkit.contracts import Batch, Row
from seqkit.data.dataset import Dataset
from seqkit.data.renewal import Renew, renewed
from seqkit.data.token_files.format import release

if TYPE_CHECKING:
    from seqkit.recipe.schema import Train

BUCKET = 64
"""Rows are sorted by length within buckets of this many batches, so that the rows of a batch have similar lengths."""

RELEASE_EVERY = 64
"""After this many windows of a memory-mapped text, the pages that were read are released."""


class Shard(NamedTuple):
    """The rows of a batch that one of several processes computes: every `size`-th row, starting with row `rank`."""

    rank: int = 0
    size: int = 1


UNSHARDED = Shard()


class BatchShard(NamedTuple):
    """A batch, or a process's shard of it.

    Attributes:
        batch: the padded rows.
        continues: whether each row continues the row at the same index in the previous batch.
        rows: int64 (rows,): the indices of the rows in the split; for windows, the indices of the streams.
        counts: whether the loss is counted. False if the batch has fewer rows than there are processes, and none for
            this process: its batch is then a copy of another row.
    """

    batch: Batch
    continues: bool
    rows: np.ndarray
    counts: bool = True


class Batches(Protocol):
    """The batches of a split. The same epoch and index always give the same batch.

    Attributes:
        whole_rows: whether a batch consists of whole rows, rather than of windows.
    """

    whole_rows: bool

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""

    def epoch(self, number: int, start: int = 0) -> Iterator[BatchShard]:
        """Yield the batches of an epoch (from 0), beginning with the batch of index `start`."""


def split_batches(
    dataset: Dataset,
    train: Train,
    causal: bool,
    seed: int | None = None,
    shard: Shard = UNSHARDED,
    renew: Renew | None = None,
) -> Batches:
    """Return the batches of a split: windows if the recipe sets `train.sequence_length`, else whole rows.

    Args:
        dataset: the split.
        train: the section `train` of the recipe.
        causal: whether the model can carry its state from window to window.
        seed: the seed of the shuffling in training; None for evaluation.
        shard: the rows that this process computes.
        renew: makes the rows anew in each epoch, for training; None to use the rows as they are.
    """
    if train.sequence_length:
        carry = train.carry_state and causal
        shift = train.shift_windows and seed is not None
        return StreamBatches(dataset.rows, train.batch_size, train.sequence_length, carry, shard, seed, shift, renew)
    return RowBatches(dataset.rows, train.batch_size, seed, shard, renew)


class RowBatches:
    """Batches of whole rows of similar length, in an order that is shuffled each epoch.

    Args:
        rows: the rows of the split.
        batch_size: the number of rows of each batch but the last.
        seed: the seed of the shuffling; None sorts the rows by length, for evaluation.
        shard: the rows that this process computes.
        renew: makes each row anew in each epoch, for training; None to use the rows as they are.
    """

    whole_rows = True

    def __init__(
        self,
        rows: Sequence[Row],
        batch_size: int,
        seed: int | None,
        shard: Shard = UNSHARDED,
        renew: Renew | None = None,
    ) -> None:
        self.shard = shard
        self.rows = rows
        self.batch_size = batch_size
        self.seed = seed
        self.renew = renew
        self.lengths = np.array([len(row.input) for row in rows])
        self._single: Batch | None = None

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def epoch(self, number: int, start: int = 0) -> Iterator[BatchShard]:
        for members in self.order(number)[start:]:
            own = _sharded(members, self.shard)
            yield BatchShard(self._collate(own if len(own) else members[:1], number), False, own, counts=len(own) > 0)

    def order(self, number: int) -> list[np.ndarray]:
        """Return the numbers of the rows of each batch of an epoch, int64 (rows,)."""
        if len(self.rows) <= self.batch_size:
            return [np.arange(len(self.rows))]
        if self.seed is None:
            rows = np.argsort(self.lengths, kind="stable")
            return [rows[place : place + self.batch_size] for place in range(0, len(rows), self.batch_size)]
        generator = np.random.default_rng([self.seed, number])
        shuffled = generator.permutation(len(self.rows))
        bucket = self.batch_size * BUCKET
        batches = []
        for place in range(0, len(shuffled), bucket):
            rows = shuffled[place : place + bucket]
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
            batches += [rows[first : first + self.batch_size] for first in range(0, len(rows), self.batch_size)]
        return [batches[place] for place in generator.permutation(len(batches))]

    def _collate(self, members: np.ndarray, epoch: int) -> Batch:
        if self.renew is not None:
            return collate([renewed(self.rows[n], self.renew, self.seed, epoch, n) for n in members.tolist()])
        if len(self) > 1:
            return collate([self.rows[member] for member in members])
        # The whole split is one batch, which is the same in every epoch.
        self._single = self._single or collate([self.rows[member] for member in members])
        return self._single


class StreamBatches:
    """Windows of long rows, for truncated backpropagation through time.

    All rows are concatenated and cut into `batch_size` streams of nearly equal length. A batch is the next window of
    each stream, so that an encoder can carry its state from batch to batch. No time step is left out.

    With `shift`, the text is read as a circle, and the streams of each epoch begin at another time step of it, drawn at
    random: all of them, and so the ends of all windows, move by the same number of time steps.

    Args:
        rows: the rows of the split, with a target for each time step.
        batch_size: the number of streams.
        length: the number of time steps of a window.
        carry: whether windows continue one another.
        shard: the streams that this process computes.
        seed: the seed of `shift` and `renew`; None without them.
        shift: whether the streams begin at another time step in each epoch.
        renew: makes each window anew in each epoch, for training; None to use the windows as they are.
    """

    whole_rows = False

    def __init__(
        self,
        rows: Sequence[Row],
        batch_size: int,
        length: int,
        carry: bool,
        shard: Shard = UNSHARDED,
        seed: int | None = None,
        shift: bool = False,
        renew: Renew | None = None,
    ) -> None:
        self.shard = shard
        self.seed = seed
        self.shift = shift
        self.renew = renew
        # A single row is not copied: it can be a view of a file that is larger than memory.
        parts = zip(*rows, strict=True)
        self.inputs, self.targets = [np.asarray(part[0]) if len(part) == 1 else np.concatenate(part) for part in parts]
        streams = min(batch_size, len(self.inputs))
        size, longer = divmod(len(self.inputs), streams)
        # The longer streams come first, so that a last window that only they have is a batch of the first rows.
        sizes = [size + (stream < longer) for stream in range(streams)]
        self.streams = [(end - size, size) for end, size in zip(accumulate(sizes), sizes, strict=True)]
        self.length = length
        self.carry = carry

    def __len__(self) -> int:
        return -(-self.streams[0][1] // self.length)

    def epoch(self, number: int, start: int = 0) -> Iterator[BatchShard]:
        offset = int(np.random.default_rng([self.seed or 0, number]).integers(len(self.inputs))) if self.shift else 0
        for window in range(start, len(self)):
            first = window * self.length
            streams = np.array([stream for stream, (_, size) in enumerate(self.streams) if first < size])
            own = _sharded(streams, self.shard)
            rows = []
            for stream in (own if len(own) else streams[:1]).tolist():
                begin, size = self.streams[stream]
                place, count = begin + first + offset, min(self.length, size - first)
                row = Row(_circular(self.inputs, place, count), _circular(self.targets, place, count))
                if self.renew is not None:
                    row = renewed(row, self.renew, self.seed, number, window, stream, is_window=True)
                rows.append(row)
            batch = collate(rows)
            if window % RELEASE_EVERY == RELEASE_EVERY - 1:
                release(self.inputs)
            yield BatchShard(batch, self.carry and window > 0 and len(own) > 0, own, counts=len(own) > 0)


def _circular(values: np.ndarray, start: int, count: int) -> np.ndarray:
    """Return values from a place on, and from the first one on after the last: a view if it does not pass the last."""
    start %= len(values)
    found = values[start : start + count]
    return found if len(found) == count else np.concatenate([found, values[: count - len(found)]])


def _sharded(rows: np.ndarray, shard: Shard) -> np.ndarray:
    return rows[shard.rank :: shard.size]


def collate(rows: Sequence[Row]) -> Batch:
    """Return rows as a batch, padded on the right with zeros."""
    # Where a level is large beside the differences, it must be subtracted before features become float32.
    inputs, lengths = _pad([row.input for row in rows], keep_float64=True)
    if rows[0].target is None:
        return Batch(inputs, lengths)
    if np.ndim(rows[0].target) == 0:
        return Batch(inputs, lengths, _tensor(np.array([row.target for row in rows])))
    targets, target_lengths = _pad([row.target for row in rows])
    return Batch(inputs, lengths, targets, target_lengths)


def _pad(values: Sequence[np.ndarray], keep_float64: bool = False) -> tuple[Tensor, Tensor]:
    """Return arrays (time, ...) as a padded tensor (batch, time, ...), and their lengths, int64 (batch,)."""
    lengths = np.array([len(value) for value in values])
    if len(values) == 1:
        return _tensor(values[0][None].copy(), keep_float64), torch.from_numpy(lengths)
    dtype = np.result_type(*{value.dtype for value in values})
    padded = np.zeros((len(values), lengths.max(), *values[0].shape[1:]), dtype=dtype)
    for row, value in zip(padded, values, strict=True):
        row[: len(value)] = value
    return _tensor(padded, keep_float64), torch.from_numpy(lengths)


def _tensor(values: np.ndarray, keep_float64: bool = False) -> Tensor:
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    if not tensor.is_floating_point():
        return tensor.long()
    return tensor if keep_float64 and tensor.dtype == torch.float64 else tensor.to(torch.get_default_dtype())


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Return a batch on a device. Its lengths remain on the CPU."""
    if device.type == "cpu":
        return batch
    targets = None if batch.targets is None else batch.targets.to(device)
    inputs = batch.inputs
    if device.type == "mps" and inputs.dtype == torch.float64:  # MPS has no float64
        inputs = inputs.float()
    return batch._replace(inputs=inputs.to(device), targets=targets)
