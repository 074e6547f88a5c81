"""Batches: each row once per epoch, padded on the right; each time step of a long text once, in order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.contracts import Batch, Row
from seqkit.data.batching import BUCKET, BatchShard, RowBatches, StreamBatches, collate, to_device
from seqkit.modeling.state import first_rows


def make_rows(lengths: list[int]) -> list[Row]:
    """Return rows of the ids 1, 2, ..., whose target is the number of the row."""
    return [Row(np.arange(1, length + 1), number) for number, length in enumerate(lengths)]


def row_numbers(shards: list[BatchShard]) -> list[list[int]]:
    """Return the numbers of the rows in each batch."""
    return [shard.batch.targets.tolist() for shard in shards]


row_lengths = st.lists(st.integers(1, 30), min_size=1, max_size=60)
batch_sizes = st.integers(1, 12)


# Whole rows


@settings(deadline=None)
@given(lengths=row_lengths, batch_size=batch_sizes, seed=st.none() | st.integers(0, 9), epoch=st.integers(0, 5))
def test_epoch_contains_each_row_once(lengths, batch_size: int, seed: int | None, epoch: int) -> None:
    batches = RowBatches(make_rows(lengths), batch_size, seed)
    shards = list(batches.epoch(epoch))
    assert len(shards) == len(batches)
    assert sorted(number for members in row_numbers(shards) for number in members) == list(range(len(lengths)))
    assert sorted(len(members) for members in row_numbers(shards))[1:] == [batch_size] * (len(batches) - 1)
    assert not any(shard.continues for shard in shards)
    # Predictions are sorted back into the order of the split by the numbers that `order` returns.
    assert row_numbers(shards) == [members.tolist() for members in batches.order(epoch)]
    for shard in shards:
        for row, length, number in zip(*shard.batch[:3], strict=True):
            assert length == lengths[number]
            assert row[:length].tolist() == list(range(1, length + 1))
            assert not row[length:].any()


@settings(deadline=None)
@given(lengths=row_lengths, batch_size=batch_sizes, seed=st.integers(0, 9), epoch=st.integers(0, 5), data=st.data())
def test_epoch_can_start_at_any_batch(lengths, batch_size: int, seed: int, epoch: int, data) -> None:
    batches = RowBatches(make_rows(lengths), batch_size, seed)
    start = data.draw(st.integers(0, len(batches)))
    all_batches = row_numbers(list(batches.epoch(epoch)))
    rebuilt = RowBatches(make_rows(lengths), batch_size, seed)
    assert row_numbers(list(rebuilt.epoch(epoch, start))) == all_batches[start:]


def test_order_depends_on_seed_and_epoch() -> None:
    rows = make_rows([number % 7 + 1 for number in range(50)])
    orders = {
        (seed, epoch): str(row_numbers(list(RowBatches(rows, 4, seed).epoch(epoch))))
        for seed in (1, 2)
        for epoch in (1, 2)
    }
    assert len(set(orders.values())) == 4
    assert str(row_numbers(list(RowBatches(rows, 4, 1).epoch(1)))) == orders[1, 1]


def test_rows_of_a_batch_have_similar_lengths() -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 200, size=4 * BUCKET).tolist()
    for batch, *_ in RowBatches(make_rows(lengths), 4, seed=1).epoch(0):
        assert batch.lengths.max() - batch.lengths.min() < 20


def test_without_seed_rows_are_sorted_by_length() -> None:
    batches = RowBatches(make_rows([3, 1, 2, 1, 3]), 2, seed=None)
    assert row_numbers(list(batches.epoch(0))) == row_numbers(list(batches.epoch(7))) == [[1, 3], [2, 0], [4]]


def test_split_of_one_batch_is_not_shuffled_and_is_collated_once() -> None:
    batches = RowBatches(make_rows([5, 2, 9]), 3, seed=4)
    (first,), (second,) = batches.epoch(0), batches.epoch(1)
    assert first.batch is second.batch
    assert first.batch.targets.tolist() == batches.order(0)[0].tolist() == [0, 1, 2]


# Padding


def test_ids_are_padded_on_the_right() -> None:
    batch = collate([Row(np.array([5, 6, 7]), 1), Row(np.array([8]), 0)])
    assert batch.inputs.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch.inputs.dtype == batch.lengths.dtype == batch.targets.dtype == torch.int64
    assert batch.lengths.tolist() == [3, 1]
    assert batch.targets.tolist() == [1, 0]
    assert batch.target_lengths is None
    assert batch.mask.tolist() == [[True, True, True], [True, False, False]]


def test_targets_per_time_step_are_padded() -> None:
    batch = collate([Row(np.array([5]), np.array([6])), Row(np.array([7, 8]), np.array([8, 9]))])
    assert batch.targets.tolist() == [[6, 0], [8, 9]]
    assert batch.target_lengths.tolist() == [1, 2]


def test_rows_without_targets() -> None:
    batch = collate([Row(np.array([1, 2])), Row(np.array([3]))])
    assert (batch.targets, batch.target_lengths) == (None, None)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_features_are_converted_to_the_default_dtype_and_float64_remains(count: int, dtype: type) -> None:
    generator = np.random.default_rng(0)
    features = [generator.normal(size=(length, 4)).astype(dtype) for length in range(1, count + 1)]
    batch = collate([Row(values, values[:, 0]) for values in features])
    assert batch.inputs.dtype == (torch.float64 if dtype == np.float64 else torch.get_default_dtype())
    assert batch.targets.dtype == torch.get_default_dtype()
    assert batch.inputs.shape == (count, count, 4)
    for row, target, values in zip(batch.inputs, batch.targets, features, strict=True):
        np.testing.assert_allclose(row[: len(values)], values, rtol=1e-6)
        np.testing.assert_allclose(target[: len(values)], values[:, 0], rtol=1e-6)
        assert not row[len(values) :].any()


def test_ids_with_two_dimensions_and_a_small_dtype() -> None:
    batch = collate([Row(np.array([[1, 2], [3, 4]], dtype=np.uint8)), Row(np.array([[5, 6]], dtype=np.uint8))])
    assert batch.inputs.tolist() == [[[1, 2], [3, 4]], [[5, 6], [0, 0]]]
    assert batch.inputs.dtype == torch.int64


def test_integer_features_do_not_truncate_the_other_rows() -> None:
    batch = collate([Row(np.array([[1], [2]])), Row(np.array([[0.5]]))])
    assert batch.inputs.tolist() == [[[1.0], [2.0]], [[0.5], [0.0]]]


@pytest.mark.parametrize("count", [1, 2])
def test_batch_is_a_copy_and_rows_can_be_read_only(count: int) -> None:
    values = np.arange(3)
    values.flags.writeable = False
    batch = collate([Row(values, values)] * count)
    batch.inputs.fill_(9)
    assert values.tolist() == [0, 1, 2]


# Windows of a long text


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    streams=st.integers(1, 9),
    length=st.integers(1, 12),
    carry=st.booleans(),
    data=st.data(),
)
def test_concatenated_windows_equal_the_text(lengths, streams: int, length: int, carry: bool, data) -> None:
    text = np.arange(100, 100 + sum(lengths))
    rows = [Row(part, part + 1000) for part in np.split(text, np.cumsum(lengths)[:-1])]
    batches = StreamBatches(rows, streams, length, carry)
    shards = list(batches.epoch(0))
    assert len(shards) == len(batches)
    assert [shard.continues for shard in shards] == [carry and window > 0 for window in range(len(shards))]

    streams_read: list[list[int]] = [[] for _ in range(len(shards[0].batch.lengths))]
    targets_read: list[list[int]] = [[] for _ in streams_read]
    rows_before = len(streams_read)
    for shard in shards:
        batch = shard.batch
        assert batch.lengths.tolist() == batch.target_lengths.tolist()
        assert len(batch.lengths) <= rows_before  # only the last window can have fewer rows: those of the first streams
        rows_before = len(batch.lengths)
        assert batch.lengths.min() >= 1
        assert batch.lengths.max() <= length
        for stream, size in enumerate(batch.lengths.tolist()):
            streams_read[stream] += batch.inputs[stream, :size].tolist()
            targets_read[stream] += batch.targets[stream, :size].tolist()
    assert all(
        (shard.batch.lengths == length).all() and len(shard.batch.lengths) == len(streams_read) for shard in shards[:-1]
    )

    sizes = [len(stream) for stream in streams_read]
    assert len(sizes) == min(streams, len(text))
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)
    assert sum(streams_read, []) == text.tolist()
    assert sum(targets_read, []) == (text + 1000).tolist()

    start = data.draw(st.integers(0, len(shards)))
    rest = list(batches.epoch(3, start))
    assert [shard.batch.inputs.tolist() for shard in rest] == [shard.batch.inputs.tolist() for shard in shards[start:]]
    assert [shard.continues for shard in rest] == [shard.continues for shard in shards[start:]]


def test_last_window_of_only_the_longer_streams() -> None:
    values = np.arange(11)
    shards = list(StreamBatches([Row(values, values)], batch_size=3, length=3, carry=True).epoch(0))
    assert [shard.batch.inputs.tolist() for shard in shards] == [[[0, 1, 2], [4, 5, 6], [8, 9, 10]], [[3], [7]]]


# State and device


def test_first_rows_are_selected_and_detached() -> None:
    weights = torch.randn(3, 2, requires_grad=True)
    state = (weights * 2, [weights + 1, (None, weights)])
    first, (second, (nothing, third)) = first_rows(state, 2)
    assert torch.equal(first, (weights * 2)[:2])
    assert torch.equal(second, (weights + 1)[:2])
    assert not first.requires_grad
    assert not second.requires_grad
    assert nothing is None
    assert third.shape == (2, 2)
    assert first_rows(None, 2) is None


def test_to_device_keeps_lengths_on_the_cpu() -> None:
    batch = collate(make_rows([2, 1]))
    assert to_device(batch, torch.device("cpu")) is batch
    moved = to_device(batch, torch.device("meta"))
    assert (moved.inputs.device.type, moved.targets.device.type, moved.lengths.device.type) == ("meta", "meta", "cpu")
    assert to_device(Batch(batch.inputs, batch.lengths), torch.device("meta")).targets is None
