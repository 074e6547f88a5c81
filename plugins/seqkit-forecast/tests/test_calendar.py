"""Tests of the calendar columns of the reader `series`."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqkit_forecast.dates import dates_of_steps, grid_positions
from seqkit_forecast.series import Series

import seqkit
from seqkit.contracts import Example
from seqkit.errors import DataError, RecipeError


def read(tmp_path: Path, content: str, **parameters: Any) -> Example:
    path = tmp_path / "s.csv"
    path.write_text(content, encoding="utf-8")
    (example,) = Series(path=path, **parameters).read()
    return example


def circle(fraction: float) -> list[float]:
    return [math.sin(2 * math.pi * fraction), math.cos(2 * math.pi * fraction)]


def test_columns_give_the_position_in_the_day_the_week_and_the_year(tmp_path: Path) -> None:
    content = "date,a\n2024-01-01 00:00,1\n2024-01-01 06:30,2\n2024-01-03 18:00,3\n2024-10-06 12:00,4\n"
    example = read(tmp_path, content, calendar=["hour", "weekday", "month"], spacing="any")
    assert example.feature_names == (
        "a",
        *(f"calendar:{cycle}:{part}" for cycle in ("hour", "weekday", "month") for part in ("sin", "cos")),
    )
    expected = [
        [1, *circle(0), *circle(0), *circle(0)],  # a Monday
        [2, *circle(6.5 / 24), *circle(0), *circle(0)],
        [3, *circle(18 / 24), *circle(2 / 7), *circle(0)],
        [4, *circle(12 / 24), *circle(6 / 7), *circle(9 / 12)],
    ]
    np.testing.assert_allclose(example.input, expected, atol=1e-12)


def test_times_with_an_offset_are_taken_in_utc(tmp_path: Path) -> None:
    content = "date,a\n2024-01-01T01:00+01:00,1\n2024-01-01T02:00+01:00,2\n"
    example = read(tmp_path, content, calendar=["hour"])
    np.testing.assert_allclose(example.input[:, 1:], [circle(0), circle(1 / 24)], atol=1e-12)


@pytest.mark.filterwarnings("ignore::seqkit.contracts.DataNote")
def test_filled_time_steps_have_the_dates_between(tmp_path: Path) -> None:
    hours = "date,a\n2024-01-01 22:00,1\n2024-01-01 23:00,2\n2024-01-02 02:00,5\n"
    example = read(tmp_path, hours, calendar=["hour"], fill=2)
    np.testing.assert_allclose(example.input[:, 1:], [circle(hour / 24) for hour in (22, 23, 0, 1, 2)], atol=1e-12)
    months = "date,a\n2023-10,1\n2023-11,2\n2024-02,5\n"
    example = read(tmp_path, months, calendar=["month"], fill=2)
    np.testing.assert_allclose(example.input[:, 1:], [circle(month / 12) for month in (9, 10, 11, 0, 1)], atol=1e-12)


@pytest.mark.parametrize("months", [0, 1, 3])
def test_dates_of_steps_restore_missing_dates(months: int) -> None:
    if months:
        numbers = [2020 * 12 + months * step for step in range(20)]
        dates = [datetime(number // 12, number % 12 + 1, 1, 6) for number in numbers]
    else:
        dates = [datetime(2024, 2, 27) + step * timedelta(minutes=90) for step in range(20)]
    kept = [date for step, date in enumerate(dates) if step not in (3, 4, 11)]
    assert dates_of_steps(kept, grid_positions(kept)[0]) == dates


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"calendar": []}, "calendar must list at least one of hour, weekday and month, and none twice"),
        ({"calendar": ["hour", "hour"]}, "calendar must list at least one of hour, weekday and month, and none twice"),
        ({"calendar": ["hour"], "time": None}, "calendar requires a column of dates: remove it, or set `time`"),
    ],
)
def test_invalid_parameters_are_rejected(tmp_path: Path, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        read(tmp_path, "date,a\n2024-01-01,1\n", **parameters)


def test_an_unknown_cycle_is_rejected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")
    waves = Path(__file__).parent.parent / "recipes" / "waves.yaml"
    with pytest.raises(RecipeError, match=r"data.calendar.*hours"):
        seqkit.run(waves, runs=tmp_path, quiet=True, **{"data.calendar": ["hours"]})


def test_a_run_with_calendar_columns_predicts_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")
    waves = Path(__file__).parent.parent / "recipes" / "waves.yaml"
    changes = {"data.calendar": ["weekday"], "data.rows": 300, "train.epochs": 1, "encoder.hidden_size": 2}
    run = seqkit.run(waves, runs=tmp_path, quiet=True, **changes)
    data = waves.parent / "data" / "waves.csv"
    (prediction,) = run.predict_file(data)
    assert list(prediction["forecast"]) == ["visits", "sales"]
    assert list(run.result["metrics"]["test"]["per_variable"]) == ["visits", "sales"]
    without_dates = tmp_path / "values.csv"
    without_dates.write_text("\n".join(line.partition(",")[2] for line in data.read_text().splitlines()))
    with pytest.raises(DataError, match=r"values.csv:1: no column 'date'.*: set `time:` to the column of dates, which"):
        run.predict_file(without_dates)
