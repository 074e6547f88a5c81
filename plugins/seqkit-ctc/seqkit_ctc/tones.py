"""A reader of synthetic recordings of digits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from seqkit.contracts import NonNegativeInt, PositiveFloat, PositiveInt
from seqkit.messages import message
from seqkit_ctc.log_mel import Normalization
from seqkit_ctc.synthesis import DIGITS, HIGHEST_TONE, Synthesizer
from seqkit_ctc.synthetic import Decibels, NumDigits, SyntheticReader, check_ranges

Speed = Annotated[float, Ge(0.1)]


class Tones(SyntheticReader):
    """Synthetic recordings of strings of digits, as log-mel features. The target is the string.

    A digit is a sequence of tones in noise, at varying speed. The same seed produces the same recordings; `seqkit
    tones` writes them to wav files. `digits`, `noise` and `speed` are ranges: the lowest and the highest value.

    Args:
        path: a csv file of recordings to read, as with the reader `wav`, instead of synthesizing any. `seqkit predict
            --data` and `seqkit evaluate --data` set it.
        text: the column of the csv file with the texts; null if it has no texts, as for prediction.
        count: the number of examples.
        seed: the random seed. An example does not depend on `count`.
        digits: the number of digits per example.
        distinct: whether all strings of digits are different, so that no string of one split occurs in another.
        noise: the signal-to-noise ratio in dB. The noise of each example is a random mixture of white and pink noise.
        speed: the speed factor: durations are divided by it, frequencies are multiplied by it.
        sample_rate: samples per second.
        window: the length of a window in seconds.
        hop: the distance between the starts of successive windows in seconds.
        bands: the number of mel bands.
        low: the lowest frequency of the first band in Hz.
        high: the highest frequency of the last band in Hz; half the sample rate when null.
        normalize: `recording` shifts and scales each band of a recording to mean 0 and standard deviation 1, which
            removes the level and the microphone.
        stack: the number of successive windows that are concatenated into one time step.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        text: str | None = "text",
        count: Annotated[int, Gt(0), Le(1_000_000)] = 1000,
        seed: NonNegativeInt = 0,
        digits: tuple[NumDigits, NumDigits] = (3, 7),
        distinct: bool = True,
        noise: tuple[Decibels, Decibels] = (-5.0, 15.0),
        speed: tuple[Speed, Speed] = (0.8, 1.25),
        sample_rate: PositiveInt = 8000,
        window: PositiveFloat = 0.025,
        hop: PositiveFloat = 0.01,
        bands: PositiveInt = 40,
        low: Annotated[float, Ge(0)] = 100.0,
        high: PositiveFloat | None = None,
        normalize: Normalization = "none",
        stack: PositiveInt = 3,
    ) -> None:
        check_ranges(digits=digits, noise=noise, speed=speed)
        if speed[1] * HIGHEST_TONE >= sample_rate / 2:
            raise ValueError(
                message(
                    "speed must be below {limit:.2f}, not {speed}: {sample_rate} samples per second represent "
                    "only frequencies below {highest} Hz",
                    limit=sample_rate / 2 / HIGHEST_TONE,
                    speed=speed[1],
                    sample_rate=sample_rate,
                    highest=sample_rate / 2,
                )
            )
        num_strings = sum(len(DIGITS) ** length for length in range(digits[0], digits[1] + 1))
        if distinct and count > num_strings:
            raise ValueError(
                message(
                    "count must be at most {count:,}, the number of strings of {first} to {last} digits: lower "
                    "it, or set `distinct: false` to allow repeated strings",
                    count=num_strings,
                    first=digits[0],
                    last=digits[1],
                )
            )
        self.count = count
        self.seed = seed
        self.digits = digits
        self.distinct = distinct
        self.synthesizer = Synthesizer(sample_rate, speed, noise)
        super().__init__(
            "tones",
            path,
            text,
            sample_rate=sample_rate,
            window=window,
            hop=hop,
            bands=bands,
            low=low,
            high=high,
            normalize=normalize,
            stack=stack,
        )

    def sounds(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the digits and the samples, float (samples,), of each example."""
        seen: set[str] = set()
        generator = np.random.default_rng([self.seed, 0])
        for number in range(1, self.count + 1):
            while True:
                length = generator.integers(self.digits[0], self.digits[1] + 1)
                text = "".join(generator.choice(list(DIGITS), length))
                if not (self.distinct and text in seen):
                    break
            seen.add(text)
            yield text, self.synthesizer.synthesize(text, np.random.default_rng([self.seed, number]))
