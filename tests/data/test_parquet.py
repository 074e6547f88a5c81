"""Parquet files, which the reader `table` reads with pyarrow."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError
from seqkit.readers.table import Table


def write(path: Path, columns: dict[str, list[Any]], **options: Any) -> Path:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    parquet.write_table(sys.modules["pyarrow"].table(columns), path, **options)
    return path


@pytest.mark.parametrize("name", ["data.parquet", "data.pq", "DATA.PARQUET"])
def test_rows_are_those_of_json_lines(name: str, tmp_path: Path) -> None:
    columns = {"text": ["good", "差"], "label": [1, 0], "day": [date(2026, 1, 2), None]}
    path = write(tmp_path / name, columns)
    lines = '{"text": "good", "label": 1, "day": "2026-01-02"}\n{"text": "差", "label": 0, "day": null}\n'
    (tmp_path / "data.jsonl").write_text(lines, encoding="utf-8")
    found = list(Table(path=path).read())
    expected = list(Table(path=tmp_path / "data.jsonl").read())
    assert [(e.input, e.target, e.row, e.columns) for e in found] == [
        (e.input, e.target, e.row, e.columns) for e in expected
    ]
    assert [example.location for example in found] == [f"{path}:1", f"{path}:2"]


def test_rows_are_read_batch_by_batch(tmp_path: Path) -> None:
    count = 5000
    path = write(tmp_path / "data.parquet", {"text": [f"t{n}" for n in range(count)], "label": [["a"]] * count},
                 row_group_size=700)  # fmt: skip
    found = list(Table(path=path).read())
    assert [example.input for example in found] == [f"t{number}" for number in range(count)]
    assert found[-1].target == ["a"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"txt": ["a"], "label": ["x"]}, ":1: there is no column 'text' (did you mean 'txt'?): set `text:` to the"),
        ({"text": ["a", None], "label": ["x", "y"]}, ":2: 'text' is empty: fill it in, or ignore such rows with"),
        ({"text": ["a"], "label": [float("nan")]}, ":1: 'label' is empty: fill it in, or ignore such rows with"),
        ({"text": [], "label": []}, ": there are no rows after the header"),
    ],
)
def test_invalid_rows_are_one_line(columns: dict[str, list[Any]], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "data.parquet", columns)
    with pytest.raises(DataError) as caught:
        list(Table(path=path).read())
    assert str(caught.value).startswith(f"{path}{message}")


def test_corrupt_file_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "data.parquet", {"text": ["a"], "label": ["x"]})
    for content in (b"", b"text,label\n", path.read_bytes()[:-20]):
        path.write_bytes(content)
        with pytest.raises(DataError, match="not a valid Parquet file: ") as caught:
            list(Table(path=path).read())
        assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="no such file"):
        list(Table(path=tmp_path / "missing.parquet").read())


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"needs pyarrow, which is not installed: pip install 'seqkit\[arrow\]'$"):
        list(Table(path=tmp_path / "data.parquet").read())


def test_only_text_has_a_delimiter(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="delimiter applies to csv and tsv: remove it"):
        Table(path=tmp_path / "data.parquet", delimiter=";")
