"""A reader of synthetic speech: digits spoken by voices that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from annotated_types import Ge, Gt, Le

from seqkit.contracts import Example, NonNegativeInt, PositiveFloat, PositiveInt, Reader
from seqkit_ctc.log_mel import LogMel, Normalization
from seqkit_ctc.phones import DIGITS
from seqkit_ctc.speech import SpeechSynthesizer, sample_voice
from seqkit_ctc.tones import TOO_SHORT, Decibels, NumDigits, check_ranges
from seqkit_ctc.wav import Wav

Pool = Literal["train", "valid", "test"]
FormantFactor = Annotated[float, Ge(0.5), Le(2)]
SpeedFactor = Annotated[float, Ge(0.25), Le(4)]
Pitch = Annotated[float, Ge(40), Le(600)]


class Voices(Reader):
    """Synthetic speech, as log-mel features: strings of English digits, spoken by different voices, in noise.

    The target is the string. The speech is made by formant synthesis (Klatt, 1980): voices differ in the length of the
    vocal tract, in pitch, speed, breath and accent, and in their microphone.

    To test with voices that are not trained on, give each split a pool: `data: {type: voices, pool: train, valid:
    {pool: valid}, test: {pool: test}}`. No voice belongs to two pools, whatever the other parameters. `data.split`
    does not know the voices.

    The same seed produces the same recordings. `digits`, `noise`, `speed`, `formants` and `pitch` are ranges: the
    lowest and the highest value.

    Args:
        path: a csv file of recordings to read, as with the reader `wav`, instead of synthesizing any. `seqkit predict
            --data` and `seqkit evaluate --data` set it.
        text: the column of the csv file with the texts; null if there is none, as for prediction.
        pool: the pool of voices. Voices and texts of different pools are sampled independently.
        voices: the number of voices. One example after another has the next of them.
        count: the number of examples.
        seed: the random seed. An example does not depend on `count`.
        digits: the number of digits per example.
        noise: the signal-to-noise ratio in dB. The noise of each example is a random mixture of white and pink noise.
        speed: the speed factor of a voice: durations are divided by it.
        formants: the factor of a voice's formant frequencies: 1 for that of the average man, 1.2 for that of the
            average woman.
        pitch: the pitch of a voice in Hz.
        sample_rate: samples per second, at least 8000.
        window: the length of a window in seconds.
        hop: the distance between the starts of successive windows in seconds.
        bands: the number of mel bands.
        low: the lowest frequency of the first band in Hz.
        high: the highest frequency of the last band in Hz; half the sample rate when null.
        normalize: `recording` shifts and scales each band of a recording to mean 0 and standard deviation 1, which
            removes the level and the microphone.
        stack: the number of successive windows that are concatenated into one time step.
    """

    yields = "features"

    def __init__(
        self,
        *,
        path: Path | None = None,
        text: str | None = "text",
        pool: Pool = "train",
        voices: Annotated[int, Gt(0), Le(1_000_000)] = 100,
        count: Annotated[int, Gt(0), Le(1_000_000)] = 1000,
        seed: NonNegativeInt = 0,
        digits: tuple[NumDigits, NumDigits] = (3, 7),
        noise: tuple[Decibels, Decibels] = (0.0, 20.0),
        speed: tuple[SpeedFactor, SpeedFactor] = (0.8, 1.5),
        formants: tuple[FormantFactor, FormantFactor] = (0.8, 1.3),
        pitch: tuple[Pitch, Pitch] = (75.0, 320.0),
        sample_rate: Annotated[int, Ge(8000)] = 8000,
        window: PositiveFloat = 0.025,
        hop: PositiveFloat = 0.01,
        bands: PositiveInt = 40,
        low: Annotated[float, Ge(0)] = 100.0,
        high: PositiveFloat | None = None,
        normalize: Normalization = "none",
        stack: PositiveInt = 3,
    ) -> None:
        check_ranges(digits=digits, noise=noise, speed=speed, formants=formants, pitch=pitch)
        self.pool = get_args(Pool).index(pool)
        self.count = count
        self.seed = seed
        self.digits = digits
        self.voices = [
            sample_voice(np.random.default_rng([seed, self.pool, 0, number]), formants, pitch, speed)
            for number in range(min(voices, count))
        ]
        self.synthesizer = SpeechSynthesizer(sample_rate, noise)
        sound: dict[str, Any] = {
            "sample_rate": sample_rate,
            "window": window,
            "hop": hop,
            "bands": bands,
            "low": low,
            "high": high,
            "normalize": normalize,
            "stack": stack,
        }
        self.features = LogMel(**sound)
        self.recordings = None if path is None else Wav(path=path, text=text, **sound)

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "text": None}

    def read(self) -> Iterator[Example]:
        if self.recordings is not None:
            yield from self.recordings.read()
            return
        for number, (text, samples) in enumerate(self.sounds(), start=1):
            location = f"voices, example {number}"
            yield Example(self.features.of_recording(samples, location, TOO_SHORT), text, location)

    def sounds(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the digits and the samples, float (samples,), of each example."""
        for number in range(self.count):
            generator = np.random.default_rng([self.seed, self.pool, 1, number])
            length = generator.integers(self.digits[0], self.digits[1] + 1)
            text = "".join(generator.choice(list(DIGITS), length))
            yield text, self.synthesizer.synthesize(text, self.voices[number % len(self.voices)], generator)
