"""Files that are not plain text: compressed, binary, or without an end."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from helpers.long_texts import result_or_error
from helpers.text_files import as_chunks, as_lines, error_of_file
from seqkit.cli.lines import read_lines as read_lines_of_command
from seqkit.errors import DataError
from seqkit.readers.files import open_file, read_text
from seqkit.readers.table import Table

# Compressed files


def test_gzip_is_read_by_every_reader_whatever_the_name(write_file) -> None:
    text = "one\r\ntwo\n" * 3
    compressed = gzip.compress(text.encode()[:9]) + gzip.compress(text.encode()[9:])  # two members
    path = write_file(compressed)
    assert read_text(path, "utf-8") == as_chunks(path) == as_lines(path) == "one\ntwo\n" * 3
    table = b"text,label\ngood,1\n"
    for name in ("a.csv", "a.csv.gz", "A.CSV.GZ"):
        examples = list(Table(path=write_file(gzip.compress(table), name)).read())
        assert [(example.input, example.target) for example in examples] == [("good", "1")]
    with pytest.raises(ValueError, match=r"^format is not clear from the file name a\.gz"):
        Table(path=Path("a.gz"))


def test_gzip_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(gzip.compress(b"one\ntwo\n"))))
    monkeypatch.setattr("sys.stdin", stdin)
    assert list(read_lines_of_command(Path("-"), "utf-8")) == ["one", "two"]


def test_corrupt_gzip_files_are_named(write_file) -> None:
    compressed = gzip.compress(os.urandom(5_000).hex().encode())
    assert error_of_file(write_file(compressed[:-20])) == "a.txt: the gzip file is truncated"
    changed = compressed[:2_000] + bytes(40) + compressed[2_040:]
    assert error_of_file(write_file(changed)).startswith("a.txt: the gzip file is corrupt: ")
    assert error_of_file(write_file(compressed[:-8] + bytes(8))).startswith(
        "a.txt: the gzip file is corrupt: CRC check failed"
    )
    assert error_of_file(write_file(gzip.compress(compressed))) == "a.txt: is a gzip file: decompress it first"


def test_invalid_text_in_a_gzip_file_is_named_by_its_line(write_file) -> None:
    path = write_file(gzip.compress(b"good\n" * 3 + b"\xff\xff\n"))
    assert error_of_file(path).startswith("a.txt:4: byte 0xff is not utf-8")


def test_zeros_of_a_gzip_bomb_are_rejected_before_they_are_read(write_file) -> None:
    path = write_file(gzip.compress(bytes(50_000_000), 1))
    with open_file(path) as file:
        assert file.read(2) == b"\x1f\x8b"  # open_file itself decompresses nothing
    assert error_of_file(path) == "a.txt: is a binary file: a text file is needed"


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
def test_binary_formats_are_named(tmp_path: Path, write_file, name: str) -> None:
    content = BINARY[name](tmp_path)
    assert f"a.txt: is {name}: " in error_of_file(write_file(content))
    assert f"a.txt: is {name}: " in error_of_file(write_file(gzip.compress(content)))
    assert f"a.csv: is {name}: " in str(
        result_or_error(lambda: list(Table(path=write_file(content, "a.csv")).read()))[1]
    )


@pytest.mark.parametrize("text", ["PAR1 is a gene", "ARROW1", "MZ", "BZh91", "x" * 256 + "custard", "PK", "ID3 tags"])
def test_a_text_that_begins_like_a_format_is_read(write_file, text: str) -> None:
    assert read_text(write_file(text), "utf-8") == text


# Files that are not regular


def test_files_without_an_end_are_rejected_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "socket"))  # the length of a socket's name is limited
    for name, kind in (("pipe", "a pipe"), ("link", "a pipe"), ("socket", "a socket")):
        assert error_of_file(tmp_path / name) == f"{name}: is not a regular file, but {kind}"
    assert error_of_file(Path("/dev/zero")) == "zero: is not a regular file, but a device"
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
            next(read_lines_of_command(Path("-"), "utf-8"))


def test_a_spreadsheet_is_named_before_its_format_is_requested(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with pytest.raises(ValueError, match=r"^format is not clear from the file name a\.xlsx"):
        Table(path=path)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(ValueError, match=r"^path .*a\.xlsx: is a spreadsheet: export it as csv first$"):
        Table(path=path)
