"""safetensors files of a run directory, which may be a stranger's: the header is read with care before the rest.

Nothing here imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from seqkit.errors import DataError
from seqkit.rundir import read_whole, shown, size_of

MAX_TENSORS = 10_000
MAX_HEADER_BYTES = 2_000_000

Tensors = TypeVar("Tensors")


def read_tensors(path: Path, load: Callable[[bytes], Tensors]) -> Tensors:
    """Reads a file of tensors.

    Args:
        load: `load` of safetensors.torch or safetensors.numpy.

    Raises:
        DataError: it is missing or damaged.
    """
    length = size_of(path)
    try:
        with path.open("rb") as file:  # a header that lies is found out before the rest is read
            start = file.read(8)
            _check_header(start + file.read(_header_size(start, length, path)), length, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    content = read_whole(path)
    return tensors_of(content, path, load)


def tensors_of(content: bytes, path: Path, load: Callable[[bytes], Tensors]) -> Tensors:
    """Does for bytes that are already read what `read_tensors` does for a file."""
    from safetensors import SafetensorError

    size = _header_size(content[:8], len(content), path)
    _check_header(content[: 8 + size], len(content), path)
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise DataError(f"{path}: damaged: {error}") from None


def _header_size(start: bytes, length: int, path: Path) -> int:
    """Returns the size of the header by the file's first 8 bytes."""
    size = int.from_bytes(start, "little")
    if len(start) < 8 or size > length - 8:
        raise DataError(f"{path}: damaged: not a file of tensors, or cut short")
    if size > MAX_HEADER_BYTES:
        raise DataError(f"{path}: damaged: a header of {size:,} bytes")
    return size


def _check_header(start: bytes, length: int, path: Path) -> None:
    """Checks that a header names not too many tensors, and that the file ends where the last of them does."""
    try:
        header = json.loads(start[8:])
        ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
        end = len(start) + max(ends, default=0)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise DataError(f"{path}: damaged: its header is not one of tensors: {error}") from None
    if len(ends) > MAX_TENSORS:
        raise DataError(f"{path}: damaged: {len(ends):,} tensors, more than any model of seqkit has")
    if end != length:
        raise DataError(f"{path}: damaged: {length:,} bytes, where its tensors take {shown(end)}")
