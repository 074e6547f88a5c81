"""Text files for readers. What `__all__` lists is public.

    from seqkit.readers.files import check_encoding, check_path, read_lines

    class Lines(Reader):
        def __init__(self, *, path: Path | None = None, encoding: str = "utf-8") -> None:
            self.path = check_path(path)
            self.encoding = check_encoding(encoding)

        def read(self):
            for number, line in enumerate(read_lines(self.path, self.encoding), start=1):
                yield Example(line, location=f"{self.path}:{number}", row=number)

A gzip file is decompressed, whatever its name. Line ends become `\\n`, and byte order marks at the start of a line are
removed: see `line_ends`. A file that cannot be read raises a `DataError` that names it and, where it can, the line and
the encoding to set. The rest of this module is seqkit's own.
"""

from __future__ import annotations

import codecs
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from seqkit.errors import DataError, describe_os_error
from seqkit.messages import message
from seqkit.readers.chunks import CHUNK_BYTES, decode_chunks, empty_error
from seqkit.readers.delimited import find_delimiter, peek_header, quoted_rows
from seqkit.readers.encodings import check_zero_bytes, encoding_error
from seqkit.readers.formats import BEGINNING_BYTES, GZIP, check_format, decompressed
from seqkit.readers.json_lines import json_objects
from seqkit.readers.line_ends import LineEnds

__all__ = [
    "check_encoding",
    "check_path",
    "folder_of",
    "open_file",
    "read_lines",
    "read_objects",
    "read_rows",
    "read_text",
]

_CHUNKABLE = re.compile(
    r"ascii|utf-(8|(16|32)(-[lb]e)?)|gb2312|gbk|gb18030|big5|shift_jis|cp932|cp949|euc_jp|euc_kr|koi8-[ru]"
    r"|(iso8859-|cp125)\d+"
)
"""Encodings in which the meaning of a byte depends on no earlier character, except a byte order mark."""

copies: set[Path] = set()
"""Files to which standard input was copied."""

_KINDS = {
    stat.S_IFIFO: message("a pipe"),
    stat.S_IFSOCK: message("a socket"),
    stat.S_IFCHR: message("a device"),
    stat.S_IFBLK: message("a device"),
}


def folder_of(path: Path) -> Path:
    """Return the folder to which paths in a file are relative: its own; for standard input, the current folder."""
    return Path() if path in copies else path.parent


def check_path(path: Path | None) -> Path:
    """Return the path of a reader, which is a parameter with the default None: a command line can set it.

    Raises:
        ValueError: it is None.
    """
    if path is None:
        raise ValueError(message("path is required: set `path:` here or pass `data.path=FILE` on the command line"))
    return path


def check_encoding(encoding: str) -> str:
    """Return Python's name of a text encoding.

    Raises:
        ValueError: there is no such encoding, or it does not encode text. The message begins with `encoding`, as it
            should in a constructor with a parameter of that name.
    """
    try:
        codec = codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise ValueError(
            message(
                "encoding '{encoding}' is unknown: set it to utf-8, gb18030, big5, shift_jis, latin-1 …",
                encoding=encoding,
            )
        ) from None
    if not codec._is_text_encoding:
        raise ValueError(message("encoding '{encoding}' is not a text encoding", encoding=encoding))
    return codec.name


def read_text(path: Path, encoding: str, option: str = "encoding: ") -> str:
    """Return the text of a file, with `\\n` for every line end and without byte order marks.

    Args:
        path: the file.
        encoding: a text encoding.
        option: what sets the encoding, for messages: a key of the recipe, or an option of a command.

    Raises:
        DataError: the file is missing, unreadable, empty, not text, or not in this encoding.
    """
    with open_text(path) as file:
        content = file.read()
    return decode_text(content, encoding, str(path), option)


def read_lines(path: Path, encoding: str, option: str = "encoding: ") -> Iterator[str]:
    """Yield the lines of a file, those of `read_text(path, encoding).split("\\n")`, without holding the file in memory.

    Args:
        path: the file.
        encoding: a text encoding.
        option: what sets the encoding, for messages: a key of the recipe, or an option of a command.

    Raises:
        DataError: as `read_text`, when the invalid part is reached.
    """
    with open_text(path) as file:
        yield from decode_lines(file, encoding, str(path), option)


