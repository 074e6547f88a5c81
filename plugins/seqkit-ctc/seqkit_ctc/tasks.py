"""Recognize lists of recordings, and draft a recipe for `seqkit init`."""

from __future__ import annotations

import re
from typing import Any

from seqkit.contracts import Column, DataFile, Draft
from seqkit.messages import message

_WAV = re.compile(r"(?i).+\.wav\s*")
_TEXT_NAME = re.compile(r"(?i)(text|transcript(ion)?|sentence|label|words?|文本|内容|转写|标注)s?")
_FEW = 400
"""Of fewer recordings, larger parts are held out: a tenth of them would be too few for a metric."""

_WANTED_RECORDINGS = 12_000
"""How many recordings training reads, in all epochs: those of recordings.yaml with 600."""


def transcribe(file: DataFile) -> Draft | str:
    """Draft a recipe for a csv file with the path of a wav file and its text in each row."""
    audio = next((column for column in file.columns if column.counts and all(map(_WAV.fullmatch, column.counts))), None)
    if audio is None:
        return message("no column of paths of wav files")
    if file.format != "csv" or file.delimiter != "," or not file.has_header:
        return message("the list of recordings must be a csv file with commas and a header: convert it")
    text = _text(file, audio)
    if text is None:
        return message(
            "no column of texts beside the paths in '{column}': add the text of each recording", column=audio.name
        )
    data: dict[str, Any] = {"type": "wav"}
    if (audio.name, text.name) != ("path", "text"):
        data |= {"audio": audio.name, "text": text.name}
    if file.encoding != "utf-8":
        data["encoding"] = file.encoding
    if min(audio.filled_share, text.filled_share) < 1:
        data["empty"] = "skip"
    share = 0.1 if file.rows >= _FEW else 0.2
    summary = message("the recordings are in '{audio}', their texts in '{text}'", audio=audio.name, text=text.name)
    smaller = {"encoder": {"hidden_size": 32}}
    return Draft(
        0.96, {"data": data, **_model(file.rows)}, summary, {}, smaller, {"by": "random", "valid": share, "test": share}
    )


def _text(file: DataFile, audio: Column) -> Column | None:
    """Return the column of the texts: the one that the user names, one with a usual name, or the longest."""
    others = [column for column in file.columns if column is not audio and column.filled]
    named = [column for column in others if column.name in (file.text, *file.labels)]
    usual = [column for column in others if _TEXT_NAME.fullmatch(column.name)]
    return next(iter(named or usual), max(others, key=lambda column: column.mean_length, default=None))


def _model(rows: int) -> dict[str, Any]:
    """Return the settings of recordings.yaml, with more epochs of fewer recordings."""
    return {
        "embedding": {"type": "scaled"},
        "encoder": {"type": "bilstm", "hidden_size": 64},
        "head": {"type": "ctc", "decoder": "beam"},
        "train": {
            "epochs": max(20, min(100, _WANTED_RECORDINGS // max(1, rows))),
            "batch_size": 8,
            "optimizer": {"type": "adam", "lr": 0.003},
            "schedule": {"type": "cosine"},
            "clip_norm": 5.0,
            "metric": "label_error_rate",
            "threads": 1,
        },
    }
