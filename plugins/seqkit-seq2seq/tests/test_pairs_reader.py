"""Tests of the reader `pairs`: one or two files, and error messages for invalid files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from seqkit_seq2seq.dates import Dates
from seqkit_seq2seq.pairs import Pairs

from seqkit.contracts import DataNote, Example
from seqkit.errors import DataError


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_one_pair_per_line(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.tsv", 'Go.\t走。\tCC-BY\n\n Hi, "Tom" \t 嗨\r\n')
    assert list(Pairs(path=path).read()) == [
        Example("Go.", "走。", f"{path}:1", row=1),
        Example('Hi, "Tom"', "嗨", f"{path}:3", row=3),
    ]
    assert list(Dates(path=path).read()) == list(Pairs(path=path).read())


def test_source_and_target_select_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "links.txt", "17\tGo.\t走。\n")
    assert [(pair.input, pair.target) for pair in Pairs(path=path, source=3, target=2).read()] == [("走。", "Go.")]


@pytest.mark.parametrize("suffix", [".zh", "zh"])
def test_two_files_are_read_line_by_line(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / "train.en", "Go.\n\nHi.\tthere\n")
    write(tmp_path / "train.zh", "走。\n\n嗨\n", "gb18030")
    write(path, "Go.\n\nHi.\n")
    write(tmp_path / "train.zh", "走。\n\n嗨\n")
    assert [(pair.input, pair.target, pair.location) for pair in Pairs(path=path, target_suffix=suffix).read()] == [
        ("Go.", "走。", f"{path}:1"),
        ("Hi.", "嗨", f"{path}:3"),
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_lone_carriage_return_does_not_shift_the_pairs(tmp_path: Path, line_end: str) -> None:
    path = write(tmp_path / "train.en", line_end.join(["one point four", "two point one", ""]))
    write(tmp_path / "train.de", line_end.join(["1.4\rkg", "2.1 kg", ""]))
    pairs = [(pair.input, pair.target) for pair in Pairs(path=path, target_suffix="de").read()]
    assert pairs == [("one point four", "1.4\rkg"), ("two point one", "2.1 kg")]


def test_other_encodings_are_read_or_suggested(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.tsv", "Go.\t走。\n", "gb18030")
    assert [pair.target for pair in Pairs(path=path, encoding="gb18030").read()] == ["走。"]
    with pytest.raises(DataError, match=r"pairs.tsv:1: .*can be read as gb18030: set `encoding: gb18030`"):
        list(Pairs(path=path).read())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\nc d\n", ":2: 1 column, but column 2 is required: separate the text and the translation by a tab, or "),
        ("a\tb\nc\t \n", ":2: the translation is empty: fill it in, or set `empty: skip` to skip such pairs$"),
        ("a\tb\n\tc\n", ":2: the text is empty: fill it in"),
        ("\n", ": the file contains only white space"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "pairs.tsv", text)
    with pytest.raises(DataError, match=f"pairs.tsv{message}"):
        list(Pairs(path=path).read())


def test_incomplete_pairs_can_be_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.tsv", "a\t\nb\tc\n \td\n")
    with pytest.warns(DataNote) as notes:
        assert [pair.input for pair in Pairs(path=path, empty="skip").read()] == ["b"]
    assert [(note.message.text, note.message.location) for note in notes] == [  # type: ignore[union-attr]
        ("skipped: the translation is empty", f"{path}:1"),
        ("skipped: the text is empty", f"{path}:3"),
    ]
    with (
        pytest.warns(DataNote),
        pytest.raises(DataError, match="pairs.tsv: no pairs: all lines are blank or skipped$"),
    ):
        list(Pairs(path=write(path, "a\t\n"), empty="skip").read())


def test_lines_without_a_column_can_be_skipped(tmp_path: Path) -> None:
    path = write(tmp_path / "pairs.tsv", "a\tb\nc d\ne\tf\n")
    with pytest.raises(DataError, match="pairs.tsv:2: 1 column, .* or set `invalid_lines: skip` to skip such lines$"):
        list(Pairs(path=path).read())
    with pytest.warns(DataNote, match="^skipped: the line lacks a column$"):
        assert [pair.row for pair in Pairs(path=path, invalid_lines="skip").read()] == [1, 3]


@pytest.mark.parametrize(
    ("text", "parameters", "texts"),
    [
        ('Go.\n\nHi, "Tom"\n', {}, ["Go.", 'Hi, "Tom"']),
        ("Go.\t走。\nHi\t\n", {}, ["Go.", "Hi"]),
        ("走。\n\t Go.\n", {"source": 2, "target": 1}, ["走。", "Go."]),
        ("a\tb\n", {"target_suffix": "zh"}, ["a\tb"]),
        ("a\n", {"target_suffix": "en"}, ["a"]),
    ],
)
def test_texts_are_read_without_translations(
    tmp_path: Path, text: str, parameters: dict[str, Any], texts: list[str]
) -> None:
    path = write(tmp_path / "texts.en", text)
    values = Pairs.without_targets({"path": path} | parameters)
    assert [(pair.input, pair.target) for pair in Pairs(**values).read()] == [(text, None) for text in texts]
    if not parameters:
        assert [pair.input for pair in Dates(**Dates.without_targets({"path": path})).read()] == texts


@pytest.mark.parametrize(
    ("texts", "translations", "line"),
    [
        ("a\nb\nc\n", "A\n", "train.zh:1: the file ends after this line"),
        ("a\n", "A\nB\n", "train.en:1: the file ends after this line"),
        ("a\n\nb\n", "A\nB\n", "train.en:2: blank in this file only"),
        ("a\n\nb\n", "A\n\n \nB\n", "train.zh:3: blank in this file only"),
    ],
)
def test_files_with_different_lines_are_rejected(tmp_path: Path, texts: str, translations: str, line: str) -> None:
    path, other = write(tmp_path / "train.en", texts), write(tmp_path / "train.zh", translations)
    counts = f"{path} has {texts.count(chr(10))} lines and {other} {translations.count(chr(10))}"
    with pytest.raises(DataError) as caught:
        list(Pairs(path=path, target_suffix="zh").read())
    remedy = "each line must be the translation of the line with the same number"
    assert str(caught.value) == f"{tmp_path}/{line}; {counts}: {remedy}"


def test_errors_of_two_files_name_file_and_line(tmp_path: Path) -> None:
    path, other = write(tmp_path / "train.en", "a\nb\n"), tmp_path / "train.zh"
    write(other, "c\n \n")
    with pytest.raises(DataError, match="train.zh:2: the translation is empty"):
        list(Pairs(path=path, target_suffix="zh").read())
    write(path, "\nb\n")
    write(other, "c\nd\n")
    with pytest.raises(DataError, match="train.en:1: the text is empty"):
        list(Pairs(path=path, target_suffix="zh").read())
    other.unlink()
    with pytest.raises(DataError, match="train.zh: no such file"):
        list(Pairs(path=path, target_suffix="zh").read())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "^path is required"),
        ({"source": 2}, "^target must be a different column from source, 2$"),
        ({"target_suffix": "tsv"}, "^target_suffix must differ from the suffix of pairs.tsv$"),
        ({"target_suffix": "a/b"}, "^target_suffix must be a file name suffix such as zh, not 'a/b'$"),
        ({"encoding": "utf-9"}, "^encoding 'utf-9' is"),
    ],
)
def test_invalid_parameters_are_rejected(parameters: dict[str, Any], message: str) -> None:
    path = {} if not parameters else {"path": Path("pairs.tsv")}
    with pytest.raises(ValueError, match=message):
        Pairs(**path, **parameters)
