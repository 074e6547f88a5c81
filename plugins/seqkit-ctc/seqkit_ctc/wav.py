"""A reader of wav files that are listed in a csv file."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge

from seqkit.contracts import DataNote, Example, PositiveFloat, PositiveInt, Reader
from seqkit.errors import DataError, explain_missing_column
from seqkit.messages import message
from seqkit.readers.files import check_encoding, check_path, folder_of, read_rows
from seqkit_ctc.log_mel import LogMel
from seqkit_ctc.wav_io import read_wav


class Wav(Reader):
    """Wav files listed in a csv file, as log-mel features. The target is the text of the recording.

    The csv file has a header, and one row per recording. Paths are relative to the csv file, or to the current folder
    if it is standard input. Wav files contain PCM of 8 to 32 bits, or floating point of 32 or 64 bits; channels are
    averaged.

    Args:
        path: the csv file.
        audio: its column with the paths of the wav files.
        text: its column with the texts; null if it has no texts, as for prediction.
        speaker: its column with the speakers, for `normalize: speaker`.
        encoding: its encoding.
        empty: what to do with a row without a path, a text or a speaker: `error` raises an error, `skip` skips it with
            a note.
        unreadable: what to do with a recording that is missing, damaged, in another format, shorter than one time step,
            or has a lower sample rate: `error` raises an error, `skip` skips it with a note.
        sample_rate: samples per second. A file with a higher rate is resampled; a lower rate is an error.
        window: the length of a window in seconds.
        hop: the distance between the starts of successive windows in seconds.
        bands: the number of mel bands.
        low: the lowest frequency of the first band in Hz.
        high: the highest frequency of the last band in Hz; half the sample rate when null.
        normalize: `recording` shifts and scales each band of a recording to mean 0 and standard deviation 1, which
            removes the level and the microphone; `speaker` does so with all recordings of a speaker in the file
            together, which is better for short ones. All recordings are then read before the first is used.
        stack: the number of successive windows that are concatenated into one time step.
    """

    yields = "features"

    def __init__(
        self,
        *,
        path: Path | None = None,
        audio: str = "path",
        text: str | None = "text",
        speaker: str | None = None,
        encoding: str = "utf-8",
        empty: Literal["error", "skip"] = "error",
        unreadable: Literal["error", "skip"] = "error",
        sample_rate: PositiveInt = 8000,
        window: PositiveFloat = 0.025,
        hop: PositiveFloat = 0.01,
        bands: PositiveInt = 40,
        low: Annotated[float, Ge(0)] = 100.0,
        high: PositiveFloat | None = None,
        normalize: Literal["none", "recording", "speaker"] = "none",
        stack: PositiveInt = 3,
    ) -> None:
        self.path = check_path(path)
        if audio == text:
            raise ValueError(
                message("text is the same column as audio, '{audio}': set one of them to another column", audio=audio)
            )
        if (speaker is None) == (normalize == "speaker"):
            raise ValueError(
                message("speaker is required by `normalize: speaker`: set it to the column with the speakers")
                if speaker is None
                else message(
                    "speaker '{speaker}' has an effect only with `normalize: speaker`: set it, or remove this key",
                    speaker=speaker,
                )
            )
        self.audio = audio
        self.text = text
        self.speaker = speaker
        self.labelled = text is not None
        self.encoding = check_encoding(encoding)
        self.empty = empty
        self.unreadable = unreadable
        self.features = LogMel(
            sample_rate=sample_rate,
            window=window,
            hop=hop,
            bands=bands,
            low=low,
            high=high,
            normalize=normalize,
            stack=stack,
        )

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "text": None}

    def read(self) -> Iterator[Example]:
        if self.speaker is None:
            yield from self._read_recordings()
            return
        examples = list(self._read_recordings())
        numbers: dict[str, list[int]] = defaultdict(list)
        for number, example in enumerate(examples):
            numbers[example.columns[self.speaker].strip()].append(number)
        for of_speaker in numbers.values():
            features = self.features.normalized([examples[number].input for number in of_speaker])
            for number, normalized in zip(of_speaker, features, strict=True):
                examples[number] = replace(examples[number], input=normalized)
        yield from examples

    def _read_recordings(self) -> Iterator[Example]:
        """Yield the examples, normalized by recording or not at all."""
        for row, (line, record) in enumerate(self._records(), start=1):
            location = f"{self.path}:{line}"
            required = [name for name in (self.audio, self.text, self.speaker) if name is not None]
            missing = next((column for column in required if not record[column].strip()), None)
            if missing is not None:
                if self.empty == "error":
                    raise DataError(
                        message(
                            "{location}: the column '{column}' is empty: add {content}, or set `empty: skip` to skip "
                            "such rows",
                            location=location,
                            column=missing,
                            content=self._describe_column(missing),
                        )
                    )
                warnings.warn(
                    DataNote(message("skipped: the column '{column}' is empty", column=missing), location), stacklevel=2
                )
                continue
            try:
                features = self._read_features(record[self.audio].strip())
            except DataError as error:
                if self.unreadable == "error":
                    raise DataError(
                        message(
                            "{location}: {error} (`unreadable: skip` skips such recordings)",
                            location=location,
                            error=error,
                        )
                    ) from None
                note = DataNote(
                    message("skipped: the recording cannot be used"),
                    message("{location}: {error}", location=location, error=error),
                )
                warnings.warn(note, stacklevel=2)
                continue
            target = None if self.text is None else record[self.text].strip()
            columns = {name: value for name, value in record.items() if name != self.text}
            yield Example(features, target, location, row=row, columns=columns)

    def read_input(self, text: str) -> Example:
        if self.speaker is not None:
            raise DataError(
                message(
                    "{path}: `normalize: speaker` needs all recordings of a speaker: list the recordings and their "
                    "speakers in a csv file with the columns '{audio}' and '{speaker}', and pass it with --data, in "
                    "Python to `predict_file`",
                    path=text,
                    audio=self.audio,
                    speaker=self.speaker,
                )
            )
        return Example(read_recording(Path(text), self.features, text), columns={self.audio: text})

    def _describe_column(self, column: str) -> str:
        if column == self.audio:
            return message("the path of a wav file")
        return message("the text of the recording") if column == self.text else message("the speaker")

    def _read_features(self, name: str) -> np.ndarray:
        """Return the features of a recording, float (time, features).

        Raises:
            DataError: it cannot be read, or is too short.
        """
        return read_recording(folder_of(self.path) / name, self.features, name)

    def _records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the line number and the fields of each row that is not blank."""
        if self.path.suffix.lower() == ".wav":
            raise DataError(
                message(
                    "{path}: is a recording, not a csv file that lists recordings: predict a recording with "
                    "`seqkit predict RUN {path}`, or list it in a csv file",
                    path=self.path,
                )
            )
        header: list[str] = []
        for line, row in read_rows(self.path, self.encoding):
            if not any(field.strip() for field in row):
                continue
            if not header:
                header = [field.strip() for field in row]
                self._check_header(header, f"{self.path}:{line}")
            elif len(row) != len(header):
                raise DataError(
                    message(
                        "{path}:{line}: {fields} columns, but the header has {columns}: correct the line",
                        path=self.path,
                        line=line,
                        fields=len(row),
                        columns=len(header),
                    )
                )
            else:
                yield line, dict(zip(header, row, strict=True))

    def _check_header(self, header: list[str], location: str) -> None:
        contents = {
            "audio": (self.audio, message("the paths of the wav files")),
            "text": (self.text, message("the texts")),
            "speaker": (self.speaker, message("the speakers")),
        }
        for key, (name, content) in contents.items():
            if name is None:
                continue
            if name not in header:
                raise DataError(
                    message(
                        "{location}: the column '{name}' does not exist{found}: set `{key}:` to the one with {content}",
                        location=location,
                        name=name,
                        found=explain_missing_column(name, header),
                        key=key,
                        content=content,
                    )
                )
            if header.count(name) > 1:
                raise DataError(
                    message("{location}: two columns are called '{name}': rename one", location=location, name=name)
                )


def read_recording(path: Path, features: LogMel, name: str) -> np.ndarray:
    """Return the features of a wav file, float (time, features).

    Args:
        path: the file.
        features: computes them.
        name: of the recording, for messages.

    Raises:
        DataError: it cannot be read, or is too short.
    """
    samples = read_wav(path, features.sample_rate)
    return features.of_recording(samples, name, message("remove the recording"))
