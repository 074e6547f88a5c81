"""What the readers of synthetic recordings have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le

from seqkit.contracts import Example, Reader
from seqkit.messages import message
from seqkit_ctc.log_mel import LogMel
from seqkit_ctc.wav import Wav, read_recording

NumDigits = Annotated[int, Gt(0), Le(100)]
Decibels = Annotated[float, Ge(-60), Le(120)]

_REMEDY = message("lower `window`, `hop` or `stack`, or raise the number of digits")


class SyntheticReader(Reader):
    """Synthetic recordings as log-mel features, or recordings in files in their place.

    Args:
        name: the name of the reader, for messages.
        path: a csv file of recordings to read instead; None to synthesize them.
        text: the column of the csv file with the texts; None if it has no texts.
        sound: the parameters of `LogMel`.
    """

    yields = "features"

    def __init__(self, name: str, path: Path | None, text: str | None, **sound: Any) -> None:
        self.name = name
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
            location = message("{reader}, example {number}", reader=self.name, number=number)
            yield Example(self.features.of_recording(samples, location, _REMEDY), text, location)

    def read_input(self, text: str) -> Example:
        return Example(read_recording(Path(text), self.features, text), columns={"path": text})

    @abstractmethod
    def sounds(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the digits and the samples, float (samples,), of each example."""


def check_ranges(**ranges: tuple[float, float]) -> None:
    """Check that each range is the lowest and the highest value.

    Raises:
        ValueError: the first value is greater.
    """
    for name, (lowest, highest) in ranges.items():
        if not lowest <= highest:
            raise ValueError(
                message(
                    "{name} must be the lowest and the highest value, in this order, not {lowest} and {highest}",
                    name=name,
                    lowest=lowest,
                    highest=highest,
                )
            )
