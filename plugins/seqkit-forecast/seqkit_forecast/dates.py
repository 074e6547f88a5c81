"""Dates of a series: read, and placed on an even grid."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

MONTHS = {1: "month", 3: "quarter", 12: "year"}
UNITS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))

Wording = Callable[[int], str]
"""A distance in words."""


class UnevenDate(Exception):
    """A date is not where the grid has a place.

    Attributes:
        row: which one, from 0.
    """

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


def check_format(date_format: str) -> None:
    """Raises ValueError, as a component's constructor does, for a format that strptime does not know."""
    try:
        datetime.strptime("", date_format)
    except ValueError as error:
        if "does not match" not in str(error):
            raise ValueError(f"date_format '{date_format}' is not one of strptime's: {error}") from None


def parse_date(text: str, date_format: str | None) -> datetime:
    """Reads a date: of the given strptime format; else ISO 8601, or a month (`1949-01`), or a year of four digits.

    One with an offset from UTC becomes UTC.

    Raises:
        ValueError: it is not of that form.
    """
    if date_format is not None:
        date = datetime.strptime(text, date_format)
    elif short := re.fullmatch(r"(\d{4})(?:-(\d{2}))?", text, re.ASCII):
        date = datetime(int(short[1]), int(short[2] or 1), 1)
    else:
        date = datetime.fromisoformat(text)
    return date if date.tzinfo is None else date.astimezone(UTC)


def grid_places(dates: Sequence[datetime]) -> tuple[list[int], str]:
    """Places increasing dates on the even grid that most of them stand on.

    The step is the commonest distance between one date and the next: some months where most dates stand on the same
    day of their month at the same time, or on its last day; else a span of time.

    Returns:
        How many steps each date stands after the first, and the step in words.

    Raises:
        UnevenDate: one stands between two places.
    """
    numbers, unit = _months(dates) or _spans(dates)
    distances = [after - before for before, after in zip(numbers, numbers[1:], strict=False)]
    if not distances:
        return [0], unit(1)
    step = Counter(distances).most_common(1)[0][0]
    for row, distance in enumerate(distances, start=1):
        if distance % step:
            raise UnevenDate(row, f"{unit(distance)} after the date before it, where the step is {unit(step)}")
    return [(number - numbers[0]) // step for number in numbers], unit(step)


def _months(dates: Sequence[datetime]) -> tuple[list[int], Wording] | None:
    """Returns each date's month as a number, where the dates go by months."""
    by_day = Counter((date.day, date.time()) for date in dates)
    by_end = Counter(date.time() for date in dates if _is_month_end(date))
    (usual, same), at_end = by_day.most_common(1)[0], by_end.most_common(1)
    ends = bool(at_end) and at_end[0][1] > same
    if 2 * max(same, at_end[0][1] if at_end else 0) <= len(dates):
        return None
    for row, date in enumerate(dates):
        fits = (_is_month_end(date) and date.time() == at_end[0][0]) if ends else (date.day, date.time()) == usual
        if not fits:
            day = "the last day" if ends else f"day {usual[0]}"
            raise UnevenDate(row, f"not on {day} of its month, as the others are")
    return [12 * date.year + date.month for date in dates], _in_months


def _spans(dates: Sequence[datetime]) -> tuple[list[int], Wording]:
    return [(date - dates[0]) // timedelta(microseconds=1) for date in dates], _in_time


def _is_month_end(date: datetime) -> bool:
    return (date + timedelta(days=1)).day == 1


def _in_months(count: int) -> str:
    size = max(months for months in MONTHS if count % months == 0)
    return _counted(count // size, MONTHS[size])


def _in_time(microseconds: int) -> str:
    span = timedelta(microseconds=microseconds)
    for size, unit in UNITS:
        if span >= size and not span % size:
            return _counted(span // size, unit)
    return f"{span.total_seconds():,g} seconds"


def _counted(count: int, unit: str) -> str:
    return f"{count:,} {unit}{'' if count == 1 else 's'}"
