"""The form of a table that nothing is known about: what separates its fields, and whether its first row is a header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from seqkit.contracts import Column
from seqkit.readers.delimited import DELIMITERS

_PROBED = 200
_KNOWN_NAMES = re.compile(
    r"(id|index|text|label|class|category|sentence|review|comment|content|target|title|date|time|month|y|x|tag|"
    r"question|answer|premise|hypothesis|sentiment|name|language|score|stars|rating|value|message|tweet|intent)s?\d?",
    re.IGNORECASE,
)


def guess_delimiter(lines: Sequence[str], format_of_name: str) -> str | None:
    """Return the delimiter that most rows have equally often; None if the file is no table.

    A file whose name does not say that it is a table is one if every row has the same number of fields. Prose has
    commas too, so that commas count in such a file only if its first row can be a header.
    """
    probed = list(islice(lines, 2 * _PROBED))
    best: tuple[tuple[float, bool, int, float], str] | None = None
    usual = "\t" if format_of_name == "tsv" else ","
    for delimiter in dict.fromkeys([usual, *DELIMITERS]):
        rows = _probe(probed, delimiter)
        if not rows:
            continue
        width, count = Counter(map(len, rows)).most_common(1)[0]
        agreement = count / len(rows)
        if width < 2 or (not format_of_name and (agreement < 1 or len(rows) < 3)):
            continue
        rank = round(agreement, 1), len(rows[0]) == width, width, agreement
        if best is None or rank > best[0]:
            best = rank, delimiter
    if best is not None:
        return best[1]
    return usual if format_of_name else None


def _probe(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    """Return the first rows, however they are quoted."""
    rows: Iterator[list[str]] = csv.reader((line + "\n" for line in lines), delimiter=delimiter)
    found = []
    with suppress(csv.Error):
        for row in islice(rows, _PROBED):
            if row and any(field.strip() for field in row):
                found.append(row)
    return found


def is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns.

    It does if it has a usual name, letters above numbers or dates, or a new value above a few that recur, as labels
    do. It does not if a name is a number, occurs twice, or is a value of its column too.
    """
    header, *body = [[cell.strip() for cell in row] for row in rows[: _PROBED * 5]]
    if not body:
        return True
    columns = [Column(name, [row[place] for row in body]) for place, name in enumerate(header)]
    named = [column for column in columns if column.name]
    is_value = any(column.counts[column.name] for column in named)
    known = sum(bool(_KNOWN_NAMES.fullmatch(column.name)) for column in named)
    if known > is_value:
        return True
    is_number = any(Column("", [column.name]).is_numeric for column in named)
    if is_value or is_number or not named or len({column.name for column in named}) < len(named):
        return False
    if any(has_letters(column.name) and not any(map(has_letters, column.filled)) for column in named):
        return True
    if any(map(_lacks_name, named)):
        return True
    return all(
        len(column.name) <= 40 and len(column.name) < max(3, column.mean_length) * 2 for column in named
    ) and any(len(column.name) < column.mean_length / 2 for column in named)


def _lacks_name(column: Column) -> bool:
    """Return whether the name of a column is unlikely to be one of its values, which recur.

    The probability that the next value is new is about the share of the values that occur once (Good, The Population
    Frequencies of Species, 1953).
    """
    once = sum(count == 1 for count in column.counts.values())
    return len(column.filled) >= _PROBED / 10 and once < 0.02 * len(column.filled)


def has_letters(text: str) -> bool:
    """Return whether a text has a letter, in any script."""
    return any(map(str.isalpha, text))
