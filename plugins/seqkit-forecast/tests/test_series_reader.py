"""The reader `series`: what it yields, and one clear line for every way that a file can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_forecast.dates import UnevenDate, grid_places, parse_date
from seqkit_forecast.series import Series

from seqkit.contracts import Example
from seqkit.errors import DataError

Read = Callable[..., Example]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Returns a function that writes a file and reads it back."""

    def read(content: str, name: str = "s.csv", **parameters: Any) -> Example:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        (example,) = Series(path=path, **parameters).read()
        return example

    return read


def complaint(read: Read, content: str, **parameters: Any) -> str:
    """Returns the message of the DataError that reading ends in, with the folder left out."""
    with pytest.raises(DataError) as caught:
        read(content, **parameters)
    assert len(caught.value.lines) == 1
    return str(caught.value).rpartition("/s.csv:")[2]


HOURS = "date,a,b\n2020-01-01 00:00:00,1,-2.5\n2020-01-01 01:00:00,2e1,0\n2020-01-01 02:00:00,3,7\n"


def test_a_file_is_one_example_of_its_numbers_in_order(read: Read, tmp_path: Path) -> None:
    example = read(HOURS)
    assert example.input.dtype == np.float64
    assert example.input.tolist() == [[1, -2.5], [20, 0], [3, 7]]
    assert example.names == ("a", "b")
    assert example.target is None
    assert example.where == f"{tmp_path / 's.csv'}:2"


def test_columns_are_read_in_the_order_that_they_are_named_in(read: Read) -> None:
    example = read(HOURS, columns=["b", "a"])
    assert example.input.tolist() == [[-2.5, 1], [0, 20], [7, 3]]
    assert example.names == ("b", "a")


def test_blank_lines_quotes_and_tabs(read: Read) -> None:
    content = '\n"date","a"\r\n\r\n"2020-01",1\r\n , \n2020-02,2\n'
    assert read(content).input.tolist() == [[1], [2]]
    assert read(content.replace(",", "\t"), "s.tsv").input.tolist() == [[1], [2]]


def test_rows_reads_so_many_and_looks_at_none_after(read: Read) -> None:
    assert read(HOURS + "never,looked,at\n", rows=2).input.tolist() == [[1, -2.5], [20, 0]]
    assert read(HOURS, rows=9).input.shape == (3, 2)


def test_without_dates_every_row_is_a_step(read: Read) -> None:
    assert read("a\n3\n1\n", time=None).input.tolist() == [[3], [1]]


@pytest.mark.parametrize(
    "dates",
    [
        ["1949-11", "1949-12", "1950-01"],
        ["2001", "2002", "2003"],
        ["2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30"],
        ["2020-02-29", "2020-05-31", "2020-08-31"],
        ["2020-03-01", "2020-06-01", "2020-09-01"],
        ["2020-03-28", "2020-03-29", "2020-03-30"],
        ["2020-01-01T00:00:00+01:00", "2020-01-01T00:30:00+01:00", "2020-01-01T00:00:00Z"],
        ["20200101", "20200108", "20200115"],
        ["2020-01-01"],
        ["2020-01-01", "2020-01-02"],
    ],
)
def test_dates_of_an_even_step(read: Read, dates: list[str]) -> None:
    content = "date,a\n" + "".join(f"{date},{number}\n" for number, date in enumerate(dates))
    assert read(content).input[:, 0].tolist() == list(range(len(dates)))


def test_dates_of_a_form_that_is_said(read: Read) -> None:
    assert read("day,a\n31.12.2019,1\n01.01.2020,2\n", time="day", date_format="%d.%m.%Y").input.tolist() == [[1], [2]]


def test_days_of_trade_are_taken_as_they_come(read: Read) -> None:
    content = "date,a\n2020-01-02,1\n2020-01-03,2\n2020-01-06,3\n2020-01-07,4\n"
    assert read(content, spacing="any").input.shape == (4, 1)
    assert read(content, fill=2).input[:, 0].tolist() == [1, 2, 2, 2, 3, 4]


def test_what_is_missing_is_carried_over(read: Read) -> None:
    content = "date,a,b\n2020-01-01,1,10\n2020-01-02,,20\n2020-01-04,NaN,40\n2020-01-05,5,n/a\n2020-01-06,6,60\n"
    filled = read(content, fill=3).input
    assert filled.tolist() == [[1, 10], [1, 20], [1, 20], [1, 40], [5, 40], [6, 60]]


DATED = "date,a\n2020-01-01,1\n"


