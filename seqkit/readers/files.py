"""A text file read whole, with every way that it can be unreadable told in one line."""

from __future__ import annotations

import codecs
from pathlib import Path

from seqkit.errors import DataError


def check_encoding(encoding: str) -> str:
    """Returns the name of a text encoding, or raises ValueError as a component's constructor does."""
    try:
        codec = codecs.lookup(encoding)
    except LookupError:
        raise ValueError(f"encoding '{encoding}' is not known: utf-8, gb18030, big5, shift_jis, latin-1 …") from None
    if not codec._is_text_encoding:
        raise ValueError(f"encoding '{encoding}' does not hold text")
    # A byte order mark is not part of the text; in every UTF it may stand first.
    return {"utf-8": "utf-8-sig"}.get(codec.name, codec.name)


def read_text(path: Path, encoding: str) -> str:
    """Returns the file's text with line ends as `\\n`.

    Raises:
        DataError: it is missing, unreadable, empty, or not in this encoding.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        shown = encoding.removesuffix("-sig")
        raise DataError(f"{path}:{line}: byte 0x{raw[error.start]:02x} is not {shown}{_likely(raw, shown)}") from None
    if not text.strip():
        raise DataError(f"{path}: the file is empty" if not text else f"{path}: the file holds nothing but white space")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _likely(raw: bytes, tried: str) -> str:
    for encoding in ("utf-8", "gb18030"):
        if encoding == tried:
            continue
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return f"; it reads as {encoding}: set `encoding: {encoding}`"
    return "; name the file's encoding with `encoding:`"
