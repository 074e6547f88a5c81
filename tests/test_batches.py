"""Batches: every row once an epoch, padded rightly; every step of a long text once, in order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.batches import WINDOW, RowBatches, Step, StreamBatches, carried, collate, to_device
from seqkit.contracts import Batch, Row


def rows_of(lengths: list[int]) -> list[Row]:
    """Returns rows of ids 1, 2, …, each with its own number for target."""
    return [Row(np.arange(1, length + 1), number) for number, length in enumerate(lengths)]


def numbers(steps: list[Step]) -> list[list[int]]:
    """Returns which rows each step holds."""
    return [step.batch.targets.tolist() for step in steps]


many_lengths = st.lists(st.integers(1, 30), min_size=1, max_size=60)
batch_sizes = st.integers(1, 12)


# Whole rows


@settings(deadline=None)
@given(lengths=many_lengths, batch_size=batch_sizes, seed=st.none() | st.integers(0, 9), epoch=st.integers(0, 5))
def test_every_row_comes_once_an_epoch(lengths, batch_size: int, seed: int | None, epoch: int) -> None:
    batches = RowBatches(rows_of(lengths), batch_size, seed)
    steps = list(batches.epoch(epoch))
    assert len(steps) == len(batches)
    assert sorted(number for members in numbers(steps) for number in members) == list(range(len(lengths)))
    assert sorted(len(members) for members in numbers(steps))[1:] == [batch_size] * (len(batches) - 1)
    assert not any(step.continues for step in steps)
    # `order` says in which order the rows come: predictions are put back by it.
    assert numbers(steps) == [members.tolist() for members in batches.order(epoch)]
    for step in steps:
        for row, length, number in zip(*step.batch[:3], strict=True):
            assert length == lengths[number]
            assert row[:length].tolist() == list(range(1, length + 1))
            assert not row[length:].any()


@settings(deadline=None)
@given(lengths=many_lengths, batch_size=batch_sizes, seed=st.integers(0, 9), epoch=st.integers(0, 5), data=st.data())
def test_an_epoch_can_be_entered_anywhere(lengths, batch_size: int, seed: int, epoch: int, data) -> None:
    batches = RowBatches(rows_of(lengths), batch_size, seed)
    start = data.draw(st.integers(0, len(batches)))
    whole = numbers(list(batches.epoch(epoch)))
    again = RowBatches(rows_of(lengths), batch_size, seed)
    assert numbers(list(again.epoch(epoch, start))) == whole[start:]


def test_seed_and_epoch_make_the_order() -> None:
    rows = rows_of([number % 7 + 1 for number in range(50)])
    orders = {
        (seed, epoch): str(numbers(list(RowBatches(rows, 4, seed).epoch(epoch)))) for seed in (1, 2) for epoch in (1, 2)
    }
    assert len(set(orders.values())) == 4
    assert str(numbers(list(RowBatches(rows, 4, 1).epoch(1)))) == orders[1, 1]


def test_rows_of_a_batch_are_of_similar_length() -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 200, size=4 * WINDOW).tolist()
    for batch, *_ in RowBatches(rows_of(lengths), 4, seed=1).epoch(0):
        assert batch.lengths.max() - batch.lengths.min() < 20


def test_evaluation_goes_by_length() -> None:
    batches = RowBatches(rows_of([3, 1, 2, 1, 3]), 2, seed=None)
    assert numbers(list(batches.epoch(0))) == numbers(list(batches.epoch(7))) == [[1, 3], [2, 0], [4]]


def test_a_split_that_fits_one_batch_keeps_its_order_and_is_made_once() -> None:
    batches = RowBatches(rows_of([5, 2, 9]), 3, seed=4)
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


def test_step_by_step_targets_are_padded_too() -> None:
    batch = collate([Row(np.array([5]), np.array([6])), Row(np.array([7, 8]), np.array([8, 9]))])
    assert batch.targets.tolist() == [[6, 0], [8, 9]]
    assert batch.target_lengths.tolist() == [1, 2]


def test_rows_without_targets_are_for_predicting() -> None:
    batch = collate([Row(np.array([1, 2])), Row(np.array([3]))])
    assert (batch.targets, batch.target_lengths) == (None, None)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16])
def test_features_take_the_models_precision(count: int, kind: type) -> None:
    generator = np.random.default_rng(0)
    features = [generator.normal(size=(length, 4)).astype(kind) for length in range(1, count + 1)]
    batch = collate([Row(values, values[:, 0]) for values in features])
    assert batch.inputs.dtype == batch.targets.dtype == torch.get_default_dtype()
    assert batch.inputs.shape == (count, count, 4)
    for row, target, values in zip(batch.inputs, batch.targets, features, strict=True):
        np.testing.assert_allclose(row[: len(values)], values, rtol=1e-6)
        np.testing.assert_allclose(target[: len(values)], values[:, 0], rtol=1e-6)
        assert not row[len(values) :].any()


def test_ids_of_several_dimensions_and_of_small_types() -> None:
    batch = collate([Row(np.array([[1, 2], [3, 4]], dtype=np.uint8)), Row(np.array([[5, 6]], dtype=np.uint8))])
    assert batch.inputs.tolist() == [[[1, 2], [3, 4]], [[5, 6], [0, 0]]]
    assert batch.inputs.dtype == torch.int64


def test_a_whole_number_among_features_does_not_cut_the_others_off() -> None:
    batch = collate([Row(np.array([[1], [2]])), Row(np.array([[0.5]]))])
    assert batch.inputs.tolist() == [[[1.0], [2.0]], [[0.5], [0.0]]]


@pytest.mark.parametrize("count", [1, 2])
def test_a_batch_is_its_own_and_rows_may_be_read_only(count: int) -> None:
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
def test_windows_joined_give_the_text_back(lengths, streams: int, length: int, carry: bool, data) -> None:
    text = np.arange(100, 100 + sum(lengths))
    rows = [Row(part, part + 1000) for part in np.split(text, np.cumsum(lengths)[:-1])]
    batches = StreamBatches(rows, streams, length, carry)
    steps = list(batches.epoch(0))
    assert len(steps) == len(batches)
    assert [step.continues for step in steps] == [carry and window > 0 for window in range(len(steps))]

    streams_read: list[list[int]] = [[] for _ in range(len(steps[0].batch.lengths))]
    targets_read: list[list[int]] = [[] for _ in streams_read]
    rows_before = len(streams_read)
    for step in steps:
        batch = step.batch
        assert batch.lengths.tolist() == batch.target_lengths.tolist()
        assert len(batch.lengths) <= rows_before  # only the last window may lack streams, and then the last of them
        rows_before = len(batch.lengths)
        assert batch.lengths.min() >= 1
        assert batch.lengths.max() <= length
        for stream, size in enumerate(batch.lengths.tolist()):
            streams_read[stream] += batch.inputs[stream, :size].tolist()
            targets_read[stream] += batch.targets[stream, :size].tolist()
    assert all(
        (step.batch.lengths == length).all() and len(step.batch.lengths) == len(streams_read) for step in steps[:-1]
    )

    sizes = [len(stream) for stream in streams_read]
    assert len(sizes) == min(streams, len(text))
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)
    assert sum(streams_read, []) == text.tolist()
    assert sum(targets_read, []) == (text + 1000).tolist()

    start = data.draw(st.integers(0, len(steps)))
    rest = list(batches.epoch(3, start))
    assert [step.batch.inputs.tolist() for step in rest] == [step.batch.inputs.tolist() for step in steps[start:]]
    assert [step.continues for step in rest] == [step.continues for step in steps[start:]]


def test_a_last_window_that_only_the_longer_streams_have() -> None:
    values = np.arange(11)
    steps = list(StreamBatches([Row(values, values)], batch_size=3, length=3, carry=True).epoch(0))
    assert [step.batch.inputs.tolist() for step in steps] == [[[0, 1, 2], [4, 5, 6], [8, 9, 10]], [[3], [7]]]


# State


def test_carried_state_keeps_the_first_rows_and_no_graph() -> None:
    weights = torch.randn(3, 2, requires_grad=True)
    state = (weights * 2, [weights + 1, (None, "kept")])
    first, (second, (nothing, word)) = carried(state, 2)
    assert torch.equal(first, (weights * 2)[:2])
    assert torch.equal(second, (weights + 1)[:2])
    assert not first.requires_grad
    assert not second.requires_grad
    assert (nothing, word) == (None, "kept")
    assert carried(None, 2) is None


def test_a_batch_stays_where_it_is_on_the_cpu_and_lengths_stay_there_always() -> None:
    batch = collate(rows_of([2, 1]))
    assert to_device(batch, torch.device("cpu")) is batch
    moved = to_device(batch, torch.device("meta"))
    assert (moved.inputs.device.type, moved.targets.device.type, moved.lengths.device.type) == ("meta", "meta", "cpu")
    assert to_device(Batch(batch.inputs, batch.lengths), torch.device("meta")).targets is None
