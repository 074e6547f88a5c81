"""Labeled text in a table."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from seqkit.contracts import DataNote, Example, NonEmptyText, Reader, TextPair
from seqkit.errors import DataError, explain_missing_column, suggest
from seqkit.look_alikes import FULL_WIDTH_COMMAS
from seqkit.messages import counted, message
from seqkit.readers.delimited import named_rows
from seqkit.readers.files import check_encoding, check_path, read_lines
from seqkit.readers.json_lines import json_objects, names_in, with_nested
from seqkit.readers.label_columns import label_set, names_of_labels
from seqkit.readers.parquet import parquet_rows
from seqkit.readers.table_format import choose_format, format_of

_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_HELD = 100_000
"""The number of rows of which one must have a field: a field that only later rows have counts as a wrong name."""


class Table(Reader):
    """Labeled text, one example per row of a CSV or TSV file with a header or of a Parquet file, or per line of a JSON
    Lines file.

    A label is text: `1` in CSV and `1` in JSON Lines are the same label. JSON Lines and Parquet can have a list of
    several labels, and objects within objects: `text: tweet.text` names a field of the object `tweet`. Parquet needs
    pyarrow: `pip install 'seqkit[arrow]'`. Fields of a CSV file can be quoted, and
    then contain delimiters and line breaks; fields that tabs separate in a TSV file are not quoted, unless the
    names in its header are. A file can be compressed with gzip. A header that occurs again, in concatenated files,
    is skipped with a note. The row of an example is its number below the header, from 1, without blank lines; in a
    JSON Lines file, the line.

    Args:
        path: the file.
        text: the column of the text.
        text_pair: the column of a second text, if the input is a pair of texts (a premise and a hypothesis, a question
            and an answer), which the tokenizer joins.
        label: the column of the label; null to read none. A list of columns of 0 and 1 (or of no and yes, false and
            true, 否 and 是) is a set of labels: those whose column is 1.
        empty: what to do with a row whose text or label is empty, or lacks the field in JSON Lines: `error` raises an
            error, `skip` ignores the row.
        optional_label: whether an empty label means that the row has no labels, for the head `multi_label`; `empty`
            then applies to the text alone. Of several columns of labels, an empty field counts as 0.
        missing: what the columns of text and label contain in place of an empty field, such as `nan` or `NA`.
        format: the format of the file; `auto` chooses it by the file name extension.
        delimiter: what separates the columns of a CSV or TSV file: `,`, `;`, `|` or a tab, `"\\t"`; `auto` chooses the
            one with which the header contains the columns of text and label. If the header contains them with another
            delimiter only, that one is used, with a note.
        encoding: the encoding of a text file. A byte order mark is removed.
        columns: the names of the columns of a CSV or TSV file without a header.
    """

    path_specific = frozenset({"delimiter"})
    pair_column = "text_pair"

    def __init__(
        self,
        *,
        path: Path | None = None,
        text: str = "text",
        label: str | list[NonEmptyText] | None = "label",
        empty: Literal["error", "skip"] = "error",
        format: Literal["auto", "csv", "tsv", "jsonl", "parquet"] = "auto",
        delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto",
        encoding: str = "utf-8",
        text_pair: str | None = None,
        columns: list[NonEmptyText] | None = None,
        missing: list[NonEmptyText] | None = None,
        optional_label: bool = False,
    ) -> None:
        self.path = path = check_path(path)
        self.format = choose_format(path) if format == "auto" else format
        labels = names_of_labels(label)
        if label is not None and not labels:
            raise ValueError(message("label must name at least one column; set it to null to read no labels"))
        if len(set(labels)) < len(labels):
            raise ValueError(message("label must name each column once"))
        if text in labels:
            raise ValueError(message("label must name a different column than text, '{column}'", column=text))
        if text_pair is not None and text_pair in (text, *labels):
            raise ValueError(
                message("text_pair must name a different column than text and label, '{column}'", column=text_pair)
            )
        self.text = text
        self.label = label
        self.text_pair = text_pair
        self.yields_pairs = text_pair is not None
        self._used = {text: "text"} | ({} if text_pair is None else {text_pair: "text_pair"})
        self._used |= dict.fromkeys(labels, "label")
        self.labelled = label is not None
        self.empty = empty
        self.optional_label = optional_label
        self.missing = frozenset(missing or ())
        self.delimiter = delimiter
        self.encoding = check_encoding(encoding)
        self.columns = columns
        if columns is not None and self.format not in ("csv", "tsv"):
            raise ValueError(message("columns applies to csv and tsv: remove it"))
        if columns is not None and len(set(columns)) < len(columns):
            raise ValueError(message("columns must name each column once"))
        if missing := [name for name in self._used if columns is not None and name not in columns]:
            raise ValueError(message("columns must contain '{column}', which is read", column=missing[0]))
        if delimiter != "auto" and self.format not in ("csv", "tsv"):
            raise ValueError(message("delimiter applies to csv and tsv: remove it"))

    @classmethod
    def for_path(cls, path: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
        known = format_of(path)
        other = super().for_path(path, {**parameters, **({"format": "auto"} if known else {})})
        return other if known in ("jsonl", "parquet") else other | {"delimiter": parameters["delimiter"]}

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "label": None}

    def read(self) -> Iterator[Example]:
        count = skipped = 0
        required = [column for column, name in self._used.items() if not (name == "label" and self.optional_label)]
        for row, line, record in self._checked_records():
            location = f"{self.path}:{line}"
            if self.empty == "skip" and any(self._is_empty(record.get(column)) for column in required):
                skipped += 1
                note = message("skipped: the text or the label is empty")
                if not self.label or self.optional_label:
                    note = message("skipped: no text")
                warnings.warn(DataNote(note, location), stacklevel=2)
                continue
            count += 1
            text: str | TextPair = self._value(record, self.text, location)
            if self.text_pair is not None:
                text = TextPair(str(text), self._value(record, self.text_pair, location))
            label = None if self.label is None else self._label(record, self.label, location)
            columns = {name: value for name, value in record.items() if name not in self._used}
            if not self.labelled:  # `predict` copies them
                for name, value in columns.items():
                    self._check_surrogates(value, name, location)
            yield Example(text, label, location, row=row, columns=columns)
        if skipped and not count:
            raise DataError(
                counted(
                    skipped,
                    "{path}: the only row has an empty text or label: check `text:` and `label:`",
                    "{path}: all {count} rows have an empty text or label: check `text:` and `label:`",
                    path=self.path,
                )
            )
        if not count:
            raise DataError(message("{path}: there are no rows after the header", path=self.path))

    def _checked_records(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield what `_records` does, with fields of objects within objects, once each column has been found in a row.

        Raises:
            DataError: no row has a column.
        """
        records = ((row, line, with_nested(whole, self._used)) for row, line, whole in self._records())
        held = []
        unknown = set(self._used)
        for each in islice(records, _MAX_HELD):
            held.append(each)
            unknown -= each[2].keys()
            if not unknown:
                break
        if held and unknown:
            names = list(dict.fromkeys(name for _, _, record in held for name in names_in(record)))
            column = next(each for each in self._used if each in unknown)
            raise self._missing_column(column, names, f"{self.path}:{held[0][1]}")
        yield from held
        yield from records

    def _records(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        """Yield the row number, the line number (in a Parquet file, the row) and the fields by column of each row."""
        if self.format == "parquet":
            return parquet_rows(self.path)
        lines = read_lines(self.path, self.encoding)
        if self.format == "jsonl":
            return json_objects(lines, str(self.path))
        return named_rows(
            lines,
            str(self.path),
            delimiter=self.delimiter,
            is_tsv=self.format == "tsv",
            used=list(self._used),
            columns=self.columns,
            check_header=self._check_header,
        )

    def _is_empty(self, value: object) -> bool:
        return value is None or (isinstance(value, str) and (not value.strip() or value.strip() in self.missing))

    def _label(self, record: Mapping[str, Any], column: str | list[str], location: str) -> Any:
        """Return the label of a row: text, or a list of texts from JSON Lines, Parquet or several columns.

        Raises:
            DataError: as `_value` does, or one of several columns is neither 0 nor 1.
        """
        if isinstance(column, list):
            names = [name for name in column if not (self.optional_label and self._is_empty(record.get(name)))]
            return label_set({name: self._value(record, name, location) for name in names}, names, location)
        value = record.get(column)
        if self.optional_label and self._is_empty(value):
            return []
        if not isinstance(value, list):
            return self._value(record, column, location).strip()
        return [self._value({column: item}, column, location).strip() for item in value]

    def _value(self, record: Mapping[str, Any], column: str, location: str) -> str:
        """Return the text of one field.

        Args:
            record: the row.
            column: the column.
            location: the file and line, for messages.

        Raises:
            DataError: the field is missing, empty or not text.
        """
        value = record.get(column, "")
        if value is None:
            value = ""
        if isinstance(value, bool):
            value = str(value).lower()
        if isinstance(value, dict) and value:
            raise DataError(
                message(
                    "{location}: '{column}' is an object: name a field of it, as in `{parameter}: {field}`",
                    location=location,
                    column=column,
                    parameter=self._used[column],
                    field=f"{column}.{names_in(value)[0]}",
                )
            )
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
        if self._is_empty(value):
            raise self._empty_field(column, location, is_missing=column not in record)
        self._check_surrogates(value, column, location)
        return value

    def _check_surrogates(self, value: Any, column: str, location: str) -> None:
        """Check that a field contains no half of a surrogate pair, which only JSON can contain."""
        if self.format != "jsonl":
            return
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if surrogate := _SURROGATE.search(text) or _SURROGATE.search(column):
            raise DataError(
                message(
                    "{location}: '{column}' contains \\u{code:04x}, half of a surrogate pair: add the other half",
                    location=location,
                    column=column,
                    code=ord(surrogate[0]),
                )
            )

    def _empty_field(self, column: str, location: str, *, is_missing: bool) -> DataError:
        if is_missing:
            problem = message(
                "{location}: '{column}' is missing: add it, or ignore such rows with `empty: skip`",
                location=location,
                column=column,
            )
        else:
            problem = message(
                "{location}: '{column}' is empty: fill it in, or ignore such rows with `empty: skip`",
                location=location,
                column=column,
            )
        if self._used[column] == "label":
            problem = message(
                "{problem}; with the head multi_label, `optional_label: true` reads it as no labels", problem=problem
            )
        return DataError(problem)

    def _missing_column(self, column: str, columns: list[str], location: str) -> DataError:
        parameter = self._used[column]
        if parameter == "label":
            remedy = message("set `label:` to the right one, or to null to read no labels")
        else:
            remedy = message("set `{parameter}:` to the right one", parameter=parameter)
        if self.format in ("csv", "tsv") and not any(name in columns or suggest(name, columns) for name in self._used):
            remedy = message("{remedy}, or add a header if this is the first row", remedy=remedy)
        if any(column in name.split("，") for name in columns):
            remedy = FULL_WIDTH_COMMAS
        return DataError(
            message(
                "{location}: there is no column '{column}'{found}: {remedy}",
                location=location,
                column=column,
                found=explain_missing_column(column, columns),
                remedy=remedy,
            )
        )

    def _check_header(self, header: list[str], location: str) -> None:
        for column in self._used:
            if column not in header:
                raise self._missing_column(column, header, location)
            if header.count(column) > 1:
                raise DataError(
                    message(
                        "{location}: the column '{column}' occurs more than once: rename the others",
                        location=location,
                        column=column,
                    )
                )
