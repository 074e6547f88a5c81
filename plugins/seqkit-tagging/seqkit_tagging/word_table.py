"""A reader of a csv file with a row for each word."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from seqkit.contracts import DataNote, Example, NonEmptyText, Reader
from seqkit.errors import DataError, explain_missing_column
from seqkit.messages import message
from seqkit.readers.files import check_encoding, check_path, read_rows

_Row: TypeAlias = tuple[int, dict[str, str]]
"""The line of a row, and its cells by the parameter that names their column."""


class WordTable(Reader):
    """Sentences in a csv file with a header and a row for each word: its sentence, the word and its tag in columns.

    The rows of a sentence are consecutive. Its name or number is in the first of its rows and the others are empty,
    or it is in each of them:

        Sentence #,Word,Tag
        Sentence: 1,Ann,B-per
        ,sleeps,O
        Sentence: 2,Good,O

    Args:
        path: the file.
        sentence: the column of the sentence.
        word: the column of the word.
        tag: the column of the tag; null to read words without tags.
        empty: what to do with a sentence in which a word or a tag is empty: `error`, or `skip` to skip and count it.
        delimiter: what separates columns; `auto` finds it by the header. If the header contains the columns with
            another delimiter only, that one is used, with a note.
        encoding: the encoding of the file. A byte order mark is removed.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        sentence: NonEmptyText = "sentence",
        word: NonEmptyText = "word",
        tag: NonEmptyText | None = "tag",
        empty: Literal["error", "skip"] = "error",
        delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto",
        encoding: str = "utf-8",
    ) -> None:
        self.path = check_path(path)
        self.columns = {"sentence": sentence, "word": word} | ({} if tag is None else {"tag": tag})
        if len(set(self.columns.values())) < len(self.columns):
            raise ValueError(message("sentence, word and tag must name different columns"))
        self.labelled = tag is not None
        self.empty = empty
        self.delimiter = delimiter
        self.encoding = check_encoding(encoding)

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "tag": None}

    def read(self) -> Iterator[Example]:
        count = 0
        for number, rows in self._sentences():
            count += 1
            if found := next((each for each in rows if self._empty_column(each[1])), None):
                location = f"{self.path}:{found[0]}"
                column = self._empty_column(found[1])
                if self.empty == "error":
                    raise DataError(
                        message(
                            "{location}: '{column}' is empty: fill it in, or skip such sentences with `empty: skip`",
                            location=location,
                            column=column,
                        )
                    )
                warnings.warn(
                    DataNote(message("skipped: a word or a tag of the sentence is empty"), location), stacklevel=2
                )
                continue
            words = [cells["word"] for _, cells in rows]
            tags = [cells["tag"] for _, cells in rows] if self.labelled else None
            yield Example(words, tags, f"{self.path}:{rows[0][0]}", row=number)
        if not count:
            raise DataError(message("{path}: there are no rows after the header", path=self.path))

    def _sentences(self) -> Iterator[tuple[int, list[_Row]]]:
        """Yield the number of the first row of each sentence, from 1, and its rows."""
        sentence, first = "", 0
        rows: list[_Row] = []
        for number, (line, cells) in enumerate(self._rows(), start=1):
            if not rows or (cells["sentence"] and cells["sentence"] != sentence):
                if rows:
                    yield first, rows
                sentence, first, rows = cells["sentence"], number, []
            rows.append((line, cells))
        if rows:
            yield first, rows

    def _empty_column(self, cells: Mapping[str, str]) -> str:
        """Return the column of the word or of the tag if it is empty in a row."""
        return next((self.columns[name] for name in ("word", "tag") if cells.get(name) == ""), "")

    def _rows(self) -> Iterator[_Row]:
        """Yield the line and the cells of each row, by the parameter that names their column.

        Raises:
            DataError: a column is missing, or a row is too short.
        """
        rows = read_rows(self.path, self.encoding, self.delimiter, list(self.columns.values()))
        line, header = next(rows)
        places = self._places([name.strip() for name in header], f"{self.path}:{line}")
        for line, row in rows:
            if len(row) <= max(places.values()):
                raise DataError(
                    message(
                        "{path}:{line}: the row has {fields} columns, but the header {columns}: add those that are "
                        "missing, and quote a word that contains the delimiter",
                        path=self.path,
                        line=line,
                        fields=len(row),
                        columns=len(header),
                    )
                )
            yield line, {name: row[place].strip() for name, place in places.items()}

    def _places(self, header: Sequence[str], location: str) -> dict[str, int]:
        """Return the places of the columns in a row."""
        for parameter, name in self.columns.items():
            if name not in header:
                raise DataError(
                    message(
                        "{location}: there is no column '{column}'{found}: set `{parameter}:` to the right one",
                        location=location,
                        column=name,
                        found=explain_missing_column(name, header),
                        parameter=parameter,
                    )
                )
        return {parameter: header.index(name) for parameter, name in self.columns.items()}
