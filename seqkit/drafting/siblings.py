"""The files beside a training file that contain its other splits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqkit.contracts import DataFile
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.fasttext import labels_and_text
from seqkit.readers.inspection import inspect


def usable_siblings(
    file: DataFile, section: Mapping[str, Any], encoding: str | None
) -> tuple[dict[str, Path], list[str]]:
    """Return the files of other splits that have the columns that the recipe reads, and a note on each other one.

    Args:
        file: the training file.
        section: the section `data`.
        encoding: the encoding that the user names.
    """
    values = [item for value in section.values() for item in (value if isinstance(value, list) else [value])]
    used = [column.name for column in file.columns if column.name in values]
    usable, notes = {}, []
    for split, path in file.siblings.items():
        try:
            other = inspect(path, encoding)
        except DataError as error:
            notes.append(message("{reason}: not used for the {split} split", split=split, reason=error))
            continue
        names = {column.name for column in other.columns}
        if file.format == "fasttext":  # a small file does not show that its first words are labels
            names = {"label", "text"} if _has_labels(other, file) else {"text"}
            used = ["label"]
        if missing := [name for name in used if name not in names]:
            notes.append(
                message(
                    "{path} is not used for the {split} split: it has no column '{column}'",
                    path=path,
                    split=split,
                    column=missing[0],
                )
            )
        else:
            usable[split] = path
    return usable, notes


def _has_labels(other: DataFile, file: DataFile) -> bool:
    """Return whether most lines of a file begin with labels as those of the training file do."""
    known = file.column("label").counts if file.label_prefix is None else None
    parts = [labels_and_text(line, file.label_prefix)[0] for line in other.lines if line.strip()]
    labeled = sum(bool(labels) and (known is None or labels[0] in known) for labels in parts)
    return labeled > 0.9 * len(parts)
