"""Recognize a series of numbers with dates, and draft a recipe for `seqkit init`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from seqkit.contracts import Column, DataFile, Draft
from seqkit_forecast.dates import IrregularDate, grid_positions, parse_date

_FORMATS = (None, "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")
_MIN_ROWS = 40
_MAX_COLUMNS = 20


def forecast(file: DataFile) -> Draft | str:
    """Draft a recipe for a table with a column of increasing dates and columns of numbers."""
    if file.format not in ("csv", "tsv") or not file.has_header:
        return "no csv file with a header"
    found = next((each for column in file.columns if (each := _dates(column))), None)
    if found is None:
        return "no column of increasing dates"
    time, dates, date_format = found
    others = [column for column in file.columns if column is not time and column.filled]
    decimal = "," if any(_has_decimal_commas(column) for column in others) else "."
    values = {column.name: parsed for column in others if (parsed := _numbers(column, decimal)) is not None}
    numbers = list(values)
    texts = [column for column in others if column.name not in values]
    if not numbers:
        return "no columns of numbers beside the dates"
    if len(dates) < _MIN_ROWS:
        return f"{len(dates)} rows are too few for a series: at least {_MIN_ROWS}"
    if file.label is not None:
        numbers = [name for name in numbers if name == file.label] or numbers
    columns = numbers[:_MAX_COLUMNS]
    data: dict[str, Any] = {"type": "series", "time": time.name, "columns": columns}
    if date_format:
        data["date_format"] = date_format
    if decimal != ".":
        data["decimal"] = decimal
    if file.encoding != "utf-8":
        data["encoding"] = file.encoding
    season = _season(dates)
    try:
        steps, _ = grid_positions(dates)
        gaps = max(after - before - 1 for before, after in zip(steps, steps[1:], strict=False))
        if gaps or any(len(file.column(name).filled) < len(dates) for name in columns):
            data["fill"] = max(gaps, 1)
        is_even = gaps <= 24
    except IrregularDate:
        is_even = False
    if not is_even:
        data |= {"spacing": "any"}
        data.pop("fill", None)
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
    comments = {"head": f"reads {input_length} time steps, and forecasts {horizon}: change both to your question"}
    fit = 0.9 if not texts else 0.3
    names = ", ".join(columns)
    return Draft(
        fit,
        recipe,
        f"the series {names} by the dates in '{time.name}'",
        comments,
        smaller,
        {"by": "order", "valid": share, "test": share},
    )


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


def _season(dates: list[datetime]) -> int | None:
    """Return the number of time steps of a season: a day of hours, a week of days, a year of months or quarters."""
    interval = sorted(after - before for before, after in zip(dates, dates[1:], strict=False))[(len(dates) - 1) // 2]
    for unit, season in ((timedelta(hours=1), 24), (timedelta(days=1), 7), (timedelta(days=7), 52)):
        if interval == unit:
            return season
    if timedelta(days=28) <= interval <= timedelta(days=31):
        return 12
    if timedelta(days=89) <= interval <= timedelta(days=92):
        return 4
    day = timedelta(days=1)
    return day // interval if timedelta(minutes=10) <= interval < timedelta(hours=1) else None


def _has_decimal_commas(column: Column) -> bool:
    return not column.is_numeric and all(re.fullmatch(r"[+-]?\d+(,\d+)?", str(each).strip()) for each in column.filled)


def _numbers(column: Column, decimal: str) -> list[float] | None:
    """Return the numbers of a column; None if it has another value."""
    try:
        found = [float(str(value).strip().replace(decimal, ".")) for value in column.filled]
    except ValueError:
        return None
    return found if all(map(math.isfinite, found)) else None


def _grows(values: Sequence[float]) -> bool:
    """Return whether the values at the end are twice those at the beginning: their spread then grows with them."""
    part = max(1, len(values) // 5)
    return math.fsum(values[-part:]) > 2 * math.fsum(values[:part])
