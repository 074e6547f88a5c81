"""The reader `conll`: what it takes for sentences, and what it says of files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_tagging.conll import Conll

from seqkit.errors import DataError


def read(folder: Path, text: str, **parameters: Any) -> list[tuple[list[str], list[str] | None, str]]:
    (folder / "data.conll").write_text(text, encoding="utf-8")
    examples = Conll(path=folder / "data.conll", **parameters).read()
    return [(example.input, example.target, example.where.rpartition(":")[2]) for example in examples]


PARIS = (["In", "Paris"], ["O", "B-place"], "1")
NO = (["No", "."], ["O", "O"], "4")


@pytest.mark.parametrize(
    "text",
    [
        "In\tO\nParis\tB-place\n\nNo\tO\n.\tO\n",
        "In\tO\nParis\tB-place\n\t\nNo\tO\n.\tO",  # the blank lines of wnut17
        "In\tO\r\nParis\tB-place\r\n\r\nNo\tO\r\n.\tO\r\n\r\n\r\n",
        "\ufeffIn O\nParis   B-place\n  \nNo O\n. O\n",
        "In IN O\nParis NNP B-place\n\nNo DT O\n. . O\n",
    ],
)
def test_sentences_stand_between_blank_lines(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == [PARIS, NO]


def test_columns_are_counted_from_either_end(tmp_path: Path) -> None:
    text = "1\tIn\tADP\tIN\n2\tParis\tPROPN\tNNP\n"
    assert read(tmp_path, text, word=2)[0][:2] == (["In", "Paris"], ["IN", "NNP"])
    assert read(tmp_path, text, word=2, tag=3)[0][:2] == (["In", "Paris"], ["ADP", "PROPN"])
    assert read(tmp_path, text, word=2, tag=-2)[0][:2] == (["In", "Paris"], ["ADP", "PROPN"])


def test_a_hash_is_a_word_where_its_line_has_columns_and_a_comment_where_it_has_none(tmp_path: Path) -> None:
    text = "# text = # 5\n#\tSYM\n5\tNUM\n# newpar\n\n#photo\tNOUN\n"
    assert read(tmp_path, text) == [(["#", "5"], ["SYM", "NUM"], "2"), (["#photo"], ["NOUN"], "6")]
    assert read(tmp_path, "# O\n5 O\n") == [(["#", "5"], ["O", "O"], "1")]
    assert read(tmp_path, "% 5 % O\n5 O\n", comment="%") == [(["5"], ["O"], "2")]


def test_words_hold_spaces_where_tabs_divide_columns(tmp_path: Path) -> None:
    assert read(tmp_path, "New York\tB-place\n") == [(["New York"], ["B-place"], "1")]
    assert read(tmp_path, "New York\n", separator="space") == [(["New"], ["York"], "1")]
    assert read(tmp_path, "New York\n", separator="tab") == [(["New York"], None, "1")]


def test_a_single_column_is_words_without_tags(tmp_path: Path) -> None:
    assert read(tmp_path, "In\nParis\n\nNo\n") == [(["In", "Paris"], None, "1"), (["No"], None, "4")]
    assert read(tmp_path, "In\nParis\n", word=2, tag=4) == [(["In", "Paris"], None, "1")]


def test_conllu(tmp_path: Path) -> None:
    def row(number: str, word: str, tag: str) -> str:
        return "\t".join([number, word, "_", tag, "_", "_", "_", "_", "_", "_"])

    rows = [row("1-2", "don't", "_"), row("1", "do", "AUX"), row("2", "n't", "PART"), row("2.1", "go", "VERB")]
    text = "# sent_id = 1\n" + "\n".join(rows) + "\n"
    assert read(tmp_path, text, word=2, tag=4) == [(["do", "n't"], ["AUX", "PART"], "3")]


def test_document_lines_are_no_sentences(tmp_path: Path) -> None:
    assert read(tmp_path, "-DOCSTART- -X- O\n\nIn IN O\nParis NNP B-place\n") == [PARIS[:2] + ("3",)]


def test_alternatives(tmp_path: Path) -> None:
    text = "Trump\tB-person,B-group\n\n,\t,\n"
    assert [target for _, target, _ in read(tmp_path, text)] == [["B-person,B-group"], [","]]
    assert [target for _, target, _ in read(tmp_path, text, alternatives="first")] == [["B-person"], [","]]
    assert [target for _, target, _ in read(tmp_path, text, alternatives="skip")] == [[","]]


@pytest.mark.parametrize(
    ("text", "parameters", "message"),
    [
        ("", {}, ": there is nothing in it"),
        (" \n\n", {}, ": there is nothing in it but white space"),
        ("# only\n# comments\n", {"comment": "#"}, ": there is no word in it"),
        ("a\tX\n\nb\tX\tY\n", {}, ":3: 3 columns, where line 1 has 2: mend the line"),
        ("a\tX\nb\n", {}, ":2: 1 column, where line 1 has 2: mend the line, or say what stands between columns"),
        ("a X\n# a b\n", {}, ":2: 3 columns, where line 1 has 2: mend the line, or leave out comments with `comment:"),
        ("a\tX\n\tY\n", {}, ":2: the word, column 1, is empty: write one"),
        ("a\tX\nb\t \n", {}, ":2: 'b' has an empty tag, column -1: write one"),
        ("a\tX\n", {"tag": 3}, ":1: 2 columns, so there is no column 3: name the right one with `tag:`"),
        ("a\tX\n", {"word": 4}, ":1: 2 columns, so there is no column 4: name the right one with `word:`"),
        ("a\tX\n", {"word": 2}, ":1: 2 columns, so tag -1 is the word: set `tag:`"),
    ],
)  # fmt: skip
def test_what_is_no_such_file(tmp_path: Path, text: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, text, **parameters)
    assert str(caught.value).startswith(f"{tmp_path / 'data.conll'}{message}")


def test_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.conll").write_bytes("北京\tB-place\n".encode("gb18030"))
    with pytest.raises(DataError, match=r"data.conll:1: byte 0xb1 is not utf-8; it reads as gb18030: set"):
        list(Conll(path=tmp_path / "data.conll").read())
    assert next(iter(Conll(path=tmp_path / "data.conll", encoding="gb18030").read())).input == ["北京"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "path is required"),
        ({"path": Path("x"), "tag": 0}, "tag is counted from 1"),
        ({"path": Path("x"), "tag": 1}, "tag is the same column as the word, 1"),
        ({"path": Path("x"), "comment": ""}, "comment is empty"),
        ({"path": Path("x"), "encoding": "utf-9"}, "encoding 'utf-9' is not known"),
    ],
)
def test_what_the_constructor_refuses(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Conll(**parameters)
    assert str(caught.value).startswith(message)


WORD = st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=5).filter(
    lambda word: word.strip() == word and word != "-DOCSTART-"
)


@given(sentences=st.lists(st.lists(st.tuples(WORD, WORD), min_size=1, max_size=4), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, sentences: Any) -> None:
    text = "\n\n".join("\n".join("\t".join(pair) for pair in sentence) for sentence in sentences)
    found = read(tmp_path_factory.mktemp("conll"), text)
    assert [list(zip(words, tags or [], strict=True)) for words, tags, _ in found] == sentences
