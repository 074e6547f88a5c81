"""Decode a text chunk by chunk, without holding all of it in memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.encodings import check_zero_bytes, encoding_error, with_byte_order
from seqkit.readers.formats import BEGINNING_BYTES
from seqkit.readers.line_ends import LineEnds

CHUNK_BYTES = 1 << 20
"""The size of a chunk in bytes. Its token ids take several times as much memory."""


def decode_chunks(
    file: BinaryIO, encoding: str, source: str, option: str = "encoding: ", size: int = CHUNK_BYTES
) -> Iterator[str]:
    """Yield the text of a file in chunks, with `\\n` for every line end and without byte order marks.

    Args:
        file: the file.
        encoding: one that `seqkit.readers.files.supports_chunks`.
        source: the name of the file, for messages.
        option: the option of the encoding, for messages.
        size: the number of bytes to read at a time.

    Raises:
        DataError: the text is empty, or not in this encoding; when the invalid part is reached.
    """
    beginning = file.read(BEGINNING_BYTES)
    check_zero_bytes(beginning, source, encoding, option)
    name = with_byte_order(encoding, beginning)
    line_ends = LineEnds(_has_line_feeds(file, name, size))
    decoder = codecs.getincrementaldecoder(name)()
    is_empty = is_blank = True
    for content, is_last in _with_last(_blocks(file, size)):
        state = decoder.getstate()
        try:
            text = decoder.decode(content, is_last)
        except UnicodeDecodeError as error:
            # The position in the error counts from the bytes that the decoder held back from the previous chunk.
            valid = content[: max(error.start - len(state[0]), 0)]
            decoder.setstate(state)
            line_ends.translate(decoder.decode(valid) if valid else "", is_last=True)
            invalid = error.object[error.start]
            raise encoding_error(
                source, line_ends.line, invalid, encoding, option, lambda: _blocks(file, size)
            ) from None
        text = line_ends.translate(text, is_last)
        is_empty = is_empty and not text
        is_blank = is_blank and not text.strip()
        if text:
            yield text
    if is_blank:
        raise empty_error(source, is_empty)
    line_ends.warn(source)


def _blocks(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the content of a file from its beginning, in blocks."""
    file.seek(0)
    return iter(lambda: file.read(size), b"")


def _with_last(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each block and whether it is the last; if there is none, an empty one."""
    previous = b""
    for block in blocks:
        if previous:
            yield previous, False
        previous = block
    yield previous, True


def _has_line_feeds(file: BinaryIO, encoding: str, size: int) -> bool:
    """Return whether a text contains a line feed, before the first byte that is not in its encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        return any("\n" in decoder.decode(content, is_last) for content, is_last in _with_last(_blocks(file, size)))
    except UnicodeDecodeError as error:
        return "\n" in error.object[: error.start].decode(encoding, "replace")


def empty_error(source: str, is_empty: bool) -> DataError:
    """Return the error of a text without content: empty, or only white space."""
    if is_empty:
        return DataError(message("{source}: the file is empty", source=source))
    return DataError(message("{source}: the file contains only white space", source=source))
