"""Text encodings: the byte order of a text, and which encoding a file has that is not in the one that was set."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Iterable
from itertools import chain

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.readers.formats import BEGINNING_BYTES

_MARKS = {
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),  # the first begins with a mark of UTF-16
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}


def with_byte_order(encoding: str, beginning: bytes) -> str:
    """Return the encoding of a text with a definite byte order: this machine's unless a byte order mark begins it.

    `bytes.decode` does the same for a whole text.
    """
    name = codecs.lookup(encoding).name
    if name not in _MARKS or beginning.startswith(_MARKS[name]):
        return name
    return f"{name}-{'le' if sys.byteorder == 'little' else 'be'}"


def check_zero_bytes(beginning: bytes, source: str, encoding: str, option: str) -> None:
    """Check by the zero bytes of a file that it is not UTF-16 or UTF-32 in place of another encoding.

    Args:
        beginning: the first `BEGINNING_BYTES` of the file.
        source: the name of the file, for messages.
        encoding: the encoding that was set.
        option: what sets it, for messages.

    Raises:
        DataError: the file is in another encoding, or is not text.
    """
    used = with_byte_order(encoding, beginning)
    if 0 not in beginning or used in _MARKS:
        return
    found = _marked_encoding(beginning)
    if found and beginning[:2].decode(used, "replace")[0] in "\ufeff\ufffd":
        return  # the mark is one in this encoding too; or it cannot be decoded, which will be reported
    found = found or _encoding_by_zeros(beginning, 0.25)
    if found and found != used:
        raise DataError(
            message(
                "{source}: the file is {found}, not {encoding}, as its zero bytes show: set `{option}{found}`",
                source=source,
                found=found,
                encoding=encoding,
                option=option,
            )
        )
    if not found and len(beginning) >= 512 and beginning.count(0) > 0.3 * len(beginning):
        raise DataError(message("{source}: is a binary file: a text file is needed", source=source))


def encoding_error(
    source: str, line: int, byte: int, encoding: str, option: str, read: Callable[[], Iterable[bytes]]
) -> DataError:
    """Return the error of a text with a byte that cannot be decoded.

    Args:
        source: the name of the file.
        line: the line of the byte.
        byte: the byte.
        encoding: the encoding that was set.
        option: what sets it.
        read: returns the chunks of the file, from its beginning on each call.
    """
    if encoding == "utf-8" and mixes_utf8(next(iter(read()))):
        return DataError(
            message(
                "{source}:{line}: byte 0x{byte:02x} is not {encoding}, but most lines are: the file is damaged or "
                "mixes encodings: correct this line",
                source=source,
                line=line,
                byte=byte,
                encoding=encoding,
            )
        )
    if other := guess_encoding(read, encoding):
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


def mixes_utf8(content: bytes) -> bool:
    """Return whether most lines with other characters than ASCII are UTF-8, as lines in other encodings hardly are."""
    others = [line for line in content.splitlines() if not line.isascii()]
    return b"\0" not in content and 2 * sum(map(_is_utf8, others)) > len(others)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _marked_encoding(beginning: bytes) -> str:
    """Return the encoding of the byte order mark that begins a file, or an empty string."""
    return next((encoding for encoding, marks in _MARKS.items() if beginning.startswith(marks)), "")


def _encoding_by_zeros(beginning: bytes, fraction: float) -> str:
    """Return UTF-16 or UTF-32 with the byte order that the positions of zero bytes show, or an empty string.

    Args:
        beginning: the first bytes of the file, without a byte order mark.
        fraction: how many of the high bytes of UTF-16 are zero, at least: those of Latin letters and line ends are.
    """
    length = max(len(beginning) // 4, 1)
    zeros = [beginning[offset : 4 * length : 4].count(0) / length for offset in range(4)]
    if zeros[0] < 0.1 and min(zeros[2:]) > 0.9:
        return "utf-32-le"
    if zeros[3] < 0.1 and min(zeros[:2]) > 0.9:
        return "utf-32-be"
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if odd >= 2 * fraction and even <= odd / 10 and _have_zeros(beginning, b"%c\0"):
        return "utf-16-le"
    if even >= 2 * fraction and odd <= even / 10 and _have_zeros(beginning, b"\0%c"):
        return "utf-16-be"
    return ""


def _have_zeros(beginning: bytes, pair: bytes) -> bool:
    """Return whether most spaces and line ends have a zero byte beside them: a stray one is in a text of single bytes.

    Args:
        beginning: the first bytes of the file.
        pair: how UTF-16 encodes a character of one byte.
    """
    spaces = sum(map(beginning.count, (b" ", b"\n")))
    return 2 * sum(beginning.count(pair % byte) for byte in b" \n") >= spaces


def guess_encoding(read: Callable[[], Iterable[bytes]], tried: str) -> str:
    """Return an encoding in which a text is valid, of those that reject most other texts; or an empty string.

    Args:
        read: returns the chunks of the text, from the start on each call.
        tried: the encoding in which it is not valid.
    """
    beginning = b""
    for chunk in read():
        beginning = (beginning + chunk)[:BEGINNING_BYTES]
        if len(beginning) == BEGINNING_BYTES:
            break
    by_bytes = _marked_encoding(beginning) or _encoding_by_zeros(beginning, 0.01)
    for encoding in (by_bytes, "utf-8", "gb18030"):
        if encoding in ("", tried):
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
