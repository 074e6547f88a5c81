"""Recordings of one's own: wav files that a csv lists, as log-mel features."""

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
from seqkit_ctc.pcm import read_wav


class Wav(Reader):
    """Wav files listed in a csv with a header, one a row with what is said in it, as log-mel features.

    Files are PCM of 8, 16, 24 or 32 bits; channels are mixed into one. Their paths are relative to the csv. A csv
    without the column `text` can be predicted from, not learned from.

    Args:
        path: the csv.
        audio: its column with the path of a wav file.
        text: its column with what is said.
        encoding: of the csv.
        sample_rate: samples a second; a file of a higher rate is resampled to it, one of a lower rate is refused.
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
            raise ValueError("path is required: a csv to read, as `path:` here or `data.path=FILE` on the command line")
        if audio == text:
            raise ValueError(f"text is the same column as the path, '{audio}'")
        self.path = path
        self.audio = audio
        self.text = text
        self.encoding = check_encoding(encoding)
        self.features = LogMel(
            sample_rate=sample_rate, window=window, hop=hop, bands=bands, low=low, high=high, stack=stack
        )

    def read(self) -> Iterator[Example]:
        for line, record in self._records():
            where = f"{self.path}:{line}"
            name = record[self.audio].strip()
            if not name:
                raise DataError(f"{where}: the column '{self.audio}' is empty")
            target = record.get(self.text)
            if target is not None and not target.strip():
                raise DataError(f"{where}: the column '{self.text}' is empty")
            try:
                samples = read_wav(self.path.parent / name, self.features.sample_rate)
            except DataError as error:
                raise DataError(f"{where}: {error}") from None
            if len(samples) < self.features.least_samples:
                rate = self.features.sample_rate
                raise DataError(
                    f"{where}: {name} is {len(samples) / rate:.3f} s long, where one step of features takes "
                    f"{self.features.least_samples / rate:.3f} s"
                )
            yield Example(self.features(samples), None if target is None else target.strip(), where)

    def _records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yields the rows that are not blank, each with the line that it starts on."""
        rows = csv.reader(io.StringIO(read_text(self.path, self.encoding), newline=""), strict=True)
        header: list[str] = []
        while True:
            line = rows.line_num + 1
            try:
                row = next(rows, None)
            except csv.Error as error:
                raise DataError(f"{self.path}:{line}: {error}: write a quote inside a quoted field twice") from None
            if row is None:
                break
            if not any(field.strip() for field in row):
                continue
            if not header:
                header = [field.strip() for field in row]
                self._check_header(header, f"{self.path}:{line}")
            elif len(row) != len(header):
                raise DataError(f"{self.path}:{line}: {len(row)} columns, where the header has {len(header)}")
            else:
                yield line, dict(zip(header, row, strict=True))

    def _check_header(self, header: list[str], where: str) -> None:
        if self.audio not in header:
            columns = ", ".join(header)
            raise DataError(
                f"{where}: there is no column '{self.audio}'{suggest(self.audio, header)} among {columns}: name the "
                "one with the paths of wav files by `audio:`"
            )
        for name in (self.audio, self.text):
            if header.count(name) > 1:
                raise DataError(f"{where}: the column '{name}' is there twice: rename one")
