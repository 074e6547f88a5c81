"""Labelled text in a table."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from seqkit.contracts import Example, Reader
from seqkit.errors import DataError, suggest
from seqkit.messages import message
from seqkit.readers.files import check_encoding, read_text
from seqkit.strict_json import parse_strict_json

_FORMATS: dict[str, Literal["csv", "tsv", "jsonl"]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_SURROGATE = re.compile("[\ud800-\udfff]")


class Table(Reader):
    """Labelled text, one example per row of a CSV or TSV file with a header, or per line of a JSON Lines file.

    A label is text: `1` in CSV and `1` in JSON Lines are the same label. Fields of a CSV file can be quoted, and then
    contain commas and line breaks; fields of a TSV file are never quoted.

    Args:
        path: the file.
        text: the column of the text.
        label: the column of the label; null to read none.
        empty: what to do with a row whose text or label is empty: `error` raises an error, `skip` ignores the row.
        format: the format of the file; `auto` chooses it by the file name extension.
        encoding: the encoding of the file. A byte order mark is removed.
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
            raise ValueError(message("path is required: set `path:` here or pass `data.path=FILE` on the command line"))
        if format == "auto" and path.suffix.lower() not in _FORMATS:
            raise ValueError(
                message("format is not clear from the file name {name}: set it to csv, tsv or jsonl", name=path.name)
            )
        if text == label:
            raise ValueError(message("label must name a different column than text, '{column}'", column=text))
        self.path = path
        self.text = text
        self.label = label
        self.labelled = label is not None
        self.empty = empty
        self.format = _FORMATS[path.suffix.lower()] if format == "auto" else format
        self.encoding = check_encoding(encoding)

    @classmethod
    def for_path(cls, path: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
        is_known = path.suffix.lower() in _FORMATS
        return super().for_path(path, {**parameters, **({"format": "auto"} if is_known else {})})

    def read(self) -> Iterator[Example]:
        content = read_text(self.path, self.encoding)
        records = self._json_records(content) if self.format == "jsonl" else self._row_records(content)
        count = skipped = 0
        for line, record in records:
            location = f"{self.path}:{line}"
            if self.empty == "skip" and any(
                _is_empty(record.get(column, "-")) for column in (self.text, self.label) if column
            ):
                skipped += 1
                continue
            count += 1
            yield Example(
                self._value(record, "text", self.text, location),
                None if self.label is None else self._value(record, "label", self.label, location).strip(),
                location,
            )
        if skipped and not count:
            raise DataError(
                message(
                    "{path}: all {count} rows have an empty text or label: check `text:` and `label:`",
                    path=self.path,
                    count=skipped,
                )
            )
        if not count:
            raise DataError(message("{path}: there are no rows after the header", path=self.path))

    def _value(self, record: Mapping[str, Any], parameter: str, column: str, location: str) -> str:
        """Return the text of one field.

        Args:
            record: the row.
            parameter: the parameter of this reader that names the column.
            column: the column.
            location: the file and line, for messages.

        Raises:
            DataError: the column is missing, or the field is empty or not text.
        """
        if column not in record:
            raise self._missing_column(parameter, column, list(record), location)
        value = record[column]
        if isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, str | int | float):
            raise DataError(
                message(
                    "{location}: '{column}' is {value}, not text: quote it",
                    location=location,
                    column=column,
                    value=json.dumps(value)[:40],
                )
            )
        value = str(value)
        if _is_empty(value):
            raise DataError(
                message(
                    "{location}: '{column}' is empty: fill it in, or ignore such rows with `empty: skip`",
                    location=location,
                    column=column,
                )
            )
        if self.format == "jsonl" and (surrogate := _SURROGATE.search(value)):
            raise DataError(
                message(
                    "{location}: '{column}' contains \\u{code:04x}, half of a surrogate pair: add the other half",
                    location=location,
                    column=column,
                    code=ord(surrogate[0]),
                )
            )
        return value

    def _missing_column(self, parameter: str, column: str, columns: list[str], location: str) -> DataError:
        found = suggest(column, columns) or message("; the columns are {columns}", columns=", ".join(columns))
        if parameter == "label":
            remedy = message("set `label:` to the right one, or to null to read no labels")
        else:
            remedy = message("set `{parameter}:` to the right one", parameter=parameter)
        return DataError(
            message(
                "{location}: there is no column '{column}'{found}: {remedy}",
                location=location,
                column=column,
                found=found,
                remedy=remedy,
            )
        )

    def _row_records(self, content: str) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the line number and the fields by column of each row below the header."""
        header: list[str] = []
        for line, row in _csv_rows(content, self.path) if self.format == "csv" else _tsv_rows(content):
            if not header:
                header = [column.strip() for column in row]
                self._check_header(header, f"{self.path}:{line}")
                continue
            if len(row) != len(header):
                raise self._row_error(line, len(row), len(header))
            yield line, dict(zip(header, row, strict=True))

    def _row_error(self, line: int, fields: int, columns: int) -> DataError:
        if self.format == "csv":
            remedy = message("quote a field that contains a comma")
        else:
            remedy = message("remove tabs from the text")
        return DataError(
            message(
                "{path}:{line}: the number of fields is {fields}, not {columns} as in the header: {remedy}",
                path=self.path,
                line=line,
                fields=fields,
                columns=columns,
                remedy=remedy,
            )
        )

    def _check_header(self, header: list[str], location: str) -> None:
        for parameter, column in (("text", self.text), ("label", self.label)):
            if column is None:
                continue
            if column not in header:
                raise self._missing_column(parameter, column, header, location)
            if header.count(column) > 1:
                raise DataError(
                    message(
                        "{location}: the column '{column}' occurs more than once: rename the others",
                        location=location,
                        column=column,
                    )
                )

    def _json_records(self, content: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the line number and the object of each line that is not blank."""
        for number, line in enumerate(content.split("\n"), start=1):
            if not line.strip():
                continue
            location = f"{self.path}:{number}"
            try:
                record = parse_strict_json(line)
            except json.JSONDecodeError as error:
                raise DataError(
                    message(
                        "{location}: invalid JSON: {reason} at character {column}: write one JSON object per line",
                        location=location,
                        reason=error.msg,
                        column=error.pos + 1,
                    )
                ) from None
            except ValueError as error:  # NaN, a repeated key, a number that is too large
                raise DataError(
                    message("{location}: invalid JSON: {reason}", location=location, reason=error)
                ) from None
            if not isinstance(record, dict):
                raise DataError(
                    message("{location}: not a JSON object: write one JSON object per line", location=location)
                )
            yield number, record


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _csv_rows(content: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file that are not blank, each with the number of its first line."""
    rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    while True:
        line = rows.line_num + 1
        # The limit, a process-wide setting, protects from endless input; this input is in memory already.
        limit = csv.field_size_limit(max(len(content), 1))
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise DataError(
                message(
                    "{path}:{line}: {reason}: double each quote inside a quoted field",
                    path=path,
                    line=line,
                    reason=_quoting_error(str(error)),
                )
            ) from None
        finally:
            csv.field_size_limit(limit)
        if row is None:
            return
        if row and not (len(row) == 1 and row[0].isspace()):
            yield line, row


def _quoting_error(reason: str) -> str:
    """Describe what is wrong with the quotes of a field, given the message of the csv module."""
    if "unexpected end of data" in reason:
        return message("a quoted field is never closed")
    if "expected after" in reason:
        return message("a quoted field is closed before its end")
    return reason


def _tsv_rows(content: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a TSV file that are not blank, each with the number of its line."""
    for number, line in enumerate(content.split("\n"), start=1):
        fields = line.split("\t")
        if len(fields) > 1 or line.strip():
            yield number, fields
