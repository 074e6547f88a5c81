"""The column of dates of a file, and the time step of each row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path

from seqkit.errors import DataError
from seqkit.messages import counted, message
from seqkit_forecast.dates import Interval, IrregularDate, grid_positions, parse_date


def parse_dates(
    cells: Sequence[str], lines: Sequence[int], column: str, date_format: str | None, path: Path
) -> list[datetime]:
    """Return the dates of the rows.

    Args:
        cells: the cells of the column.
        lines: the line of each cell.
        column: the name of the column.
        date_format: the format of the dates, as for `parse_date`.
        path: the file.

    Raises:
        DataError: one has another format, or is not later than the previous one.
    """
    dates: list[datetime] = []
    for cell, line in zip(cells, lines, strict=True):
        location = f"{path}:{line}"
        try:
            date = parse_date(cell, date_format)
        except ValueError:
            expected = (
                message("does not match the format {date_format}", date_format=date_format)
                if date_format
                else message("is not a date such as 2016-07-01 13:00 or 1949-01")
            )
            raise DataError(
                message(
                    "{location}: '{cell}' {expected}: set `date_format:` to the format of column '{column}', or "
                    "`time: null` if it has no dates",
                    location=location,
                    cell=cell,
                    expected=expected,
                    column=column,
                )
            ) from None
        if dates:
            _check_order(dates[-1], date, cell, column, location)
        dates.append(date)
    return dates


def _check_order(previous: datetime, date: datetime, text: str, column: str, location: str) -> None:
    """Check that a date is later than the previous one.

    Raises:
        DataError: it is not.
    """
    if (date.tzinfo is None) != (previous.tzinfo is None):
        raise DataError(
            message(
                "{location}: only one of {text} and the previous date has a UTC offset: add one to both",
                location=location,
                text=text,
            )
        )
    if date == previous:
        raise DataError(
            message(
                "{location}: the date {text} appears twice: keep one row per date, with local times in UTC",
                location=location,
                text=text,
            )
        )
    if date < previous:
        raise DataError(
            message(
                "{location}: {text} is earlier than the previous date: sort the rows by '{column}'",
                location=location,
                text=text,
                column=column,
            )
        )


def find_time_steps(
    dates: list[datetime], lines: Sequence[int], fill: int, path: Path
) -> tuple[list[int], Interval | None]:
    """Return the time step of each row, and the interval between time steps; None if there is a single row.

    Args:
        dates: the date of each row.
        lines: the line of each row.
        fill: the maximum number of consecutive missing dates.
        path: the file.

    Raises:
        DataError: a date is not on the grid, or more consecutive dates are missing than `fill` allows.
    """
    each_row = message("set `spacing: any` to take each row as one time step")
    try:
        steps, interval = grid_positions(dates)
    except IrregularDate as error:
        location = f"{path}:{lines[error.row]}"
        raise DataError(
            message(
                "{location}: {date} is {problem}: correct it, or {remedy}",
                location=location,
                date=_format_date(dates[error.row]),
                problem=error,
                remedy=each_row,
            )
        ) from None
    interval_text = interval.text if interval else ""
    for row in range(1, len(steps)):
        missing = steps[row] - steps[row - 1] - 1
        if missing > fill:
            count = counted(
                missing,
                "{count:,} time step of {interval}",
                "{count:,} time steps of {interval}",
                interval=interval_text,
            )
            raise DataError(
                message(
                    "{path}:{line}: missing {time_steps} between {first} and {last}: add the rows, set "
                    "`fill: {fill}` to repeat the previous value, or {remedy}",
                    path=path,
                    line=lines[row],
                    time_steps=count,
                    first=_format_date(dates[row - 1]),
                    last=_format_date(dates[row]),
                    fill=missing,
                    remedy=each_row,
                )
            )
    return steps, interval


def _format_date(date: datetime) -> str:
    return date.isoformat(" ", "auto" if date.second or date.microsecond else "minutes")


_SECONDS = re.compile(r":\d\d:\d\d|[T ]\d{6}")
_DAY_OF_DIGITS, _TIME_OF_DIGITS = re.compile(r"\d{8}"), re.compile(r"[T ]\d{4}")
"""The day `20160701`, and the time `T130000` or `T1300`."""


_DIRECTIVE = re.compile("(%.)")
_PADDED = frozenset({"%d", "%m", "%H", "%I", "%M", "%S"})
"""The directives that `strptime` reads with and without a leading zero, and `strftime` writes with one."""


def unpadded_directives(cells: Sequence[str], date_format: str | None) -> frozenset[str]:
    """Return the directives of a format that have no leading zero in a file: `%m` and `%d` of `2024年1月5日`.

    The last number below 10 decides. A day or month without one is written as the other.
    """
    if date_format is None:
        return frozenset()
    parts = _DIRECTIVE.split(date_format)
    directives = [part for part in parts if part in _PADDED]
    form = re.compile("".join(map(_pattern, parts)), re.IGNORECASE)
    is_padded: dict[str, bool] = {}
    for cell in reversed(cells):
        if found := form.fullmatch(cell):
            for directive, number in zip(directives, found.groups(), strict=True):
                if len(number) == 1 or number[0] == "0":
                    is_padded.setdefault(directive, len(number) > 1)
        if len(is_padded) == len(set(directives)):
            break
    for directive, other in (("%d", "%m"), ("%m", "%d")):
        if directive not in is_padded and other in is_padded:
            is_padded[directive] = is_padded[other]
    return frozenset(directive for directive, padded in is_padded.items() if not padded)


def _pattern(part: str) -> str:
    """Return a regular expression for a directive, or for the text between two."""
    if part in _PADDED:
        return r"(\d{1,2})"
    if part == "%Y":
        return r"\d{4}"
    return ".+?" if _DIRECTIVE.fullmatch(part) else r"\s*".join(map(re.escape, re.split(r"\s+", part)))


@dataclass(frozen=True)
class NextDates:
    """The dates of the time steps after the last row (`Example.next_dates`).

    Attributes:
        last: the date of the last row.
        cell: the cell of that date, whose form the dates have.
        interval: the interval between time steps.
        date_format: the format of the dates; None for ISO 8601, months or years.
        location: the file and line of the last row.
        unpadded: the directives of the format that have no leading zero in the file: `%d` of `2024年1月5日`.
    """

    last: datetime
    cell: str
    interval: Interval
    date_format: str | None
    location: str
    unpadded: frozenset[str] = frozenset()

    def __call__(self, count: int) -> list[str]:
        """Return the dates of a number of time steps.

        Raises:
            DataError: a date is after the year 9999.
        """
        try:
            dates = self.interval.dates_after(self.last, count)
        except OverflowError:
            raise DataError(
                message(
                    "{location}: the date {cell} is followed by dates after the year 9999: correct it, or set "
                    "`time: null` to forecast without dates",
                    location=self.location,
                    cell=self.cell,
                )
            ) from None
        return self._texts(dates)

    def _texts(self, dates: Sequence[datetime]) -> list[str]:
        """Return dates as the column has them: with or without a time, a day, a month, hyphens or `Z`; in ISO 8601."""
        if self.last.tzinfo is not None:  # they are in UTC, and the column has another offset
            form = self.date_format
            given = datetime.fromisoformat(self.cell) if form is None else datetime.strptime(self.cell, form)
            dates = [date.astimezone(given.tzinfo) for date in dates]
        if self.date_format is not None:
            return [self._in_format(date, self.date_format) for date in dates]
        if len(self.cell) <= len("2016-07-01") and all(date.time() == time() for date in dates):
            texts = [date.date().isoformat() for date in dates]
            if len(self.cell) == len("1949") and self.interval.months % 12 == 0:
                return [text[:4] for text in texts]
            is_month = len(self.cell) <= len("1949-01") and self.interval.months
            texts = [text[:7] for text in texts] if is_month else texts
        else:
            separator = "T" if "T" in self.cell else " "
            has_seconds = _SECONDS.search(self.cell) or any(date.second or date.microsecond for date in dates)
            texts = [date.isoformat(separator, "auto" if has_seconds else "minutes") for date in dates]
        return [self._compact(text) for text in texts]

    def _in_format(self, date: datetime, date_format: str) -> str:
        """Return a date in a format of `strptime`, with leading zeros only where the file has them."""
        parts = _DIRECTIVE.split(date_format)  # a directive at each odd place
        for place, directive in list(enumerate(parts))[1::2]:
            text = date.strftime(directive)
            parts[place] = text.removeprefix("0") if directive in self.unpadded else text
        return "".join(parts)

    def _compact(self, text: str) -> str:
        """Return a date without the hyphens and colons that the file does not have, and with its `Z`."""
        day, rest = text[: len("2016-07-01")], text[len("2016-07-01") :]
        if _DAY_OF_DIGITS.match(self.cell):
            day = day.replace("-", "")
        if _TIME_OF_DIGITS.search(self.cell):
            rest = rest.replace(":", "")
        return day + (re.sub(r"\+00:?00$", "Z", rest) if self.cell.endswith("Z") else rest)
