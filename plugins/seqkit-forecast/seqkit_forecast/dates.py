"""Dates of a series: parsing, and their positions on a grid of equal intervals."""

from __future__ import annotations

import re
from calendar import monthrange
from collections import Counter
from collections.abc import Sequence
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import NamedTuple

from seqkit.messages import counted, message

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


class Interval(NamedTuple):
    """The distance between two dates: a number of months, or a span of time.

    Attributes:
        months: the number of months; 0 if it is a span of time.
        span: the span of time.
        month_end: whether the dates are on the last day of the month.
    """

    months: int = 0
    span: timedelta = timedelta()
    month_end: bool = False

    @property
    def text(self) -> str:
        """The interval for messages: `2 hours`."""
        return _months_text(self.months) if self.months else _span_text(self.span)

    def dates_after(self, last: datetime, count: int) -> list[datetime]:
        """Return the dates of the time steps after the last one.

        A month that is too short for the day of the last date has its last day.

        Args:
            last: the date of the last time step.
            count: the number of dates.

        Raises:
            OverflowError: a date is after the year 9999.
        """
        if not self.months:
            return [last + step * self.span for step in range(1, count + 1)]
        dates = []
        for step in range(1, count + 1):
            year, month = divmod(12 * last.year + last.month - 1 + step * self.months, 12)
            if year > MAXYEAR:
                raise OverflowError
            days = monthrange(year, month + 1)[1]
            dates.append(last.replace(year=year, month=month + 1, day=days if self.month_end else min(last.day, days)))
        return dates


class IrregularDate(Exception):
    """A date is not on the grid.

    Attributes:
        row: the row of the date, from 0.
    """

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(problem)
        self.row = row


def check_format(date_format: str) -> None:
    """Check a format of `datetime.strptime`.

    Raises:
        ValueError: the format is invalid. The message is that of a component's constructor.
    """
    try:
        datetime.strptime("", date_format)
    except ValueError as error:
        if "does not match" not in str(error):
            raise ValueError(
                message(
                    "date_format '{date_format}' is not a valid strptime format: {error}",
                    date_format=date_format,
                    error=error,
                )
            ) from None


def parse_date(text: str, date_format: str | None) -> datetime:
    """Parse a date, and convert it to UTC if it has a UTC offset. Digits of a second after the sixth are dropped.

    Args:
        text: the date.
        date_format: its format, as in `datetime.strptime`; None for ISO 8601, a month (`1949-01`) or a year of four
            digits.

    Raises:
        ValueError: the text does not have that format.
    """
    if date_format is not None:
        date = datetime.strptime(text, date_format)
    elif short := re.fullmatch(r"(\d{4})(?:-(\d{2}))?", text, re.ASCII):
        date = datetime(int(short[1]), int(short[2] or 1), 1)
    elif text.isdigit() and len(text) != 8:
        # Python reads any character between date and time, so that a number of seconds can look like a date.
        raise ValueError(message("a number is not a date"))
    else:
        date = datetime.fromisoformat(text)
    try:
        return date if date.tzinfo is None else date.astimezone(UTC)
    except OverflowError:
        raise ValueError(message("the date in UTC is outside the years 1 to 9999")) from None


def grid_positions(dates: Sequence[datetime]) -> tuple[list[int], Interval | None]:
    """Return the position of each date on the grid of equal intervals that most of them are on.

    The interval is the most common distance between consecutive dates. Distances are months if most dates are on the
    same day of the month at the same time, or on the last day of the month; else they are spans of time.

    Args:
        dates: in increasing order.

    Returns:
        The number of intervals from the first date to each date, and the interval; None if there is a single date.

    Raises:
        IrregularDate: a date is between two grid positions.
    """
    months = _month_numbers(dates)
    numbers = months or [(date - dates[0]) // MICROSECOND for date in dates]
    distances = [after - before for before, after in zip(numbers, numbers[1:], strict=False)]
    if not distances:
        return [0], None

    month_end = bool(months) and all(map(_is_month_end, dates))

    def interval_of(distance: int) -> Interval:
        return Interval(distance, month_end=month_end) if months else Interval(span=distance * MICROSECOND)

    interval = Counter(distances).most_common(1)[0][0]
    for row, distance in enumerate(distances, start=1):
        if distance % interval:
            raise IrregularDate(
                row,
                message(
                    "{distance} after the previous date, but the interval is {interval}",
                    distance=interval_of(distance).text,
                    interval=interval_of(interval).text,
                ),
            )
    return [(number - numbers[0]) // interval for number in numbers], interval_of(interval)


def dates_of_steps(dates: Sequence[datetime], steps: Sequence[int]) -> list[datetime]:
    """Return the date of each time step, also of those that have no row; of a missing month, its first day.

    Args:
        dates: the date of each row.
        steps: the time step of each row, from 0.
    """
    found: dict[int, datetime] = dict(zip(steps, dates, strict=True))
    missing = [step for step in range(steps[-1]) if step not in found]
    if missing and (months := _month_numbers(dates)):
        interval = (months[-1] - months[0]) // steps[-1]
        for step in missing:
            year, month = divmod(months[0] + step * interval - 1, 12)
            found[step] = dates[0].replace(year=year, month=month + 1, day=1)
    elif missing:
        span = (dates[-1] - dates[0]) // steps[-1]
        found |= {step: dates[0] + step * span for step in missing}
    return [found[step] for step in range(steps[-1] + 1)]


def _month_numbers(dates: Sequence[datetime]) -> list[int] | None:
    """Return the number of months of each date since year 0; None if the interval is not in months.

    Raises:
        IrregularDate: a date is on another day of the month than most dates.
    """
    by_day = Counter((date.day, date.time()) for date in dates)
    by_end = Counter(date.time() for date in dates if _is_month_end(date))
    (usual, on_usual_day), at_end = by_day.most_common(1)[0], by_end.most_common(1)
    ends = bool(at_end) and at_end[0][1] > on_usual_day
    if 2 * max(on_usual_day, at_end[0][1] if at_end else 0) <= len(dates):
        return None
    for row, date in enumerate(dates):
        fits = (_is_month_end(date) and date.time() == at_end[0][0]) if ends else (date.day, date.time()) == usual
        if not fits:
            problem = (
                message("not on the last day of the month like most dates")
                if ends
                else message("not on day {day} of the month like most dates", day=usual[0])
            )
            raise IrregularDate(row, problem)
    return [12 * date.year + date.month for date in dates]


def _is_month_end(date: datetime) -> bool:
    return date.day == monthrange(date.year, date.month)[1]


def _months_text(count: int) -> str:
    if count % 12 == 0:
        return counted(count // 12, "{count:,} year", "{count:,} years")
    if count % 3 == 0:
        return counted(count // 3, "{count:,} quarter", "{count:,} quarters")
    return counted(count, "{count:,} month", "{count:,} months")


def _span_text(span: timedelta) -> str:
    if span >= DAY and not span % DAY:
        return counted(span // DAY, "{count:,} day", "{count:,} days")
    if span >= HOUR and not span % HOUR:
        return counted(span // HOUR, "{count:,} hour", "{count:,} hours")
    if span >= MINUTE and not span % MINUTE:
        return counted(span // MINUTE, "{count:,} minute", "{count:,} minutes")
    return message("{seconds:,g} seconds", seconds=span.total_seconds())
