"""A file of token ids, written once and mapped into memory by every run that follows.

The ids of one text stand after those of another from the file's beginning, in the smallest unsigned type that holds
them, after them a JSON object, the sha256 of that, its length, and a mark. A file may be damaged, cut short, or a
stranger's: it is read only where every part of it fits every other, and nothing in it is code.
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

FORMAT = 1
"""Rises with every change of what a file holds, or of the ids that seqkit's own readers and tokenizers give a text."""

BLOCK = 1 << 18
"""So many ids are written, hashed or checked at a time."""

_MARK = b"seqkit\0\1"
_TAIL = 32 + 8 + len(_MARK)
_LONGEST_HEADER = 1 << 28


class Damaged(Exception):
    """A file of ids is not what it should be."""


@dataclass(frozen=True)
class Encoded:
    """One text in a file of ids.

    Attributes:
        facts: what is known of it besides, as JSON types.
    """

    ids: np.ndarray
    facts: dict[str, Any]


@dataclass(frozen=True)
class TokenFile:
    """A file of ids, opened.

    Attributes:
        learned: what the tokenizer learned, as its `state`.
        largest: of all ids.
    """

    learned: dict[str, Any]
    texts: dict[str, Encoded]
    largest: int


def smallest_type(vocab_size: int) -> np.dtype:
    """Returns the smallest unsigned type that holds every id below `vocab_size`."""
    return np.min_scalar_type(max(vocab_size - 1, 0))


class TokenWriter:
    """Writes a file of ids.

    Args:
        file: empty, opened for writing and reading.
        key: what the file is asked for by.
        kind: the type of its ids.
    """

    def __init__(self, file: BinaryIO, key: str, kind: np.dtype) -> None:
        self._file = file
        self._key = key
        self._kind = kind
        self._count = 0
        self._texts: dict[str, dict[str, Any]] = {}

    def add(self, name: str, blocks: Iterable[np.ndarray], facts: dict[str, Any]) -> None:
        """Writes a text's ids, and then takes what is known of it."""
        first = self._count
        for block in blocks:
            self._file.write(np.ascontiguousarray(block, dtype=self._kind).data)
            self._count += len(block)
        self._texts[name] = {"first": first, "end": self._count, "next_sha256": self._next_sha256(first)} | facts

    def finish(self, learned: Mapping[str, Any]) -> None:
        digest = hashlib.sha256()
        for block in self._blocks(0, self._count):
            digest.update(block.data)
        header = {
            "format": FORMAT,
            "key": self._key,
            "type": self._kind.name,
            "ids_sha256": digest.hexdigest(),
            "texts": self._texts,
            "tokenizer": learned,
        }
        content = json.dumps(header, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass")
        self._file.seek(0, io.SEEK_END)
        self._file.write(content + hashlib.sha256(content).digest() + len(content).to_bytes(8, "little") + _MARK)
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
        return _read_blocks(self._file, self._kind, start, end)


def open_tokens(file: BinaryIO, key: str) -> TokenFile:
    """Opens a file of ids, once all of it is found good.

    Raises:
        Damaged: it is not whole, not of this key, or not of this format.
        OSError: it cannot be read.
    """
    header, size = _header(file)
    try:
        if header["format"] != FORMAT or header["key"] != key:
            raise Damaged("it is another file")
        texts, learned = header["texts"], header["tokenizer"]
        if header["type"] not in ("uint8", "uint16", "uint32") or not isinstance(learned, dict):
            raise Damaged("its header is none")
        kind = np.dtype(header["type"])
        count = 0
        for facts in texts.values():
            if not (type(facts["first"]) is int and facts["first"] == count and type(facts["end"]) is int):
                raise Damaged("its texts do not follow one another")
            count = facts["end"]
            if count < facts["first"]:
                raise Damaged("a text of it ends before it begins")
    except (KeyError, TypeError, AttributeError):
        raise Damaged("its header is none") from None
    if count * kind.itemsize != size:
        raise Damaged("its header speaks of another length")
    digest, largest = hashlib.sha256(), 0
    for block in _read_blocks(file, kind, 0, count):
        digest.update(block.data)
        largest = max(largest, int(block.max()))
    if digest.hexdigest() != header["ids_sha256"]:
        raise Damaged("its ids are damaged")
    ids = _mapped(file, kind, count)
    found = {name: Encoded(ids[facts["first"] : facts["end"]], facts) for name, facts in texts.items()}
    return TokenFile(learned, found, largest)


def _header(file: BinaryIO) -> tuple[dict[str, Any], int]:
    """Returns the JSON object at the end of a file, and how many bytes stand before it."""
    size = file.seek(0, io.SEEK_END)
    if size < _TAIL:
        raise Damaged("it is too short")
    file.seek(size - _TAIL)
    tail = file.read(_TAIL)
    length = int.from_bytes(tail[32:40], "little")
    before = size - _TAIL - length
    if tail[40:] != _MARK or length > _LONGEST_HEADER or before < 0:
        raise Damaged("it does not end as such a file does")
    file.seek(before)
    content = file.read(length)
    if hashlib.sha256(content).digest() != tail[:32]:
        raise Damaged("its header is damaged")
    try:
        header = json.loads(content.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        raise Damaged("its header is none") from None
    if not isinstance(header, dict):
        raise Damaged("its header is none")
    return header, before


def _read_blocks(file: BinaryIO, kind: np.dtype, start: int, end: int) -> Iterator[np.ndarray]:
    """Yields the ids from one place to another, in a buffer that the next ones take over."""
    file.seek(start * kind.itemsize)
    buffer = np.empty(BLOCK, dtype=kind)
    while start < end:
        wanted = buffer[: min(BLOCK, end - start)]
        if file.readinto(wanted.data.cast("B")) != wanted.nbytes:  # type: ignore[attr-defined]
            raise Damaged("it ends too soon")
        yield wanted
        start += len(wanted)


def _mapped(file: BinaryIO, kind: np.dtype, count: int) -> np.ndarray:
    if not count:
        return np.zeros(0, dtype=kind)
    if isinstance(file, io.BytesIO):
        return np.frombuffer(file.getbuffer(), dtype=kind, count=count)
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=kind, count=count)


def release(ids: np.ndarray) -> None:
    """Gives back the memory of the pages that were read of a mapped file; read again, they come from it again."""
    base: Any = ids
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    if base is not None and hasattr(base, "madvise"):
        with suppress(OSError, ValueError):
            base.madvise(mmap.MADV_DONTNEED)
