"""A set of labels in several columns, each of which is 1 in the rows that have its label, and 0 in the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqkit.errors import DataError
from seqkit.messages import message

_PRESENT, _ABSENT = ("1", "1.0", "true", "yes", "是"), ("0", "0.0", "false", "no", "否")
_FLAGS = dict.fromkeys(_PRESENT, True) | dict.fromkeys(_ABSENT, False)


def names_of_labels(label: str | Sequence[str] | None) -> list[str]:
    """Return the columns that contain labels: one, several, or none."""
    if label is None:
        return []
    return [label] if isinstance(label, str) else list(label)


def flag(value: Any) -> bool | None:
    """Return whether a field says that a row has a label: true for 1, yes, 是; false for 0, no, 否; None for others."""
    return _FLAGS.get(str(value).strip().lower())


def label_set(record: Mapping[str, Any], names: Sequence[str], location: str) -> list[str]:
    """Return the labels of a row: the names of the columns that are 1.

    Args:
        record: the fields of the row by column, which include these.
        names: the columns.
        location: the file and line, for messages.

    Raises:
        DataError: a column is neither 0 nor 1.
    """
    found = []
    for name in names:
        is_label = flag(record[name])
        if is_label is None:
            raise DataError(
                message(
                    "{location}: '{column}' is '{value:.40}', neither 0 nor 1: `label:` lists columns of 0 and 1",
                    location=location,
                    column=name,
                    value=str(record[name]),
                )
            )
        if is_label:
            found.append(name)
    return found
