"""The rows of a table in text: fields separated by a delimiter, quoted or not."""

from __future__ import annotations

import csv
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from seqkit.contracts import DataNote
from seqkit.errors import DataError
from seqkit.look_alikes import full_width
from seqkit.messages import message

DELIMITERS = {
    ",": message("comma"),
    ";": message("semicolon"),
    "\t": message("tab"),
    "|": message("vertical bar"),
}
"""The delimiters that are recognized, and their names."""

_MAX_FIELD = 2**31 - 1
"""What the csv module can take on any machine."""

_CARRIAGE_RETURN = "\udc0d"
"""Replaces a carriage return inside a line, which would end a row for the csv module. No decoded text contains it."""


def named_rows(
    lines: Iterator[str],
    source: str,
    *,
    delimiter: str,
    is_tsv: bool,
    used: Sequence[str],
    columns: Sequence[str] | None = None,
    check_header: Callable[[list[str], str], None],
) -> Iterator[tuple[int, int, dict[str, str]]]:
    """Yield the row number, the line number and the fields by column of each row below the header.

    Args:
        lines: the lines, without their ends.
        source: the name of the file, for messages.
        delimiter: between two fields, unless the header shows another one, with a note; `auto` to find it there.
        is_tsv: whether the name of the file says that tabs separate its fields, which are then not quoted.
        used: the columns that the table must have; empty if it can have any.
        columns: the names of the columns of a table without a header; None if its first row is one.
        check_header: raises an error if the names are wrong, given them and their location.

    Raises:
        DataError: the header is wrong, a field is not quoted correctly, or a row has more or fewer fields than it.
    """
    first_lines, lines = peek_header(lines)
    usual = "\t" if is_tsv else ","
    if columns is None:
        delimiter = find_delimiter(first_lines[-1], used, delimiter, usual, f"{source}:{len(first_lines)}")
    elif delimiter == "auto":
        delimiter = usual
    if is_tsv and delimiter == "\t" and not is_quoted(first_lines[-1], used if columns is None else [], delimiter):
        rows = plain_rows(lines, delimiter)
    else:
        rows = quoted_rows(lines, delimiter, source)
    header: list[str] = list(columns or [])
    names = header
    number = 0
    for line_number, row in rows:
        location = f"{source}:{line_number}"
        if not header:
            header = [name.strip() for name in row]
            check_header(header, location)
            names = unique_names(header)
            continue
        # A line can end in a delimiter, whether or not the header does.
        while len(row) > len(header) and not row[-1].strip():
            row.pop()
        if not any(header[len(row) :]):
            row += [""] * (len(header) - len(row))
        if columns is None and [name.strip() for name in row] == header:
            note = message("skipped: the header again, as from concatenated files")
            warnings.warn(DataNote(note, location), stacklevel=2)
        elif len(row) != len(header):
            remedy = message("quote a field that contains a {delimiter}", delimiter=DELIMITERS[delimiter])
            if is_tsv and delimiter == "\t":
                remedy = message("remove tabs from the text")
            elif delimiter in ",;|" and len(row) < len(header) and full_width(delimiter) in "".join(row):
                remedy = message(
                    "replace the full-width '{character}' between fields with '{delimiter}'",
                    character=full_width(delimiter),
                    delimiter=delimiter,
                )
            raise DataError(
                message(
                    "{location}: the number of fields is {fields}, not {columns} as in {names}: {remedy}",
                    location=location,
                    fields=len(row),
                    columns=len(header),
                    names=message("the header") if columns is None else message("`columns:`"),
                    remedy=remedy,
                )
            )
        else:
            number += 1
            yield number, line_number, dict(zip(names, row, strict=True))


def peek_header(lines: Iterator[str]) -> tuple[list[str], Iterator[str]]:
    """Return the lines up to the first one that is not blank, and an iterator over all lines."""
    first_lines = []
    for line in lines:
        first_lines.append(line)
        if line.strip():
            break
    return first_lines, chain(first_lines, lines)


