"""The reader `pairs`: texts and their translations, without a header."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from seqkit.contracts import DataNote, Example, PositiveInt, Reader
from seqkit.errors import DataError
from seqkit.messages import counted, message
from seqkit.readers.files import check_encoding, check_path, read_text


class _Line(NamedTuple):
    """A line of a file, or of two; `translation` is None if it is not read."""

    file: Path
    number: int
    text: str
    translation: str | None

    @property
    def location(self) -> str:
        return f"{self.file}:{self.number}"


class Pairs(Reader):
    """Texts and their translations: one pair per line in tab-separated columns, or the lines of two files.

    The file has no header; files with a header are for the reader `table`.

    Args:
        path: the file of texts, which also contains the translations unless `target_suffix` is set.
        source: the column of the text, from 1.
        target: the column of the translation, from 1; null to read texts without translations. Other columns are
            ignored, and a line with a single column is a text if no translation is read.
        target_suffix: the suffix of a second file, which contains the translations and otherwise has the name of
            `path`: `zh` for `corpus/train.en` and `corpus/train.zh`.
        empty: what to do with a pair whose text or translation is empty: `error`, or `skip` to skip and count it.
        invalid_lines: what to do with a line that lacks a column: `error`, or `skip` to skip and count it.
        encoding: the file encoding. A byte order mark is removed.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        source: PositiveInt = 1,
        target: PositiveInt | None = 2,
        target_suffix: str | None = None,
        empty: Literal["error", "skip"] = "error",
        invalid_lines: Literal["error", "skip"] = "error",
        encoding: str = "utf-8",
    ) -> None:
        self.path = path = check_path(path)
        if source == target and target_suffix is None:
            raise ValueError(message("target must be a different column from source, {source}", source=source))
        self.source = source
        self.target = target
        self.is_parallel = target_suffix is not None
        self.empty = empty
        self.invalid_lines = invalid_lines
        self.encoding = check_encoding(encoding)
        self.target_path = None
        if target_suffix is not None and target is not None:
            try:
                self.target_path = path.with_suffix(f".{target_suffix.removeprefix('.')}")
            except ValueError:
                raise ValueError(
                    message("target_suffix must be a file name suffix such as zh, not {suffix!r}", suffix=target_suffix)
                ) from None
            if self.target_path == path:
                raise ValueError(message("target_suffix must differ from the suffix of {name}", name=path.name))

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "target": None}

    def read(self) -> Iterator[Example]:
        is_empty = True
        for line in self._columns() if self.target_path is None else self._parallel_lines(self.target_path):
            if line.text and line.translation != "":
                is_empty = False
                yield Example(line.text, line.translation, line.location, row=line.number)
                continue
            if self.empty == "error":
                raise DataError(
                    message(
                        "{location}: the translation is empty: fill it in, or set `empty: skip` to skip such pairs",
                        location=line.location,
                    )
                    if line.text
                    else message(
                        "{location}: the text is empty: fill it in, or set `empty: skip` to skip such pairs",
                        location=line.location,
                    )
                )
            note = message("skipped: the translation is empty") if line.text else message("skipped: the text is empty")
            warnings.warn(DataNote(note, line.location), stacklevel=2)
        if is_empty:
            raise DataError(message("{path}: no pairs: all lines are blank or skipped", path=self.path))

    def _columns(self) -> Iterator[_Line]:
        """Yield the lines of the only file, without blank ones."""
        required = max(self.source, self.target or 0)
        for number, line in enumerate(read_text(self.path, self.encoding).split("\n"), start=1):
            columns = [line.strip()] if self.is_parallel else [column.strip() for column in line.split("\t")]
            if not any(columns):
                continue
            if self.target is None and len(columns) == 1:
                yield _Line(self.path, number, columns[0], None)
            elif len(columns) >= required:
                translation = None if self.target is None else columns[self.target - 1]
                yield _Line(self.path, number, columns[self.source - 1], translation)
            elif self.invalid_lines == "error":
                raise DataError(
                    message(
                        "{path}:{line}: {columns}, but column {required} is required: separate the text and the "
                        "translation by a tab, or set `invalid_lines: skip` to skip such lines",
                        path=self.path,
                        line=number,
                        columns=counted(len(columns), "{count} column", "{count} columns"),
                        required=required,
                    )
                )
            else:
                note = DataNote(
                    message("skipped: the line lacks a column"),
                    f"{self.path}:{number}",
                )
                warnings.warn(note, stacklevel=2)

    def _parallel_lines(self, target_path: Path) -> Iterator[_Line]:
        """Yield the lines of the two files, without those that are blank in both. A blank line gives the location."""
        texts, translations = (
            read_text(path, self.encoding).removesuffix("\n").split("\n") for path in (self.path, target_path)
        )
        if len(texts) != len(translations):
            raise DataError(_unequal_lengths(self.path, target_path, texts, translations))
        for number, pair in enumerate(zip(texts, translations, strict=True), start=1):
            text, translation = (line.strip() for line in pair)
            if text or translation:
                yield _Line(self.path if translation else target_path, number, text, translation)


def _unequal_lengths(path: Path, target_path: Path, texts: Sequence[str], translations: Sequence[str]) -> str:
    """Return the error message for two files, which names the first line that seems to have no counterpart."""
    length = min(len(texts), len(translations))
    file = path if len(texts) == length else target_path
    difference = message("{file}:{length}: the file ends after this line", file=file, length=length)
    for number, (text, translation) in enumerate(zip(texts, translations, strict=False), start=1):
        if bool(text.strip()) != bool(translation.strip()):
            blank = path if translation.strip() else target_path
            difference = message("{path}:{line}: blank in this file only", path=blank, line=number)
            break
    return message(
        "{difference}; {path} has {lines:,} lines and {target_path} {target_lines:,}: each line must "
        "be the translation of the line with the same number",
        difference=difference,
        path=path,
        lines=len(texts),
        target_path=target_path,
        target_lines=len(translations),
    )
