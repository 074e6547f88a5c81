"""Text files for readers: `check_encoding` and `read_text`, which are public for the readers of plugins.

    from seqkit.readers.files import check_encoding, read_text

    class Lines(Reader):
        def __init__(self, *, path: Path, encoding: str = "utf-8") -> None:
            self.path = path
            self.encoding = check_encoding(encoding)

        def read(self):
            for number, line in enumerate(read_text(self.path, self.encoding).split("\\n"), start=1):
                yield Example(line, location=f"{self.path}:{number}")

A file that cannot be read raises a `DataError` that names the line and suggests another encoding. The rest of this
module is seqkit's own: `read_chunks` reads a long text without holding it in memory.
"""

from __future__ import annotations

import codecs
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BufferedReader
from itertools import chain
from pathlib import Path

from seqkit.errors import DataError
from seqkit.messages import message

CHUNK_BYTES = 1 << 20
"""The size of a chunk in bytes. Its token ids take several times as much memory."""

_CHUNKABLE = re.compile(
    r"ascii|utf-(8|(16|32)(-[lb]e)?)|gb2312|gbk|gb18030|big5|shift_jis|cp932|cp949|euc_jp|euc_kr|koi8-[ru]"
    r"|(iso8859-|cp125)\d+"
)
"""Encodings in which the meaning of a byte depends on no earlier character, except a byte order mark."""

_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


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
    """Return the text of a file, with `\\n` for every line ending and without a byte order mark.

    Args:
        path: the file.
        encoding: a text encoding.
        option: what sets the encoding, for messages: a key of the recipe, or an option of a command.

    Raises:
        DataError: the file is missing, unreadable, empty, or not in this encoding.
    """
    with open_file(path) as file:
        content = file.read()
    return decode_text(content, encoding, str(path), option)


def decode_text(content: bytes, encoding: str, source: str, option: str = "encoding: ") -> str:
    """Return the text of bytes, as `read_text` does for a file.

    Args:
        content: the bytes.
        encoding: a text encoding.
        source: the name of the file, for messages.
        option: what sets the encoding, for messages.

    Raises:
        DataError: the content is empty or not in this encoding.
    """
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = _normalize_line_endings(content[: error.start].decode(encoding, "replace")).count("\n") + 1
        raise _encoding_error(source, line, content[error.start], encoding, option, lambda: [content]) from None
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if not text.strip():
        raise _empty_error(source, is_empty=not text)
    return _normalize_line_endings(text)


def supports_chunks(encoding: str) -> bool:
    """Return whether `read_chunks` can read a text in this encoding."""
    return bool(_CHUNKABLE.fullmatch(codecs.lookup(encoding).name))


def read_chunks(path: Path, encoding: str, size: int = CHUNK_BYTES) -> Iterator[str]:
    """Yield the text that `read_text` returns, in chunks.

    Args:
        path: the file.
        encoding: one that `supports_chunks`.
        size: the number of bytes to read at a time, at least the 4 of a byte order mark.

    Raises:
        DataError: as `read_text`, when the invalid part is reached.
    """
    with open_file(path) as file:
        yield from decode_chunks(file, encoding, str(path), size=size)


def decode_chunks(
    file: BufferedReader, encoding: str, source: str, option: str = "encoding: ", size: int = CHUNK_BYTES
) -> Iterator[str]:
    """Yield the text of an open file or stream in chunks, as `read_chunks` does.

    Args:
        file: the file.
        encoding: one that `supports_chunks`.
        source: the name of the file, for messages.
        option: what sets the encoding, for messages.
        size: the number of bytes to read at a time.

    Raises:
        DataError: as `read_text`, when the invalid part is reached.
    """
    following = file.read(size)
    decoder = codecs.getincrementaldecoder(_with_byte_order(encoding, following))()
    line_endings = io.IncrementalNewlineDecoder(None, translate=True)
    line, is_started, is_empty, is_blank = 1, False, True, True
    while True:
        content, following = following, file.read(size)
        state, is_last = decoder.getstate(), not following
        try:
            text = decoder.decode(content, is_last)
        except UnicodeDecodeError as error:
            # The position in the error counts from the bytes that the decoder held back from the previous chunk.
            valid = content[: max(error.start - len(state[0]), 0)]
            decoder.setstate(state)
            line += line_endings.decode(decoder.decode(valid) if valid else "", True).count("\n")
            invalid = error.object[error.start]
            read = partial(_chunks_from_start, file, size) if file.seekable() else partial(iter, [content])
            raise _encoding_error(source, line, invalid, encoding, option, read) from None
        if not is_started and text:
            text, is_started = text.removeprefix(_BYTE_ORDER_MARK), True
        text = line_endings.decode(text, is_last)
        is_empty = is_empty and not text
        is_blank = is_blank and not text.strip()
        line += text.count("\n")
        if text:
            yield text
        if is_last:
            break
    if is_blank:
        raise _empty_error(source, is_empty)


