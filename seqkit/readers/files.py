"""A text file read whole or in pieces, with every way that it can be unreadable told in one line."""

from __future__ import annotations

import codecs
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from itertools import chain
from pathlib import Path

from seqkit.errors import DataError

PIECE = 1 << 20
"""A text that is read in pieces is read so many bytes at a time: some megabytes once decoded and encoded again."""

_IN_PIECES = re.compile(
    r"ascii|utf-(8|(16|32)(-[lb]e)?)|gb2312|gbk|gb18030|big5|shift_jis|cp932|cp949|euc_jp|euc_kr|koi8-[ru]"
    r"|(iso8859-|cp125)\d+"
)
"""Encodings whose characters depend on nothing before them but a byte order mark."""

_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


def check_encoding(encoding: str) -> str:
    """Returns the name of a text encoding, or raises ValueError as a component's constructor does."""
    try:
        codec = codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise ValueError(f"encoding '{encoding}' is not known: utf-8, gb18030, big5, shift_jis, latin-1 …") from None
    if not codec._is_text_encoding:
        raise ValueError(f"encoding '{encoding}' does not hold text")
    return codec.name


def read_text(path: Path, encoding: str, option: str = "encoding: ") -> str:
    """Returns the file's text with line ends as `\\n`, without its byte order mark.

    Args:
        option: how the user names an encoding where this file was named, for messages.

    Raises:
        DataError: it is missing, unreadable, empty, or not in this encoding.
    """
    with opened(path) as file:
        raw = file.read()
    return decode_text(raw, encoding, str(path), option)


def decode_text(raw: bytes, encoding: str, source: str, option: str = "encoding: ") -> str:
    """Does for bytes that are already read what `read_text` does for a file; `source` is their name in messages."""
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = _with_plain_line_ends(raw[: error.start].decode(encoding, "replace")).count("\n") + 1
        raise _undecodable(source, line, raw[error.start], encoding, option, lambda: [raw]) from None
    text = text.removeprefix(_MARK)
    if not text.strip():
        raise _nothing(source, empty=not text)
    return _with_plain_line_ends(text)


def can_be_read_in_pieces(encoding: str) -> bool:
    """Returns whether `read_pieces` knows how to take a text of this encoding apart."""
    return bool(_IN_PIECES.fullmatch(codecs.lookup(encoding).name))


def read_pieces(path: Path, encoding: str, size: int = PIECE) -> Iterator[str]:
    """Yields the text that `read_text` returns, piece by piece.

    Args:
        encoding: one that `can_be_read_in_pieces`.
        size: how many bytes to read at a time.

    Raises:
        DataError: as `read_text` does, once the place is reached.
    """
    with opened(path) as file:
        following = file.read(size)
        decoder = codecs.getincrementaldecoder(_with_byte_order(encoding, following))()
        line_ends = io.IncrementalNewlineDecoder(None, translate=True)
        lines, begun, empty, blank = 1, False, True, True
        while True:
            chunk, following = following, file.read(size)
            state, at_end = decoder.getstate(), not following
            try:
                text = decoder.decode(chunk, at_end)
            except UnicodeDecodeError as error:
                good = chunk[: max(error.start - len(state[0]), 0)]
                decoder.setstate(state)
                lines += line_ends.decode(decoder.decode(good) if good else "", True).count("\n")
                bad = error.object[error.start]
                raise _undecodable(
                    str(path), lines, bad, encoding, "encoding: ", lambda: _chunks_from_start(file, size)
                ) from None
            if not begun and text:
                text, begun = text.removeprefix(_MARK), True
            text = line_ends.decode(text, at_end)
            empty = empty and not text
            blank = blank and not text.strip()
            lines += text.count("\n")
            if text:
                yield text
            if at_end:
                break
        if blank:
            raise _nothing(str(path), empty)


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Opens a file to read.

    Raises:
        DataError: it is missing, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _chunks_from_start(file: BufferedReader, size: int) -> Iterator[bytes]:
    file.seek(0)
    return iter(lambda: file.read(size), b"")


def _with_byte_order(encoding: str, beginning: bytes) -> str:
    """Returns the encoding, of the machine's byte order where nothing else says which: as a whole text is decoded."""
    name = codecs.lookup(encoding).name
    marks = {"utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)}
    if name not in marks or beginning.startswith(marks[name]):
        return name
    return f"{name}-{'le' if sys.byteorder == 'little' else 'be'}"


def _nothing(source: str, empty: bool) -> DataError:
    return DataError(f"{source}: there is nothing in it{'' if empty else ' but white space'}")


def _undecodable(
    source: str, line: int, byte: int, encoding: str, option: str, chunks: Callable[[], Iterable[bytes]]
) -> DataError:
    likely = _likely(chunks, encoding)
    remedy = f"it reads as {likely}: set `{option}{likely}`" if likely else f"name its encoding with `{option}…`"
    return DataError(f"{source}:{line}: byte 0x{byte:02x} is not {encoding}; {remedy}")


def _with_plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _likely(chunks: Callable[[], Iterable[bytes]], tried: str) -> str:
    """Returns an encoding that the bytes are good in, of those that few other bytes are good in; or nothing.

    Args:
        chunks: gives the bytes from their beginning, each time that it is called.
    """
    beginning = next(iter(chunks()), b"")[:2]
    marked = ("utf-16",) if beginning in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else ()
    for encoding in (*marked, "utf-8", "gb18030"):
        if encoding == tried:
            continue
        decoder = codecs.getincrementaldecoder(encoding)()
        foreign = common = 0
        try:
            for chunk in chain(chunks(), (b"",)):
                text = decoder.decode(chunk, not chunk)
                letters = "".join(character for character in text if not character.isascii())
                foreign += len(letters)
                common += len(letters.encode("gb2312", "ignore"))
        except UnicodeDecodeError:
            continue
        # An accented letter before a plain one is a rare character of GB18030; Chinese is mostly made of common ones.
        if encoding != "gb18030" or common > foreign:
            return encoding
    return ""
