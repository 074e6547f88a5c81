"""Synthetic recordings of digits, for which the text is known.

A sound consists of two simultaneous tones, like the two lowest formants of a vowel (Peterson and Barney, 1952); a digit
is a sequence of two sounds. There are fewer sounds than digits, and some digits are the reverse of another, so a digit
cannot be recognized from a single spectrum or from the set of its sounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SOUNDS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "i": ((280, 280), (2250, 2250)),
    "e": ((480, 480), (1850, 1850)),
    "a": ((700, 700), (1200, 1200)),
    "u": ((320, 320), (850, 850)),
    "ai": ((700, 300), (1200, 2200)),
    "ua": ((320, 700), (850, 1200)),
}
"""The frequencies in Hz at the start and the end of the two tones of each sound."""

HIGHEST_TONE = max(max(tone) for tones in SOUNDS.values() for tone in tones)

DIGITS = {
    "0": ("i", "a"),
    "1": ("a", "i"),
    "2": ("u", "e"),
    "3": ("e", "u"),
    "4": ("a", "u"),
    "5": ("u", "a"),
    "6": ("e", "ai"),
    "7": ("ai", "e"),
    "8": ("i", "ua"),
    "9": ("ua", "i"),
}

AMPLITUDES = (1.0, 0.6)
"""The amplitudes of the lower and the upper tone."""


@dataclass(frozen=True)
class Synthesizer:
    """A synthesizer of strings of digits. Each pair is a range; each recording samples a value from it.

    Attributes:
        sample_rate: samples per second; must be more than twice HIGHEST_TONE times the speed.
        speed: the speed factor: durations are divided by it, frequencies are multiplied by it.
        noise: the signal-to-noise ratio in dB.
        gain: the peak level in dB relative to full scale.
    """

    sample_rate: int
    speed: tuple[float, float]
    noise: tuple[float, float]
    gain: tuple[float, float] = (-20.0, -1.0)

    def synthesize(self, digits: str, generator: np.random.Generator) -> np.ndarray:
        """Return a recording of digits, float (samples,) between -1 and 1.

        There is a pause of 20 to 150 ms before, between and after the digits. Each of the two sounds of a digit takes
        70 to 150 ms. These durations are divided by the speed.
        """
        speed = generator.uniform(*self.speed)
        parts = [self._pause(generator, speed)]
        for digit in digits:
            parts += [self._sound(name, generator, speed) for name in DIGITS[digit]]
            parts.append(self._pause(generator, speed))
        return add_noise(np.concatenate(parts), self.noise, self.gain, generator)

    def _pause(self, generator: np.random.Generator, speed: float) -> np.ndarray:
        return np.zeros(round(generator.uniform(0.02, 0.15) / speed * self.sample_rate))

    def _sound(self, name: str, generator: np.random.Generator, speed: float) -> np.ndarray:
        size = round(generator.uniform(0.07, 0.15) / speed * self.sample_rate)
        duration = size / self.sample_rate
        time = np.arange(size) / self.sample_rate
        sound = np.zeros(size)
        for (start, end), amplitude in zip(SOUNDS[name], AMPLITUDES, strict=True):
            # The integral of a frequency that changes linearly from start to end.
            cycles = speed * (start * time + (end - start) / (2 * duration) * time**2)
            sound += amplitude * np.sin(2 * np.pi * (cycles + generator.uniform()))
        # Fade in and out within 10 ms: an abrupt edge is a click, which has energy in every band.
        fade_size = round(0.01 * self.sample_rate)
        fade = np.sin(np.linspace(0, np.pi / 2, fade_size)) ** 2
        sound[:fade_size] *= fade
        sound[-fade_size:] *= fade[::-1]
        return sound


def add_noise(
    clean: np.ndarray, noise: tuple[float, float], gain: tuple[float, float], generator: np.random.Generator
) -> np.ndarray:
    """Return a sound in a random mixture of white and pink noise, float (samples,).

    Args:
        clean: the sound, float (samples,).
        noise: the lowest and the highest signal-to-noise ratio in dB.
        gain: the lowest and the highest peak level in dB relative to full scale.
        generator: the source of the noise and of the random values.
    """
    noise_power = (clean**2).mean() / 10 ** (generator.uniform(*noise) / 10)
    white_fraction = generator.uniform()  # of the power of the noise; the rest is pink noise
    sound = np.sqrt(white_fraction) * generator.standard_normal(len(clean))
    sound += np.sqrt(1 - white_fraction) * pink_noise(len(clean), generator)
    samples = clean + np.sqrt(noise_power) * sound
    return samples / np.abs(samples).max() * 10 ** (generator.uniform(*gain) / 20)


def pink_noise(size: int, generator: np.random.Generator) -> np.ndarray:
    """Return noise with mean power 1 whose power is proportional to 1 / frequency, float (size,)."""
    fft_size = 1 << (size - 1).bit_length()  # the FFT is fastest for powers of two
    spectrum = np.fft.rfft(generator.standard_normal(fft_size))
    spectrum[0] = 0
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum, fft_size)[:size]
    return noise / np.sqrt((noise**2).mean())
