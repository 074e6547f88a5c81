"""Labelled text, a row an example."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from seqkit.contracts import Example, Reader
from seqkit.errors import DataError, suggest
from seqkit.readers.files import check_encoding, read_text

_SURROGATE = re.compile("[\ud800-\udfff]")


class Table(Reader):
    """Labelled text, a row an example: csv and tsv with a header, or an object a line (jsonl).

    A label is text: `1` in a csv and `1` in a jsonl are the same label. Fields of a csv may be quoted, and so hold
    commas and line ends; those of a tsv are taken as they stand.

    Args:
        path: a file.
        text: the column with the text.
        label: the column with the label; null when there is none to read.
        empty: what becomes of a row whose text or label is empty: `error` refuses the file, `skip` passes it over.
        format: by the file's ending when `auto`.
        encoding: of the file. A byte order mark is dropped.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        text: str = "text",
        label: str | None = "label",
        empty: Literal["error", "skip"] = "error",
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
        self.labelled = label is not None  # type: ignore[misc]
        self.empty = empty
        self.format = endings[path.suffix.lower()] if format == "auto" else format
        self.encoding = check_encoding(encoding)

    def read(self) -> Iterator[Example]:
        text = read_text(self.path, self.encoding)
        records = self._objects(text) if self.format == "jsonl" else self._fields(text)
        count = skipped = 0
        for line, record in records:
            where = f"{self.path}:{line}"
            if self.empty == "skip" and any(
                _is_empty(record.get(name, "-")) for name in (self.text, self.label) if name
            ):
                skipped += 1
                continue
            count += 1
            yield Example(
                self._value(record, "text", self.text, where),
                None if self.label is None else self._value(record, "label", self.label, where).strip(),
                where,
            )
        if not count:
            what = f"no row that is filled in, of {skipped}" if skipped else "a header and nothing below it"
            raise DataError(f"{self.path}: there is {what}")

    def _value(self, record: dict[str, Any], parameter: str, column: str, where: str) -> str:
        if column not in record:
            raise self._missing(parameter, column, list(record), where)
        value = record[column]
        if isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, str | int | float):
            raise DataError(f"{where}: '{column}' is {json.dumps(value)[:40]}, not text: write it in quotes")
        value = str(value)
        if _is_empty(value):
            raise DataError(f"{where}: '{column}' is empty: fill it in, or pass over such rows with `empty: skip`")
        if self.format == "jsonl" and (half := _SURROGATE.search(value)):
            raise DataError(
                f"{where}: '{column}' holds \\u{ord(half[0]):04x}, half a character: write it with its other half"
            )
        return value

    def _missing(self, parameter: str, column: str, columns: list[str], where: str) -> DataError:
        known = suggest(column, columns) or f"; there are {', '.join(columns)}"
        remedy = f"name the right one with `{parameter}:`" + (", or null for none" if parameter == "label" else "")
        return DataError(f"{where}: there is no column '{column}'{known}: {remedy}")

    def _fields(self, text: str) -> Iterator[tuple[int, dict[str, str]]]:
        header: list[str] = []
        for line, row in _csv_rows(text, self.path) if self.format == "csv" else _tsv_rows(text):
            if not header:
                header = [name.strip() for name in row]
                self._check_header(header, f"{self.path}:{line}")
                continue
            if len(row) != len(header):
                separator = "comma: put it in quotes" if self.format == "csv" else "tab: take the tab out"
                raise DataError(
                    f"{self.path}:{line}: {len(row)} column{'s' if len(row) > 1 else ''}, where the header has "
                    f"{len(header)}; perhaps a text holds a {separator}"
                )
            yield line, dict(zip(header, row, strict=True))

    def _check_header(self, header: list[str], where: str) -> None:
        for parameter, name in (("text", self.text), ("label", self.label)):
            if name is None:
                continue
            if name not in header:
                raise self._missing(parameter, name, header, where)
            if header.count(name) > 1:
                raise DataError(f"{where}: the column '{name}' is there twice: rename one")

    def _objects(self, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            where, remedy = f"{self.path}:{number}", "write one JSON object on each line"
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{where}: not JSON: {error.msg} at character {error.pos + 1}: {remedy}") from None
            except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
                raise DataError(f"{where}: not JSON: {error}: {remedy}") from None
            if not isinstance(record, dict):
                raise DataError(f"{where}: not a JSON object: {remedy}")
            yield number, record


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows that are not blank, each with the line that it starts on."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        line = rows.line_num + 1
        # The limit is of the whole process and meant for input that never ends; this text has been read already.
        limit = csv.field_size_limit(max(len(text), 1))
        try:
            row = next(rows, None)
        except csv.Error as error:
            message = str(error)
            if "unexpected end of data" in message:
                message = "a quote is opened here and never closed"
            elif "expected after" in message:
                message = "a quote ends in the middle of a field"
            raise DataError(f"{path}:{line}: {message}: write a quote inside a quoted field twice") from None
        finally:
            csv.field_size_limit(limit)
        if row is None:
            return
        if row and not (len(row) == 1 and row[0].isspace()):
            yield line, row


def _tsv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the rows that are not blank, each with its line."""
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split("\t")
        if len(fields) > 1 or line.strip():
            yield number, fields
