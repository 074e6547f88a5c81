"""The task `forecast` of `seqkit init`: which files it recognizes, and the recipe that it drafts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from seqkit_forecast.tasks import forecast

from helpers.commands import run_here
from seqkit.contracts import Column, DataFile


def series(step: timedelta, rows: int, values: Any = lambda row: row % 7, written: str = "%Y-%m-%d %H:%M") -> DataFile:
    dates = [(datetime(2020, 1, 1) + row * step).strftime(written) for row in range(rows)]
    numbers = [f"{values(row):.2f}" for row in range(rows)]
    return DataFile(Path("a.csv"), columns=[Column("when", dates), Column("load", numbers)], format="csv", rows=rows)


@pytest.mark.parametrize(
    ("step", "season"), [(timedelta(hours=1), 24), (timedelta(days=1), 7), (timedelta(minutes=15), 96)]
)
def test_the_season_follows_from_the_dates(step: timedelta, season: int) -> None:
    found = forecast(series(step, 4000))
    assert not isinstance(found, str)
    head = found.recipe["head"]
    assert (head["season"], head["horizon"]) == (season, season)
    assert head["input_length"] >= season
    assert found.recipe["data"]["time"] == "when" and found.recipe["data"]["columns"] == ["load"]
    assert found.split == {"by": "order", "valid": 0.15, "test": 0.15}


def test_the_windows_of_a_short_series_fit_its_splits() -> None:
    found = forecast(series(timedelta(days=1), 60))
    assert not isinstance(found, str) and found.split is not None
    head = found.recipe["head"]
    assert head["input_length"] + head["horizon"] <= int(found.split["valid"] * 60)


def test_gaps_formats_of_dates_and_growth() -> None:
    regular = series(timedelta(days=1), 100, lambda row: 2.0 ** (row / 20), written="%d.%m.%Y")
    when, load = regular.columns
    rows = [row for row in range(100) if row not in (40, 41)]
    columns = [Column(each.name, [each.values[row] for row in rows]) for each in (when, load)]
    found = forecast(DataFile(Path("a.csv"), columns=columns, format="csv", rows=98))
    assert not isinstance(found, str)
    assert (found.recipe["data"]["date_format"], found.recipe["data"]["fill"]) == ("%d.%m.%Y", 2)
    assert found.recipe["head"]["log"] is True


def test_decimal_commas_are_read() -> None:
    when, load = series(timedelta(days=1), 100).columns
    commas = Column("load", [value.replace(".", ",") for value in load.values])
    found = forecast(DataFile(Path("a.csv"), columns=[when, commas], format="csv", delimiter=";", rows=100))
    assert not isinstance(found, str)
    assert (found.recipe["data"]["delimiter"], found.recipe["data"]["decimal"]) == (";", ",")


@pytest.mark.parametrize(
    "written",
    [
        "%Y/%m/%d",
        "%d-%m-%Y",
        "%m/%d/%y",
        "%d-%b-%Y",
        "%b %d, %Y",
        "%d.%m.%Y %H:%M:%S",
        "%Y.%m.%d",
        "%Y年%m月%d日",
        "%Y年%m月%d日%H时",
    ],
)
def test_usual_formats_of_dates_are_found(written: str) -> None:
    found = forecast(series(timedelta(days=1), 100, written=written))
    assert not isinstance(found, str)
    assert found.recipe["data"]["date_format"] == written


def test_a_wrong_date_is_named() -> None:
    file = series(timedelta(days=1), 100, written="%Y年%m月%d日")
    file.columns[0].values[6] = "2020年1月7曰"
    assert forecast(file) == "row 7: '2020年1月7曰' in 'when' is not a date as in the other rows: correct it"


@pytest.mark.parametrize(
    ("dates", "date_format"),
    [
        ([f"2024年{1 + row // 28}月{1 + row % 28}日" for row in range(100)], "%Y年%m月%d日"),
        ([f"{2000 + row // 12}年{1 + row % 12}月" for row in range(100)], "%Y年%m月"),
        ([f"{2000 + row // 12}/{1 + row % 12}" for row in range(100)], "%Y/%m"),
    ],
)
def test_chinese_dates_need_no_zeros(dates: list[str], date_format: str) -> None:
    columns = [Column("日期", dates), Column("销量", [f"{row % 7}" for row in range(100)])]
    found = forecast(DataFile(Path("a.csv"), columns=columns, format="csv", rows=100))
    assert not isinstance(found, str)
    assert (found.recipe["data"]["time"], found.recipe["data"]["date_format"]) == ("日期", date_format)


def test_days_without_trading_are_not_filled() -> None:
    days = series(timedelta(days=1), 200)
    rows = [row for row in range(200) if datetime.fromisoformat(days.columns[0].values[row]).weekday() < 5]
    columns = [Column(each.name, [each.values[row] for row in rows]) for each in days.columns]
    found = forecast(DataFile(Path("a.csv"), columns=columns, format="csv", rows=len(rows)))
    assert not isinstance(found, str)
    assert (found.recipe["data"]["spacing"], found.recipe["head"]["season"]) == ("any", 5)
    assert "fill" not in found.recipe["data"]


def without_rows(file: DataFile, missing: set[int]) -> DataFile:
    """Return a file without some of its rows."""
    columns = [
        Column(each.name, [value for row, value in enumerate(each.values) if row not in missing])
        for each in file.columns
    ]
    return replace(file, columns=columns, rows=len(columns[0].values))


def test_dates_that_are_missing_are_counted_and_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEQKIT_PLUGINS", raising=False)
    hours, days = series(timedelta(hours=1), 2000), series(timedelta(days=1), 800)
    single = set(range(100, 1900, 211))
    for file, missing, gap in (
        (hours, single | set(range(1000, 1050)), 50),
        (hours, single, 1),
        (hours, {700}, 1),
        (days, set(range(300, 340)), 40),
    ):
        rows = zip(*(column.values for column in without_rows(file, missing).columns), strict=True)
        (tmp_path / "a.csv").write_text("\n".join(["when,load", *map(",".join, rows)]) + "\n")
        (tmp_path / "a.yaml").unlink(missing_ok=True)
        done = run_here("init", "a.csv", "--minutes", "0.01", cwd=tmp_path)
        assert done.code == 0, done.err
        count = len(missing)
        summary = f"{count} missing date{'s repeat' if count > 1 else ' repeats'} the previous value"
        assert f"task: forecast, the series load by the dates in 'when', {summary}" in done.out
        text = (tmp_path / "a.yaml").read_text(encoding="utf-8")
        words = " ".join(text.replace("\n  # ", " ").split())
        assert f"{count} of {file.rows:,} dates are missing, at most {gap} in a row: the previous value is" in words
        assert "to take each row as one time step, write `spacing: any`" in words
        data = yaml.safe_load(text)["data"]
        assert (data["fill"], data.get("spacing")) == (gap, None)


def test_many_missing_dates_and_unequal_intervals_are_named() -> None:
    days = series(timedelta(days=1), 199)
    weekends = {row for row in range(199) if datetime.fromisoformat(days.columns[0].values[row]).weekday() > 4}
    found = forecast(without_rows(days, weekends))
    assert not isinstance(found, str)
    assert found.summary.endswith(
        f", each row is a time step, though {len(weekends)} dates are missing (data.fill fills them)"
    )
    comment = found.comments["data.spacing"]
    assert comment.startswith(f"{len(weekends)} of 199 dates are missing, at most 2 in a row: each row is taken as one")
    assert comment.endswith("write `fill: 2` in place of `spacing: any`")
    days.columns[0].values[50] = f"{days.columns[0].values[50][:10]} 00:20"
    found = forecast(days)
    assert not isinstance(found, str)
    assert found.recipe["data"]["spacing"] == "any"
    assert "each row is a time step, as the intervals differ" in found.summary
    assert found.comments["data.spacing"].startswith("row 51 is ")


def test_a_category_beside_the_numbers_is_left_out() -> None:
    when, load = series(timedelta(days=1), 100).columns
    file = DataFile(
        Path("a.csv"), columns=[when, load, Column("weather", ["sun", "rain"] * 50)], format="csv", rows=100
    )
    found = forecast(file)
    assert not isinstance(found, str)
    assert found.fit > 0 and found.recipe["data"]["columns"] == ["load"]


def test_numbers_without_dates_are_a_series_if_they_are_smooth() -> None:
    smooth = [f"{row % 30:.1f}" for row in range(200)]
    rough = [f"{row * 7919 % 101}" for row in range(200)]
    for values, has_header in ((smooth, True), (smooth, False), (rough, True)):
        column = Column("column_1", values)
        found = forecast(DataFile(Path("a.csv"), columns=[column], format="csv", has_header=has_header, rows=200))
        assert isinstance(found, str) == (values is rough)
        if not isinstance(found, str):
            assert found.recipe["data"]["time"] is None
            assert ("header" in found.recipe["data"]) == (not has_header)
            assert found.fit < 0.5


def test_columns_that_no_previous_value_fills_are_left_out() -> None:
    when, load = series(timedelta(days=1), 100).columns
    wind = Column("wind", ["", *load.values[1:]])
    sun = Column("sun", [value if place % 3 else None for place, value in enumerate(load.values, start=1)])
    file = DataFile(Path("a.csv"), columns=[when, wind, load, sun], format="csv", rows=100)
    found = forecast(file)
    assert not isinstance(found, str) and found.recipe["data"]["columns"] == ["load"]
    assert (
        "without wind, which has no value in its first row, without sun, which has no value in 33 rows" in found.summary
    )
    both = replace(
        file, columns=[when, load, Column("sun", load.values), Column("heat", load.values)], label="heat, load"
    )
    found = forecast(both)
    assert not isinstance(found, str) and found.recipe["data"]["columns"] == ["load", "heat"]
    for named in (replace(file, label="wind"), replace(file, label="load,wind"), replace(file, columns=[when, wind])):
        assert "the column 'wind' has no value in its first row: fill in the cells" in str(forecast(named))


def test_a_label_that_is_no_column_of_numbers_is_named() -> None:
    when, load = series(timedelta(days=1), 100).columns
    file = DataFile(Path("a.csv"), columns=[when, load, Column("note", ["a", "b"] * 50)], format="csv", rows=100)
    for label, column in (("note", "note"), ("load,note", "note"), (when.name, when.name)):
        found = forecast(replace(file, label=label))
        assert found == (
            f"the column '{column}' cannot be forecast, which requires numbers: with --label, name one of load"
        )


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({59: "-"}, "1 value is not a number, '-' in row 60"),
        ({59: "-", 70: "-", 71: "缺测"}, "3 values are not numbers, the first in row 60 is '-'"),
        (dict.fromkeys(range(100), "1,234.5"), "100 values are not numbers, the first in row 1 is '1,234.5'"),
    ],
)
def test_columns_with_a_few_words_are_named(wrong: dict[int, str], problem: str) -> None:
    when, load = series(timedelta(days=1), 100).columns
    heat = Column("气温", [wrong.get(row, value) for row, value in enumerate(load.values)])
    file = DataFile(
        Path("a.csv"), columns=[when, load, heat, Column("天气", ["晴", "雨"] * 50)], format="csv", rows=100
    )
    found = forecast(file)
    assert not isinstance(found, str)
    assert found.recipe["data"]["columns"] == ["load"]
    assert found.notes == [f"not used: '气温' ({problem})"]
    chosen = forecast(replace(file, label="load"))
    assert not isinstance(chosen, str) and not chosen.notes
    expected = f"the column '气温' cannot be forecast, as {problem}: correct it, or leave the cell empty"
    for other in (replace(file, label="load,气温"), replace(file, label="气温"), replace(file, columns=[when, heat])):
        assert forecast(other) == expected


def test_a_label_with_a_few_words_is_named_on_the_command_line(tmp_path: Path) -> None:
    when, load = series(timedelta(days=1), 100, lambda row: row % 7, "%Y-%m-%d").columns
    lines = [f"{when.values[row]},{load.values[row]},{'-' if row == 59 else row % 9}" for row in range(100)]
    (tmp_path / "a.csv").write_text("日期,销量,气温\n" + "\n".join(lines), encoding="utf-8")
    done = run_here("init", "a.csv", "--label", "气温", cwd=tmp_path)
    assert done.code == 3 and done.err.count("\n") == 1
    assert "the column '气温' cannot be forecast, as 1 value is not a number, '-' in row 60" in done.err
    done = run_here("init", "a.csv", "--minutes", "0.02", cwd=tmp_path)
    assert (done.code, done.err) == (0, "seqkit: note: not used: '气温' (1 value is not a number, '-' in row 60)\n")


def test_series_below_each_other_are_named() -> None:
    when, load = series(timedelta(days=1), 100).columns
    columns = [Column("when", [*when.values] * 2), Column("shop", ["a"] * 100 + ["b"] * 100)]
    columns.append(Column("load", [*load.values] * 2))
    found = forecast(DataFile(Path("a.csv"), columns=columns, format="csv", rows=200))
    assert "the dates in 'when' occur once for each 'shop': write a column for each" in str(found)


def test_other_files_are_not_recognized() -> None:
    when, load = series(timedelta(days=1), 100).columns
    reverse = Column("when", list(reversed(when.values)))
    assert "the dates in 'when' decrease: sort" in str(
        forecast(DataFile(Path("a.csv"), columns=[reverse, load], format="csv"))
    )
    for columns in ([load], [reverse, load], [when, Column("note", ["a"] * 100)]):
        assert isinstance(forecast(DataFile(Path("a.csv"), columns=columns, format="csv", rows=100)), str)
    assert "too few" in str(forecast(series(timedelta(days=1), 20)))
