"""Synthetic speech: strings of English digits, spoken by voices that differ.

Speech is modeled as a source and a filter (Fant, 1960). The pulses of the glottis and its noise pass through resonators
in cascade, one per formant; the noise of a constriction passes through a resonator of its own (Klatt, Software for a
cascade/parallel formant synthesizer, 1980). A resonator with the frequency F and the bandwidth W, at the sample rate R,
computes

    y[n] = (1 - b - c) x[n] + b y[n - 1] + c y[n - 2],   b = 2 exp(-pi W / R) cos(2 pi F / R),   c = -exp(-2 pi W / R).

Formants move with time, so the filter is applied to overlapping windows of the source, in the frequency domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seqkit_ctc.phones import DIGITS, FOURTH_FORMANT, PHONES, Segment
from seqkit_ctc.synthesis import add_noise

Range = tuple[float, float]

_HOP = 0.01
"""The distance between the starts of successive windows in seconds. A window is twice as long."""

_RINGING = 0.03
"""How long a window's output continues after the window, in seconds: the narrowest formant is then 40 dB lower."""

_LEVEL_CHANGE = 0.1
_FORMANT_CHANGE = 0.3
"""The fractions of a segment, at its start and at its end, in which levels and formants change."""


@dataclass(frozen=True)
class Voice:
    """What distinguishes a voice from others.

    Attributes:
        formants: the factor of all formant frequencies: the inverse of the relative length of the vocal tract.
        pitch: the frequency of the glottis in Hz.
        speed: the factor by which durations are divided.
        breath: the level of the noise of the glottis during voicing.
        accent: for each phone, the factors of its three lowest formants.
        tilt: of the microphone: x[n] + tilt x[n - 1] is recorded for the sound x.
    """

    formants: float
    pitch: float
    speed: float
    breath: float
    accent: Mapping[str, np.ndarray]
    tilt: float


def sample_voice(generator: np.random.Generator, formants: Range, pitch: Range, speed: Range) -> Voice:
    """Return a random voice whose formant factor, pitch in Hz and speed factor are in these ranges."""
    return Voice(
        formants=generator.uniform(*formants),
        pitch=float(np.exp(generator.uniform(*np.log(pitch)))),
        speed=generator.uniform(*speed),
        breath=generator.uniform(0.005, 0.05),
        accent={name: generator.uniform(0.9, 1.1, 3) for name in PHONES},
        tilt=generator.uniform(-0.7, 0.5),
    )


