"""The reader `series`: numeric series from CSV files."""

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
from seqkit_forecast.dates import IrregularDate, check_format, grid_positions, parse_date

MISSING = frozenset({"", "na", "n/a", "nan", "null", "none"})
"""The cells, in lower case, that mean a missing value."""


class Series(Reader):
    """Numeric series from a CSV or TSV file with a header: one column per variable, one row per time step.

    The file is one example, (time, columns), which `split: {by: order, …}` divides in time. Dates are ISO 8601
    (`2016-07-01 00:00:00`), months (`1949-01`) or years, unless `date_format` gives another format. They must increase.

    Args:
        path: the file.
        time: the column of dates; null for a file without one.
        columns: the columns to read, in this order; by default all but the column of dates. List them if other files
            may have them in another order.
        rows: read only this number of rows. Does not apply to the files of `predict` and `evaluate`.
        date_format: the format of the dates, as in Python's `strptime`: `%d.%m.%Y`.
        spacing: `even` requires dates at equal intervals (a day, a month, …); `any` accepts increasing dates and takes
            each row as one time step: trading days, for instance.
        fill: repeat the previous value for at most this number of consecutive missing time steps or empty cells; 0
            raises an error for any missing value.
        encoding: the file encoding. A byte order mark is removed.
    """

    yields = "features"
    labelled = False
    path_specific = frozenset({"rows"})

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
            raise ValueError("path is required: set `path:` here, or `data.path=FILE` on the command line")
        if columns is not None and (not columns or len(set(columns)) < len(columns) or time in columns):
            raise ValueError("columns must list at least one column, none twice, and not the column of dates")
        if date_format is not None:
            if time is None:
                raise ValueError("date_format requires a column of dates: remove it, or set `time`")
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
        names = self._column_names(header, f"{self.path}:{line}")
        indices = [header.index(name) for name in names]
        lines: list[int] = []
        dates: list[datetime] = []
        values: list[list[float]] = []
        for line, record in records:
            location = f"{self.path}:{line}"
            if len(record) != len(header):
                raise DataError(f"{location}: {len(record)} columns, but the header has {len(header)}")
            if self.time is not None:
                dates.append(self._date(record[header.index(self.time)].strip(), dates, location))
            values.append([_number(record[index].strip(), header[index], location) for index in indices])
            lines.append(line)
            if len(lines) == self.rows:
                break
        if not lines:
            raise DataError(f"{self.path}: the file has a header but no rows: add at least one")
        steps = self._time_steps(dates, lines) if dates and self.spacing == "even" else list(range(len(lines)))
        features = self._fill_missing(values, steps, lines, names)
        yield Example(features, location=f"{self.path}:{lines[0]}", feature_names=tuple(names))

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the line number and the cells of each row that is not blank."""
        text = read_text(self.path, self.encoding)
        delimiter = "\t" if self.path.suffix.lower() == ".tsv" else ","
        records = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        while True:
            line = records.line_num + 1
            try:
                record = next(records, None)
            except csv.Error as error:
                raise DataError(f"{self.path}:{line}: {error}: double each quote inside a quoted cell") from None
            if record is None:
                return
            if any(cell.strip() for cell in record):
                yield line, record

    def _column_names(self, header: list[str], location: str) -> list[str]:
        """Return the names of the columns to read.

        Raises:
            DataError: the header lacks one of them, or has it twice.
        """
        required = [] if self.time is None else [("time", self.time)]
        required += [("columns", name) for name in self.columns or ()]
        for parameter, name in required:
            if name not in header:
                known = suggest(name, header) or f"; the columns are {', '.join(header)}"
                remedy = (
                    "set `time:` to the column of dates, or to null if there are none"
                    if parameter == "time"
                    else "correct `columns:`"
                )
                raise DataError(f"{location}: no column '{name}'{known}: {remedy}")
        names = self.columns or [name for name in header if name != self.time]
        for name in [*names, *([self.time] if self.time else [])]:
            if header.count(name) > 1:
                raise DataError(f"{location}: column '{name}' appears twice: rename one of them")
        if not names:
            raise DataError(f"{location}: no column besides the dates '{self.time}': add a column of numbers")
        return names

    def _date(self, text: str, previous: list[datetime], location: str) -> datetime:
        """Parse a date.

        Raises:
            DataError: it has another format, or is not later than the previous one.
        """
        try:
            date = parse_date(text, self.date_format)
        except ValueError:
            expected = (
                f"does not match the format {self.date_format}"
                if self.date_format
                else "is not a date such as 2016-07-01 13:00 or 1949-01"
            )
            remedy = f"set `date_format:` to the format of column '{self.time}', or `time: null` if it has no dates"
            raise DataError(f"{location}: '{text}' {expected}: {remedy}") from None
        if not previous:
            return date
        if (date.tzinfo is None) != (previous[-1].tzinfo is None):
            raise DataError(f"{location}: only one of {text} and the previous date has a UTC offset: add one to both")
        if date == previous[-1]:
            raise DataError(
                f"{location}: the date {text} appears twice: keep one row per date, with local times in UTC"
            )
        if date < previous[-1]:
            raise DataError(f"{location}: {text} is earlier than the previous date: sort the rows by '{self.time}'")
        return date

    def _time_steps(self, dates: list[datetime], lines: list[int]) -> list[int]:
        """Return the time step of each row.

        Raises:
            DataError: a date is not on the grid, or more consecutive dates are missing than `fill` allows.
        """
        each_row = "set `spacing: any` to take each row as one time step"
        try:
            steps, interval = grid_positions(dates)
        except IrregularDate as error:
            location = f"{self.path}:{lines[error.row]}"
            raise DataError(
                f"{location}: {_format_date(dates[error.row])} is {error}: correct it, or {each_row}"
            ) from None
        for row in range(1, len(steps)):
            missing = steps[row] - steps[row - 1] - 1
            if missing > self.fill:
                count = f"{missing:,} time step{'s' if missing > 1 else ''} of {interval}"
                between = f"{_format_date(dates[row - 1])} and {_format_date(dates[row])}"
                raise DataError(
                    f"{self.path}:{lines[row]}: missing {count} between {between}: add the rows, set `fill: {missing}` "
                    f"to repeat the previous value, or {each_row}"
                )
        return steps

    def _fill_missing(
        self, values: list[list[float]], steps: list[int], lines: list[int], names: list[str]
    ) -> np.ndarray:
        """Return the values by time step, (time, columns), with missing ones replaced by the previous value.

        Raises:
            DataError: more consecutive values are missing than `fill` allows, or there is no previous value.
        """
        table = np.full((steps[-1] + 1, len(names)), math.nan)
        table[steps] = values
        line_of_step = np.zeros(len(table), dtype=np.int64)
        line_of_step[steps] = lines
        # The number of consecutive missing values of each column, up to the last step that has any.
        missing, last = np.zeros(len(names), dtype=np.int64), -1
        for step in map(int, np.flatnonzero(np.isnan(table).any(axis=1))):
            empty = np.isnan(table[step])
            missing = np.where(empty, 1 + (missing if last == step - 1 else 0), 0)
            last = step
            column = int(missing.argmax())
            if step == 0 or missing[column] > self.fill:
                line = line_of_step[step:][line_of_step[step:] > 0][0]
                remedy = "fill in the cell" + (
                    f", or set `fill: {missing[column]}` to repeat the previous value" if step else ""
                )
                raise DataError(f"{self.path}:{line}: '{names[column]}' has no value: {remedy}")
            table[step, empty] = table[step - 1, empty]
        return table


def _number(cell: str, column: str, location: str) -> float:
    """Return the number in a cell; NaN if the value is missing."""
    if cell.lower() in MISSING:
        return math.nan
    try:
        number = float(cell) if "_" not in cell else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        remedy = "use a decimal point and no separators, or omit the column from `columns:`"
        raise DataError(f"{location}: '{column}' is '{cell:.40}', not a number: {remedy}")
    return number


def _format_date(date: datetime) -> str:
    return date.isoformat(" ", "auto" if date.second or date.microsecond else "minutes")
