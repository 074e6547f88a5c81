"""A text file read whole, with every way that it can be unreadable told in one line."""

from __future__ import annotations

import codecs
from pathlib import Path

from seqkit.errors import DataError


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
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return decode_text(raw, encoding, str(path), option)


def decode_text(raw: bytes, encoding: str, source: str, option: str = "encoding: ") -> str:
    """Does for bytes that are already read what `read_text` does for a file; `source` is their name in messages."""
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = _with_plain_line_ends(raw[: error.start].decode(encoding, "replace")).count("\n") + 1
        likely = _likely(raw, encoding)
        remedy = f"it reads as {likely}: set `{option}{likely}`" if likely else f"name its encoding with `{option}…`"
        raise DataError(f"{source}:{line}: byte 0x{raw[error.start]:02x} is not {encoding}; {remedy}") from None
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    if not text.strip():
        raise DataError(f"{source}: there is nothing in it{' but white space' if text else ''}")
    return _with_plain_line_ends(text)


def _with_plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _likely(raw: bytes, tried: str) -> str:
    """Returns an encoding that the bytes are good in, of those that few other bytes are good in; or nothing."""
    marked = ("utf-16",) if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ()
    for encoding in (*marked, "utf-8", "gb18030"):
        if encoding == tried:
            continue
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        # An accented letter before a plain one is a rare character of GB18030; Chinese is mostly made of common ones.
        foreign = "".join(character for character in text if not character.isascii())
        if encoding != "gb18030" or len(foreign.encode("gb2312", "ignore")) > len(foreign):
            return encoding
    return ""
