"""Log-mel features of sound.

Samples x are split into windows of N samples, one every H samples. With the Hann window w, the power spectrum is

    P[k] = |sum over n of w[n] x[n] exp(-2 pi i k n / F)|^2 / sum over n of w[n]^2,   k = 0 .. F / 2,

where F is the smallest power of two that is at least N. White noise of variance v has the expected value P[k] = v for
any N. The mel scale m(f) = 2595 log10(1 + f / 700), with f in Hz, approximates the perception of pitch. The centers of
the `bands` triangular filters M_b are equally spaced in mel between a lowest and a highest frequency. Each filter rises
from 0 at the center of its left neighbor to 1 at its own, and falls to 0 at that of its right neighbor. A feature is

    log(LOG_OFFSET + sum over k of M_b[f(k)] P[k]).

Normalization subtracts the mean of each band in a recording, or in all recordings of a speaker, and divides by the
standard deviation. The mean contains the effect of the microphone and of the level, because a filter adds a constant to
a logarithm (Atal, 1974; Viikki and Laurila, 1998).

References: Davis and Mermelstein, 1980; O'Shaughnessy, 1987, for the mel scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import numpy as np

from seqkit.errors import DataError
from seqkit.messages import message

LOG_OFFSET = 1e-8
"""Makes the logarithm of silence finite: 80 dB below the power of samples that are all 1."""

Normalization = Literal["none", "recording"]
"""What the features of a recording are normalized over."""

_MIN_DEVIATION = 1e-3
"""The least standard deviation of a band that is divided by, far below that of sound: silence remains 0."""

_WINDOWS_PER_BLOCK = 4096
"""The number of windows that are transformed at once, which limits the memory that a long recording needs."""


class LogMel:
    """Log-mel features of sound. The parameters are those of the readers.

    Args:
        sample_rate: samples per second.
        window: the length of a window in seconds.
        hop: the distance between the starts of successive windows in seconds.
        bands: the number of mel bands.
        low: the lowest frequency of the first band in Hz.
        high: the highest frequency of the last band in Hz; None for half the sample rate.
        normalize: `recording` normalizes each recording; with any other value, features are not normalized.
        stack: the number of successive windows that are concatenated into one time step, which divides the number of
            time steps by as much (Sak et al., 2015). The last windows are dropped if they do not fill a time step.

    Raises:
        ValueError: the parameters contradict each other.
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
        normalize: str,
        stack: int,
    ) -> None:
        self.sample_rate = sample_rate
        self.window_size = round(window * sample_rate)
        self.hop_size = round(hop * sample_rate)
        self.bands = bands
        self.low = low
        self.high = sample_rate / 2 if high is None else high
        self.normalize = normalize
        self.stack = stack
        if self.window_size < 2:
            raise ValueError(
                message(
                    "window must be at least {seconds} s (two samples), not {window} s",
                    seconds=2 / sample_rate,
                    window=window,
                )
            )
        if self.hop_size < 1:
            raise ValueError(
                message("hop must be at least {seconds} s (one sample), not {hop} s", seconds=1 / sample_rate, hop=hop)
            )
        if self.high > sample_rate / 2:
            raise ValueError(
                message(
                    "high must be at most half the sample rate, {limit} Hz, not {high} Hz",
                    limit=sample_rate / 2,
                    high=high,
                )
            )
        if self.low >= self.high:
            raise ValueError(
                message(
                    "low must be below the highest frequency, {highest} Hz, not {low} Hz", highest=self.high, low=low
                )
            )
        self.fft_size = 1 << (self.window_size - 1).bit_length()
        empty = np.flatnonzero(self.filters.sum(axis=1) == 0)
        if empty.size:
            raise ValueError(
                message(
                    "bands must be fewer, or window longer: band {band} of {bands} contains no frequency of the "
                    "spectrum",
                    band=empty[0] + 1,
                    bands=bands,
                )
            )

    @property
    def min_samples(self) -> int:
        """The number of samples of one time step."""
        return self.window_size + (self.stack - 1) * self.hop_size

    @cached_property
    def filters(self) -> np.ndarray:
        """The triangular filters, float (bands, fft_size / 2 + 1)."""
        edges = mel_to_hz(np.linspace(hz_to_mel(self.low), hz_to_mel(self.high), self.bands + 2))
        frequencies = np.arange(self.fft_size // 2 + 1) * self.sample_rate / self.fft_size
        rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
        falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
        return np.maximum(0, np.minimum(rising, falling))

    @cached_property
    def _hann_window(self) -> np.ndarray:
        return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window_size) / self.window_size)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Compute the features of samples, float (samples,), at least `min_samples` of them.

        Returns float32 (time, bands * stack).
        """
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.window_size)[:: self.hop_size]
        steps = len(windows) // self.stack
        features = np.empty((steps * self.stack, self.bands), np.float32)
        for start in range(0, len(features), _WINDOWS_PER_BLOCK):
            block = slice(start, min(start + _WINDOWS_PER_BLOCK, len(features)))
            spectrum = np.fft.rfft(windows[block] * self._hann_window, self.fft_size)  # (windows, fft_size / 2 + 1)
            power = (spectrum.real**2 + spectrum.imag**2) / (self._hann_window**2).sum()
            features[block] = np.log(LOG_OFFSET + power @ self.filters.T)  # (windows, bands)
        features = features.reshape(steps, self.stack * self.bands)
        return self.normalized([features])[0] if self.normalize == "recording" else features

    def of_recording(self, samples: np.ndarray, name: str, remedy: str) -> np.ndarray:
        """Compute the features of a recording of any length.

        Args:
            samples: float (samples,).
            name: of the recording, for the message.
            remedy: what to do if it is too short.

        Raises:
            DataError: the recording is shorter than one time step.
        """
        if len(samples) < self.min_samples:
            raise DataError(
                message(
                    "{name} is {seconds:.3f} s long, but one time step requires {required:.3f} s: {remedy}",
                    name=name,
                    seconds=len(samples) / self.sample_rate,
                    required=self.min_samples / self.sample_rate,
                    remedy=remedy,
                )
            )
        return self(samples)

    def normalized(self, recordings: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Shift and scale recordings together, so that each band has the mean 0 and the standard deviation 1.

        Args:
            recordings: features of each, float32 (time, bands * stack).

        Returns float32 arrays of the same shapes.
        """
        windows = np.concatenate(recordings).reshape(-1, self.bands)
        if not len(windows):
            return list(recordings)
        mean = np.tile(windows.mean(axis=0, dtype=np.float64), self.stack)
        deviation = np.tile(windows.std(axis=0, dtype=np.float64), self.stack)
        scale = np.maximum(deviation, _MIN_DEVIATION)
        return [((features - mean) / scale).astype(np.float32) for features in recordings]


def hz_to_mel(frequency: float | np.ndarray) -> np.ndarray:
    """Convert frequencies from Hz to mel."""
    return 2595 * np.log10(1 + np.asarray(frequency) / 700)


def mel_to_hz(pitch: float | np.ndarray) -> np.ndarray:
    """Convert frequencies from mel to Hz."""
    return 700 * (10 ** (np.asarray(pitch) / 2595) - 1)
