"""safetensors files of a run directory, which may be a stranger's: the header is read with care before the rest.

Nothing here imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from seqkit.errors import DataError
from seqkit.rundir import size_of

MAX_TENSORS = 10_000
MAX_HEADER_BYTES = 10_000_000

Tensors = TypeVar("Tensors")


def read_tensors(path: Path, load: Callable[[bytes], Tensors]) -> Tensors:
    """Reads a file of tensors.

    Args:
        load: `load` of safetensors.torch or safetensors.numpy.

    Raises:
        DataError: it is missing or damaged.
    """
    size_of(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return tensors_of(content, path, load)


def tensors_of(content: bytes, path: Path, load: Callable[[bytes], Tensors]) -> Tensors:
    """Does for bytes that are already read what `read_tensors` does for a file."""
    from safetensors import SafetensorError

    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or size > len(content) - 8:
        raise DataError(f"{path}: damaged: not a file of tensors, or cut short")
    if size > MAX_HEADER_BYTES:
        raise DataError(f"{path}: damaged: a header of {size:,} bytes")
    try:
        header = json.loads(content[8 : 8 + size])
        number = len(header)
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: damaged: its header is not JSON: {error}") from None
    if number > MAX_TENSORS:
        raise DataError(f"{path}: damaged: {number:,} tensors, more than any model of seqkit has")
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: damaged: {error}") from None
