"""Labelled text in a table."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from seqkit.contracts import DataNote, Example, Reader
from seqkit.errors import DataError, suggest
from seqkit.messages import message
from seqkit.readers.delimited import find_delimiter, plain_rows, quoted_rows
from seqkit.readers.files import check_encoding, read_lines
from seqkit.strict_json import parse_strict_json

_FORMATS: dict[str, Literal["csv", "tsv", "jsonl"]] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_SURROGATE = re.compile("[\ud800-\udfff]")


class Table(Reader):
    """Labelled text, one example per row of a CSV or TSV file with a header, or per line of a JSON Lines file.

    A label is text: `1` in CSV and `1` in JSON Lines are the same label. Fields of a CSV file can be quoted, and then
    contain delimiters and line breaks; fields that tabs separate in a TSV file are never quoted. A file can be
    compressed with gzip. A header that occurs again, in concatenated files, is skipped with a note. The row of an
    example is its number below the header, from 1, without blank lines; in a JSON Lines file, the line.

    Args:
        path: the file.
        text: the column of the text.
        label: the column of the label; null to read none.
        empty: what to do with a row whose text or label is empty: `error` raises an error, `skip` ignores the row.
        format: the format of the file; `auto` chooses it by the file name extension.
        delimiter: what separates the columns of a CSV or TSV file: `,`, `;`, `|` or a tab, `"\\t"`; `auto` chooses the
            one by which the header contains the columns of text and label.
        encoding: the encoding of the file. A byte order mark is removed.
    """

    path_specific = frozenset({"delimiter"})

    def __init__(
        self,
        *,
        path: Path | None = None,
        text: str = "text",
        label: str | None = "label",
        empty: Literal["error", "skip"] = "error",
        format: Literal["auto", "csv", "tsv", "jsonl"] = "auto",
        delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto",
        encoding: str = "utf-8",
    ) -> None:
        if path is None:
            raise ValueError(message("path is required: set `path:` here or pass `data.path=FILE` on the command line"))
        if format == "auto" and _format_of(path) is None:
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
        self.format = _format_of(path) if format == "auto" else format
        self.delimiter = delimiter
        self.encoding = check_encoding(encoding)
        if delimiter != "auto" and self.format == "jsonl":
            raise ValueError(message("delimiter applies to csv and tsv: remove it"))

    @classmethod
    def for_path(cls, path: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
        is_known = _format_of(path) is not None
        return super().for_path(path, {**parameters, **({"format": "auto"} if is_known else {})})

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "label": None}

    def read(self) -> Iterator[Example]:
        records = self._json_records() if self.format == "jsonl" else self._row_records()
        used = [column for column in (self.text, self.label) if column is not None]
        count = skipped = 0
        for row, line, record in records:
            location = f"{self.path}:{line}"
            if self.empty == "skip" and any(_is_empty(record.get(column, "-")) for column in used):
                skipped += 1
                note = message("skipped: the text or the label is empty") if self.label else message("skipped: no text")
                warnings.warn(DataNote(note, location), stacklevel=2)
                continue
            count += 1
            yield Example(
                self._value(record, "text", self.text, location),
                None if self.label is None else self._value(record, "label", self.label, location).strip(),
                location,
                row=row,
                columns={
                    name: self._checked(value, name, location) for name, value in record.items() if name not in used
                },
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
        return str(self._checked(value, column, location))

    def _checked(self, value: Any, column: str, location: str) -> Any:
        """Return a field, checked for half of a surrogate pair, which only JSON can contain.

        Raises:
            DataError: it contains one.
        """
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if self.format == "jsonl" and (surrogate := _SURROGATE.search(text)):
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
        wanted = [name for name in (self.text, self.label) if name is not None]
        if self.format != "jsonl" and not any(name in columns or suggest(name, columns) for name in wanted):
            remedy = message("{remedy}, or add a header if line 1 is the first row", remedy=remedy)
        return DataError(
            message(
                "{location}: there is no column '{column}'{found}: {remedy}",
                location=location,
                column=column,
                found=found,
                remedy=remedy,
            )
        )

    def _row_records(self) -> Iterator[tuple[int, int, dict[str, str]]]:
        """Yield the row number, the line number and the fields by column of each row below the header."""
        lines = read_lines(self.path, self.encoding)
        first_lines = []
        for line in lines:
            first_lines.append(line)
            if line.strip():
                break
        delimiter = self._find_delimiter(first_lines)
        lines = chain(first_lines, lines)
        if self.format == "tsv" and delimiter == "\t":
            rows = plain_rows(lines, delimiter)
        else:
            rows = quoted_rows(lines, delimiter, str(self.path))
        header: list[str] = []
        number = 0
        for line_number, row in rows:
            while len(row) > len(header) > 0 and not row[-1].strip():  # a delimiter at the end of the line
                row.pop()
            names = [field.strip() for field in row]
            if not header:
                header = names
                while len(header) > 1 and not header[-1]:
                    header.pop()
                self._check_header(header, f"{self.path}:{line_number}")
                columns = _unique_names(header)
            elif names == header:
                note = message("skipped: the header again, as from concatenated files")
                warnings.warn(DataNote(note, f"{self.path}:{line_number}"), stacklevel=2)
            elif len(row) != len(header):
                raise self._row_error(line_number, len(row), len(header), delimiter)
            else:
                number += 1
                yield number, line_number, dict(zip(columns, row, strict=True))

    def _find_delimiter(self, first_lines: list[str]) -> str:
        if self.delimiter != "auto":
            return self.delimiter
        usual = "\t" if self.format == "tsv" else ","
        wanted = [column for column in (self.text, self.label) if column is not None]
        header = first_lines[-1]
        delimiter, is_sure = find_delimiter(header, wanted, usual)
        if delimiter is None:
            raise DataError(
                message(
                    "{path}:{line}: it is not clear what separates the columns: set `delimiter:`",
                    path=self.path,
                    line=len(first_lines),
                )
            )
        if is_sure and delimiter != usual:
            note = message(
                "{path}: the columns are separated by {found}, not by {usual}",
                path=self.path,
                found=_DELIMITER_NAMES[delimiter],
                usual=_DELIMITER_NAMES[usual],
            )
            warnings.warn(note, stacklevel=2)
        return delimiter

    def _row_error(self, line: int, fields: int, columns: int, delimiter: str) -> DataError:
        names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
        if self.format == "tsv" and delimiter == "\t":
            remedy = message("remove tabs from the text")
        else:
            remedy = message("quote a field that contains a {delimiter}", delimiter=names[delimiter])
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

    def _json_records(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield the line number, twice, and the object of each line that is not blank."""
        for number, line in enumerate(read_lines(self.path, self.encoding), start=1):
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
            yield number, number, record


def _format_of(path: Path) -> Literal["csv", "tsv", "jsonl"] | None:
    """Return the format that the name of a file suggests, compressed or not."""
    return _FORMATS.get(Path(path.name.lower().removesuffix(".gz")).suffix)


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _unique_names(header: list[str]) -> list[str]:
    """Return the names of columns, numbered where one occurs again: `x`, `x.1`, `x.2`, as pandas does."""
    seen: Counter[str] = Counter()
    names = []
    for name in header:
        names.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names
