"""Tests of the reader `series`: examples and notes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_forecast.dates import IrregularDate, grid_positions, parse_date
from seqkit_forecast.series import Series
from series_files import DAYS, HOURS, VALUES, table

from seqkit.contracts import DataNote, Example

Read = Callable[..., Example]
ErrorMessage = Callable[..., str]


def test_file_is_one_example(read: Read, tmp_path: Path) -> None:
    example = read(HOURS)
    assert example.input.dtype == np.float64
    assert example.input.tolist() == [[1, -2.5], [20, 0], [3, 7]]
    assert example.feature_names == ("a", "b")
    assert example.target is None
    assert example.location == f"{tmp_path / 's.csv'}:2"


def test_columns_are_read_in_the_given_order(read: Read) -> None:
    example = read(HOURS, columns=["b", "a"])
    assert example.input.tolist() == [[-2.5, 1], [0, 20], [7, 3]]
    assert example.feature_names == ("b", "a")


def test_blank_lines_quotes_and_tabs(read: Read) -> None:
    content = '\n"date","a"\r\n\r\n"2020-01",1\r\n , \n2020-02,2\n'
    assert read(content).input.tolist() == [[1], [2]]
    assert read(content.replace(",", "\t"), "s.tsv").input.tolist() == [[1], [2]]


def test_rows_limits_the_rows_that_are_read(read: Read) -> None:
    assert read(HOURS + "never,parsed,\n", rows=2).input.tolist() == [[1, -2.5], [20, 0]]
    assert read(HOURS, rows=9).input.shape == (3, 2)


def test_a_file_without_a_header_has_numbered_columns(read: Read) -> None:
    example = read("0.5,2\n1.5,4\n", time=None, header=False)
    assert example.input.tolist() == [[0.5, 2], [1.5, 4]]
    assert example.feature_names == ("column_1", "column_2")
    assert example.location.endswith("s.csv:1")
    assert read("1;2\n", time=None, header=False, columns=["column_2"]).input.tolist() == [[2]]


def test_without_dates_each_row_is_a_time_step(read: Read) -> None:
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
        ["9999-12-29", "9999-12-30", "9999-12-31"],
        ["9999-10-31", "9999-11-30", "9999-12-31"],
        ["9998", "9999"],
        ["9999-12-31T23:58", "9999-12-31T23:59"],
        ["9999-12-31T22:00Z", "9999-12-31T21:30-01:00", "9999-12-31T23:00Z"],
        ["0001-01-01", "0001-01-02", "0001-01-03"],
        ["0001-01", "0001-02", "0001-03"],
        ["2019-02-28", "2020-02-29", "2021-02-28"],
        ["1900-02-28", "1900-03-01"],
        ["2020-01-01T00:00:00.123456789", "2020-01-01T00:00:01.123456789"],
    ],
)
def test_dates_at_equal_intervals(read: Read, dates: list[str]) -> None:
    content = "date,a\n" + "".join(f"{date},{number}\n" for number, date in enumerate(dates))
    assert read(content).input[:, 0].tolist() == list(range(len(dates)))


def test_date_format_is_applied(read: Read) -> None:
    assert read("day,a\n31.12.2019,1\n01.01.2020,2\n", time="day", date_format="%d.%m.%Y").input.tolist() == [[1], [2]]


def notes(read: Read, content: str, name: str = "s.csv", **parameters: Any) -> tuple[Example, list[str]]:
    """Return the example, and the notes with the line that each names."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        example = read(content, name, **parameters)
    found = [warning.message for warning in caught]
    assert all(isinstance(note, DataNote) for note in found)
    return example, [f"{note.location.rpartition(':')[2]}: {note.text}" for note in found]


def test_irregular_days_are_accepted_or_filled(read: Read) -> None:
    content = "date,a\n2020-01-02,1\n2020-01-03,2\n2020-01-06,3\n2020-01-07,4\n"
    assert read(content, spacing="any").input.shape == (4, 1)
    example, found = notes(read, content, fill=2)
    assert example.input[:, 0].tolist() == [1, 2, 2, 2, 3, 4]
    assert found == ["4: missing values that repeat the previous one: 2, the first of 'a'"]


