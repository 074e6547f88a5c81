"""`seqkit init`: columns of numbers, dates and units."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.commands import error_line
from helpers.tables import reviews, write_table
from seqkit.readers.inspection import inspect
from seqkit.tasks.labels import classify, multi_label, regress


def test_decimal_commas_are_no_labels(tmp_path: Path, run_command) -> None:
    rows = [(text, f"{n // 7},{n % 7}") for n, (text, _) in enumerate(reviews(120))]
    write_table(tmp_path / "a.csv", ["text", "score"], rows, delimiter=";")
    line = error_line(run_command("init", "a.csv"))
    assert "the numbers of the column 'score' have decimal commas: write points (regress)" in line
    found = multi_label(inspect(tmp_path / "a.csv"))
    assert not isinstance(found, str) and found.fit == 0


def test_numbers_of_which_some_are_missing_are_no_texts(tmp_path: Path) -> None:
    rows = [(text, "nan" if n % 20 == 3 else f"{n}.5") for n, (text, _) in enumerate(reviews())]
    found = regress(inspect(write_table(tmp_path / "a.csv", ["description", "price"], rows)))
    assert not isinstance(found, str)
    section = {"type": "table", "text": "description", "label": "price", "missing": ["nan"], "empty": "skip"}
    assert found.recipe["data"] == section
    words = [(text, "null" if n % 3 else "pos") for n, (text, _) in enumerate(reviews())]
    file = inspect(write_table(tmp_path / "b.csv", ["text", "label"], words))
    assert file.column("label").counts == {"null": 40, "pos": 20}, "a label can be called null"


def test_short_texts_with_units_are_texts_without_dates(tmp_path: Path) -> None:
    rows = [(f"{n}{'cm' if n % 2 else 'kg'}", "ab"[n % 2]) for n in range(300)]
    found = classify(inspect(write_table(tmp_path / "names.csv", ["name", "label"], rows)))
    assert not isinstance(found, str) and found.recipe["data"]["text"] == "name"


def test_the_number_that_is_written_with_a_unit_is_named(tmp_path: Path, run_command) -> None:
    rows = [(f"2024-{1 + n // 28:02}-{1 + n % 28:02}", f"{9000 + n}" if n % 2 else f"1.{n}万") for n in range(100)]
    write_table(tmp_path / "a.csv", ["date", "sales"], rows)
    assert "'sales' are written as '1.0万': write digits without separators and units, as in 10000" in error_line(
        run_command("init", "a.csv")
    )


@pytest.mark.parametrize(
    ("form", "written", "number"),
    [
        ("{:,}.5", "1,000.5", "1000.5"),
        ("{}.1万", "1000.1万", "10001000"),
        ("¥{} 元", "¥1000 元", "1000"),
        ("{}%", "1000%", "1000"),
        ("{}．５", "1000．５", "1000.5"),
    ],
)
def test_numbers_with_separators_and_units_are_named(
    tmp_path: Path, run_command, form: str, written: str, number: str
) -> None:
    rows = [(f"2024-{1 + n // 28:02}-{1 + n % 28:02}", form.format(1000 + n)) for n in range(100)]
    write_table(tmp_path / "a.csv", ["日期", "销量"], rows)
    expected = f"the numbers of the column '销量' are written as '{written}': write digits without separators and units"
    assert error_line(run_command("init", "a.csv")) == f"a.csv: fits no task: {expected}, as in {number}"
    priced = [(f"第{n}件商品，质量很好", value) for n, (_, value) in enumerate(rows)]
    write_table(tmp_path / "b.csv", ["评论", "销量"], priced)
    line = error_line(run_command("init", "b.csv", "--task", "regress"))
    assert f"does not fit the task regress: {expected}, as in {number}" in line
    line = error_line(run_command("init", "b.csv", "--task", "multi_label"))
    assert line.endswith("does not fit the task multi_label: no column with several labels per row")
    rated = [(*row, "好" if n % 2 else "差") for n, row in enumerate(priced)]
    write_table(tmp_path / "c.csv", ["评论", "销量", "情感"], rated)
    line = error_line(run_command("init", "c.csv", "--task", "regress", "--label", "情感"))
    assert line.endswith("does not fit the task regress: no column of numbers")


def test_ratings_with_a_unit_and_years_are_labels(tmp_path: Path) -> None:
    for unit in ("星", "年"):
        rows = [(text, f"{number % 5 + 1}{unit}") for number, (text, _) in enumerate(reviews())]
        found = classify(inspect(write_table(tmp_path / "a.csv", ["text", "label"], rows)))
        assert not isinstance(found, str) and found.recipe["data"]["label"] == "label"
