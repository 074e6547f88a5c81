"""Tables without a header: `columns` of the reader `table`."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqkit.errors import DataError
from seqkit.readers.table import Table


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.tsv", 'Dutch\tJansen\nIrish\t"Byrne\n'), ("a.csv", 'Dutch,Jansen\nIrish,"""Byrne"\n')],
)
def test_the_first_row_is_an_example(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    found = list(Table(path=path, text="surname", columns=["label", "surname"]).read())
    assert [(each.input, each.target, each.row) for each in found] == [("Jansen", "Dutch", 1), ('"Byrne', "Irish", 2)]


def test_a_row_that_equals_the_names_is_an_example_too(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\na,b\n")
    assert len(list(Table(path=tmp_path / "a.csv", columns=["text", "label"]).read())) == 2


@pytest.mark.parametrize(
    ("columns", "name", "words"),
    [
        (["label", "label"], "a.csv", "columns must name each column once"),
        (["label", "other"], "a.csv", "columns must contain 'text'"),
        (["label", "text"], "a.jsonl", "columns applies to csv and tsv"),
    ],
)
def test_wrong_names_are_rejected(columns: list[str], name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Table(path=Path(name), columns=columns)


def test_a_row_with_more_fields_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\nc,d,e\n")
    with pytest.raises(DataError, match=r"a.csv:2: the number of fields is 3, not 2 as in `columns:`"):
        list(Table(path=tmp_path / "a.csv", columns=["text", "label"]).read())
