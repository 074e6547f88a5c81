"""Labelled text, a row an example."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from seqkit.contracts import Example, Reader
from seqkit.errors import DataError, suggest
from seqkit.readers.files import check_encoding, read_text


class Table(Reader):
    """Labelled text, a row an example: csv and tsv with a header, or an object a line (jsonl).

    A label is text: `1` in a csv and `1` in a jsonl are the same label. Fields of a csv may be quoted, and so hold
    commas and line ends; those of a tsv are taken as they stand.

    Args:
        path: a file.
        text: the column with the text.
        label: the column with the label; null when there is none to read.
        format: by the file's ending when `auto`.
        encoding: of the file. A byte order mark is dropped.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        text: str = "text",
        label: str | None = "label",
        format: Literal["auto", "csv", "tsv", "jsonl"] = "auto",
        encoding: str = "utf-8",
    ) -> None:
        if path is None:
            raise ValueError(
                "path is required: a file to read, as `path:` here or `data.path=FILE` on the command line"
            )
        endings = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
        if format == "auto" and path.suffix.lower() not in endings:
            raise ValueError(f"format cannot be told from the ending of {path.name}: give csv, tsv or jsonl")
        if text == label:
            raise ValueError(f"label is the same column as the text, '{text}'")
        self.path = path
        self.text = text
        self.label = label
        self.format = endings[path.suffix.lower()] if format == "auto" else format
        self.encoding = check_encoding(encoding)

    def read(self) -> Iterator[Example]:
        text = read_text(self.path, self.encoding)
        records = self._objects(text) if self.format == "jsonl" else self._fields(text)
        count = 0
        for line, record in records:
            where = f"{self.path}:{line}"
            count += 1
            yield Example(
                self._value(record, self.text, where),
                None if self.label is None else self._value(record, self.label, where).strip(),
                where,
            )
        if not count:
            raise DataError(f"{self.path}: there is a header and nothing below it")

    def _value(self, record: dict[str, Any], column: str, where: str) -> str:
        if column not in record:
            raise DataError(f"{where}: there is no column '{column}'{_known(column, list(record))}")
        value = record[column]
        if isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, str | int | float):
            raise DataError(f"{where}: '{column}' is {json.dumps(value)[:40]}, not text")
        if not str(value).strip():
            raise DataError(f"{where}: '{column}' is empty")
        return str(value)

    def _fields(self, text: str) -> Iterator[tuple[int, dict[str, str]]]:
        if self.format == "csv":
            rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        else:
            rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
        line = 1
        try:
            header = [name.strip() for name in next(rows)]
            for name in [self.text] + ([self.label] if self.label else []):
                if name not in header:
                    raise DataError(f"{self.path}:1: there is no column '{name}'{_known(name, header)}")
                if header.count(name) > 1:
                    raise DataError(f"{self.path}:1: the column '{name}' is there twice")
            line = rows.line_num + 1
            for row in rows:
                if len(row) not in (0, len(header)):
                    raise DataError(f"{self.path}:{line}: {len(row)} columns, where the header has {len(header)}")
                if row:
                    yield line, dict(zip(header, row, strict=True))
                line = rows.line_num + 1
        except csv.Error as error:
            raise DataError(f"{self.path}:{line}: not {self.format}: {error}") from None

    def _objects(self, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{self.path}:{number}: not JSON: {error}") from None
            if not isinstance(record, dict):
                raise DataError(f"{self.path}:{number}: not a JSON object")
            yield number, record


def _known(name: str, columns: list[str]) -> str:
    return suggest(name, columns) or f"; the columns are {', '.join(columns)}"