def find_delimiter(header: str, columns: Sequence[str], given: str, usual: str, location: str) -> str:
    """Return the delimiter of a table, by its header.

    It is the first one with which the header contains the columns: the given one, the usual one, or another one. If no
    delimiter fits, it is the given one if it divides the header; else the one with the most columns, which the error of
    the missing column then names.

    Args:
        header: the first line.
        columns: the columns that the table must have; empty if it can have any.
        given: the delimiter that the recipe names; `auto` if it names none.
        usual: the delimiter that the name of the file suggests.
        location: the file and line, for messages.

    Raises:
        DataError: more than one delimiter other than the given and the usual one is possible.

    Warns:
        UserWarning: the recipe names a delimiter, and the header contains the columns only with another one.
    """
    preferred = [usual] if given == "auto" else [given, usual]
    names = {delimiter: _names(header, delimiter) for delimiter in (*preferred, *DELIMITERS)}
    fitting = [delimiter for delimiter, found in names.items() if set(columns) <= set(found)]
    if not (columns and fitting):
        is_kept = given != "auto" and (not columns or len(names[given]) > 1)
        return given if is_kept else max(names, key=lambda delimiter: len(names[delimiter]))
    if fitting[0] == given or (given == "auto" and fitting[0] == usual):
        return fitting[0]
    if len(fitting) > 1 and fitting[0] != usual:
        found = message(" or ").join(DELIMITERS[delimiter] for delimiter in fitting)
        raise DataError(
            message(
                "{location}: the columns can be separated by {found}: set `delimiter:`", location=location, found=found
            )
        )
    if given != "auto":
        note = message(
            "{location}: the delimiter of the columns is a {found}, not a {given}",
            location=location,
            found=DELIMITERS[fitting[0]],
            given=DELIMITERS.get(given, given),
        )
        warnings.warn(note, stacklevel=2)
    return fitting[0]


def is_quoted(header: str, columns: Sequence[str], delimiter: str) -> bool:
    """Return whether a header contains the columns only if names can be quoted."""
    plain = {name.strip() for name in header.split(delimiter)}
    return set(columns) <= set(_names(header, delimiter)) and not set(columns) <= plain


def unique_names(header: Sequence[str]) -> list[str]:
    """Return the names of columns, numbered where one occurs again: `x`, `x.1`, `x.2`, as pandas does."""
    seen: Counter[str] = Counter()
    names = []
    for name in header:
        names.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return names


def _names(header: str, delimiter: str) -> list[str]:
    with _long_fields():
        (row,) = csv.reader([_protect(header)], delimiter=delimiter)
    return [name.strip() for name in row]


def quoted_rows(lines: Iterable[str], delimiter: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the number of its first line. Fields can be quoted.

    Args:
        lines: the lines, without their ends.
        delimiter: between two fields.
        source: the name of the file, for messages.

    Raises:
        DataError: a field is not quoted correctly.
    """
    rows = csv.reader((_protect(line) + "\n" for line in lines), delimiter=delimiter, strict=True)
    while True:
        line = rows.line_num + 1
        try:
            with _long_fields():
                row = next(rows, None)
        except csv.Error as error:
            raise DataError(
                message(
                    "{path}:{line}: {reason}: double each quote inside a quoted field",
                    path=source,
                    line=line,
                    reason=_quoting_error(str(error)),
                )
            ) from None
        if row is None:
            return
        if row and not (len(row) == 1 and row[0].isspace()):
            yield line, [field.replace(_CARRIAGE_RETURN, "\r") for field in row]


def plain_rows(lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the number of its line. Fields are never quoted."""
    for number, line in enumerate(lines, start=1):
        fields = line.split(delimiter)
        if len(fields) > 1 or line.strip():
            yield number, fields


@contextmanager
def _long_fields() -> Iterator[None]:
    """Raise the maximum length of a field, a setting of the whole process that is too low for long texts."""
    limit = csv.field_size_limit(_MAX_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _protect(line: str) -> str:
    return line.replace("\r", _CARRIAGE_RETURN)


def _quoting_error(reason: str) -> str:
    """Describe what is wrong with the quotes of a field, given the message of the csv module."""
    if "unexpected end of data" in reason:
        return message("a quoted field is never closed")
    if "expected after" in reason:
        return message("a quoted field is closed before its end")
    return reason
