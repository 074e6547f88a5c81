"""Text files: line ends, byte order marks, encodings, compressed and binary files, and files that have no end."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import itertools
import json
import lzma
import os
import re
import socket
import sqlite3
import tarfile
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.long_texts import result_or_error
from seqkit.cli.lines import read_lines as read_lines_of_command
from seqkit.errors import DataError
from seqkit.readers.files import open_file, read_chunks, read_lines, read_text
from seqkit.readers.table import Table
from seqkit.readers.text import Text

MARK = "\ufeff"


@pytest.fixture
def write(tmp_path: Path):
    """Return a function that writes a file and returns its path."""

    def write(content: str | bytes, name: str = "a.txt", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def error_of(path: Path, encoding: str = "utf-8") -> str:
    """Return the error that every function raises for a file, without the folder."""
    readers = (read_text, as_chunks, as_lines)
    errors = {str(result_or_error(functools.partial(read, path, encoding))[1]) for read in readers}
    (error,) = errors
    assert error.count("\n") == 0
    return error.rpartition("/")[2]


def as_chunks(path: Path, encoding: str = "utf-8", size: int = 7) -> str:
    return "".join(read_chunks(path, encoding, size))


def as_lines(path: Path, encoding: str = "utf-8") -> str:
    return "\n".join(read_lines(path, encoding))


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
def test_a_lone_carriage_return_is_part_of_a_line_for_every_reader(write, line_end: str) -> None:
    content = f"two\rpoint\x85one{line_end}three\u2028four{line_end}"
    expected = ["two\rpoint\x85one", "three\u2028four"]
    path = write(content)
    assert [example.input for example in Text(path=path, unit="line").read()] == expected
    assert read_lines_of_command(path, "utf-8") == expected
    for format, separator in (("csv", ","), ("tsv", "\t")):
        header, rows = f"text{separator}label{line_end}", content.replace(line_end, f"{separator}1{line_end}")
        path = write(header + rows, f"a.{format}")
        assert [example.input for example in Table(path=path).read()] == expected
    rows = "".join(json.dumps({"text": text, "label": 1}, ensure_ascii=False) + line_end for text in expected)
    assert [example.input for example in Table(path=write(rows, "a.jsonl")).read()] == expected


def test_a_carriage_return_between_json_tokens_is_white_space(write) -> None:
    path = write('{"text": "a",\r"label": 1}\n', "a.jsonl")
    assert [(example.input, example.target) for example in Table(path=path).read()] == [("a", "1")]


# Byte order marks


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16", "gb18030"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("read", [read_text, as_chunks, as_lines])
def test_marks_at_the_start_of_lines_are_removed_with_a_note(write, encoding: str, line_end: str, read) -> None:
    lines = [MARK + "one", "t" + MARK + "wo", MARK + "three", MARK + MARK, "five"]
    path = write(line_end.join(lines), encoding=encoding)
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
def test_wide_encodings_without_a_mark_are_named(write, encoding: str, tried: str) -> None:
    path = write("In Beijing Sarah bought a basket of apples\n", encoding=encoding)
    native = f"utf-16-{'le' if np.little_endian else 'be'}"
    if encoding in (tried, native if tried == "utf-16" else ""):
        assert read_text(path, tried).startswith("In Beijing")
        return
    assert error_of(path, tried) == (
        f"a.txt: the file is {encoding}, not {tried}, as its zero bytes show: set `encoding: {encoding}`"
    )


def test_chinese_utf_16_without_a_mark_is_named(write) -> None:
    path = write("天气很好, 我们去公园。\n" * 20, encoding="utf-16-be")
    assert error_of(path).endswith("; the file can be read as utf-16-be: set `encoding: utf-16-be`")


def test_a_marked_text_in_a_single_byte_encoding_is_named(write) -> None:
    path = write("abc\n", encoding="utf-16")
    assert "the file is utf-16, not latin-1" in error_of(path, "latin-1")
    path = write("abc\n", encoding="utf-32")
    assert error_of(path).endswith("byte 0xff is not utf-8; the file can be read as utf-32: set `encoding: utf-32`")


def test_few_null_characters_are_text(write) -> None:
    text = "a\0b\n" + "plain text\n" * 9
    assert read_text(write(text), "utf-8") == text


# Compressed files


def test_gzip_is_read_by_every_reader_whatever_the_name(write) -> None:
    text = "one\r\ntwo\n" * 3
    compressed = gzip.compress(text.encode()[:9]) + gzip.compress(text.encode()[9:])  # two members
    path = write(compressed)
    assert read_text(path, "utf-8") == as_chunks(path) == as_lines(path) == "one\ntwo\n" * 3
    table = b"text,label\ngood,1\n"
    for name in ("a.csv", "a.csv.gz", "A.CSV.GZ"):
        examples = list(Table(path=write(gzip.compress(table), name)).read())
        assert [(example.input, example.target) for example in examples] == [("good", "1")]
    with pytest.raises(ValueError, match=r"^format is not clear from the file name a\.gz"):
        Table(path=Path("a.gz"))


def test_gzip_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(gzip.compress(b"one\ntwo\n"))))
    monkeypatch.setattr("sys.stdin", stdin)
    assert read_lines_of_command(Path("-"), "utf-8") == ["one", "two"]


def test_corrupt_gzip_files_are_named(write) -> None:
    compressed = gzip.compress(os.urandom(5_000).hex().encode())
    assert error_of(write(compressed[:-20])) == "a.txt: the gzip file is truncated"
    changed = compressed[:2_000] + bytes(40) + compressed[2_040:]
    assert error_of(write(changed)).startswith("a.txt: the gzip file is corrupt: ")
    assert error_of(write(compressed[:-8] + bytes(8))).startswith("a.txt: the gzip file is corrupt: CRC check failed")
    assert error_of(write(gzip.compress(compressed))) == "a.txt: is a gzip file: decompress it first"


def test_invalid_text_in_a_gzip_file_is_named_by_its_line(write) -> None:
    path = write(gzip.compress(b"good\n" * 3 + b"\xff\xff\n"))
    assert error_of(path).startswith("a.txt:4: byte 0xff is not utf-8")


def test_zeros_of_a_gzip_bomb_are_rejected_before_they_are_read(write) -> None:
    path = write(gzip.compress(bytes(50_000_000), 1))
    with open_file(path) as file:
        assert file.read(2) == b"\x1f\x8b"  # open_file itself decompresses nothing
    assert error_of(path) == "a.txt: is a binary file: a text file is needed"


# Binary files


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "content of the file " * 3)
    return content.getvalue()


def tarred() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return content.getvalue()


def database(folder: Path) -> bytes:
    with sqlite3.connect(folder / "a.db") as connection:
        connection.execute("create table rows (text)")
    connection.close()
    return (folder / "a.db").read_bytes()


def array() -> bytes:
    content = io.BytesIO()
    np.save(content, np.arange(9))
    return content.getvalue()


BINARY = {
    "a bzip2 file": lambda _: bz2.compress(b"text,label\n"),
    "an xz file": lambda _: lzma.compress(b"text,label\n"),
    "a Zstandard file": lambda _: b"\x28\xb5\x2f\xfd\x04\x00",
    "a tar archive": lambda _: tarred(),
    "a zip archive": lambda _: zipped("a.csv"),
    "a spreadsheet": lambda _: zipped("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"),
    "a Word document": lambda _: zipped("[Content_Types].xml", "word/document.xml"),
    "a Parquet file": lambda _: b"PAR1\x15\x04\x15\x18PAR1",
    "a SQLite database": database,
    "a NumPy array": lambda _: array(),
    "a Python pickle": lambda _: b"\x80\x04\x95\x0f\0\0\0\0\0\0\0}\x94",
    "a PDF document": lambda _: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "an image": lambda _: b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "a recording": lambda _: b"RIFF\x24\0\0\0WAVEfmt ",
    "a binary file": lambda _: bytes(1024),
}


@pytest.mark.parametrize("name", BINARY)
def test_binary_formats_are_named(tmp_path: Path, write, name: str) -> None:
    content = BINARY[name](tmp_path)
    assert f"a.txt: is {name}: " in error_of(write(content))
    assert f"a.txt: is {name}: " in error_of(write(gzip.compress(content)))
    assert f"a.csv: is {name}: " in str(result_or_error(lambda: list(Table(path=write(content, "a.csv")).read()))[1])


# Files that are not regular


def test_files_without_an_end_are_rejected_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))  # the length of a socket's name is limited
    for name, kind in (("pipe", "a pipe"), ("link", "a pipe"), ("socket", "a socket")):
        assert error_of(tmp_path / name) == f"{name}: is not a regular file, but {kind}"
    assert error_of(Path("/dev/zero")) == "zero: is not a regular file, but a device"
    (tmp_path / "text").write_text("text", encoding="utf-8")
    (tmp_path / "good-link").symlink_to("text")
    assert read_text(tmp_path / "good-link", "utf-8") == "text"


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_text(tmp_path / "a\0b", "utf-8")
    assert caught.value.lines == [f"{tmp_path}/a\\x00b: cannot be read: no file can have this name"]


def test_an_endless_standard_input_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/zero").open(encoding="utf-8") as endless:
        monkeypatch.setattr("sys.stdin", endless)
        with pytest.raises(DataError, match="^standard input: is a binary file"):
            read_lines_of_command(Path("-"), "utf-8")


# Streams


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
def test_lines_and_rows_are_read_in_a_stream(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples come while the file has no end yet."""
    row = {"a.tsv": "some text\t1\n", "a.jsonl": '{"text": "some text", "label": 1}\n'}.get(name, "some text,1\n")
    header = {"a.tsv": "text\tlabel\n", "a.csv": "text,label\n"}.get(name, "")
    chunks = itertools.chain([header], itertools.repeat(row * 10))
    monkeypatch.setattr("seqkit.readers.files.read_chunks", lambda path, encoding: chunks)
    reader = Text(path=Path(name), unit="line") if name == "a.txt" else Table(path=Path(name))
    examples = itertools.islice(reader.read(), 1000)
    assert [example.row for example in examples] == list(range(1, 1001))


def test_only_the_chunks_that_are_needed_are_read(write) -> None:
    path = write(b"text\n" * 1_000_000)
    tracemalloc.start()
    try:
        chunks = read_chunks(path, "utf-8", 1000)
        assert next(chunks) == "text\n" * 200
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
