"""Tests of log-mel features against independent formulas: interpolation in mel, Parseval's theorem and pure tones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_ctc.log_mel import LOG_OFFSET, LogMel, hz_to_mel, mel_to_hz

RATE = 8000


def log_mel(**parameters: Any) -> LogMel:
    defaults = {
        "sample_rate": RATE,
        "window": 0.032,
        "hop": 0.01,
        "bands": 20,
        "low": 100.0,
        "high": None,
        "normalize": "none",
        "stack": 1,
    }
    return LogMel(**(defaults | parameters))


def tone(frequency: float, seconds: float = 0.2, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE)


def test_mel_to_hz_is_the_inverse_of_hz_to_mel() -> None:
    assert hz_to_mel(1000) == pytest.approx(1000, abs=0.05)
    frequencies = np.linspace(0, 8000, 50)
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(frequencies)), frequencies, atol=1e-9)


@pytest.mark.parametrize("bands", [1, 20, 40])
@pytest.mark.parametrize(("low", "high"), [(0.0, None), (100.0, 3800.0)])
def test_filters_equal_linear_interpolation(bands: int, low: float, high: float | None) -> None:
    features = log_mel(bands=bands, low=low, high=high, window=0.1)
    # O'Shaughnessy's formula with the natural logarithm; each filter is interpolated between three points.
    edges = np.linspace(1127.01048 * np.log1p(low / 700), 1127.01048 * np.log1p((high or RATE / 2) / 700), bands + 2)
    centers = 700 * np.expm1(edges / 1127.01048)
    frequencies = np.fft.rfftfreq(features.fft_size, 1 / RATE)
    for band, triangle in enumerate(features.filters):
        expected = np.interp(frequencies, centers[band : band + 3], [0, 1, 0], left=0, right=0)
        np.testing.assert_allclose(triangle, expected, atol=1e-6)


@settings(max_examples=30, deadline=None, derandomize=True, database=None)
@given(st.floats(250, 3600))
def test_tone_peaks_in_the_band_whose_centre_is_nearest_in_frequency(frequency: float) -> None:
    features = log_mel()(tone(frequency))
    centers = mel_to_hz(np.linspace(hz_to_mel(100), hz_to_mel(RATE / 2), 22))[1:-1]
    above = np.searchsorted(centers, frequency)
    assert set(features.argmax(axis=1)) <= {above - 1, above}
    # The nearer band has the peak, unless the distances are similar.
    position = (frequency - centers[above - 1]) / (centers[above] - centers[above - 1])
    if abs(position - 0.5) > 0.2:
        assert set(features.argmax(axis=1)) == {above if position > 0.5 else above - 1}


def test_bands_of_a_tone_sum_to_its_power() -> None:
    # By Parseval a windowed sine of amplitude A has sum over n (A sin w)^2 = A^2 / 2 * sum w^2 in the mean; a spectrum
    # of F bins holds F times that, half of it at positive frequencies. Between two centers the triangles add up to 1.
    features = log_mel()
    powers = np.exp(features(tone(1130.0, amplitude=0.5)).astype(np.float64)) - LOG_OFFSET
    np.testing.assert_allclose(powers.sum(axis=1), 0.5**2 / 2 * features.fft_size / 2, rtol=0.01)


def test_white_noise_has_its_variance_in_each_bin_for_any_window() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(40 * RATE)
    for window in (0.02, 0.05):
        features = log_mel(window=window)
        means = np.exp(features(noise).astype(np.float64)).mean(axis=0) / features.filters.sum(axis=1)
        np.testing.assert_allclose(means, 0.01, rtol=0.1)


def test_ten_times_the_amplitude_adds_log_100() -> None:
    sound = np.random.default_rng(0).standard_normal(RATE) / 10
    np.testing.assert_allclose(log_mel()(10 * sound) - log_mel()(sound), np.log(100), atol=1e-3)


def test_silence_is_the_logarithm_of_the_offset() -> None:
    features = log_mel()(np.zeros(RATE))
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, np.log(LOG_OFFSET), rtol=1e-6)


def test_normalization_equals_that_of_numpy() -> None:
    sound = np.random.default_rng(0).standard_normal(RATE) * np.linspace(0.01, 1, RATE)
    plain = log_mel()(sound[:-80]).astype(np.float64)  # an even number of windows
    normalized = log_mel(normalize="recording", stack=2)(sound[:-80])
    expected = ((plain - plain.mean(axis=0)) / plain.std(axis=0)).reshape(len(normalized), 40)
    assert normalized.dtype == np.float32
    np.testing.assert_allclose(normalized, expected, atol=1e-5)


def test_normalization_removes_the_level_and_the_microphone() -> None:
    sound = np.random.default_rng(0).standard_normal(4 * RATE) * np.repeat([0.1, 1, 0.3, 0.5], RATE)
    recorded = 20 * (sound[1:] - 0.5 * sound[:-1])
    one, other = (log_mel(normalize="recording")(each) for each in (sound[1:], recorded))
    assert np.abs(one - other).mean() < 0.1
    assert np.abs(log_mel()(sound[1:]) - log_mel()(recorded)).mean() > 1


def test_normalization_of_silence_is_zero() -> None:
    assert not log_mel(normalize="recording")(np.zeros(RATE)).any()
    assert log_mel(normalize="recording", stack=3)(np.zeros(256)).shape == (0, 60)


@pytest.mark.parametrize("stack", [1, 2, 3])
@pytest.mark.parametrize("samples", [256, 336, 416, 1000, 4321])
def test_number_of_time_steps(stack: int, samples: int) -> None:
    sound = np.random.default_rng(0).standard_normal(samples)
    single, stacked = log_mel(), log_mel(stack=stack)
    windows = (samples - 256) // 80 + 1  # of 256 samples, each 80 after the one before, all within the sound
    assert len(single(sound)) == windows
    assert stacked(sound).shape == (windows // stack, 20 * stack)
    expected = single(sound)[: windows // stack * stack].reshape(-1, 20 * stack)
    assert np.array_equal(stacked(sound), expected)
    assert len(stacked(np.zeros(stacked.min_samples))) == 1
    assert len(stacked(np.zeros(max(256, stacked.min_samples - 1)))) == (1 if stack == 1 else 0)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"window": 0.0001}, r"^window must be at least 0.00025 s \(two samples\), not 0.0001 s$"),
        ({"hop": 0.00001}, r"^hop must be at least 0.000125 s \(one sample\), not 1e-05 s$"),
        ({"high": 4001.0}, "^high must be at most half the sample rate, 4000.0 Hz, not 4001.0 Hz$"),
        ({"low": 4000.0}, "^low must be below the highest frequency, 4000.0 Hz, not 4000.0 Hz$"),
        ({"bands": 200}, "^bands must be fewer, or window longer: band 1 of 200 contains no"),
    ],
)
def test_invalid_parameters_are_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        log_mel(**parameters)