@contextmanager
def open_file(path: Path) -> Iterator[BufferedReader]:
    """Open a file for reading bytes.

    Raises:
        DataError: the file is missing or unreadable.
    """
    try:
        with path.open("rb") as file:
            yield file
    except FileNotFoundError:
        raise DataError(message("{path}: no such file", path=path)) from None
    except OSError as error:
        raise DataError(message("{path}: cannot be read: {reason}", path=path, reason=error.strerror)) from None


def _chunks_from_start(file: BufferedReader, size: int) -> Iterator[bytes]:
    file.seek(0)
    return iter(lambda: file.read(size), b"")


def _with_byte_order(encoding: str, content: bytes) -> str:
    """Return the encoding of a text with a definite byte order: this machine's unless a byte order mark begins it.

    `bytes.decode` does the same for a whole text.
    """
    name = codecs.lookup(encoding).name
    marks = {"utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)}
    if name not in marks or content.startswith(marks[name]):
        return name
    return f"{name}-{'le' if sys.byteorder == 'little' else 'be'}"


def _empty_error(source: str, is_empty: bool) -> DataError:
    if is_empty:
        return DataError(message("{source}: the file is empty", source=source))
    return DataError(message("{source}: the file contains only white space", source=source))


def _encoding_error(
    source: str, line: int, byte: int, encoding: str, option: str, read: Callable[[], Iterable[bytes]]
) -> DataError:
    """Return the error of a text with an invalid byte."""
    if other := _guess_encoding(read, encoding):
        return DataError(
            message(
                "{source}:{line}: byte 0x{byte:02x} is not {encoding}; the file can be read as {other}: "
                "set `{option}{other}`",
                source=source,
                line=line,
                byte=byte,
                encoding=encoding,
                option=option,
                other=other,
            )
        )
    return DataError(
        message(
            "{source}:{line}: byte 0x{byte:02x} is not {encoding}; set the encoding of the file with `{option}…`",
            source=source,
            line=line,
            byte=byte,
            encoding=encoding,
            option=option,
        )
    )


def _normalize_line_endings(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _guess_encoding(read: Callable[[], Iterable[bytes]], tried: str) -> str:
    """Return an encoding in which a text is valid, of those that reject most other texts; or an empty string.

    Args:
        read: returns the chunks of the text, from the start on each call.
        tried: the encoding in which it is not valid.
    """
    beginning = next(iter(read()), b"")[:2]
    marked = ("utf-16",) if beginning in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else ()
    for encoding in (*marked, "utf-8", "gb18030"):
        if encoding == tried:
            continue
        decoder = codecs.getincrementaldecoder(encoding)()
        other_letters = common_bytes = 0
        try:
            for chunk in chain(read(), (b"",)):
                text = decoder.decode(chunk, not chunk)
                letters = "".join(character for character in text if not character.isascii())
                other_letters += len(letters)
                common_bytes += len(letters.encode("gb2312", "ignore"))
        except UnicodeDecodeError:
            continue
        # Latin-1 text decoded as GB18030 gives rare characters, which GB2312 lacks; Chinese text consists mostly of
        # common ones, of two bytes each in GB2312.
        if encoding != "gb18030" or common_bytes > other_letters:
            return encoding
    return ""