def test_fill_repeats_the_previous_value(read: Read) -> None:
    content = "date,a,b\n2020-01-01,1,10\n2020-01-02,,20\n2020-01-04,NaN,40\n2020-01-05,5,n/a\n2020-01-06,6,60\n"
    example, found = notes(read, content, fill=3)
    assert example.input.tolist() == [[1, 10], [1, 20], [1, 20], [1, 40], [5, 40], [6, 60]]
    assert found == ["3: missing values that repeat the previous one: 5, the first of 'a'"]


def test_invalid_cells_are_taken_as_empty_on_request(read: Read, error_message: ErrorMessage) -> None:
    content = "date,a\n2020-01-01,1\n2020-01-02,n/e\n2020-01-03,inf\n2020-01-04,4\n"
    example, found = notes(read, content, fill=2, invalid="repair")
    assert example.input[:, 0].tolist() == [1, 1, 1, 4]
    invalid = "taken as empty: a cell that is not a number"
    assert found == [
        f"3: {invalid}",
        f"4: {invalid}",
        "3: missing values that repeat the previous one: 2, the first of 'a'",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataNote)
        assert error_message(content, invalid="repair").startswith("3: 'a' has no value: fill in the cell")


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (table(",date,a", range(5), DAYS, VALUES), "1: column 1, which counts the rows, is left out"),
        (table(",date,a", range(500, 505), DAYS, VALUES), "1: column 1, which counts the rows, is left out"),
        (table("date,a,", DAYS, VALUES, range(1, 6)), "1: column 3, which counts the rows, is left out"),
        (
            table("Unnamed: 0.1,date,a", range(5), DAYS, VALUES),
            "1: column 1 'Unnamed: 0.1', which counts the rows, is left out",
        ),
        (table("index,date,a", range(5), DAYS, VALUES), "1: column 1 'index', which counts the rows, is left out"),
        (
            table("date,a,", DAYS, VALUES, [""] * 5),
            "1: column 3, which has neither a name nor values, is left out",
        ),
        (
            table("date, ,a", DAYS, [" "] * 5, VALUES),
            "1: column 2, which has neither a name nor values, is left out",
        ),
        (table("date,a,", DAYS, VALUES), "1: column 3, which has neither a name nor values, is left out"),
        (
            table("date,a", DAYS, VALUES, [""] * 5),
            "2: rows with empty cells after the last column: 5; they are ignored",
        ),
        (table(",a", DAYS, VALUES), "1: column 1, which has no name, is read as 'date'"),
        (table("Unnamed: 0,a", DAYS, VALUES), "1: column 1, which has no name, is read as 'date'"),
    ],
)
def test_columns_without_a_variable_are_left_out(read: Read, content: str, note: str) -> None:
    example, found = notes(read, content)
    assert example.feature_names == ("a",)
    assert example.input[:, 0].tolist() == VALUES
    assert found == [note]
    chosen, found = notes(read, content, columns=["a"])
    assert np.array_equal(chosen.input, example.input)
    assert found == ([note] if "read as" in note or "rows with" in note else [])


def test_names_that_are_integers_are_reported(read: Read) -> None:
    example, found = notes(read, table("0,1", VALUES, VALUES), time=None)
    assert example.feature_names == ("0", "1")
    assert found == ["1: the first row contains numbers, which are read as the names of the columns"]
    assert read(table("date,400.5", DAYS, VALUES)).feature_names == ("400.5",)
    assert read(table("400.5,401", VALUES, VALUES), time=None, columns=["401"]).feature_names == ("401",)


def test_named_column_that_differs_by_one_is_a_variable(read: Read) -> None:
    assert read(table("date,index,no", DAYS, [3, 4, 5, 7, 8], range(5))).feature_names == ("index", "no")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["s.csv", "s.tsv", "s.txt"])
