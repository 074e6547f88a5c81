"""Sound into log-mel features.

Samples x are cut into windows of N samples, one every H. A window, times the Hann window w, has the power spectrum

    P[k] = |sum over n of w[n] x[n] exp(-2 pi i k n / F)|^2 / sum over n of w[n]^2,   k = 0 .. F / 2,

with F the power of two from N up, so that white noise of variance v has P[k] = v in the mean, whatever N. Mel,
m(f) = 2595 log10(1 + f / 700) with f in Hz, spaces pitch about as it is heard. `bands` triangles M_b stand at even
distances of mel between a lowest and a highest frequency, each rising from 0 at its left neighbour's centre to 1 at its
own and falling to 0 at its right neighbour's. A feature is

    log(FLOOR + sum over k of M_b[f(k)] P[k]).

Reference: Davis and Mermelstein, 1980; the mel scale is O'Shaughnessy's, 1987.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

FLOOR = 1e-8
"""Keeps the logarithm of silence finite: 80 dB below the power of samples that are all 1."""

_AT_ONCE = 4096
"""So many windows are transformed at a time: a long recording's would fill the memory."""


class LogMel:
    """Log-mel features of sound, with parameters as the readers take them.

    Args:
        sample_rate: samples a second.
        window: seconds of sound that one spectrum is of.
        hop: seconds from one window to the next.
        bands: how many mel bands.
        low, high: where the lowest triangle begins and the highest ends, in Hz; `high` None for half the sample rate.
        stack: so many successive windows stand side by side as one step, so that there are as many times fewer steps
            (Sak et al., 2015). Windows at the end that do not fill a step are left out.

    Raises:
        ValueError: the numbers do not go together.
    """

    def __init__(
        self,
        *,
        sample_rate: int,
        window: float,
        hop: float,
        bands: int,
        low: float,
        high: float | None,
        stack: int,
    ) -> None:
        self.sample_rate = sample_rate
        self.window_size = round(window * sample_rate)
        self.hop_size = round(hop * sample_rate)
        self.bands = bands
        self.low = low
        self.high = sample_rate / 2 if high is None else high
        self.stack = stack
        if self.window_size < 2:
            raise ValueError(f"window is {window} s: at {sample_rate} samples a second, that is less than two samples")
        if self.hop_size < 1:
            raise ValueError(f"hop is {hop} s: at {sample_rate} samples a second, that is less than one sample")
        if self.high > sample_rate / 2:
            raise ValueError(f"high is {high} Hz, where {sample_rate} samples a second hold up to {sample_rate / 2} Hz")
        if self.low >= self.high:
            raise ValueError(f"low must be below the highest frequency, {self.high} Hz, not {low}")
        self.fft_size = 1 << (self.window_size - 1).bit_length()
        empty = np.flatnonzero(self.filters.sum(axis=1) == 0)
        if empty.size:
            raise ValueError(
                f"bands must be fewer, or window longer: no frequency of the spectrum falls into band {empty[0] + 1} "
                f"of {bands}"
            )

    @property
    def least_samples(self) -> int:
        """How many samples one step takes."""
        return self.window_size + (self.stack - 1) * self.hop_size

    @cached_property
    def filters(self) -> np.ndarray:
        """The triangles: float (bands, fft_size / 2 + 1)."""
        edges = hz(np.linspace(mel(self.low), mel(self.high), self.bands + 2))
        frequencies = np.arange(self.fft_size // 2 + 1) * self.sample_rate / self.fft_size
        rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
        falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
        return np.maximum(0, np.minimum(rising, falling))

    @cached_property
    def _hann(self) -> np.ndarray:
        return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window_size) / self.window_size)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """samples: float (samples,), at least `least_samples` -> float32 (time, bands * stack)."""
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.window_size)[:: self.hop_size]
        steps = len(windows) // self.stack
        features = np.empty((steps * self.stack, self.bands), np.float32)
        for first in range(0, len(features), _AT_ONCE):
            here = slice(first, min(first + _AT_ONCE, len(features)))
            spectrum = np.fft.rfft(windows[here] * self._hann, self.fft_size)  # (windows, fft_size / 2 + 1)
            power = (spectrum.real**2 + spectrum.imag**2) / (self._hann**2).sum()
            features[here] = np.log(FLOOR + power @ self.filters.T)  # (windows, bands)
        return features.reshape(steps, self.stack * self.bands)


def mel(frequency: float | np.ndarray) -> np.ndarray:
    """Hz into mel."""
    return 2595 * np.log10(1 + np.asarray(frequency) / 700)


def hz(pitch: float | np.ndarray) -> np.ndarray:
    """Mel into Hz."""
    return 700 * (10 ** (np.asarray(pitch) / 2595) - 1)