def read_rows(
    path: Path, encoding: str, delimiter: str = ",", columns: Sequence[str] = ()
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a csv file that are not blank, each with the number of its first line. Fields can be quoted.

    Args:
        path: the file.
        encoding: a text encoding.
        delimiter: what separates fields, unless the header contains the columns with another delimiter only; `auto` for
            the one with which it contains them, or most names.
        columns: the columns that the header must contain.

    Raises:
        DataError: as `read_lines`; or a field is not quoted correctly.

    Warns:
        UserWarning: a delimiter is given, and the header contains the columns only with another one.
    """
    first_lines, lines = peek_header(read_lines(path, encoding))
    usual = "\t" if path.name.lower().removesuffix(".gz").endswith(".tsv") else ","
    delimiter = find_delimiter(first_lines[-1], columns, delimiter, usual, f"{path}:{len(first_lines)}")
    yield from quoted_rows(lines, delimiter, str(path))


def read_objects(path: Path, encoding: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a JSON Lines file, each with the number of its line. Blank lines are skipped.

    Args:
        path: the file.
        encoding: a text encoding.

    Raises:
        DataError: as `read_lines`; or a line is not a JSON object.
    """
    for _, number, record in json_objects(read_lines(path, encoding), str(path)):
        yield number, record


def decode_lines(file: BinaryIO, encoding: str, source: str, option: str) -> Iterator[str]:
    """Yield the lines of an open file, as `read_lines` does. The file is read twice, so it is not a pipe."""
    if supports_chunks(encoding):
        chunks: Iterable[str] = decode_chunks(file, encoding, source, option, CHUNK_BYTES)
    else:
        chunks = [decode_text(file.read(), encoding, source, option)]
    pending: list[str] = []  # the parts of the line that the next chunk continues
    for chunk in chunks:
        first, *others = chunk.split("\n")
        pending.append(first)
        if others:
            yield "".join(pending)
            yield from others[:-1]
            pending = others[-1:]
    yield "".join(pending)


def decode_text(content: bytes, encoding: str, source: str, option: str = "encoding: ") -> str:
    """Return the text of bytes, as `read_text` does for a file.

    Args:
        content: the bytes.
        encoding: a text encoding.
        source: the name of the file, for messages.
        option: what sets the encoding, for messages.

    Raises:
        DataError: the content is empty, not text, or not in this encoding.
    """
    with decompressed(BytesIO(content), source) as file:
        content = file.read()
    check_format(content[:BEGINNING_BYTES], source)
    check_zero_bytes(content[:BEGINNING_BYTES], source, encoding, option)
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        valid = content[: error.start].decode(encoding, "replace")
        line_ends = LineEnds("\n" in valid)
        line_ends.translate(valid, is_last=True)
        invalid = content[error.start]
        raise encoding_error(source, line_ends.line, invalid, encoding, option, lambda: [content]) from None
    line_ends = LineEnds("\n" in text)
    text = line_ends.translate(text, is_last=True)
    if not text.strip():
        raise empty_error(source, is_empty=not text)
    line_ends.warn(source)
    return text


def check_beginning(beginning: bytes, encoding: str, source: str, option: str) -> None:
    """Check by the first bytes of a source that it is text, possibly compressed, before the rest is read.

    Raises:
        DataError: it is in a binary format, or in UTF-16 or UTF-32 in place of its encoding.
    """
    if not beginning.startswith(GZIP):
        check_format(beginning, source)
        check_zero_bytes(beginning, source, encoding, option)


def supports_chunks(encoding: str) -> bool:
    """Return whether `read_chunks` can read a text in this encoding."""
    return bool(_CHUNKABLE.fullmatch(codecs.lookup(encoding).name))


def read_chunks(path: Path, encoding: str, size: int = CHUNK_BYTES) -> Iterator[str]:
    """Yield the text that `read_text` returns, in chunks.

    Args:
        path: the file.
        encoding: one that `supports_chunks`.
        size: the number of bytes to read at a time.

    Raises:
        DataError: as `read_text`, when the invalid part is reached.
    """
    with open_text(path) as file:
        yield from decode_chunks(file, encoding, str(path), "encoding: ", size)


@contextmanager
def open_file(path: Path) -> Iterator[BufferedReader]:
    """Open a regular file, or a link to one, for reading bytes.

    Anything else could block or have no end: a pipe, a device.

    Raises:
        DataError: the file is missing, unreadable, or not a regular file.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            kind = _KINDS.get(stat.S_IFMT(path.stat().st_mode), "")
            raise DataError(message("{path}: is not a regular file, but {kind}", path=path, kind=kind))
        file = path.open("rb")
    except FileNotFoundError:
        raise DataError(message("{path}: no such file", path=path)) from None
    except OSError as error:
        raise _unreadable(path, error) from None
    except ValueError:  # a NUL character, or a surrogate
        raise DataError(message("{path}: cannot be read: no file can have this name", path=path)) from None
    with file:
        try:
            yield file
        except OSError as error:
            raise _unreadable(path, error) from None


@contextmanager
def open_text(path: Path) -> Iterator[BinaryIO]:
    """Open a text file for reading bytes; a gzip file is decompressed.

    Raises:
        DataError: as `open_file`; or the file is in a binary format, or a corrupt gzip file.
    """
    with open_file(path) as file, decompressed(file, str(path)) as content:
        check_format(content.read(BEGINNING_BYTES), str(path))
        content.seek(0)
        yield content


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(message("{path}: cannot be read: {reason}", path=path, reason=describe_os_error(error)))
