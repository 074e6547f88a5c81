"""Tests of the dates of forecasts, in Python and on the command line."""

from __future__ import annotations

import csv
import json
from calendar import monthrange
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_forecast.date_column import NextDates
from seqkit_forecast.dates import grid_positions
from series_files import table

import seqkit
from helpers.commands import CommandResult, chinese_error, error_line, run_here
from seqkit.contracts import Example

Read = Callable[..., Example]
Command = Callable[..., CommandResult]

RECIPES = Path(__file__).parent.parent / "recipes"
WAVES = RECIPES / "data" / "waves.csv"


@pytest.fixture(autouse=True)
def _plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQKIT_PLUGINS", "on")


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return partial(run_here, cwd=tmp_path)


def months(first: tuple[int, int], count: int, step: int, day: int | None) -> list[datetime]:
    """Return dates on a day of the month, or on its last day."""
    dates = []
    for number in range(count):
        year, month = divmod(12 * first[0] + first[1] - 1 + number * step, 12)
        dates.append(datetime(year, month + 1, day or monthrange(year, month + 1)[1]))
    return dates


spans = st.builds(
    lambda start, interval: [start + number * interval for number in range(40)],
    st.datetimes(datetime(1970, 1, 1), datetime(2030, 1, 1)),
    st.timedeltas(timedelta(seconds=1), timedelta(days=20)),
)
calendar_months = st.builds(
    months,
    st.tuples(st.integers(1900, 2050), st.integers(1, 12)),
    st.just(40),
    st.sampled_from([1, 2, 3, 6, 12]),
    st.sampled_from([*range(1, 28), None]),
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(dates=spans | calendar_months, known=st.integers(4, 39))
def test_dates_continue_those_of_the_file(dates: list[datetime], known: int) -> None:
    interval = grid_positions(dates[:known])[1]
    assert interval is not None
    assert interval.dates_after(dates[known - 1], 40 - known) == dates[known:]


@pytest.mark.parametrize(
    ("dates", "expected", "parameters"),
    [
        (["1960-11", "1960-12"], ["1961-01", "1961-02", "1961-03"], {}),
        (["1960-07", "1960-10"], ["1961-01", "1961-04", "1961-07"], {}),
        (["2019", "2020"], ["2021", "2022", "2023"], {}),
        (["2019-07", "2020", "2020-07", "2021"], ["2021-07", "2022-01", "2022-07"], {}),
        (["2023-12-31", "2024-01-31"], ["2024-02-29", "2024-03-31", "2024-04-30"], {}),
        (["2023-06-30", "2023-09-30"], ["2023-12-31", "2024-03-31", "2024-06-30"], {}),
        (["2023-11-30", "2023-12-30"], ["2024-01-30", "2024-02-29", "2024-03-30"], {}),
        (["2024-02-27", "2024-02-28"], ["2024-02-29", "2024-03-01", "2024-03-02"], {}),
        (["2024-02-26 12:00", "2024-02-27"], ["2024-02-27 12:00", "2024-02-28 00:00", "2024-02-28 12:00"], {}),
        (["2024-02-28 22:00:00", "2024-02-28 23:00:00"], [f"2024-02-29 0{hour}:00:00" for hour in range(3)], {}),
        (["2024-02-28T22:00", "2024-02-28T23:00"], [f"2024-02-29T0{hour}:00" for hour in range(3)], {}),
        (["2024-01-01T01:00+01:00", "2024-01-01T02:00+01:00"], [f"2024-01-01T0{h}:00+01:00" for h in (3, 4, 5)], {}),
        (["2024-02-28T22:00Z", "2024-02-28T23:00Z"], [f"2024-02-29T0{hour}:00Z" for hour in range(3)], {}),
        (["2024-02-28 22:00:00Z", "2024-02-28 23:00:00Z"], [f"2024-02-29 0{h}:00:00Z" for h in range(3)], {}),
        (["20240101", "20240201"], ["20240301", "20240401", "20240501"], {}),
        (["20240227", "20240228"], ["20240229", "20240301", "20240302"], {}),
        (["20240228 22:00", "20240228 23:00"], [f"20240229 0{hour}:00" for hour in range(3)], {}),
        (["20240228T2200", "20240228T2300"], [f"20240229T0{hour}00" for hour in range(3)], {}),
        (["20240228T220000Z", "20240228T230000Z"], [f"20240229T0{hour}0000Z" for hour in range(3)], {}),
        (["20240228T2200+0000", "20240228T2300+0000"], [f"20240229T0{hour}00+0000" for hour in range(3)], {}),
        (["30.12.2023", "31.12.2023"], ["01.01.2024", "02.01.2024", "03.01.2024"], {"date_format": "%d.%m.%Y"}),
        *(
            (
                [form.format(*date) for date in days[:2]],
                [form.format(*date) for date in days[2:]],
                {"date_format": date_format},
            )
            for days in (
                [(2024, 1, day) for day in range(4, 9)],
                [(2024, 1, day) for day in range(8, 13)],
                [(2024, 9, 29), (2024, 9, 30), (2024, 10, 1), (2024, 10, 2), (2024, 10, 3)],
            )
            for form, date_format in (
                ("{}年{}月{}日", "%Y年%m月%d日"),
                ("{}年{:02}月{:02}日", "%Y年%m月%d日"),
                ("{}/{}/{}", "%Y/%m/%d"),
                ("{1}/{2}/{0} 0:00", "%m/%d/%Y %H:%M"),
                ("{1:02}-{2:02}-{0}  00:00", "%m-%d-%Y  %H:%M"),
            )
        ),
        (
            ["2024年1月5日8时", "2024年1月5日9时"],
            [f"2024年1月5日{n}时" for n in (10, 11, 12)],
            {"date_format": "%Y年%m月%d日%H时"},
        ),
        (["2024/01/8", "2024/01/9"], [f"2024/01/{day}" for day in (10, 11, 12)], {"date_format": "%Y/%m/%d"}),
        (["30 Apr 24", "1 May 24"], [f"{n} May 24" for n in (2, 3, 4)], {"date_format": "%d %b %y"}),
        (["2024年10月", "2024年11月"], ["2024年12月", "2025年01月", "2025年02月"], {"date_format": "%Y年%m月"}),
        (["2024年9月", "2024年10月"], ["2024年11月", "2024年12月", "2025年1月"], {"date_format": "%Y年%m月"}),
        (["2024-01-01", "2024-01-02", "2024-01-04"], ["2024-01-05", "2024-01-06", "2024-01-07"], {"fill": 1}),
    ],
)
@pytest.mark.filterwarnings("ignore::seqkit.contracts.DataNote")
def test_dates_have_the_form_of_the_file(
    read: Read, dates: list[str], expected: list[str], parameters: dict[str, Any]
) -> None:
    example = read(table("date,a", dates, range(len(dates))), **parameters)
    assert example.next_dates is not None
    assert example.next_dates(3) == expected


@pytest.mark.filterwarnings("ignore::seqkit.contracts.DataNote")
@pytest.mark.parametrize(
    ("content", "parameters"),
    [
        ("date,a\n2024-01-01,1\n", {}),
        ("date,a\n2024-01-01,1\n2024-01-02,2\n", {"spacing": "any"}),
        ("a\n1\n2\n", {"time": None}),
        ("a\n1\n2\n", {"dates": "optional"}),
    ],
)
def test_dates_without_a_known_interval_are_not_continued(read: Read, content: str, parameters: dict[str, Any]) -> None:
    assert read(content, **parameters).next_dates is None


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_forecast_of_months_on_the_command_line(command: Command, tmp_path: Path) -> None:
    dates = [f"{year}-{month:02}" for year in range(1952, 1961) for month in range(1, 13)]
    values = [100 + number + 20 * (number % 12) for number in range(len(dates))]
    (tmp_path / "air.csv").write_text(table("Month,Passengers", dates, values))
    done = command("run", RECIPES / "airline.yaml", "data.path=air.csv", "train.epochs=1")
    assert not done.code, done.err
    done = command("predict", "runs/airline-1", "--data", "air.csv")
    prediction = json.loads(done.out)
    assert prediction["date"] == [f"1961-{month:02}" for month in range(1, 13)]
    assert command("predict", "runs/airline-1", "--data", "air.csv", "--output", "f.csv") == (0, "", "")
    rows = rows_of(tmp_path / "f.csv")
    assert [row["date"] for row in rows] == prediction["date"]
    assert [float(row["forecast.Passengers"]) for row in rows] == prediction["forecast"]["Passengers"]

    (tmp_path / "late.csv").write_text("Month,Passengers\n" + "".join(f"9999-{n:02},{99 + n}\n" for n in range(1, 13)))
    message = "the date 9999-12 is followed by dates after the year 9999: correct it, or set `time: null` to forecast"
    arguments = ("predict", "runs/airline-1", "--data", "late.csv")
    assert error_line(command(*arguments)).startswith(f"late.csv:13: {message}")
    assert chinese_error(*arguments, cwd=tmp_path).startswith("late.csv:13: 日期 9999-12 ")
    assert json.loads(command(*arguments, "--set", "time=null").out)["time_step"] == list(range(1, 13))


def test_a_forecast_with_quantiles_on_the_command_line(command: Command, tmp_path: Path) -> None:
    done = command("run", RECIPES / "waves.yaml", "train.epochs=1", "data.rows=300")
    assert not done.code, done.err
    assert command("predict", "runs/waves-1", "--data", WAVES, "--output", "f.csv") == (0, "", "")
    rows = rows_of(tmp_path / "f.csv")
    assert list(rows[0]) == [
        "date",
        "forecast.visits",
        "forecast.sales",
        *(f"quantiles.{level}.{name}" for level in (0.1, 0.5, 0.9) for name in ("visits", "sales")),
    ]
    last = datetime.fromisoformat(WAVES.read_text().splitlines()[-1].partition(",")[0])
    assert [row["date"] for row in rows] == [str((last + timedelta(days=day)).date()) for day in range(1, 8)]
    (prediction,) = seqkit.load(tmp_path / "runs" / "waves-1").predict_file(WAVES)
    assert [float(row["quantiles.0.9.sales"]) for row in rows] == prediction["quantiles"]["0.9"]["sales"]

    lines = [line.partition(",")[2] for line in WAVES.read_text().splitlines()]
    (tmp_path / "values.csv").write_text("\n".join(lines))
    done = command("predict", "runs/waves-1", "--data", "values.csv", "--output", "g.csv")
    assert not done.code and "no column 'date': each row is taken as one time step" in done.err
    numbered = rows_of(tmp_path / "g.csv")
    assert [row.pop("time_step") for row in numbered] == [str(number) for number in range(1, 8)]
    assert numbered == [{name: row[name] for name in row if name != "date"} for row in rows]


def test_next_dates_are_equal_if_the_files_are(read: Read) -> None:
    examples = [read("date,a\n2024-01-01,1\n2024-01-02,2\n") for _ in range(2)]
    assert isinstance(examples[0].next_dates, NextDates)
    assert examples[0].next_dates == examples[1].next_dates
