"""Tests of the reader `series`: an error message for each kind of invalid file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from seqkit_forecast.series import Series
from series_files import DATED, DAYS, HOURS, VALUES, table

from seqkit.data.prepare import prepare
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

ErrorMessage = Callable[..., str]


@pytest.mark.parametrize(
    ("content", "parameters", "message"),
    [
        (
            "day,a\n1,1\n",
            {},
            "1: no column 'date'; the columns are day, a: set `time:` to the column of dates, or to null",
        ),
        (
            HOURS,
            {"columns": ["c"]},
            "1: no column 'c'; the columns are date, a, b: correct `columns:`",
        ),
        ("date,load\n", {"columns": ["laod"]}, "1: no column 'laod' (did you mean 'load'?): correct `columns:`"),
        (
            HOURS,
            {"columns": ["a，b"]},
            "1: no column 'a，b'; the columns are date, a, b; 'a，b' has '，' (U+FF0C): write ',': correct `columns:`",
        ),
        (
            HOURS,
            {"time": "date："},
            "1: no column 'date：' (did you mean 'date'?); 'date：' has '：' (U+FF1A): write ':': set `time:`",
        ),
        ("date,a,a\n", {}, "1: column 'a' appears twice: rename one of them"),
        ("date\n2020-01-01\n", {}, "1: no column besides the dates 'date'"),
        (DATED + "2020-01-02\n", {}, "3: 1 columns, but the header has 2"),
        (DATED + '2020-01-02,"1\n', {}, "3: a quoted field is never closed: double each quote"),
        (DATED + "2020-01-02,high\n", {}, "3: 'a' is 'high', not a number: use a decimal point and no separators"),
        (DATED + "2020-01-02,1_0\n", {}, "3: 'a' is '1_0', not a number"),
        (DATED + "2020-01-02,inf\n", {}, "3: 'a' is 'inf', not a number"),
        (DATED + "2020-01-02,1e999\n", {}, "3: 'a' is '1e999', not a number"),
        (
            DATED + "2020-01-02, \n",
            {},
            "3: 'a' has no value: fill in the cell, or set `fill: 1` to repeat the previous value",
        ),
        ("date,a\n2020-01-01,\n2020-01-02,1\n", {"fill": 9}, "2: 'a' has no value: fill in the cell"),
        (
            DATED + "2020-01-02,\n2020-01-03,\n",
            {"fill": 1},
            "4: 'a' has no value: fill in the cell, or set `fill: 2`",
        ),
        (
            DATED + "01/02/2020,2\n",
            {},
            "3: '01/02/2020' is not a date such as 2016-07-01 13:00 or 1949-01: set `date_format:`",
        ),
        (DATED, {"date_format": "%d.%m.%Y"}, "2: '2020-01-01' does not match the format %d.%m.%Y: set `date_format:`"),
        (
            DATED + "2020-01-01,2\n",
            {},
            "3: the date 2020-01-01 appears twice: keep one row per date, with local times in UTC",
        ),
        (DATED + "2019-12-31,2\n", {}, "3: 2019-12-31 is earlier than the previous date: sort the rows by 'date'"),
        (
            DATED + "2020-01-02T00:00Z,2\n",
            {},
            "3: only one of 2020-01-02T00:00Z and the previous date has a UTC offset: add one to both",
        ),
        (
            DATED + "2020-01-02,2\n2020-01-05,5\n",
            {"fill": 1},
            "4: missing 2 time steps of 1 day between 2020-01-02 00:00 and 2020-01-05 00:00: add the rows, set "
            "`fill: 2` to repeat the previous value, or set `spacing: any` to take each row as one time step",
        ),
        (
            HOURS + "2020-01-01 02:45,1,1\n",
            {},
            "5: 2020-01-01 02:45 is 45 minutes after the previous date, but the interval is 1 hour: correct it",
        ),
        (
            "date,a\n2020-01-01,1\n2020-02-01,2\n2020-03-02,3\n2020-04-01,4\n",
            {},
            "4: 2020-03-02 00:00 is not on day 1 of the month like most dates: correct it",
        ),
        ("date,a\n", {}, "the file has a header but no rows"),
        (
            table(",date,a", [0, 2, 3, 4, 5], DAYS, VALUES),
            {},
            "1: column 1 has no name: name it, or list the columns to read with `columns:`",
        ),
        (table("date,a,", DAYS, VALUES, ["x", "", "", "", ""]), {}, "1: column 3 has no name: name it"),
        (table(",a", range(5), VALUES), {}, "1: no column 'date'; the columns are , a: set `time:`"),
        (
            table("4.5,7", VALUES, VALUES),
            {"time": None},
            "1: the first row contains 4.5, not the name of a column: add",
        ),
        (table("7,-1", VALUES, VALUES), {"time": None}, "1: the first row contains -1, not the name of a column: add"),
        (DATED + "2020-01-02,\0\n", {}, r"3: 'a' is '\x00', not a number"),
        (DATED + '2020-01-02,"' + 140_000 * "1\n", {}, "3: a quoted field is never closed"),
        ("date,a,a \n2020-01-01,1,2\n", {}, "1: column 'a' appears twice: rename one of them"),
        ("date,a, date\n2020-01-01,1,2\n", {}, "1: column 'date' appears twice: rename one of them"),
        (DATED + "2020-01-02,2,3\n", {}, "3: 3 columns, but the header has 2"),
        (DATED + "2020-01-02,1e101\n", {}, "3: 'a' is '1e101', not a number of at most 1e+100: correct it, or rescale"),
        (DATED + '2020-01-02,"1,5"\n', {}, "3: 'a' is '1,5', not a number: use a decimal point"),
        ("date,a\n0000-01-01,1\n", {}, "2: '0000-01-01' is not a date"),
        ("date,a\n0000,1\n", {}, "2: '0000' is not a date"),
        ("date,a\n2019-02-29,1\n", {}, "2: '2019-02-29' is not a date"),
        ("date,a\n0001-01-01T00:00+01:00,1\n", {}, "2: '0001-01-01T00:00+01:00' is not a date"),
        ("date,a\n9999-12-31T23:30-01:00,1\n", {}, "2: '9999-12-31T23:30-01:00' is not a date"),
        ("date,a\n1612010100123,1\n", {}, "2: '1612010100123' is not a date"),
        ("date,a\n1600000000,1\n", {}, "2: '1600000000' is not a date"),
    ],
)
def test_invalid_files_are_rejected(
    error_message: ErrorMessage, content: str, parameters: dict[str, Any], message: str
) -> None:
    assert error_message(content, **parameters).strip().startswith(message)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"path": None}, "path is required"),
        ({"columns": []}, "columns must list at least one column"),
        ({"columns": ["a", "a"]}, "columns must list at least one column"),
        ({"columns": ["date"]}, "columns must list at least one column"),
        ({"encoding": "klingon"}, "encoding 'klingon' is"),
        ({"time": None, "date_format": "%Y"}, "date_format requires a column of dates"),
        ({"date_format": "%d.%Q"}, "date_format '%d.%Q' is not a valid strptime format"),
    ],
)
def test_invalid_parameters_are_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        Series(**{"path": Path("s.csv"), **parameters})


def test_a_value_far_from_the_others_is_named_with_its_time_step(tmp_path: Path) -> None:
    values = [str(number % 24) for number in range(120)]
    values[99] = "1e9"
    (tmp_path / "load.csv").write_text("\n".join(["load", *values]))
    data = {"type": "series", "path": str(tmp_path / "load.csv"), "time": None}
    head = {"type": "forecast", "input_length": 4, "horizon": 2}
    recipe = {"data": data, "encoder": {"type": "lstm", "hidden_size": 2}, "head": head}
    (note,) = prepare(resolve(read_recipe(recipe), load_registry())).notes
    assert note.startswith(f"time step 100 from {tmp_path / 'load.csv'}:2: the target 1e+09 is far from the others")
