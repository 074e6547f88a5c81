"""Text files: line ends, byte order marks, encodings, and reading in a stream."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.text_files import as_chunks, as_lines, error_of_file
from seqkit.cli.lines import read_lines as read_lines_of_command
from seqkit.readers.files import read_chunks, read_lines, read_rows, read_text
from seqkit.readers.table import Table
from seqkit.readers.text import Text

MARK = "\ufeff"


# Line ends


def lines_by_definition(text: str) -> list[str]:
    """Return the lines: those of "\\n" and "\\r\\n", or of "\\r" if the text has no "\\n"."""
    return re.split("\r?\n", text) if "\n" in text else text.split("\r")


@given(
    text=st.text("ab\r\n\x85\u2028\x0c\u00a0", min_size=1).filter(str.strip),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32", "gb18030", "utf-7"]),
    size=st.integers(1, 9),
    compress=st.sampled_from([gzip.compress, bytes]),
)
def test_lines_end_in_what_ends_most_lines(tmp_path_factory, text: str, encoding: str, size: int, compress) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.txt"
    path.write_bytes(compress(text.encode(encoding)))
    expected = lines_by_definition(text)
    assert read_text(path, encoding) == "\n".join(expected)
    assert list(read_lines(path, encoding)) == expected
    if encoding != "utf-7":
        assert as_chunks(path, encoding, size) == "\n".join(expected)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_lone_carriage_return_is_part_of_a_line_for_every_reader(write_file, line_end: str) -> None:
    content = f"two\rpoint\x85one{line_end}three\u2028four{line_end}"
    expected = ["two\rpoint\x85one", "three\u2028four"]
    path = write_file(content)
    assert [example.input for example in Text(path=path, unit="line").read()] == expected
    assert list(read_lines_of_command(path, "utf-8")) == expected
    for format, separator in (("csv", ","), ("tsv", "\t")):
        header, rows = f"text{separator}label{line_end}", content.replace(line_end, f"{separator}1{line_end}")
        path = write_file(header + rows, f"a.{format}")
        assert [example.input for example in Table(path=path).read()] == expected
    rows = "".join(json.dumps({"text": text, "label": 1}, ensure_ascii=False) + line_end for text in expected)
    assert [example.input for example in Table(path=write_file(rows, "a.jsonl")).read()] == expected


def test_a_carriage_return_between_json_tokens_is_white_space(write_file) -> None:
    path = write_file('{"text": "a",\r"label": 1}\n', "a.jsonl")
    assert [(example.input, example.target) for example in Table(path=path).read()] == [("a", "1")]


# Byte order marks


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16", "gb18030"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("read", [read_text, as_chunks, as_lines])
def test_marks_at_the_start_of_lines_are_removed_with_a_note(write_file, encoding: str, line_end: str, read) -> None:
    lines = [MARK + "one", "t" + MARK + "wo", MARK + "three", MARK + MARK, "five"]
    path = write_file(line_end.join(lines), encoding=encoding)
    note = f"^{re.escape(str(path))}:3: removed the byte order mark at the start of the line .* the file: 2"
    with pytest.warns(UserWarning, match=note) as notes:
        text = read(path, encoding)
    assert text == "\n".join(["one", "t" + MARK + "wo", "three", "", "five"])
    assert len(notes) == 1


@given(
    text=st.text("a\n\r" + MARK, min_size=1).map(lambda text: text + "b"),
    size=st.integers(1, 12),
    encoding=st.sampled_from(["utf-8", "utf-16-be"]),
)
def test_marks_do_not_depend_on_chunks(tmp_path_factory, text: str, size: int, encoding: str) -> None:
    path = tmp_path_factory.getbasetemp() / "marks.txt"
    path.write_bytes(text.encode(encoding))

    def text_and_notes(read) -> tuple[str, list[str]]:
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            return read(), [str(note.message) for note in notes]

    expected = "\n".join(line.lstrip(MARK) for line in lines_by_definition(text))
    whole = text_and_notes(lambda: read_text(path, encoding))
    assert whole[0] == expected
    assert text_and_notes(lambda: as_chunks(path, encoding, size)) == whole


# UTF-16 and UTF-32


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("tried", ["utf-8", "latin-1", "ascii", "utf-16", "utf-16-le", "utf-16-be"])
def test_wide_encodings_without_a_mark_are_named(write_file, encoding: str, tried: str) -> None:
    path = write_file("In Beijing Sarah bought a basket of apples\n", encoding=encoding)
    native = f"utf-16-{'le' if np.little_endian else 'be'}"
    if encoding in (tried, native if tried == "utf-16" else ""):
        assert read_text(path, tried).startswith("In Beijing")
        return
    assert error_of_file(path, tried) == (
        f"a.txt: the file is {encoding}, not {tried}, as its zero bytes show: set `encoding: {encoding}`"
    )


def test_chinese_utf_16_without_a_mark_is_named(write_file) -> None:
    path = write_file("天气很好, 我们去公园。\n" * 20, encoding="utf-16-be")
    assert error_of_file(path).endswith("; the file can be read as utf-16-be: set `encoding: utf-16-be`")


def test_a_marked_text_in_a_single_byte_encoding_is_named(write_file) -> None:
    path = write_file("abc\n", encoding="utf-16")
    assert "the file is utf-16, not latin-1" in error_of_file(path, "latin-1")
    path = write_file("abc\n", encoding="utf-32")
    assert error_of_file(path).endswith(
        "byte 0xff is not utf-8; the file can be read as utf-32: set `encoding: utf-32`"
    )


def test_few_null_characters_are_text(write_file) -> None:
    text = "a\0b\n" + "plain text\n" * 9
    assert read_text(write_file(text), "utf-8") == text


@pytest.mark.parametrize("place", range(8))
def test_a_stray_null_character_is_not_utf_16(write_file, place: int) -> None:
    text = "a b\nc d\n"
    path = write_file(text[:place] + "\0" + text[place:])
    assert read_text(path, "utf-8").replace("\0", "") == text
    path = write_file(b"a caf\xe9\n" * 8 + b"b " + b"\0" * (place + 1) + b" c\n")
    assert error_of_file(path).endswith(
        "a.txt:1: byte 0xe9 is not utf-8; set the encoding of the file with `encoding: …`"
    )


# Streams


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
def test_lines_and_rows_are_read_in_a_stream(name: str, write_file, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples come while the file has no end yet."""
    row = {"a.tsv": "some text\t1\n", "a.jsonl": '{"text": "some text", "label": 1}\n'}.get(name, "some text,1\n")
    header = {"a.tsv": "text\tlabel\n", "a.csv": "text,label\n"}.get(name, "")
    path = write_file(header + row, name)
    chunks = itertools.chain([header], itertools.repeat(row * 10))
    monkeypatch.setattr("seqkit.readers.files.decode_chunks", lambda *_: chunks)
    reader = Text(path=path, unit="line") if name == "a.txt" else Table(path=path)
    examples = itertools.islice(reader.read(), 1000)
    assert [example.row for example in examples] == list(range(1, 1001))


