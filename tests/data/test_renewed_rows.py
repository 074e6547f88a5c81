"""Rows that are made anew in each epoch: windows that begin elsewhere, and rows that the head renews."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.contracts import Row
from seqkit.data.batching import BatchShard, RowBatches, Shard, StreamBatches
from seqkit.errors import PluginError
from seqkit.layers.renewal import crop, mask_tokens, replace_tokens


def shifted(row: Row, generator: np.random.Generator) -> Row:
    """Add a random number to each id."""
    return Row(row.input + generator.integers(1000, size=len(row.input)), row.target)


def contents(shards: list[BatchShard]) -> list[Any]:
    return [(shard.batch.inputs.tolist(), shard.batch.targets.tolist(), shard.continues) for shard in shards]


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 60),
    streams=st.integers(1, 9),
    length=st.integers(1, 12),
    epoch=st.integers(0, 3),
    data=st.data(),
)
def test_shifted_windows_have_all_of_the_text(count: int, streams: int, length: int, epoch: int, data: Any) -> None:
    text = np.arange(count)
    batches = StreamBatches([Row(text, text + 1000)], streams, length, True, seed=3, shift=True)
    shards = list(batches.epoch(epoch))
    assert len(shards) == len(batches) == len(StreamBatches([Row(text, text)], streams, length, True))
    read: dict[int, list[int]] = {}
    for shard in shards:
        for stream, size, ids, targets in zip(
            shard.rows.tolist(),
            shard.batch.lengths.tolist(),
            shard.batch.inputs.tolist(),
            shard.batch.targets.tolist(),
            strict=True,
        ):
            assert [value + 1000 for value in ids[:size]] == targets[:size]
            read.setdefault(stream, []).extend(ids[:size])
    found = [value for stream in sorted(read) for value in read[stream]]
    assert found == [(found[0] + place) % count for place in range(count)]  # the text as a circle, once
    start = data.draw(st.integers(0, len(shards)))
    assert contents(list(batches.epoch(epoch, start))) == contents(shards[start:])


def test_windows_begin_elsewhere_in_each_epoch_and_with_each_seed() -> None:
    text = np.arange(1000)
    row = Row(text, text)
    starts = {
        int(next(StreamBatches([row], 4, 10, True, seed=seed, shift=True).epoch(epoch)).batch.inputs[0, 0])
        for seed in range(5)
        for epoch in range(5)
    }
    assert len(starts) >= 23 and max(starts) > 750 and min(starts) < 250


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("windows", [False, True])
def test_renewed_rows_do_not_depend_on_the_number_of_processes(windows: bool, size: int) -> None:
    rows = [Row(np.arange(9 - place), np.arange(9 - place)) for place in range(7)]

    def epoch(shard: Shard, number: int = 1, start: int = 0) -> list[BatchShard]:
        if windows:
            return list(StreamBatches(rows, 4, 3, True, shard, 5, True, shifted).epoch(number, start))
        return list(RowBatches(rows, 4, 5, shard, shifted).epoch(number, start))

    def by_row(shards: list[BatchShard]) -> Counter[Any]:
        return Counter(
            (place, row, tuple(values[:length]))
            for place, shard in enumerate(shards)
            if shard.counts
            for row, values, length in zip(
                shard.rows.tolist(), shard.batch.inputs.tolist(), shard.batch.lengths.tolist(), strict=True
            )
        )

    whole = epoch(Shard())
    assert by_row(whole) == sum((by_row(epoch(Shard(rank, size))) for rank in range(size)), Counter())
    assert contents(epoch(Shard(), start=1)) == contents(whole)[1:]
    assert contents(epoch(Shard(), number=2)) != contents(whole)


def test_a_single_batch_is_renewed_in_each_epoch() -> None:
    batches = RowBatches([Row(np.arange(5), 1), Row(np.arange(3), 0)], 9, 0, renew=shifted)
    assert contents(list(batches.epoch(0))) == contents(list(batches.epoch(0))) != contents(list(batches.epoch(1)))


@pytest.mark.parametrize("length", [0, 2, 4])
def test_renewed_window_of_another_length_is_an_error(length: int) -> None:
    ids = np.arange(12)
    batches = StreamBatches([Row(ids, ids)], 2, 3, True, renew=lambda row, _: Row(ids[:length], row.target))
    with pytest.raises(PluginError, match=f"renew of the head returns a row of {length} time steps for one of 3"):
        list(batches.epoch(0))


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 99))
def test_crop_is_a_part_of_the_row(length: int, wanted: int, seed: int) -> None:
    ids = np.arange(length)
    found = crop(ids, wanted, np.random.default_rng(seed))
    assert len(found) == min(length, wanted)
    assert (np.diff(found) == 1).all()


def test_crops_begin_at_every_token() -> None:
    starts = {int(crop(np.arange(8), 5, np.random.default_rng(seed))[0]) for seed in range(60)}
    assert starts == {0, 1, 2, 3}


@pytest.mark.parametrize("shape", [(4000,), (4000, 3)])
def test_noise_replaces_a_share_of_tokens_by_others_of_the_row(shape: tuple[int, ...]) -> None:
    ids = np.random.default_rng(0).integers(1, 50, size=shape)
    before = ids.copy()
    noisy = replace_tokens(ids, 0.2, {}, np.random.default_rng(1))
    assert (ids == before).all()
    changed = (noisy != ids).reshape(len(ids), -1).any(axis=1).mean()
    assert 0.16 < changed < 0.23  # a token can be replaced by an equal one
    assert {*map(str, noisy.tolist())} <= {*map(str, ids.tolist())}
    assert (replace_tokens(ids, 0.0, {}, np.random.default_rng(1)) == ids).all()


@pytest.mark.parametrize("shape", [(4000,), (4000, 3)])
def test_noise_neither_moves_nor_repeats_special_tokens(shape: tuple[int, ...]) -> None:
    ids = np.random.default_rng(0).integers(1, 9, size=shape)
    tokens = ids.reshape(4000, -1)[:, 0]
    noisy = replace_tokens(ids, 0.5, {"begin": 1, "separator": 2}, np.random.default_rng(1)).reshape(4000, -1)[:, 0]
    assert ((noisy == 1) == (tokens == 1)).all()
    assert ((noisy == 2) == (tokens == 2)).all()
    assert (noisy != tokens)[tokens > 2].mean() > 0.3


def test_noise_leaves_a_row_of_special_tokens_alone() -> None:
    assert replace_tokens(np.array([1, 1]), 1.0, {"begin": 1}, np.random.default_rng(1)).tolist() == [1, 1]


@pytest.mark.parametrize("shape", [(4000,), (4000, 3)])
def test_mask_replaces_a_share_of_tokens_but_no_separator(shape: tuple[int, ...]) -> None:
    ids = np.random.default_rng(0).integers(1, 4, size=shape)
    before = ids.copy()
    masked = mask_tokens(ids, 0.2, {"mask": 9, "separator": 2}, np.random.default_rng(1)).reshape(4000, -1)
    assert (ids == before).all()
    tokens = ids.reshape(4000, -1)
    replaced = (masked != tokens).any(axis=1)
    assert {tuple(row) for row in masked[replaced].tolist()} == {(9, 0, 0)[: masked.shape[1]]}
    assert not replaced[tokens[:, 0] == 2].any()
    assert 0.17 < replaced[tokens[:, 0] != 2].mean() < 0.23
    assert mask_tokens(ids, 0.9, {"mask": 9}, np.random.default_rng(1)).reshape(4000, -1)[tokens[:, 0] == 2].max() == 9
