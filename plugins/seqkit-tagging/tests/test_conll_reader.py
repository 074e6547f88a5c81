"""Tests of the reader `conll`: sentences, tags and error messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_tagging.conll import Conll

from seqkit.contracts import DataNote
from seqkit.errors import DataError


def read(folder: Path, text: str, **parameters: Any) -> list[tuple[list[str], list[str] | None, str]]:
    (folder / "data.conll").write_text(text, encoding="utf-8")
    examples = Conll(path=folder / "data.conll", **parameters).read()
    return [(example.input, example.target, example.location.rpartition(":")[2]) for example in examples]


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
def test_sentences_are_separated_by_blank_lines(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == [PARIS, NO]


def test_columns_can_be_counted_from_the_end(tmp_path: Path) -> None:
    text = "1\tIn\tADP\tIN\n2\tParis\tPROPN\tNNP\n"
    assert read(tmp_path, text, word=2)[0][:2] == (["In", "Paris"], ["IN", "NNP"])
    assert read(tmp_path, text, word=2, tag=3)[0][:2] == (["In", "Paris"], ["ADP", "PROPN"])
    assert read(tmp_path, text, word=2, tag=-2)[0][:2] == (["In", "Paris"], ["ADP", "PROPN"])


def test_hash_begins_a_comment_only_if_its_line_has_no_columns(tmp_path: Path) -> None:
    text = "# text = # 5\n#\tSYM\n5\tNUM\n# newpar\n\n#photo\tNOUN\n"
    assert read(tmp_path, text) == [(["#", "5"], ["SYM", "NUM"], "2"), (["#photo"], ["NOUN"], "6")]
    assert read(tmp_path, "# O\n5 O\n") == [(["#", "5"], ["O", "O"], "1")]
    assert read(tmp_path, "% 5 % O\n5 O\n", comment="%") == [(["5"], ["O"], "2")]


def test_words_of_tab_separated_columns_can_contain_spaces(tmp_path: Path) -> None:
    assert read(tmp_path, "New York\tB-place\n") == [(["New York"], ["B-place"], "1")]
    assert read(tmp_path, "New York\n", separator="space") == [(["New"], ["York"], "1")]
    assert read(tmp_path, "New York\n", separator="tab") == [(["New York"], None, "1")]


def test_single_column_is_words_without_tags(tmp_path: Path) -> None:
    assert read(tmp_path, "In\nParis\n\nNo\n") == [(["In", "Paris"], None, "1"), (["No"], None, "4")]
    assert read(tmp_path, "In\nParis\n", word=2, tag=4) == [(["In", "Paris"], None, "1")]


def test_conllu_skips_multiword_tokens_and_empty_nodes(tmp_path: Path) -> None:
    def row(number: str, word: str, tag: str) -> str:
        return "\t".join([number, word, "_", tag, "_", "_", "_", "_", "_", "_"])

    rows = [row("1-2", "don't", "_"), row("1", "do", "AUX"), row("2", "n't", "PART"), row("2.1", "go", "VERB")]
    text = "# sent_id = 1\n" + "\n".join(rows) + "\n"
    assert read(tmp_path, text, word=2, tag=4) == [(["do", "n't"], ["AUX", "PART"], "3")]


CONLLU = "\n".join(
    "\t".join([number, word, "_", tag, *6 * "_"]) for number, word, tag in [("1", "do", "AUX"), ("2", "#", "SYM")]
)


@pytest.mark.parametrize(
    ("before", "line"),
    [
        ("# text = do\t#", "2"),
        ("# newdoc\n# text = a\tb\tc\td\te\tf\tg\th\ti\tj\n#\tx", "4"),
        ("#\t" * 10, "2"),
    ],
)
def test_lines_of_conllu_that_begin_with_a_hash_are_comments(tmp_path: Path, before: str, line: str) -> None:
    text = f"{before}\n{CONLLU}\n\n{before}\n{CONLLU}\n"
    sentences = read(tmp_path, text, word=2, tag=4)
    assert [sentence[:2] for sentence in sentences] == [(["do", "#"], ["AUX", "SYM"])] * 2
    assert sentences[0][2] == line


def test_ten_columns_without_numbers_are_not_conllu(tmp_path: Path) -> None:
    row = "\t".join(["#", "#", *8 * "X"])
    assert read(tmp_path, f"a\ta\t{row[4:]}\n\n{row}\n", word=2)[1][:2] == (["#"], ["X"])


@pytest.mark.parametrize("line", ["-DOCSTART- -X- O\n", "-DOCSTART-\n", "-DOCSTART- O\n\n"])
def test_document_start_lines_are_skipped(tmp_path: Path, line: str) -> None:
    text = f"{line}In IN O\nParis NNP B-place\n{line}No DT O\n. . O\n"
    assert [sentence[:2] for sentence in read(tmp_path, text)] == [PARIS[:2], NO[:2]]


OTHER_SPACES = "\u00a0\u3000\u2009\u2028\x0b\x0c\x1c\x85"


@pytest.mark.parametrize("space", OTHER_SPACES)
@pytest.mark.parametrize("separator", ["\t", " ", " \t ", "   "])
def test_columns_are_separated_by_spaces_and_tabs_alone(tmp_path: Path, space: str, separator: str) -> None:
    words = [f"10{space}000", f"{space}a", f"b{space}", space]
    text = "".join(f"{word}{separator}O\n" for word in words)
    assert read(tmp_path, text, separator="auto" if separator == "\t" else "space") == [(words, ["O"] * 4, "1")]


def test_most_lines_decide_whether_tabs_separate_columns(tmp_path: Path) -> None:
    assert read(tmp_path, "In O\nParis\tB-place\n\nNo O\n. O\n") == [PARIS, NO]
    with pytest.raises(DataError, match="data.conll:1: 1 column, but line 2 has 2: correct the line, or set `separat"):
        read(tmp_path, "New York B-place\nNew York\tB-place\nin\tO\n")


def test_sentences_with_invalid_lines_can_be_skipped(tmp_path: Path) -> None:
    text = "a\nb\tX\n\nIn\tO\nParis\tB-place\n\nc\t\n\n\tX\nd\tX\n\ne\tX\tY\n"
    with pytest.warns(DataNote, match="^skipped: a line of the sentence is invalid$") as notes:
        assert read(tmp_path, text, invalid_lines="skip") == [(["In", "Paris"], ["O", "B-place"], "4")]
    lines = [note.message.location.rpartition(":")[2] for note in notes]  # type: ignore[union-attr]
    assert lines == ["1", "7", "9", "12"]
    with (
        pytest.warns(DataNote),
        pytest.raises(DataError, match="data.conll: no sentences: all are skipped$"),
    ):
        read(tmp_path, "a\t\n", invalid_lines="skip")


@pytest.mark.parametrize(
    ("text", "parameters", "words"),
    [
        ("In\tO\nParis\t\n", {}, ["In", "Paris"]),
        ("In\nParis\n", {}, ["In", "Paris"]),
        ("1\tIn\n2\tParis\n", {"word": 2, "tag": 4}, ["In", "Paris"]),
        ("In\nParis\n", {"word": 2, "tag": 4}, ["In", "Paris"]),
        ("In O,P\n", {"alternatives": "skip"}, ["In"]),
        ("a X\n", {"word": 2, "tag": 1}, ["X"]),
    ],
)
def test_words_are_read_without_tags(tmp_path: Path, text: str, parameters: dict[str, Any], words: list[str]) -> None:
    assert read(tmp_path, text, **Conll.without_targets(parameters)) == [(words, None, "1")]


def test_row_is_the_first_line_of_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "data.conll").write_text("a X\n\n\nb X\nc X\n", encoding="utf-8")
    assert [example.row for example in Conll(path=tmp_path / "data.conll").read()] == [1, 4]


def test_alternative_tags_are_joined_selected_or_skipped(tmp_path: Path) -> None:
    text = "Trump\tB-person,B-group\n\n,\t,\n"
    assert [target for _, target, _ in read(tmp_path, text)] == [["B-person,B-group"], [","]]
    with pytest.warns(DataNote, match="^used the first of several tags of a word$"):
        assert [target for _, target, _ in read(tmp_path, text, alternatives="first")] == [["B-person"], [","]]
    with pytest.warns(DataNote, match="^skipped: a word has several tags$"):
        assert [target for _, target, _ in read(tmp_path, text, alternatives="skip")] == [[","]]


@pytest.mark.parametrize(
    ("text", "parameters", "message"),
    [
        ("", {}, ": "),
        (" \n\n", {}, ": "),
        ("# only\n# comments\n", {"comment": "#"}, ": the file has only comments and no words"),
        ("a\tX\n\nb\tX\tY\n", {}, ":3: 3 columns, but line 1 has 2: correct the line"),
        ("a\tX\nb\n", {}, ":2: 1 column, but line 1 has 2: correct the line, or set `separator:`"),
        ("a X\n# a b\n", {}, ":2: 3 columns, but line 1 has 2: correct the line, or skip comments with `comment:"),
        ("a\tX\n\tY\n", {}, ":2: the word (column 1) is empty: add it"),
        ("a\tX\nb\t \n", {}, ":2: the tag (column 2) is empty: add it, or set `invalid_lines: skip`"),
        ("a\tX\tY\nb\tX\n\nc\tX\n", {}, ":1: 3 columns, but line 2 has 2: correct the line"),
        ("a\tX\n", {"tag": 3}, ":1: 2 columns, so column 3 does not exist: set `tag:` to the right column"),
        ("a\tX\n", {"word": 4}, ":1: 2 columns, so column 4 does not exist: set `word:` to the right column"),
        ("a\tX\n", {"word": 2}, ":1: 2 columns, so tag -1 is the column of the word: set `tag:`"),
    ],
)  # fmt: skip
def test_invalid_files_are_rejected(tmp_path: Path, text: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, text, **parameters)
    assert str(caught.value).startswith(f"{tmp_path / 'data.conll'}{message}")


def test_error_suggests_the_right_encoding(tmp_path: Path) -> None:
    (tmp_path / "data.conll").write_bytes("北京\tB-place\n".encode("gb18030"))
    with pytest.raises(DataError, match=r"data.conll:1: byte 0xb1 is not utf-8; the file can be read as gb18030: set"):
        list(Conll(path=tmp_path / "data.conll").read())
    assert next(iter(Conll(path=tmp_path / "data.conll", encoding="gb18030").read())).input == ["北京"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "path is required"),
        ({"path": Path("x"), "tag": 0}, "tag must not be 0: columns are counted from 1"),
        ({"path": Path("x"), "tag": 1}, "tag is the same column as the word, 1"),
        ({"path": Path("x"), "comment": ""}, "comment is empty"),
        ({"path": Path("x"), "encoding": "utf-9"}, "encoding 'utf-9' is"),
    ],
)
def test_invalid_parameters_are_rejected(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Conll(**parameters)
    assert str(caught.value).startswith(message)


WORD = st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=5).filter(
    lambda word: word.strip() == word and word != "-DOCSTART-"
)


@given(sentences=st.lists(st.lists(st.tuples(WORD, WORD), min_size=1, max_size=4), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
def test_written_sentences_are_read_back(tmp_path_factory: pytest.TempPathFactory, sentences: Any) -> None:
    text = "\n\n".join("\n".join("\t".join(pair) for pair in sentence) for sentence in sentences)
    read_back = read(tmp_path_factory.mktemp("conll"), text)
    assert [list(zip(words, tags or [], strict=True)) for words, tags, _ in read_back] == sentences