def test_delimiter_is_found(read: Read, delimiter: str, name: str) -> None:
    content = table(delimiter.join(["date", " a ", '"b"']), DAYS, VALUES, range(7, 12), delimiter=delimiter)
    for chosen in ("auto", ",", ";", "\t", "|"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            example = read(content, name, delimiter=chosen)
        assert example.feature_names == ("a", "b")
        assert example.input[:, 0].tolist() == VALUES
        is_expected = chosen in (delimiter, "auto")
        assert ["delimiter" in str(item.message) for item in caught] == [True] * (not is_expected)


def test_another_file_is_read_with_the_delimiter_of_the_recipe(tmp_path: Path) -> None:
    parameters = {"path": tmp_path / "a.csv", "delimiter": ";", "rows": 10, "header": False}
    other = Series.for_path(tmp_path / "b.csv", parameters)
    assert other == {"path": tmp_path / "b.csv", "delimiter": ";", "rows": None, "header": False}


def test_decimal_commas(read: Read, error_message: ErrorMessage) -> None:
    content = "date;a\n2020-01-01;4,5\n2020-01-02;-1\n"
    assert read(content, decimal=",", delimiter=";").input[:, 0].tolist() == [4.5, -1]
    assert "for decimal commas, set `decimal: ','`" in error_message(content, delimiter=";")
    for cell in ("1.000,5", "1_0", "4.5"):
        message = error_message(content.replace("4,5", cell), decimal=",", delimiter=";")
        assert message.startswith(f"2: 'a' is '{cell}', not a number: ")


def test_rows_without_values_are_missing_if_there_are_no_dates(read: Read, error_message: ErrorMessage) -> None:
    content = "a,b\n1,2\n,\n3,4\n,\n , \n"
    assert "3: 'a' has no value" in f"3{error_message(content, time=None)[1:]}"
    example, found = notes(read, content, time=None, fill=1)
    assert example.input.tolist() == [[1, 2], [1, 2], [3, 4]]
    assert found == ["3: missing values that repeat the previous one: 2, the first of 'a'"]


def test_file_to_predict_from_needs_no_dates(read: Read) -> None:
    parameters = Series.without_targets({"columns": ["a"], "date_format": "%Y-%m-%d"})
    example, found = notes(read, table("a", VALUES), **parameters)
    assert example.input[:, 0].tolist() == VALUES
    assert found == ["1: no column 'date': each row is taken as one time step"]
    assert np.array_equal(read(table("date,a", DAYS, VALUES), **parameters).input, example.input)


@pytest.mark.parametrize(
    ("values", "is_rejected"),
    [
        ([1600000000000000000 + 60 * 10**9 * step for step in range(5)], False),  # a minute, in nanoseconds
        ([1600000000000000001 + step for step in range(5)], True),
        (["1600000000000000000.25"] * 5, True),
        ([2**53 + 2 * step for step in range(5)], False),  # exact
        ([2**60] * 5, False),
    ],
)
def test_integers_beyond_float64_are_rejected_if_rounding_hides_differences(
    read: Read, error_message: ErrorMessage, values: list[object], is_rejected: bool
) -> None:
    content = table("date,a", DAYS, values)
    if is_rejected:
        message = f"2: 'a' is {values[0]}, which float64 rounds to a multiple of 256: the rows differ by hardly more"
        assert error_message(content).startswith(message)
    else:
        assert read(content).input[:, 0].tolist() == [float(str(value)) for value in values]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    start=st.datetimes(datetime(1970, 1, 1), datetime(2030, 1, 1)),
    interval=st.timedeltas(timedelta(minutes=1), timedelta(days=20)),
    missing=st.sets(st.integers(1, 28), max_size=5),
)
def test_grid_positions_of_even_dates(start: datetime, interval: timedelta, missing: set[int]) -> None:
    positions = [number for number in range(30) if number not in missing]
    actual, _ = grid_positions([start + number * interval for number in positions])
    assert actual == positions


def test_date_off_the_grid_is_reported_with_its_row() -> None:
    with pytest.raises(IrregularDate) as caught:
        grid_positions([datetime(2020, 1, 1, hour) for hour in (0, 2, 4, 5, 6, 8)])
    assert caught.value.row == 3
    assert "1 hour after the previous date, but the interval is 2 hours" in str(caught.value)


def test_dates_with_an_offset_become_utc() -> None:
    assert parse_date("2020-01-01T01:00+01:00", None) == datetime(2020, 1, 1, tzinfo=UTC)
