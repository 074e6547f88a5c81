"""Recognize files that are not plain text by their first bytes: gzip is decompressed, other formats are rejected."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from seqkit.errors import DataError
from seqkit.messages import message

BEGINNING_BYTES = 8192
"""The number of bytes that identify a format or an encoding."""

_DECOMPRESS = message("decompress it first")
_EXTRACT = message("extract the file from it first")
_EXPORT = message("export it as csv first")
_OTHER = message("a text file is needed")

GZIP = b"\x1f\x8b\x08"
_SIGNATURES: dict[bytes, tuple[str, str]] = {
    rb"\x1f\x8b": (message("a gzip file"), _DECOMPRESS),
    rb"\x1f[\x9d\xa0]": (message("a compress (.Z) file"), _DECOMPRESS),
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": (message("a bzip2 file"), _DECOMPRESS),
    rb"\xfd7zXZ\x00": (message("an xz file"), _DECOMPRESS),
    rb"\x28\xb5\x2f\xfd": (message("a Zstandard file"), _DECOMPRESS),
    rb"\x04\x22\x4d\x18": (message("an LZ4 file"), _DECOMPRESS),
    rb"7z\xbc\xaf\x27\x1c": (message("a 7-Zip archive"), _EXTRACT),
    rb"Rar!\x1a\x07": (message("a RAR archive"), _EXTRACT),
    rb".{257}ustar(\x00|  \x00)": (message("a tar archive"), _EXTRACT),
    rb"PK\x03\x04.*(xl/|opendocument\.spreadsheet)": (message("a spreadsheet"), _EXPORT),
    rb"PK\x03\x04.*word/": (message("a Word document"), message("save it as plain text first")),
    rb"PK(\x03\x04|\x05\x06|\x07\x08)": (message("a zip archive"), _EXTRACT),
    rb"PAR[1E]\x15": (
        message("a Parquet file"),
        message("read it with the reader `table` and `format: parquet`, or export it as csv"),
    ),
    rb"(ARROW|FEA)1\x00": (message("an Arrow file"), _EXPORT),
    rb"Obj\x01": (message("an Avro file"), _EXPORT),
    rb"ORC\n?[\x00-\x08]": (message("an ORC file"), _EXPORT),
    rb"SQLite format 3\x00": (message("a SQLite database"), _EXPORT),
    rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": (
        message("an old Office file (.xls, .doc)"),
        message("save it as csv or plain text first"),
    ),
    rb"\x89HDF\r\n\x1a\n": (message("an HDF5 file"), _EXPORT),
    rb"\x93NUMPY": (message("a NumPy array"), _EXPORT),
    rb"\x80[\x02-\x05][\x95\x8a\x8c(\]}c]": (message("a Python pickle"), _EXPORT),
    rb"%PDF-": (message("a PDF document"), message("save it as plain text first")),
    rb"\{\\rtf1": (message("an RTF document"), message("save it as plain text first")),
    rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a": (message("an image"), _OTHER),
    rb"RIFF.{4}WAVE|fLaC\x00|OggS\x00|ID3[\x02-\x04]": (message("a recording"), _OTHER),
    rb"\x7fELF|MZ.\x00": (message("a program"), _OTHER),
}


@contextmanager
def decompressed(file: BinaryIO, source: str) -> Iterator[BinaryIO]:
    """Decompress a file if it is a gzip file, whatever its name; it is read block by block.

    Args:
        file: the file, at its beginning.
        source: the name of the file, for messages.

    Raises:
        DataError: the file is a truncated or corrupt gzip file.
    """
    is_gzip = file.read(len(GZIP)) == GZIP
    file.seek(0)
    if not is_gzip:
        yield file
        return
    try:
        with gzip.GzipFile(fileobj=file) as content:
            yield cast(BinaryIO, content)
    except EOFError:
        raise DataError(message("{source}: the gzip file is truncated", source=source)) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(message("{source}: the gzip file is corrupt: {reason}", source=source, reason=error)) from None


def check_format(beginning: bytes, source: str) -> None:
    """Check that a file is not in a binary format.

    Args:
        beginning: the first `BEGINNING_BYTES` of the file.
        source: the name of the file, for messages.

    Raises:
        DataError: it is. The message names the format.
    """
    for signature, (name, remedy) in _SIGNATURES.items():
        if re.match(signature, beginning, re.DOTALL):
            raise DataError(message("{source}: is {format}: {remedy}", source=source, format=name, remedy=remedy))
