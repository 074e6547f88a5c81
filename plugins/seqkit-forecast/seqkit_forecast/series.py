"""The reader `series`: numeric series from CSV files."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seqkit.contracts import DataNote, Example, NonNegativeInt, PositiveInt, Reader
from seqkit.errors import DataError, explain_missing_column
from seqkit.messages import message
from seqkit.readers.files import check_encoding, check_path, read_rows
from seqkit_forecast.calendar_features import CalendarCycle, calendar_columns
from seqkit_forecast.date_column import NextDates, find_time_steps, parse_dates, unpadded_directives
from seqkit_forecast.dates import check_format, dates_of_steps, parse_date
from seqkit_forecast.filling import fill_missing
from seqkit_forecast.numbers import check_resolution, parse_number
from seqkit_forecast.table import Rows, check_header, contains_variable, fit_to_header, is_nameless


class Series(Reader):
    """Numeric series from a CSV or TSV file: one column per variable, one row per time step.

    The file is one example, (time, columns), which `split: {by: order, …}` divides in time. Dates are ISO 8601
    (`2016-07-01 00:00:00`), months (`1949-01`) or years, unless `date_format` gives another format. They must increase.

    Args:
        path: the file.
        time: the column of dates; null for a file without one. If there is no such column, the first column can have
            dates and no name.
        columns: the columns to read, in this order. By default all but the column of dates, columns without a name that
            are empty, and columns without a name, or called `index`, that count the rows, as pandas writes them. List
            them if other files may have them in another order.
        rows: read only this number of rows. Does not apply to the files of `predict` and `evaluate`.
        date_format: the format of the dates, as in Python's `strptime`: `%d.%m.%Y`.
        spacing: `even` requires dates at equal intervals (a day, a month, …); `any` accepts increasing dates and takes
            each row as one time step: trading days, for instance.
        dates: `optional` accepts a file without the column of dates, and takes each row as one time step. So does
            `predict`.
        fill: repeat the previous value for at most this number of consecutive missing time steps or empty cells; 0
            raises an error for any missing value.
        invalid: what to do with a cell that is not a number: `error` raises an error, `repair` takes it as empty.
        delimiter: what separates the cells; `auto` chooses the one with which the header contains the columns. If the
            header contains them with another delimiter only, that one is used, with a note.
        decimal: the decimal mark.
        header: whether the first row names the columns. If not, they are named column_1, column_2, …
        encoding: the file encoding. A byte order mark is removed.
        calendar: for each of these, add the sine and the cosine of a date's position in the day (`hour`), the week
            (`weekday`) or the year (`month`) as columns `calendar:hour:sin`, `calendar:hour:cos`, …, after the others.
            Dates with a UTC offset are taken in UTC. Every file then requires dates.
    """

    yields = "features"
    labelled = False
    path_specific = frozenset({"rows", "delimiter"})

    def __init__(
        self,
        *,
        path: Path | None = None,
        time: str | None = "date",
        columns: list[str] | None = None,
        rows: PositiveInt | None = None,
        date_format: str | None = None,
        spacing: Literal["even", "any"] = "even",
        dates: Literal["required", "optional"] = "required",
        fill: NonNegativeInt = 0,
        invalid: Literal["error", "repair"] = "error",
        delimiter: Literal["auto", ",", ";", "\t", "|"] = "auto",
        decimal: Literal[".", ","] = ".",
        header: bool = True,
        encoding: str = "utf-8",
        calendar: list[CalendarCycle] | None = None,
    ) -> None:
        self.path = check_path(path)
        if columns is not None and (not columns or len(set(columns)) < len(columns) or time in columns):
            raise ValueError(message("columns must list at least one column, none twice, and not the column of dates"))
        if date_format is not None:
            if time is None:
                raise ValueError(message("date_format requires a column of dates: remove it, or set `time`"))
            check_format(date_format)
        if calendar is not None and (not calendar or len(set(calendar)) < len(calendar)):
            raise ValueError(message("calendar must list at least one of hour, weekday and month, and none twice"))
        if calendar is not None and time is None:
            raise ValueError(message("calendar requires a column of dates: remove it, or set `time`"))
        self.time = time
        self.columns = columns
        self.rows = rows
        self.date_format = date_format
        self.spacing = spacing
        self.dates = dates
        self.fill = fill
        self.invalid = invalid
        self.delimiter = delimiter
        self.decimal = decimal
        self.header = header
        self.encoding = check_encoding(encoding)
        self.calendar = calendar

    @classmethod
    def for_path(cls, path: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return super().for_path(path, parameters) | {"delimiter": parameters["delimiter"]}

    @classmethod
    def without_targets(cls, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, "dates": "optional"}

    def read(self) -> Iterator[Example]:
        required = [] if self.time is None else [self.time]
        required += self.columns or []
        rows = read_rows(self.path, self.encoding, self.delimiter, required if self.header else [])
        header_line, header = next(rows)
        place = f"{self.path}:{header_line}"
        if not self.header:
            rows = chain([(header_line, header)], rows)
            header = [f"column_{number}" for number in range(1, len(header) + 1)]
        header = [name.strip() for name in header]
        if not set(header) & set(required):
            check_header(header, place)
        body = fit_to_header(self._without_blank_rows(rows), header, self.path)
        lines = [line for line, _ in body]
        cells: list[Sequence[str]] = list(zip(*[row for _, row in body], strict=True)) or [()] * len(header)
        time = self._time_column(header, cells[0], place)
        columns = self._value_columns(header, cells, time, place)
        if not body:
            raise DataError(message("{path}: the file has a header but no rows: add at least one", path=self.path))
        dates = [] if time is None else parse_dates(cells[time], lines, self.time or "", self.date_format, self.path)
        names = [header[column] for column in columns]
        values = np.column_stack([self._numbers(cells[column], header[column], lines) for column in columns])
        steps, next_dates = list(range(len(lines))), None
        if time is not None and self.spacing == "even":
            steps, interval = find_time_steps(dates, lines, self.fill, self.path)
            if interval is not None:
                place = f"{self.path}:{lines[-1]}"
                unpadded = unpadded_directives(cells[time], self.date_format)
                next_dates = NextDates(dates[-1], cells[time][-1], interval, self.date_format, place, unpadded)
        features = fill_missing(values, steps, lines, names, self.fill, self.path)
        if self.calendar:
            columns_of_dates, date_names = calendar_columns(dates_of_steps(dates, steps), self.calendar)
            features, names = np.concatenate([features, columns_of_dates], axis=1), names + date_names
        yield Example(features, location=f"{self.path}:{lines[0]}", feature_names=tuple(names), next_dates=next_dates)

    def _without_blank_rows(self, rows: Iterator[tuple[int, list[str]]]) -> Rows:
        """Return the rows, without those at the end that have no values; with dates, without any of these."""
        kept: Rows = []
        count = 0
        for line, row in rows:
            cells = [cell.strip() for cell in row]
            if any(cells) or self.time is None:
                kept.append((line, cells))
            if any(cells):
                count = len(kept)
            if count == self.rows:
                break
        return kept[:count]

    def _time_column(self, header: list[str], first: Sequence[str], place: str) -> int | None:
        """Return the index of the column of dates; None if the file has none.

        Args:
            header: the names of the columns.
            first: the cells of the first column.
            place: the file and line of the header.

        Raises:
            DataError: there is no such column.

        Warns:
            DataNote: it has no name.
        """
        if self.time is None:
            return None
        if self.time in header:
            return header.index(self.time)
        if is_nameless(header[0]) and first and self._is_date(first[0]):
            warnings.warn(
                DataNote(message("column 1, which has no name, is read as '{column}'", column=self.time), place),
                stacklevel=2,
            )
            return 0
        if self.dates == "optional" and not self.calendar:
            note = message("no column '{column}': each row is taken as one time step", column=self.time)
            warnings.warn(DataNote(note, place), stacklevel=2)
            return None
        remedy = (
            message("set `time:` to the column of dates, which `calendar` requires")
            if self.calendar
            else message("set `time:` to the column of dates, or to null if there are none")
        )
        raise DataError(
            message(
                "{place}: no column '{column}'{known}: {remedy}",
                place=place,
                column=self.time,
                known=explain_missing_column(self.time, header),
                remedy=remedy,
            )
        )

    def _value_columns(
        self, header: list[str], cells: Sequence[Sequence[str]], time: int | None, place: str
    ) -> list[int]:
        """Return the indices of the columns to read.

        Args:
            header: the names of the columns.
            cells: the cells of each column.
            time: the index of the column of dates.
            place: the file and line of the header.

        Raises:
            DataError: the header lacks a column, or has it twice or without a name; or no column is left.

        Warns:
            DataNote: a column is left out.
        """
        for name in self.columns or ():
            if name not in header:
                raise DataError(
                    message(
                        "{place}: no column '{column}'{known}: correct `columns:`",
                        place=place,
                        column=name,
                        known=explain_missing_column(name, header),
                    )
                )
        others = [index for index in range(len(header)) if index != time]
        for name in [*(self.columns or [header[index] for index in others]), self.time or ""]:
            if not is_nameless(name) and header.count(name) > 1:
                raise DataError(
                    message("{place}: column '{column}' appears twice: rename one of them", place=place, column=name)
                )
        if self.columns is not None:
            return [header.index(name) for name in self.columns]
        columns = [index for index in others if contains_variable(header[index], cells[index], index + 1, place)]
        if not columns:
            raise DataError(
                message("{place}: no column: add a column of numbers", place=place)
                if time is None
                else message(
                    "{place}: no column besides the dates '{dates}': add a column of numbers",
                    place=place,
                    dates=self.time,
                )
            )
        return columns

    def _is_date(self, text: str) -> bool:
        try:
            parse_date(text, self.date_format)
        except ValueError:
            return False
        return True

    def _numbers(self, cells: Sequence[str], name: str, lines: list[int]) -> np.ndarray:
        """Return the numbers in a column, (time,); NaN if a value is missing.

        Raises:
            DataError: a cell contains no number, or one with too many digits.

        Warns:
            DataNote: a cell without a number is taken as missing.
        """
        values = []
        for cell, line in zip(cells, lines, strict=True):
            try:
                values.append(parse_number(cell, self.decimal))
            except ValueError as error:
                location = f"{self.path}:{line}"
                if self.invalid == "error":
                    raise DataError(
                        message(
                            "{location}: '{column}' is {cell!r}, {problem}",
                            location=location,
                            column=name,
                            cell=cell[:40],
                            problem=error,
                        )
                    ) from None
                values.append(math.nan)
                warnings.warn(DataNote(message("taken as empty: a cell that is not a number"), location), stacklevel=2)
        numbers = np.array(values)
        check_resolution(cells, numbers, lines, self.decimal, name, self.path)
        return numbers
