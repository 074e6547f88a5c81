"""A series of numbers by date."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np

from seqkit.contracts import Example, NonNegativeInt, PositiveInt, Reader
from seqkit.errors import DataError, suggest
from seqkit.readers.files import check_encoding, read_text
from seqkit_forecast.dates import UnevenDate, check_format, grid_places, parse_date

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
"""What stands in a cell without a value."""


class Series(Reader):
    """A series of numbers by date: a csv (or tsv) with a header, a row a step, in order of time.

    The file is one example, (time, columns), which `split: {by: order, …}` cuts in time. Dates are ISO 8601
    (`2016-07-01 00:00:00`), months (`1949-01`) or years, or whatever `date_format` says.

    Args:
        path: a file.
        time: the column with the dates; null when there is none, and every row is a step.
        columns: which columns to read, in this order; every one besides the dates when not given. Name them where
            another file may have them in another order.
        rows: read so many rows of this file and no more; any other file, of `predict` or `evaluate`, is read whole.
        date_format: of the dates, as in Python's strptime: `%d.%m.%Y`.
        spacing: `even` refuses dates that are not at one step from each other (months may be longer and shorter); `any`
            takes row after row as a step, so long as dates increase: trading days, say.
        fill: carry the last value over so many missing steps or empty cells in a row; 0 refuses any.
        encoding: of the file. A byte order mark is dropped.
    """

    yields = "features"
    labelled = False
    own_file = frozenset({"rows"})

    def __init__(
        self,
        *,
        path: Path | None = None,
        time: str | None = "date",
        columns: list[str] | None = None,
        rows: PositiveInt | None = None,
        date_format: str | None = None,
        spacing: Literal["even", "any"] = "even",
        fill: NonNegativeInt = 0,
        encoding: str = "utf-8",
    ) -> None:
        if path is None:
            raise ValueError(
                "path is required: a file to read, as `path:` here or `data.path=FILE` on the command line"
            )
        if columns is not None and (not columns or len(set(columns)) < len(columns) or time in columns):
            raise ValueError("columns must be one or more, each once, and not that of the dates")
        if date_format is not None:
            if time is None:
                raise ValueError("date_format has no dates to read: leave it out, or name their column with `time`")
            check_format(date_format)
        self.path = path
        self.time = time
        self.columns = columns
        self.rows = rows
        self.date_format = date_format
        self.spacing = spacing
        self.fill = fill
        self.encoding = check_encoding(encoding)

    def read(self) -> Iterator[Example]:
        records = self._records()
        line, header = next(records, (1, []))
        header = [name.strip() for name in header]
        names = self._columns(header, f"{self.path}:{line}")
        places = [header.index(name) for name in names]
        lines: list[int] = []
        dates: list[datetime] = []
        values: list[list[float]] = []
        for line, record in records:
            where = f"{self.path}:{line}"
            if len(record) != len(header):
                raise DataError(f"{where}: {len(record)} columns, where the header has {len(header)}")
            if self.time is not None:
                dates.append(self._date(record[header.index(self.time)].strip(), dates, where))
            values.append([_number(record[place].strip(), header[place], where) for place in places])
            lines.append(line)
            if len(lines) == self.rows:
                break
        if not lines:
            raise DataError(f"{self.path}: there is a header and nothing below it")
        steps = self._steps(dates, lines) if dates and self.spacing == "even" else list(range(len(lines)))
        yield Example(self._filled(values, steps, lines, names), where=f"{self.path}:{lines[0]}", names=tuple(names))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yields the rows that are not blank, each with its line."""
        text = read_text(self.path, self.encoding)
        delimiter = "\t" if self.path.suffix.lower() == ".tsv" else ","
        records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        while True:
            line = records.line_num + 1
            try:
                record = next(records, None)
            except csv.Error as error:
                raise DataError(f"{self.path}:{line}: {error}: write a quote inside a quoted cell twice") from None
            if record is None:
                return
            if any(cell.strip() for cell in record):
                yield line, record

    def _columns(self, header: list[str], where: str) -> list[str]:
        """Returns the columns to read.

        Raises:
            DataError: one is not there, or is there twice.
        """
        wanted = [] if self.time is None else [("time", self.time)]
        wanted += [("columns", name) for name in self.columns or ()]
        for parameter, name in wanted:
            if name not in header:
                known = suggest(name, header) or f"; there are {', '.join(header)}"
                remedy = f"name the right one with `{parameter}:`" + (
                    ", or null where there are no dates" if parameter == "time" else ""
                )
                raise DataError(f"{where}: there is no column '{name}'{known}: {remedy}")
        names = self.columns or [name for name in header if name != self.time]
        for name in [*names, *([self.time] if self.time else [])]:
            if header.count(name) > 1:
                raise DataError(f"{where}: the column '{name}' is there twice: rename one")
        if not names:
            raise DataError(f"{where}: there is no column besides the dates '{self.time}'")
        return names

    def _date(self, text: str, before: list[datetime], where: str) -> datetime:
        """Reads a date that comes after those before it."""
        try:
            date = parse_date(text, self.date_format)
        except ValueError:
            form = (
                f"of the form {self.date_format}" if self.date_format else "a date such as 2016-07-01 13:00 or 1949-01"
            )
            remedy = f"'{self.time}' holds the dates: say how they are written with `date_format:`, or `time: null`"
            raise DataError(f"{where}: '{text}' is not {form}: {remedy}") from None
        if not before:
            return date
        if (date.tzinfo is None) != (before[-1].tzinfo is None):
            raise DataError(
                f"{where}: {text} and the date before it do not both say their offset from UTC: write both so"
            )
        if date == before[-1]:
            raise DataError(f"{where}: {text} is there twice: keep one row a date (and write local times in UTC)")
        if date < before[-1]:
            raise DataError(f"{where}: {text} comes before the date above it: sort the rows by '{self.time}'")
        return date

    def _steps(self, dates: list[datetime], lines: list[int]) -> list[int]:
        """Returns the step that each row stands on.

        Raises:
            DataError: a date is off the grid, or more of them are missing than may be filled.
        """
        remedy = "mend it, or take row after row with `spacing: any`"
        try:
            steps, step = grid_places(dates)
        except UnevenDate as error:
            where = f"{self.path}:{lines[error.row]}"
            raise DataError(f"{where}: {_shown(dates[error.row])} is {error}: {remedy}") from None
        for row in range(1, len(steps)):
            missing = steps[row] - steps[row - 1] - 1
            if missing > self.fill:
                dated = f"between {_shown(dates[row - 1])} and {_shown(dates[row])}"
                raise DataError(
                    f"{self.path}:{lines[row]}: {_counted(missing)} of {step} missing {dated}: add them, carry values "
                    f"over with `fill: {missing}`, or take row after row with `spacing: any`"
                )
        return steps

    def _filled(self, values: list[list[float]], steps: list[int], lines: list[int], names: list[str]) -> np.ndarray:
        """Returns the values by step, (time, columns), the last one carried over where one is missing.

        Raises:
            DataError: more are missing in a row than may be filled, or there is none before.
        """
        table = np.full((steps[-1] + 1, len(names)), math.nan)
        table[steps] = values
        line_of = np.zeros(len(table), dtype=np.int64)
        line_of[steps] = lines
        missing, last = np.zeros(len(names), dtype=np.int64), -1  # steps in a row, by column, up to the last looked at
        for step in map(int, np.flatnonzero(np.isnan(table).any(axis=1))):
            empty = np.isnan(table[step])
            missing = np.where(empty, 1 + (missing if last == step - 1 else 0), 0)
            last = step
            column = int(missing.argmax())
            if step == 0 or missing[column] > self.fill:
                line = line_of[step:][line_of[step:] > 0][0]
                remedy = "fill it in" + (
                    f", or carry the value above over with `fill: {missing[column]}`" if step else ""
                )
                raise DataError(f"{self.path}:{line}: '{names[column]}' has no value: {remedy}")
            table[step, empty] = table[step - 1, empty]
        return table


def _number(cell: str, column: str, where: str) -> float:
    """Returns a cell's number, NaN where it has none."""
    if cell.lower() in MISSING:
        return math.nan
    try:
        number = float(cell) if "_" not in cell else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        remedy = "write it with a decimal point and no separators, or leave the column out with `columns:`"
        raise DataError(f"{where}: '{column}' is '{cell:.40}', not a number: {remedy}")
    return number


def _shown(date: datetime) -> str:
    return date.isoformat(" ", "auto" if date.second or date.microsecond else "minutes")


def _counted(missing: int) -> str:
    return f"{missing:,} step{'s' if missing > 1 else ''}"
