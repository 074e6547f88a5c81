"""Labeled sequences of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from seqkit.contracts import Example, Reader
from seqkit.errors import DataError, explain_missing_column
from seqkit.messages import message
from seqkit.readers.files import check_encoding, check_path, read_lines
from seqkit.readers.json_lines import json_objects, names_in, with_nested


class Sequences(Reader):
    """Labeled sequences of numbers, one per line of a JSON Lines file.

    A sequence is a list of numbers, or a list of lists of as many numbers each, one for each time step:
    `{"sequence": [[0.1, 2], [0.3, 4]], "label": "up"}`. The label is text, a number, or a list of them. Objects can be
    within objects: `sequence: sensor.values` names a field of the object `sensor`.

    Args:
        path: the file.
        sequence: the key of the sequence.
        label: the key of the label; null to read none.
        encoding: the encoding of the file. A byte order mark is removed.
    """

    yields: ClassVar[Literal["text", "features"]] = "features"
    table_columns = ("sequence", "label")

    def __init__(
        self,
        *,
        path: Path | None = None,
        sequence: str = "sequence",
        label: str | None = "label",
        encoding: str = "utf-8",
    ) -> None:
        self.path = check_path(path)
        if sequence == label:
            raise ValueError(message("label must name a different key than sequence, '{key}'", key=sequence))
        self.sequence = sequence
        self.label = label
        self.labelled = label is not None
        self.encoding = check_encoding(encoding)

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "label": None}

    def read(self) -> Iterator[Example]:
        width = 0
        used = [key for key in (self.sequence, self.label) if key is not None]
        for _, line, whole in json_objects(read_lines(self.path, self.encoding), str(self.path)):
            record = with_nested(whole, used)
            location = f"{self.path}:{line}"
            features = self._features(self._value(record, "sequence", self.sequence, location), location)
            if features.shape[1] != (width := width or features.shape[1]):
                raise DataError(
                    message(
                        "{location}: has {actual} numbers per time step, but the first sequence has {expected}",
                        location=location,
                        actual=features.shape[1],
                        expected=width,
                    )
                )
            label = None if self.label is None else self._value(record, "label", self.label, location)
            columns = {key: value for key, value in record.items() if key not in (self.sequence, self.label)}
            yield Example(features, label_text(label), location, row=line, columns=columns)
        if not width:
            raise DataError(message("{path}: the file is empty", path=self.path))

    def _value(self, record: Mapping[str, Any], parameter: str, key: str, location: str) -> Any:
        """Return the value of a key.

        Raises:
            DataError: it is missing.
        """
        value = record.get(key)
        if value is not None and value != "":
            return value
        found = explain_missing_column(key, names_in(record), are_keys=True) if key not in record else ""
        raise DataError(
            message(
                "{location}: '{key}' is missing{found}: add it, or set `{parameter}:` to another key",
                location=location,
                key=key,
                found=found,
                parameter=parameter,
            )
        )

    def _features(self, value: Any, location: str) -> np.ndarray:
        """Return a sequence as float64 (time, features).

        Raises:
            DataError: it is not one.
        """
        try:
            features = np.array(value, dtype=np.float64)
        except (TypeError, ValueError):
            features = np.empty(0)
        if features.ndim == 1:
            features = features[:, None]
        if features.ndim != 2 or not features.size or not np.isfinite(features).all():
            raise DataError(
                message(
                    "{location}: '{key}' must be a list of numbers, or of lists of equally many, not {value!r:.40}",
                    location=location,
                    key=self.sequence,
                    value=value,
                )
            )
        return features


def label_text(label: Any) -> Any:
    """Return a label as the reader `table` does: a number is text; several are in a list."""
    if isinstance(label, list | tuple):
        return [label_text(item) for item in label]
    if isinstance(label, bool):
        return str(label).lower()
    return str(label).strip() if isinstance(label, str | int | float) else label
