"""Tests of SpecAugment: which widths and places masks have, and that evaluation masks nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from seqkit_ctc.spec_augment import SpecAugment
from torch import Tensor

from seqkit.encoders.lstm import LSTM, BiLSTM

OFF = {"time_masks": 0, "frequency_masks": 0}


def spec_augment(input_size: int, **parameters: Any) -> SpecAugment:
    return SpecAugment(input_size, encoder=lambda size: BiLSTM(size, hidden_size=3), **(OFF | parameters))


def masked(encoder: SpecAugment, batch: int, time: int, lengths: Tensor | None = None, seed: int = 0) -> np.ndarray:
    """Which features of inputs of 1 are masked, bool (batch, time, input_size)."""
    torch.manual_seed(seed)
    size = encoder.bands if encoder.bands > 1 else 1
    inputs = torch.ones(batch, time, size)
    lengths = torch.full((batch,), time) if lengths is None else lengths
    return (encoder.mask(inputs, lengths) == 0).numpy()


def intervals(rows: np.ndarray) -> list[tuple[int, int]]:
    """The start and the width of the only interval in each row."""
    found = []
    for row in rows:
        places = np.flatnonzero(row)
        assert not len(places) or len(places) == places[-1] - places[0] + 1
        found.append((int(places[0]) if len(places) else -1, len(places)))
    return found


def test_widths_of_time_masks_are_uniform_and_so_are_their_places() -> None:
    is_masked = masked(spec_augment(4, time_masks=1, time_width=3, time_fraction=1.0), 8000, 10)
    assert (is_masked == is_masked[:, :, :1]).all()  # all features of a time step
    found = intervals(is_masked[:, :, 0])
    widths = [width for _, width in found]
    np.testing.assert_allclose(np.bincount(widths) / 8000, [0.25] * 4, atol=0.02)
    for width in (1, 2, 3):
        starts = np.bincount([start for start, each in found if each == width])
        np.testing.assert_allclose(starts / starts.sum(), [1 / (11 - width)] * (11 - width), atol=0.03)


def test_widths_of_frequency_masks_are_uniform() -> None:
    is_masked = masked(spec_augment(6, frequency_masks=1, frequency_width=4), 8000, 3)
    assert (is_masked == is_masked[:, :1]).all()  # at all time steps
    widths = np.bincount([width for _, width in intervals(is_masked[:, 0])])
    np.testing.assert_allclose(widths / 8000, [0.2] * 5, atol=0.02)


def test_time_masks_lie_within_the_row_and_within_their_fraction() -> None:
    lengths = torch.tensor([1, 4, 9, 40] * 500)
    is_masked = masked(spec_augment(2, time_masks=1, time_width=6, time_fraction=0.5), 2000, 40, lengths)[:, :, 0]
    for number, (length, widest) in enumerate(((1, 0), (4, 2), (9, 4), (40, 6))):
        rows = is_masked[number::4]
        assert rows.sum(axis=1).max() == widest
        assert not rows[:, length:].any()
        assert not widest or rows[:, length - 1].any()


def test_two_masks_differ_and_their_union_is_masked() -> None:
    is_masked = masked(spec_augment(2, time_masks=2, time_width=2, time_fraction=1.0), 500, 20)[:, :, 0]
    assert is_masked.sum(axis=1).max() == 4


def test_bands_of_stacked_windows_are_masked_together() -> None:
    encoder = spec_augment(12, frequency_masks=1, frequency_width=2, bands=4)
    torch.manual_seed(0)
    is_masked = (encoder.mask(torch.ones(50, 2, 12), torch.full((50,), 2)) == 0).numpy()
    windows = is_masked.reshape(50, 2, 3, 4)
    assert (windows == windows[:, :1, :1]).all()
    assert set(windows[:, 0, 0].sum(axis=1)) == {0, 1, 2}


def test_unmasked_features_are_unchanged() -> None:
    encoder = spec_augment(8, time_masks=1, frequency_masks=1)
    inputs = torch.randn(3, 30, 8)
    outputs = encoder.mask(inputs, torch.tensor([30, 20, 10]))
    assert torch.equal(outputs[outputs != 0], inputs[outputs != 0])


def test_masks_are_sampled_from_the_generator_of_torch() -> None:
    encoder = spec_augment(8, time_masks=2, frequency_masks=2)
    first, again, other = (masked(encoder, 20, 30, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_evaluation_masks_nothing() -> None:
    encoder = spec_augment(8, time_masks=2, frequency_masks=2)
    inputs, lengths = torch.randn(2, 30, 8), torch.tensor([30, 12])
    state = torch.random.get_rng_state()
    encoded, expected = encoder.eval()(inputs, lengths), encoder.encoder(inputs, lengths)
    assert torch.equal(encoded.outputs, expected.outputs) and torch.equal(encoded.final, expected.final)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not torch.equal(encoder.train()(inputs, lengths).outputs, expected.outputs)


def test_sizes_and_causality_are_those_of_the_encoder() -> None:
    encoder = SpecAugment(3, encoder=lambda size: LSTM(size, hidden_size=5))
    assert (encoder.output_size, encoder.final_size, encoder.causal) == (5, 5, True)
    encoder = SpecAugment(3, encoder=lambda size: BiLSTM(size, hidden_size=5))
    assert (encoder.output_size, encoder.final_size, encoder.causal) == (10, 10, False)


def test_bands_that_do_not_divide_the_features_are_rejected() -> None:
    with pytest.raises(ValueError, match="^bands must divide the number of features of a time step, 12, not 5$"):
        spec_augment(12, bands=5)
