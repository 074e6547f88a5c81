"""Spoken digits, synthesised."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from seqkit.contracts import Example, NonNegativeInt, PositiveFloat, PositiveInt, Reader
from seqkit_ctc.log_mel import LogMel
from seqkit_ctc.synthesis import DIGITS, HIGHEST_TONE, Voice
from seqkit_ctc.wav import Wav

Digits = Annotated[int, Gt(0), Le(100)]
Decibels = Annotated[float, Ge(-60), Le(120)]
Speed = Annotated[float, Ge(0.1)]


class Tones(Reader):
    """Strings of digits said in tones, in noise, faster and slower, as log-mel features; the target is the string.

    The same seed gives the same sound. `seqkit tones` writes it to wav files.

    Args:
        path: a csv of recordings to read in place of synthesising any, as the reader `wav` does; for `seqkit predict
            --data` and `seqkit evaluate --data`.
        count: how many rows.
        seed: of all that is drawn. A row is the same whatever the count.
        digits: how many digits a row has, from and to.
        distinct: whether no string of digits is said twice, so that a part of the rows holds none of another's.
        noise: the power of the tones over that of the noise (white and pink, mixed anew for each row) in dB, from and
            to.
        speed: how much faster a row is played, from and to; frequencies change with it, as on a tape.
        sample_rate: samples a second.
        window: seconds of sound that one spectrum is of.
        hop: seconds from one window to the next.
        bands: how many mel bands a spectrum is summed up in.
        low: where the lowest band begins, in Hz.
        high: where the highest band ends, in Hz; half the sample rate when not given.
        stack: so many successive windows stand side by side in one step.
    """

    yields = "features"

    def __init__(
        self,
        *,
        path: Path | None = None,
        count: Annotated[int, Gt(0), Le(1_000_000)] = 1000,
        seed: NonNegativeInt = 0,
        digits: tuple[Digits, Digits] = (3, 7),
        distinct: bool = True,
        noise: tuple[Decibels, Decibels] = (-5.0, 15.0),
        speed: tuple[Speed, Speed] = (0.8, 1.25),
        sample_rate: PositiveInt = 8000,
        window: PositiveFloat = 0.025,
        hop: PositiveFloat = 0.01,
        bands: PositiveInt = 40,
        low: Annotated[float, Ge(0)] = 100.0,
        high: PositiveFloat | None = None,
        stack: PositiveInt = 3,
    ) -> None:
        for name, (least, most) in {"digits": digits, "noise": noise, "speed": speed}.items():
            if not least <= most:
                raise ValueError(f"{name} must go from the smaller number to the larger, not from {least} to {most}")
        if speed[1] * HIGHEST_TONE >= sample_rate / 2:
            raise ValueError(
                f"speed must be below {sample_rate / 2 / HIGHEST_TONE:.2f}, not {speed[1]}: at {sample_rate} samples a "
                f"second there is no tone from {sample_rate / 2} Hz up"
            )
        there_are = sum(len(DIGITS) ** length for length in range(digits[0], digits[1] + 1))
        if distinct and count > there_are:
            raise ValueError(
                f"count must be at most {there_are:,}, as there are no more strings of {digits[0]} to {digits[1]} "
                "digits; with `distinct: false` they may be said again"
            )
        self.count = count
        self.seed = seed
        self.digits = digits
        self.distinct = distinct
        self.voice = Voice(sample_rate, speed, noise)
        self.features = LogMel(
            sample_rate=sample_rate, window=window, hop=hop, bands=bands, low=low, high=high, stack=stack
        )
        self.recordings: Wav | None = None
        if path is not None:
            self.recordings = Wav(
                path=path,
                sample_rate=sample_rate,
                window=window,
                hop=hop,
                bands=bands,
                low=low,
                high=high,
                stack=stack,
            )

    def read(self) -> Iterator[Example]:
        if self.recordings is not None:
            yield from self.recordings.read()
            return
        for number, (text, samples) in enumerate(self.sounds(), start=1):
            yield Example(self.features(samples), text, f"tones, row {number}")

    def sounds(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yields each row's digits and its sound, float (samples,)."""
        drawn: set[str] = set()
        strings = np.random.default_rng([self.seed, 0])
        for number in range(1, self.count + 1):
            while True:
                length = strings.integers(self.digits[0], self.digits[1] + 1)
                text = "".join(strings.choice(list(DIGITS), length))
                if not (self.distinct and text in drawn):
                    break
            drawn.add(text)
            yield text, self.voice.say(text, np.random.default_rng([self.seed, number]))
