"""A reader of wav files that are listed in a csv file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from seqkit.contracts import Example, PositiveFloat, PositiveInt, Reader
from seqkit.errors import DataError, suggest
from seqkit.readers.files import check_encoding, read_text
from seqkit_ctc.log_mel import LogMel
from seqkit_ctc.wav_io import read_wav


class Wav(Reader):
    """Wav files listed in a csv file, as log-mel features. The target is the text of the recording.

    The csv file has a header, and one row per recording. Paths are relative to the csv file. Without the column `text`
    it can be used for prediction, but not for training. Wav files are PCM of 8, 16, 24 or 32 bits; channels are
    averaged.

    Args:
        path: the csv file.
        audio: its column with the paths of the wav files.
        text: its column with the texts.
        encoding: its encoding.
        sample_rate: samples per second. A file with a higher rate is resampled; a lower rate is an error.
        window: the length of a window in seconds.
        hop: the distance between the starts of successive windows in seconds.
        bands: the number of mel bands.
        low: the lowest frequency of the first band in Hz.
        high: the highest frequency of the last band in Hz; half the sample rate when null.
        stack: the number of successive windows that are concatenated into one time step.
    """

    yields = "features"

    def __init__(
        self,
        *,
        path: Path | None = None,
        audio: str = "path",
        text: str = "text",
        encoding: str = "utf-8",
        sample_rate: PositiveInt = 8000,
        window: PositiveFloat = 0.025,
        hop: PositiveFloat = 0.01,
        bands: PositiveInt = 40,
        low: Annotated[float, Ge(0)] = 100.0,
        high: PositiveFloat | None = None,
        stack: PositiveInt = 3,
    ) -> None:
        if path is None:
            raise ValueError("path is required: set `path:` here or pass `data.path=FILE` on the command line")
        if audio == text:
            raise ValueError(f"text is the same column as audio, '{audio}': set one of them to another column")
        self.path = path
        self.audio = audio
        self.text = text
        self.encoding = check_encoding(encoding)
        self.features = LogMel(
            sample_rate=sample_rate, window=window, hop=hop, bands=bands, low=low, high=high, stack=stack
        )

    def read(self) -> Iterator[Example]:
        for line, record in self._records():
            location = f"{self.path}:{line}"
            name = record[self.audio].strip()
            if not name:
                raise DataError(f"{location}: the column '{self.audio}' is empty: add the path of a wav file")
            target = record.get(self.text)
            if target is not None and not target.strip():
                raise DataError(f"{location}: the column '{self.text}' is empty: add the text of the recording")
            try:
                samples = read_wav(self.path.parent / name, self.features.sample_rate)
            except DataError as error:
                raise DataError(f"{location}: {error}") from None
            if len(samples) < self.features.min_samples:
                rate = self.features.sample_rate
                raise DataError(
                    f"{location}: {name} is {len(samples) / rate:.3f} s long, but one time step requires "
                    f"{self.features.min_samples / rate:.3f} s: remove the recording"
                )
            yield Example(self.features(samples), None if target is None else target.strip(), location)

    def _records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the line number and the fields of each row that is not blank."""
        rows = csv.reader(io.StringIO(read_text(self.path, self.encoding), newline=""), strict=True)
        header: list[str] = []
        while True:
            line = rows.line_num + 1
            try:
                row = next(rows, None)
            except csv.Error as error:
                raise DataError(f"{self.path}:{line}: {error}: double each quote inside a quoted field") from None
            if row is None:
                break
            if not any(field.strip() for field in row):
                continue
            if not header:
                header = [field.strip() for field in row]
                self._check_header(header, f"{self.path}:{line}")
            elif len(row) != len(header):
                raise DataError(
                    f"{self.path}:{line}: {len(row)} columns, but the header has {len(header)}: correct the line"
                )
            else:
                yield line, dict(zip(header, row, strict=True))

    def _check_header(self, header: list[str], location: str) -> None:
        if self.audio not in header:
            columns = ", ".join(header)
            raise DataError(
                f"{location}: the column '{self.audio}' does not exist{suggest(self.audio, header)}; the columns are "
                f"{columns}: set `audio:` to the one with the paths of the wav files"
            )
        for name in (self.audio, self.text):
            if header.count(name) > 1:
                raise DataError(f"{location}: two columns are called '{name}': rename one")