def test_only_the_chunks_that_are_needed_are_read(write_file) -> None:
    path = write_file(b"text\n" * 1_000_000)
    tracemalloc.start()
    try:
        chunks = read_chunks(path, "utf-8", 1000)
        assert next(chunks) == "text\n" * 200
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_rows_of_csv_files_for_plugins(write_file) -> None:
    content = '\n\na;"b;c"\n1;"2\n3"\n\n4;5\r6\n'
    path = write_file(gzip.compress(content.encode()), "x.csv.gz")
    expected = [(3, ["a", "b;c"]), (4, ["1", "2\n3"]), (7, ["4", "5\r6"])]
    assert list(read_rows(path, "utf-8", ";")) == expected
    assert list(read_rows(path, "utf-8", "auto")) == expected  # no columns are required: the most names
    assert list(read_rows(path, "utf-8", "auto", ["b;c"])) == expected
    with pytest.warns(UserWarning, match="x.csv.gz:3: the delimiter of the columns is a semicolon, not a vertical bar"):
        assert list(read_rows(path, "utf-8", "|", ["b;c"])) == expected
    tabs = write_file(b"a,b\tc\n1\t2\n", "x.tsv")
    assert list(read_rows(tabs, "utf-8", "auto", ["c"])) == [(1, ["a,b", "c"]), (2, ["1", "2"])]
