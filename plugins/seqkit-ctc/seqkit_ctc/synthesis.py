"""Digits spoken in tones: sound whose text is known, made of nothing but arithmetic.

A sound is two tones at once, as the two lowest formants of a vowel are (Peterson and Barney, 1952); a digit is two
sounds, one after the other. There are fewer sounds than digits, and some digits are another's sounds in the other
order, so neither a spectrum alone nor what a digit is made of tells which digit it is.
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
"""Where a sound's two tones begin and end, in Hz."""

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

LOUDNESS = (1.0, 0.6)
"""The amplitudes of the lower and the upper tone."""


@dataclass(frozen=True)
class Voice:
    """How digits are said. Each pair is a range that each row draws from.

    Attributes:
        sample_rate: samples a second, more than twice HIGHEST_TONE times the speed.
        speed: how much faster it is played: times are divided by it and frequencies multiplied, as on a tape.
        noise: the power of the tones over that of the noise, in dB.
        gain: its loudest sample, in dB of full scale.
    """

    sample_rate: int
    speed: tuple[float, float]
    noise: tuple[float, float]
    gain: tuple[float, float] = (-20.0, -1.0)

    def say(self, digits: str, generator: np.random.Generator) -> np.ndarray:
        """Returns the sound of digits, float (samples,), between -1 and 1.

        Before, between and after them is a pause of 20 to 150 ms. A digit's first sound takes 70 to 150 ms, and so does
        its second.
        """
        speed = generator.uniform(*self.speed)
        parts = [self._pause(generator, speed)]
        for digit in digits:
            parts += [self._sound(name, generator, speed) for name in DIGITS[digit]]
            parts.append(self._pause(generator, speed))
        clean = np.concatenate(parts)
        power = (clean**2).mean() / 10 ** (generator.uniform(*self.noise) / 10)
        share = generator.uniform()  # of the noise's power that is white; the rest is pink
        noise = np.sqrt(share) * generator.standard_normal(len(clean))
        noise += np.sqrt(1 - share) * pink_noise(len(clean), generator)
        samples = clean + np.sqrt(power) * noise
        return samples / np.abs(samples).max() * 10 ** (generator.uniform(*self.gain) / 20)

    def _pause(self, generator: np.random.Generator, speed: float) -> np.ndarray:
        return np.zeros(round(generator.uniform(0.02, 0.15) / speed * self.sample_rate))

    def _sound(self, name: str, generator: np.random.Generator, speed: float) -> np.ndarray:
        size = round(generator.uniform(0.07, 0.15) / speed * self.sample_rate)
        duration = size / self.sample_rate
        time = np.arange(size) / self.sample_rate
        sound = np.zeros(size)
        for (start, end), loudness in zip(SOUNDS[name], LOUDNESS, strict=True):
            # The integral of a frequency that goes evenly from start to end.
            cycles = speed * (start * time + (end - start) / (2 * duration) * time**2)
            sound += loudness * np.sin(2 * np.pi * (cycles + generator.uniform()))
        # Rises and falls within 10 ms: a tone that is cut off clicks, and a click is in every band.
        edge = round(0.01 * self.sample_rate)
        slope = np.sin(np.linspace(0, np.pi / 2, edge)) ** 2
        sound[:edge] *= slope
        sound[-edge:] *= slope[::-1]
        return sound


def pink_noise(size: int, generator: np.random.Generator) -> np.ndarray:
    """Returns noise of mean power 1 whose power falls as 1 / frequency, float (size,)."""
    even = 1 << (size - 1).bit_length()  # a length that the transform is fast for
    spectrum = np.fft.rfft(generator.standard_normal(even))
    spectrum[0] = 0
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum, even)[:size]
    return noise / np.sqrt((noise**2).mean())
