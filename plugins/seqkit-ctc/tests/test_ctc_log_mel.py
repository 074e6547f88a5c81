"""Features against independent formulas: interpolation in mel, Parseval's theorem, and tones whose place is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_ctc.log_mel import FLOOR, LogMel, hz, mel

RATE = 8000


def log_mel(**parameters: Any) -> LogMel:
    standard = {
        "sample_rate": RATE,
        "window": 0.032,
        "hop": 0.01,
        "bands": 20,
        "low": 100.0,
        "high": None,
        "stack": 1,
    }
    return LogMel(**(standard | parameters))


def tone(frequency: float, seconds: float = 0.2, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def test_mel_is_1000_at_1000_hz_and_hz_its_inverse() -> None:
    assert mel(1000) == pytest.approx(1000, abs=0.05)
    frequencies = np.linspace(0, 8000, 50)
    np.testing.assert_allclose(hz(mel(frequencies)), frequencies, atol=1e-9)


@pytest.mark.parametrize("bands", [1, 20, 40])
@pytest.mark.parametrize(("low", "high"), [(0.0, None), (100.0, 3800.0)])
def test_filters_are_triangles_drawn_by_interpolation(bands: int, low: float, high: float | None) -> None:
    features = log_mel(bands=bands, low=low, high=high, window=0.1)
    # O'Shaughnessy's formula with the natural logarithm, and each triangle as a line through three points.
    edges = np.linspace(1127.01048 * np.log1p(low / 700), 1127.01048 * np.log1p((high or RATE / 2) / 700), bands + 2)
    centres = 700 * np.expm1(edges / 1127.01048)
    frequencies = np.fft.rfftfreq(features.fft_size, 1 / RATE)
    for band, triangle in enumerate(features.filters):
        wanted = np.interp(frequencies, centres[band : band + 3], [0, 1, 0], left=0, right=0)
        np.testing.assert_allclose(triangle, wanted, atol=1e-6)


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(st.floats(250, 3600))
def test_a_tone_peaks_in_the_band_whose_centre_is_nearest_in_frequency(frequency: float) -> None:
    features = log_mel()(tone(frequency))
    centres = hz(np.linspace(mel(100), mel(RATE / 2), 22))[1:-1]
    above = np.searchsorted(centres, frequency)
    assert set(features.argmax(axis=1)) <= {above - 1, above}
    # Where it stands clearly nearer to one, that one wins.
    share = (frequency - centres[above - 1]) / (centres[above] - centres[above - 1])
    if abs(share - 0.5) > 0.2:
        assert set(features.argmax(axis=1)) == {above if share > 0.5 else above - 1}


def test_the_bands_of_a_tone_hold_its_power() -> None:
    # By Parseval a windowed sine of amplitude A has sum over n (A sin w)^2 = A^2 / 2 * sum w^2 in the mean; a spectrum
    # of F bins holds F times that, half of it at positive frequencies. Between two centres the triangles add up to 1.
    features = log_mel()
    powers = np.exp(features(tone(1130.0, amplitude=0.5)).astype(np.float64)) - FLOOR
    np.testing.assert_allclose(powers.sum(axis=1), 0.5**2 / 2 * features.fft_size / 2, rtol=0.01)


def test_white_noise_has_its_variance_in_each_bin_whatever_the_window() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(40 * RATE)
    for window in (0.02, 0.05):
        features = log_mel(window=window)
        means = np.exp(features(noise).astype(np.float64)).mean(axis=0) / features.filters.sum(axis=1)
        np.testing.assert_allclose(means, 0.01, rtol=0.1)


def test_louder_by_ten_is_more_by_the_logarithm_of_a_hundred() -> None:
    sound = np.random.default_rng(0).standard_normal(RATE) / 10
    np.testing.assert_allclose(log_mel()(10 * sound) - log_mel()(sound), np.log(100), atol=1e-3)


def test_silence_is_the_logarithm_of_the_floor() -> None:
    features = log_mel()(np.zeros(RATE))
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, np.log(FLOOR), rtol=1e-6)


@pytest.mark.parametrize("stack", [1, 2, 3])
@pytest.mark.parametrize("samples", [256, 336, 416, 1000, 4321])
def test_steps(stack: int, samples: int) -> None:
    sound = np.random.default_rng(0).standard_normal(samples)
    single, stacked = log_mel(), log_mel(stack=stack)
    windows = (samples - 256) // 80 + 1  # of 256 samples, each 80 after the one before, all within the sound
    assert len(single(sound)) == windows
    assert stacked(sound).shape == (windows // stack, 20 * stack)
    wanted = single(sound)[: windows // stack * stack].reshape(-1, 20 * stack)
    assert np.array_equal(stacked(sound), wanted)
    assert len(stacked(np.zeros(stacked.least_samples))) == 1
    assert len(stacked(np.zeros(max(256, stacked.least_samples - 1)))) == (1 if stack == 1 else 0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"window": 0.0001}, "^window is 0.0001 s: at 8000 samples a second, that is less than two samples$"),
        ({"hop": 0.00001}, "^hop is 1e-05 s: .* less than one sample$"),
        ({"high": 4001.0}, r"^high is 4001.0 Hz, where 8000 samples a second hold up to 4000.0 Hz$"),
        ({"low": 4000.0}, "^low must be below the highest frequency, 4000.0 Hz, not 4000.0$"),
        ({"bands": 200}, "^bands must be fewer, or window longer: no frequency of the spectrum falls into band 1 of"),
    ],
)
def test_numbers_that_do_not_go_together(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        log_mel(**parameters)
