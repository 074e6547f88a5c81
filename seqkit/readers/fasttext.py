"""Lines with labels before a text, as fastText trains on."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from seqkit.contracts import DataNote, Example, NonEmptyText, Reader
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.files import check_encoding, check_path, read_lines

LABEL_PREFIX = "__label__"
"""What a label begins with in fastText's own files."""


class FastText(Reader):
    """Labeled text, one example per line: its labels, each with a prefix, and the text after them, as fastText reads.

    `__label__pos a lovely room` has the label `pos`. Blank lines are skipped. A file can be compressed with gzip.

    Args:
        path: the file.
        labels: how many labels a line has: `one` for the head `classify`, `several`, or none, for `multi_label`; null
            to read none.
        prefix: what a label begins with; words that do not begin with it are the text. If it is null, the first word of
            each line is its label, also in a file to predict.
        encoding: the encoding of the file. A byte order mark is removed.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        labels: Literal["one", "several"] | None = "one",
        prefix: NonEmptyText | None = LABEL_PREFIX,
        encoding: str = "utf-8",
    ) -> None:
        self.path = check_path(path)
        if labels == "several" and prefix is None:
            raise ValueError(message("labels: several needs a prefix, with which each label begins: set `prefix:`"))
        self.labels = labels
        self.labelled = labels is not None
        self.prefix = prefix
        self.encoding = check_encoding(encoding)

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "labels": None}

    def read(self) -> Iterator[Example]:
        is_empty = True
        for number, line in enumerate(read_lines(self.path, self.encoding), start=1):
            if not line.strip():
                continue
            is_empty = False
            location = f"{self.path}:{number}"
            labels, text = labels_and_text(line, self.prefix)
            if not text:
                raise DataError(message("{location}: there is no text after the labels", location=location))
            if self.prefix is None and not self.labelled:
                note = message("the first word of the line is its label, and no part of the text (`prefix: null`)")
                warnings.warn(DataNote(note, location), stacklevel=2)
            yield Example(text, self._target(labels, location), location, row=number)
        if is_empty:
            raise DataError(message("{path}: the file is empty", path=self.path))

    def _target(self, labels: list[str], location: str) -> Any:
        """Return the target of a line.

        Raises:
            DataError: it has not one label.
        """
        if self.labels != "one":
            return labels if self.labels else None
        if not labels:
            raise DataError(
                message(
                    "{location}: the line does not begin with a label, '{prefix}…': add it, or set `prefix:`",
                    location=location,
                    prefix=self.prefix,
                )
            )
        if len(labels) > 1:
            raise DataError(
                message(
                    "{location}: the line has {count} labels: set `labels: several`, and `head.type: multi_label`",
                    location=location,
                    count=len(labels),
                )
            )
        return labels[0]


def labels_and_text(line: str, prefix: str | None = LABEL_PREFIX) -> tuple[list[str], str]:
    """Return the labels at the beginning of a line, without their prefix, and the text after them.

    Args:
        line: the line, which is not blank.
        prefix: what a label begins with; None if the first word is the label.
    """
    if prefix is None:
        label, *texts = line.split(maxsplit=1)
        return [label], "".join(texts).rstrip()
    labels = []
    rest = line.strip()
    while match := re.match(rf"{re.escape(prefix)}(\S+)\s*", rest):
        labels.append(match[1])
        rest = rest[match.end() :]
    return labels, rest
