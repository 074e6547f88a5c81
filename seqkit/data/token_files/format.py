"""The format of a token file: token ids that are written once and memory-mapped by later runs.

The file begins with the ids of all texts, one text after another, in the smallest unsigned type that holds them. Then
come a JSON header, the sha256 of the header, its length, and a magic number. A file may be corrupt, truncated or
untrusted: it is used only if every part is consistent, and it contains no code.
"""

from __future__ import annotations

import hashlib
import io
import json
import mmap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from seqkit.messages import message
from seqkit.strict_json import parse_strict_json

FORMAT = 2
"""To be increased with every change of the format, or of the ids that seqkit's tokenizers produce for a file."""

BLOCK = 1 << 18
"""The number of ids that are written, hashed or checked at a time."""

_MAGIC = b"seqkit\0\1"
_TAIL = 32 + 8 + len(_MAGIC)
_MAX_HEADER = 1 << 28


class CorruptFile(Exception):
    """A token file is corrupt, or is the file of another key."""


@dataclass(frozen=True)
class TokenizedText:
    """One text of a token file.

    Attributes:
        ids: (time,), a view of the file.
        facts: metadata of the text, as JSON types.
    """

    ids: np.ndarray
    facts: dict[str, Any]


@dataclass(frozen=True)
class TokenFile:
    """An opened token file.

    Attributes:
        tokenizer_state: the state of the fitted tokenizer, as its `state` returned it.
        texts: the texts by name.
        largest: the largest id.
    """

    tokenizer_state: dict[str, Any]
    texts: dict[str, TokenizedText]
    largest: int


def smallest_type(vocab_size: int) -> np.dtype:
    """Return the smallest unsigned type that holds every id below `vocab_size`."""
    return np.min_scalar_type(max(vocab_size - 1, 0))


class TokenWriter:
    """Write a token file.

    Args:
        file: an empty file, opened for reading and writing.
        key: identifies the content.
        dtype: the type of the ids.
    """

    def __init__(self, file: BinaryIO, key: str, dtype: np.dtype) -> None:
        self._file = file
        self._key = key
        self._dtype = dtype
        self._count = 0
        self._texts: dict[str, dict[str, Any]] = {}

    def add(self, name: str, blocks: Iterable[np.ndarray], facts: dict[str, Any]) -> None:
        """Write the ids of a text. `facts` is read after the last block, so iterating `blocks` may fill it."""
        first = self._count
        for block in blocks:
            self._file.write(np.ascontiguousarray(block, dtype=self._dtype).data)
            self._count += len(block)
        self._texts[name] = {"first": first, "end": self._count, "next_sha256": self._next_sha256(first)} | facts

    def finish(self, tokenizer_state: Mapping[str, Any]) -> None:
        """Write the header."""
        digest = hashlib.sha256()
        for block in self._blocks(0, self._count):
            digest.update(block.data)
        header = {
            "format": FORMAT,
            "key": self._key,
            "type": self._dtype.name,
            "ids_sha256": digest.hexdigest(),
            "texts": self._texts,
            "tokenizer": tokenizer_state,
        }
        content = json.dumps(header, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")
        self._file.seek(0, io.SEEK_END)
        self._file.write(content + hashlib.sha256(content).digest() + len(content).to_bytes(8, "little") + _MAGIC)
        self._file.flush()

    def _next_sha256(self, first: int) -> str:
        digest = hashlib.sha256()
        for start, end in ((first, self._count - 1), (first + 1, self._count)):
            for block in self._blocks(start, end):
                digest.update(block.astype(np.int64).data)
        self._file.seek(0, io.SEEK_END)
        return digest.hexdigest()

    def _blocks(self, start: int, end: int) -> Iterator[np.ndarray]:
        self._file.flush()
        return _read_blocks(self._file, self._dtype, start, end)


def open_tokens(file: BinaryIO, key: str) -> TokenFile:
    """Open a token file after checking all of it.

    Raises:
        CorruptFile: it is incomplete, inconsistent, of another key or of another format.
        OSError: it cannot be read.
    """
    header, size = _read_header(file)
    try:
        if header["format"] != FORMAT or header["key"] != key:
            raise CorruptFile(message("the format or the key differs"))
        texts, state = header["texts"], header["tokenizer"]
        if header["type"] not in ("uint8", "uint16", "uint32") or not isinstance(state, dict):
            raise CorruptFile(message("invalid header"))
        dtype = np.dtype(header["type"])
        count = 0
        for facts in texts.values():
            if not (type(facts["first"]) is int and facts["first"] == count and type(facts["end"]) is int):
                raise CorruptFile(message("the texts are not contiguous"))
            count = facts["end"]
            if count < facts["first"]:
                raise CorruptFile(message("a text ends before it starts"))
    except (KeyError, TypeError, AttributeError):
        raise CorruptFile(message("invalid header")) from None
    if count * dtype.itemsize != size:
        raise CorruptFile(message("the length differs from the header"))
    digest, largest = hashlib.sha256(), 0
    for block in _read_blocks(file, dtype, 0, count):
        digest.update(block.data)
        largest = max(largest, int(block.max()))
    if digest.hexdigest() != header["ids_sha256"]:
        raise CorruptFile(message("the ids are corrupt"))
    ids = _map(file, dtype, count)
    found = {name: TokenizedText(ids[facts["first"] : facts["end"]], facts) for name, facts in texts.items()}
    return TokenFile(state, found, largest)


def _read_header(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """Return the JSON header at the end of a file, and the number of bytes before it."""
    size = file.seek(0, io.SEEK_END)
    if size < _TAIL:
        raise CorruptFile(message("too short"))
    file.seek(size - _TAIL)
    tail = file.read(_TAIL)
    length = int.from_bytes(tail[32:40], "little")
    before = size - _TAIL - length
    if tail[40:] != _MAGIC or length > _MAX_HEADER or before < 0:
        raise CorruptFile(message("not a token file"))
    file.seek(before)
    content = file.read(length)
    if hashlib.sha256(content).digest() != tail[:32]:
        raise CorruptFile(message("the header is corrupt"))
    try:
        header = parse_strict_json(content.decode("utf-8", "surrogatepass"))
    except ValueError:
        raise CorruptFile(message("invalid header")) from None
    if not isinstance(header, dict):
        raise CorruptFile(message("invalid header"))
    return header, before


def _read_blocks(file: BinaryIO, dtype: np.dtype, start: int, end: int) -> Iterator[np.ndarray]:
    """Yield the ids from `start` to `end` in blocks, which share one buffer."""
    file.seek(start * dtype.itemsize)
    buffer = np.empty(BLOCK, dtype=dtype)
    while start < end:
        block = buffer[: min(BLOCK, end - start)]
        if file.readinto(block.data.cast("B")) != block.nbytes:  # type: ignore[attr-defined]
            raise CorruptFile(message("truncated"))
        yield block
        start += len(block)


def _map(file: BinaryIO, dtype: np.dtype, count: int) -> np.ndarray:
    """Return all ids, memory-mapped if the file is on disk."""
    if not count:
        return np.zeros(0, dtype=dtype)
    if isinstance(file, io.BytesIO):
        return np.frombuffer(file.getbuffer(), dtype=dtype, count=count)
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=dtype, count=count)


def release(ids: np.ndarray) -> None:
    """Release the memory of the pages that were read from a memory-mapped file. Reading them again reloads them."""
    base: Any = ids
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    if base is not None and hasattr(base, "madvise"):
        with suppress(OSError, ValueError):
            base.madvise(mmap.MADV_DONTNEED)