@dataclass(frozen=True)
class SpeechSynthesizer:
    """A synthesizer of spoken digits.

    Attributes:
        sample_rate: samples per second, at least 8000.
        noise: the lowest and the highest signal-to-noise ratio in dB.
    """

    sample_rate: int
    noise: Range

    def synthesize(self, digits: str, voice: Voice, generator: np.random.Generator) -> np.ndarray:
        """Return a recording of digits, float (samples,) between -1 and 1.

        Pitch and speed differ by up to 8% from those of the voice, and three of five digits follow the one before
        without a pause. Noise is added as in the recordings of tones.
        """
        segments = self._segments(digits, voice, generator)
        samples = self.speak(segments, voice, generator)
        samples = samples + voice.tilt * np.concatenate([[0.0], samples[:-1]])
        return add_noise(samples, self.noise, (-20.0, -1.0), generator)

    def _segments(self, digits: str, voice: Voice, generator: np.random.Generator) -> list[Segment]:
        """Return the segments of digits in the voice, with random durations and pauses."""
        speed = voice.speed * generator.uniform(0.92, 1.08)
        segments: list[Segment] = []
        for digit in digits:
            is_pause = not segments or generator.uniform() < 0.4
            pause = generator.uniform(0.03, 0.2) if is_pause else 0.0
            for number, name in enumerate(DIGITS[digit]):
                for segment in PHONES[name]:
                    spoken = segment._replace(
                        duration=segment.duration * generator.uniform(0.85, 1.15) / speed,
                        start=tuple(voice.accent[name] * segment.start),
                        end=tuple(voice.accent[name] * segment.end),
                    )
                    if number == 0 and pause:
                        segments.append(_silence(pause / speed, spoken))
                        pause = 0.0
                    segments.append(spoken)
        return [*segments, _silence(generator.uniform(0.03, 0.2) / speed, segments[-1])]

    def speak(self, segments: list[Segment], voice: Voice, generator: np.random.Generator) -> np.ndarray:
        """Return the sound of segments, float (samples,): `voice.accent` and `voice.speed` are already in them."""
        durations = np.array([segment.duration for segment in segments])
        ends = np.cumsum(durations)
        time = np.arange(round(ends[-1] * self.sample_rate)) / self.sample_rate
        levels = np.array([(each.voicing, each.aspiration, each.frication) for each in segments])
        turns = _turns(durations, _LEVEL_CHANGE)
        voicing, aspiration, frication = (np.interp(time, turns, np.repeat(each, 2)) for each in levels.T)
        aspiration = aspiration + voice.breath * voicing
        glottis = voicing * self._pulses(time, voice, generator)
        glottis += aspiration * generator.standard_normal(len(time))
        return self._filtered(glottis, segments, voice) + frication * self._noise(segments, ends, generator)

    def _filtered(self, glottis: np.ndarray, segments: list[Segment], voice: Voice) -> np.ndarray:
        """Return the sound of the glottis after the resonators of the vocal tract, float (samples,)."""
        hop = round(_HOP * self.sample_rate)
        size = 2 * hop + round(_RINGING * self.sample_rate)
        padded = np.concatenate([np.zeros(hop), glottis, np.zeros(2 * hop)])
        window = 0.5 - 0.5 * np.cos(np.pi * np.arange(2 * hop) / hop)  # overlapping windows add up to 1
        spectra = np.fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop] * window, size)
        centers = np.arange(len(spectra)) * hop / self.sample_rate
        spectra *= cascade(*self._formants(segments, centers, voice), self.sample_rate, size)
        return _overlap_add(np.fft.irfft(spectra, size), hop)[hop : hop + len(glottis)]

    def _noise(self, segments: list[Segment], ends: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the noise of constrictions, with mean power 1 where there is frication, float (samples,)."""
        from scipy.signal import lfilter

        noise = generator.standard_normal(round(ends[-1] * self.sample_rate))
        edges = np.round(np.concatenate([[0.0], ends]) * self.sample_rate).astype(int)
        for segment, start, end in zip(segments, edges[:-1], edges[1:], strict=True):
            if segment.frication:
                sound = lfilter([1.0], resonator(*segment.band, self.sample_rate), noise[start:end])
                noise[start:end] = sound / np.sqrt((sound**2).mean())
        return noise

    def _pulses(self, time: np.ndarray, voice: Voice, generator: np.random.Generator) -> np.ndarray:
        """Return the sound of the glottis as radiated from the lips, with mean power 1, float (samples,).

        It is a pulse train without frequencies above half the sample rate, whose spectrum falls by 6 dB per octave:
        12 dB because of the shape of the pulses, less 6 dB because of the radiation. The pitch falls during the
        recording, and varies slowly.
        """
        from scipy.signal import lfilter

        turns = np.linspace(0, time[-1], max(2, round(time[-1] / 0.25)))
        contour = voice.pitch * generator.uniform(0.92, 1.08) * np.linspace(1.1, 0.9, len(turns))
        pitch = np.interp(time, turns, contour * generator.uniform(0.95, 1.05, len(turns)))
        half = np.pi * np.cumsum(pitch) / self.sample_rate  # half the phase, which repeats after a pulse
        harmonics = int(0.5 * self.sample_rate / pitch.max())
        # The sum of cos(2 k half) for k from 1 to the number of harmonics.
        sine = np.sin(half)
        is_peak = np.abs(sine) < 1e-6
        pulses = np.sin((2 * harmonics + 1) * half) / (2 * np.where(is_peak, 1.0, sine)) - 0.5
        pulses[is_peak] = harmonics
        sound = lfilter([1.0, -1.0], resonator(0.0, 100.0, self.sample_rate), pulses)
        return sound / np.sqrt((sound**2).mean())

    def _formants(self, segments: list[Segment], centers: np.ndarray, voice: Voice) -> tuple[np.ndarray, np.ndarray]:
        """Return the frequencies and the bandwidths of the formants in each window, each float (windows, 4), in Hz.

        Formants begin to move before a segment ends, and reach their next target within the next segment.
        """
        turns = _turns(np.array([segment.duration for segment in segments]), _FORMANT_CHANGE)
        fourth, fourth_width = FOURTH_FORMANT
        frequencies = np.array([[*each, fourth] for segment in segments for each in (segment.start, segment.end)])
        widths = np.array([[*segment.bandwidths, fourth_width] for segment in segments for _ in range(2)])
        tracks = [np.interp(centers, turns, each) for each in (*(voice.formants * frequencies.T), *widths.T)]
        return np.minimum(np.stack(tracks[:4], axis=1), 0.48 * self.sample_rate), np.stack(tracks[4:], axis=1)


def cascade(frequencies: np.ndarray, widths: np.ndarray, sample_rate: int, size: int) -> np.ndarray:
    """Return the frequency response of resonators in cascade, complex (windows, size / 2 + 1).

    Args:
        frequencies: float (windows, resonators), in Hz.
        widths: the bandwidths, of the same shape, in Hz.
        sample_rate: samples per second.
        size: the size of the Fourier transform.
    """
    denominators = resonator(frequencies, widths, sample_rate)  # (windows, resonators, 3)
    product = denominators[:, 0]
    for each in np.moveaxis(denominators[:, 1:], 1, 0):
        longer = np.zeros((len(product), product.shape[1] + 2))
        for delay in range(3):
            longer[:, delay : delay + product.shape[1]] += each[:, delay, None] * product
        product = longer
    return denominators.sum(axis=2).prod(axis=1)[:, None] / np.fft.rfft(product, size)


def resonator(frequencies: np.ndarray | float, widths: np.ndarray | float, sample_rate: int) -> np.ndarray:
    """Return the denominator of resonators: the coefficients of 1, z^-1 and z^-2 in the last dimension.

    Their sum is the numerator, which makes the response to the frequency 0 equal to 1.

    Args:
        frequencies: float, of any shape, in Hz.
        widths: the bandwidths, of the same shape, in Hz.
        sample_rate: samples per second.
    """
    radius = np.exp(-np.pi * np.asarray(widths) / sample_rate)
    return np.stack(
        [np.ones_like(radius), -2 * radius * np.cos(2 * np.pi * np.asarray(frequencies) / sample_rate), radius**2], -1
    )


def _turns(durations: np.ndarray, fraction: float) -> np.ndarray:
    """Return when the change to each segment ends and when that to the next one starts, in seconds, (2 * segments,)."""
    ends = np.cumsum(durations)
    return np.stack([ends - (1 - fraction) * durations, ends - fraction * durations], axis=1).ravel()


def _silence(duration: float, neighbor: Segment) -> Segment:
    """Return a pause with the formants of its neighbor."""
    return neighbor._replace(duration=duration, voicing=0.0, aspiration=0.0, frication=0.0)


def _overlap_add(windows: np.ndarray, hop: int) -> np.ndarray:
    """Return the sum of windows, float (windows, size), each `hop` samples after the one before."""
    num_windows, size = windows.shape
    overlapping = -(-size // hop)
    blocks = np.pad(windows, ((0, 0), (0, overlapping * hop - size))).reshape(num_windows, overlapping, hop)
    total = np.zeros((num_windows + overlapping, hop))
    for number in range(overlapping):
        total[number : number + num_windows] += blocks[:, number]
    return total.ravel()
