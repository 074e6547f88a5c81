"""Recognize a series of numbers with dates, and draft a recipe for `seqkit init`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from seqkit.contracts import Column, DataFile, Draft
from seqkit.messages import counted, listed, message
from seqkit_forecast.dates import parse_date
from seqkit_forecast.missing_dates import MAX_MISSING, spacing_of

_DAYS = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
)
_NAMED_DAYS = ("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%b %d, %Y", "%b %d %Y", "%B %d, %Y", "%d %B %Y", "%b %Y", "%b-%y")
_TIMES = ("", " %H:%M", " %H:%M:%S")
_FORMATS = (
    None,
    *(day + time for day in _DAYS for time in _TIMES),
    *_NAMED_DAYS,
    *("%Y年%m月%d日" + time for time in (*_TIMES, "%H时", "%H时%M分", " %H时%M分")),
    *("%Y年%m月", "%Y年", "%Y/%m"),
)
_MIN_ROWS = 40
_MAX_COLUMNS = 20


def forecast(file: DataFile) -> Draft | str:
    """Draft a recipe for a table with columns of numbers, and with a column of increasing dates or smooth series."""
    if file.format not in ("csv", "tsv"):
        return message("no csv file")
    found = next((each for column in file.columns if (each := _dates(column))), None)
    time, dates, date_format = found or (None, [], None)
    others = [column for column in file.columns if column is not time and column.filled]
    decimal = "," if any(column.has_decimal_commas for column in others) else "."
    values = {column.name: parsed for column in others if (parsed := _numbers(column, decimal)) is not None}
    gaps = {column.name: gap for column in others if column.name in values and (gap := _gaps(column))}
    numbers = [name for name in values if name not in gaps]
    texts = [column for column in others if column.name not in values]
    if time is None and (texts or not numbers or not all(map(_is_smooth, values.values()))):
        return _no_dates(file)
    if gaps and not numbers:
        return _fill_in(*next(iter(gaps.items())))
    wrong = {column.name: problem for column in texts if (problem := _not_numbers(column, decimal))}
    if named := [name for name in file.labels if name in wrong] or ([] if numbers else list(wrong)):
        return message(
            "the column '{column}' cannot be forecast, as {problem}: correct it, or leave the cell empty",
            column=named[0],
            problem=wrong[named[0]],
        )
    if not numbers:
        return message("no columns of numbers beside the dates")
    count = len(file.columns[0].values)
    if count < _MIN_ROWS:
        return message("{count} rows are too few for a series: at least {least}", count=count, least=_MIN_ROWS)
    if incomplete := [name for name in file.labels if name in gaps]:
        return _fill_in(incomplete[0], gaps[incomplete[0]])
    if unusable := [name for name in file.labels if name not in numbers]:
        return message(
            "the column '{column}' cannot be forecast, which requires numbers: with --label, name one of {columns}",
            column=unusable[0],
            columns=listed(numbers[:_MAX_COLUMNS]),
        )
    columns = [name for name in numbers if name in (file.labels or numbers)][:_MAX_COLUMNS]
    without = [message("without {name}, which {gap}", name=name, gap=gap) for name, gap in list(gaps.items())[:3]]
    data: dict[str, Any] = {"type": "series", "time": time.name if time else None, "columns": columns}
    if not file.has_header:
        data["header"] = False
    if date_format:
        data["date_format"] = date_format
    if file.delimiter != ("\t" if file.format == "tsv" else ","):
        data["delimiter"] = file.delimiter
    if decimal != ".":
        data["decimal"] = decimal
    if file.encoding != "utf-8":
        data["encoding"] = file.encoding
    spacing, gaps_comment, gaps_summary = spacing_of(dates, [file.column(name) for name in columns])
    data |= spacing
    season = _season(dates)
    # A split needs room for the input and the forecast of several windows.
    share = 0.25 if file.rows < 400 else 0.15
    room = int(share * file.rows)
    horizon = max(1, min(season or 8, room // 3))
    input_length = max(horizon, min(7 * season if season == 24 else 3 * (season or 8), room - 2 * horizon))
    head: dict[str, Any] = {"type": "forecast", "input_length": input_length, "horizon": horizon}
    if season and season <= input_length:
        head["season"] = season
    head |= {"linear": "ridge", "dropout": 0.2, "metric_units": "scaled" if len(columns) > 1 else "data"}
    if all(min(values[name]) > 0 and _grows(values[name]) for name in columns):
        head["log"] = True
    windows = max(1, int(0.7 * file.rows) - input_length - horizon)
    batch_size = 16 if windows < 500 else 64
    train = {
        "epochs": min(20, max(5, 2000 * batch_size // windows)),
        "batch_size": batch_size,
        "optimizer": {"type": "adam", "lr": 0.001},
        "clip_norm": 1.0,
        "metric": "mse",
        "early_stopping": {"patience": 5},
    }
    encoder: dict[str, Any] = {"type": "lstm", "hidden_size": 8 if windows < 500 else 32}
    if season and windows >= 5000 and input_length % season == 0:
        # The settings of etth1.yaml: segments of a season, with shared weights for all variables.
        encoder = {"type": "segments", "length": season, "dim": 64, "encoder": {"type": "lstm", "hidden_size": 64}}
        head |= {"shared": True, "dropout": 0.3}
    smaller = {"encoder": {"hidden_size": 16}} if encoder["type"] == "lstm" else {"encoder": {"dim": 32}}
    recipe = {
        "data": data,
        "embedding": {"type": "scaled"},
        "encoder": encoder,
        "head": head,
        "train": train,
    }
    comments = {
        "head": message(
            "reads {input_length} time steps, and forecasts {horizon}: change both to your question",
            input_length=input_length,
            horizon=horizon,
        )
    }
    if gaps_comment:
        comments["data.spacing" if "spacing" in spacing else "data.fill"] = gaps_comment
    fit = 0.3 if texts or time is None else 0.9
    names = listed(columns)
    order = message("by the dates in '{column}'", column=time.name) if time else message("with a time step per row")
    return Draft(
        fit,
        recipe,
        listed([message("the series {names} {order}", names=names, order=order), *without]) + gaps_summary,
        comments,
        smaller,
        {"by": "order", "valid": share, "test": share},
        notes=[_not_used(wrong)] if wrong and not file.labels else [],
    )


def _gaps(column: Column) -> str:
    """Return that the first cell of a column is empty, so that nothing fills it, or that many are; or nothing."""
    empty = len(column.values) - len(column.filled)
    if column.filled[0] is not column.values[0]:
        return message("has no value in its first row")
    return message("has no value in {count:,} rows", count=empty) if empty > MAX_MISSING * len(column.values) else ""


def _fill_in(column: str, gap: str) -> str:
    """Return what to do about the gaps of a column."""
    return message("the column '{column}' {gap}: fill in the cells, or remove the rows", column=column, gap=gap)


def _dates(column: Column) -> tuple[Column, list[datetime], str | None] | None:
    """Return a column with its dates and their format, if all values are dates and they increase."""
    if len(column.filled) < len(column.values) or len(column.values) < 2:
        return None
    for date_format in _FORMATS:
        try:
            dates = [parse_date(str(value).strip(), date_format) for value in column.values]
            is_increasing = all(before < after for before, after in zip(dates, dates[1:], strict=False))
        except (ValueError, TypeError, OverflowError):
            continue
        if is_increasing:
            return column, dates, date_format
    return None


def _no_dates(file: DataFile) -> str:
    """Return why no column has increasing dates: they decrease, or a value is not a date, or there are none."""
    for column in file.columns:
        if _dates(Column(column.name, column.values[::-1])) is not None:
            return message("the dates in '{column}' decrease: sort the rows by it", column=column.name)
        if problem := _wrong_date(column):
            return problem
    return _recurring_dates(file) or message("no column of increasing dates")


def _wrong_date(column: Column) -> str:
    """Return which value of a column is not a date, if almost all are dates of one format."""
    if len(column.values) < _MIN_ROWS:
        return ""
    for date_format in _FORMATS:
        wrong = []
        for row, value in enumerate(column.values, start=1):
            try:
                parse_date(str(value or "").strip(), date_format)
            except (ValueError, OverflowError):
                wrong.append((row, value))
                if 20 * len(wrong) > len(column.values):
                    break
        else:
            if wrong:
                row, value = wrong[0]
                return message(
                    "row {row}: '{value}' in '{column}' is not a date as in the other rows: correct it",
                    row=row,
                    value=value or "",
                    column=column.name,
                )
    return ""


def _recurring_dates(file: DataFile) -> str:
    """Return that a table has the rows of several series one below the other, if its dates recur for each of them."""
    for column in file.columns:
        count = len(column.counts)
        if not 2 <= count <= len(column.filled) / 2:
            continue
        if _dates(Column(column.name, sorted(column.counts))) or _dates(Column(column.name, list(column.counts))):
            others = [each for each in file.columns if each is not column and each.counts]
            series = min(others, key=lambda each: len(each.counts), default=None)
            if series is not None and len(series.counts) * count >= len(column.filled):
                return message(
                    "the dates in '{dates}' occur once for each '{series}': write a column for each of these series, "
                    "as pandas does: frame.pivot(index='{dates}', columns='{series}', …)",
                    dates=column.name,
                    series=series.name,
                )
    return ""


def _season(dates: list[datetime]) -> int | None:
    """Return the number of time steps of a season: a day of hours, a week of days, a year of months or quarters."""
    if len(dates) < 2:
        return None
    interval = sorted(after - before for before, after in zip(dates, dates[1:], strict=False))[(len(dates) - 1) // 2]
    week = 7 if any(date.weekday() > 4 for date in dates) else 5
    for unit, season in ((timedelta(hours=1), 24), (timedelta(days=1), week), (timedelta(days=7), 52)):
        if interval == unit:
            return season
    if timedelta(days=28) <= interval <= timedelta(days=31):
        return 12
    if timedelta(days=89) <= interval <= timedelta(days=92):
        return 4
    day = timedelta(days=1)
    return day // interval if timedelta(minutes=10) <= interval < timedelta(hours=1) else None


def _numbers(column: Column, decimal: str) -> list[float] | None:
    """Return the numbers of a column; None if it has another value."""
    try:
        found = [float(str(value).strip().replace(decimal, ".")) for value in column.filled]
    except ValueError:
        return None
    return found if all(map(math.isfinite, found)) else None


def _not_numbers(column: Column, decimal: str) -> str:
    """Return which values of a column are not numbers, if most are, possibly with thousands separators; or nothing."""
    wrong = [
        (row, str(value))
        for row, value in enumerate(column.values, start=1)
        if _numbers(Column("", [value]), decimal) is None  # an empty cell has none that is wrong
    ]
    words = [value for _, value in wrong if _numbers(Column("", [value.replace(",", "")]), decimal) is None]
    if not wrong or 2 * len(words) >= len(column.filled):
        return ""
    row, value = wrong[0]
    return counted(
        len(wrong),
        "{count} value is not a number, '{value:.30}' in row {row:,}",
        "{count:,} values are not numbers, the first in row {row:,} is '{value:.30}'",
        row=row,
        value=value,
    )


def _not_used(wrong: Mapping[str, str]) -> str:
    """Return a note on the columns with a few values that are not numbers."""
    columns = [
        message("'{column}' ({problem})", column=name, problem=problem)
        for name, problem in list(wrong.items())[:_MAX_COLUMNS]
    ]
    return message("not used: {columns}", columns=listed(columns))


def _is_smooth(values: Sequence[float]) -> bool:
    """Return whether neighboring values are similar, as in a series: an autocorrelation of at least 0.5."""
    mean = math.fsum(values) / len(values)
    centered = [value - mean for value in values]
    variance = math.fsum(value * value for value in centered)
    products = (before * after for before, after in zip(centered, centered[1:], strict=False))
    return math.fsum(products) > 0.5 * variance > 0


def _grows(values: Sequence[float]) -> bool:
    """Return whether the values at the end are twice those at the beginning: their spread then grows with them."""
    part = max(1, len(values) // 5)
    return math.fsum(values[-part:]) > 2 * math.fsum(values[:part])