@pytest.mark.parametrize(
    ("content", "parameters", "message"),
    [
        (
            "when,a\n1,1\n",
            {},
            "1: there is no column 'date'; there are when, a: name the right one with `time:`, or null",
        ),
        (
            HOURS,
            {"columns": ["c"]},
            "1: there is no column 'c'; there are date, a, b: name the right one with `columns:`",
        ),
        ("date,load\n", {"columns": ["laod"]}, "1: there is no column 'laod' (did you mean 'load'?): name the right"),
        ("date,a,a\n", {}, "1: the column 'a' is there twice: rename one"),
        ("date\n2020-01-01\n", {}, "1: there is no column besides the dates 'date'"),
        (DATED + "2020-01-02\n", {}, "3: 1 columns, where the header has 2"),
        (DATED + '2020-01-02,"1\n', {}, "3: unexpected end of data: write a quote inside a quoted cell twice"),
        (DATED + "2020-01-02,high\n", {}, "3: 'a' is 'high', not a number: write it with a decimal point and no"),
        (DATED + "2020-01-02,1_0\n", {}, "3: 'a' is '1_0', not a number"),
        (DATED + "2020-01-02,inf\n", {}, "3: 'a' is 'inf', not a number"),
        (DATED + "2020-01-02,1e999\n", {}, "3: 'a' is '1e999', not a number"),
        (DATED + "2020-01-02, \n", {}, "3: 'a' has no value: fill it in, or carry the value above over with `fill: 1`"),
        ("date,a\n2020-01-01,\n2020-01-02,1\n", {"fill": 9}, "2: 'a' has no value: fill it in"),
        (
            DATED + "2020-01-02,\n2020-01-03,\n",
            {"fill": 1},
            "4: 'a' has no value: fill it in, or carry the value above",
        ),
        (
            DATED + "01/02/2020,2\n",
            {},
            "3: '01/02/2020' is not a date such as 2016-07-01 13:00 or 1949-01: 'date' holds",
        ),
        (DATED, {"date_format": "%d.%m.%Y"}, "2: '2020-01-01' is not of the form %d.%m.%Y: 'date' holds the dates"),
        (
            DATED + "2020-01-01,2\n",
            {},
            "3: 2020-01-01 is there twice: keep one row a date (and write local times in UTC)",
        ),
        (DATED + "2019-12-31,2\n", {}, "3: 2019-12-31 comes before the date above it: sort the rows by 'date'"),
        (
            DATED + "2020-01-02T00:00Z,2\n",
            {},
            "3: 2020-01-02T00:00Z and the date before it do not both say their offset",
        ),
        (
            DATED + "2020-01-02,2\n2020-01-05,5\n",
            {"fill": 1},
            "4: 2 steps of 1 day missing between 2020-01-02 00:00 and 2020-01-05 00:00: add them, carry values "
            "over with `fill: 2`, or take row after row with `spacing: any`",
        ),
        (
            HOURS + "2020-01-01 02:45,1,1\n",
            {},
            "5: 2020-01-01 02:45 is 45 minutes after the date before it, where the step is 1 hour: mend it",
        ),
        (
            "date,a\n2020-01-01,1\n2020-02-01,2\n2020-03-02,3\n2020-04-01,4\n",
            {},
            "4: 2020-03-02 00:00 is not on day 1 of its month, as the others are: mend it",
        ),
        ("date,a\n", {}, "there is a header and nothing below it"),
    ],
)
def test_what_is_wrong_with_a_file(read: Read, content: str, parameters: dict[str, Any], message: str) -> None:
    assert complaint(read, content, **parameters).strip().startswith(message)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"path": None}, "path is required"),
        ({"columns": []}, "columns must be one or more"),
        ({"columns": ["a", "a"]}, "columns must be one or more"),
        ({"columns": ["date"]}, "columns must be one or more"),
        ({"encoding": "klingon"}, "encoding 'klingon' is not known"),
        ({"time": None, "date_format": "%Y"}, "date_format has no dates to read"),
        ({"date_format": "%d.%Q"}, "date_format '%d.%Q' is not one of strptime's"),
    ],
)
def test_what_cannot_be_asked_for(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        Series(**{"path": Path("s.csv"), **parameters})


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    start=st.datetimes(datetime(1970, 1, 1), datetime(2030, 1, 1)),
    step=st.timedeltas(timedelta(minutes=1), timedelta(days=20)),
    missing=st.sets(st.integers(1, 28), max_size=5),
)
def test_even_dates_stand_where_they_were_put(start: datetime, step: timedelta, missing: set[int]) -> None:
    places = [number for number in range(30) if number not in missing]
    found, _ = grid_places([start + number * step for number in places])
    assert found == places


def test_a_date_between_two_places_is_told_by_its_row() -> None:
    with pytest.raises(UnevenDate) as caught:
        grid_places([datetime(2020, 1, 1, hour) for hour in (0, 2, 4, 5, 6, 8)])
    assert caught.value.row == 3
    assert "1 hour after the date before it, where the step is 2 hours" in str(caught.value)


def test_offsets_are_taken_off() -> None:
    assert parse_date("2020-01-01T01:00+01:00", None) == datetime(2020, 1, 1, tzinfo=UTC)
