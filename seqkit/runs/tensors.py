"""Read safetensors files, which may be untrusted: the header is checked before the rest is read.

Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from seqkit.errors import DataError
from seqkit.messages import format_value, message
from seqkit.runs.files import cannot_read, file_size, read_bytes
from seqkit.strict_json import parse_strict_json

MAX_TENSORS = 10_000
MAX_HEADER_BYTES = 2_000_000

Tensors = TypeVar("Tensors")


def read_tensors(path: Path, load: Callable[[bytes], Tensors]) -> Tensors:
    """Return the tensors in a file.

    Args:
        path: the file.
        load: `load` of safetensors.torch or safetensors.numpy.

    Raises:
        DataError: the file is missing or corrupt.
    """
    read_shapes(path)
    return parse_tensors(read_bytes(path), path, load)


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor in a file, of which only the header is read.

    Raises:
        DataError: the file is missing or corrupt.
    """
    length = file_size(path)
    try:
        with path.open("rb") as file:
            prefix = file.read(8)
            header = prefix + file.read(_header_size(prefix, length, path))
    except OSError as error:
        raise cannot_read(path, error) from None
    return _check_header(header, length, path)


def parse_tensors(content: bytes, path: Path, load: Callable[[bytes], Tensors]) -> Tensors:
    """Return the tensors in the content of a file.

    Args:
        content: the content of the file.
        path: the file, for messages.
        load: `load` of safetensors.torch or safetensors.numpy.

    Raises:
        DataError: it is corrupt.
    """
    from safetensors import SafetensorError

    size = _header_size(content[:8], len(content), path)
    _check_header(content[: 8 + size], len(content), path)
    try:
        return load(content)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        reason = str(error).partition(", expected one of")[0]  # without safetensors' list of every number type
        raise DataError(message("{file}: corrupt: {reason}", file=path, reason=reason)) from None


def _header_size(prefix: bytes, length: int, path: Path) -> int:
    """Return the size of the header, which the first 8 bytes of a file contain."""
    size = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or size > length - 8:
        raise DataError(message("{file}: corrupt: not a safetensors file, or truncated", file=path))
    if size > MAX_HEADER_BYTES:
        raise DataError(message("{file}: corrupt: a header of {size:,} bytes", file=path, size=size))
    return size


def _check_header(header: bytes, length: int, path: Path) -> dict[str, tuple[int, ...]]:
    """Check the number of tensors, and that the file ends with the last of them. Return the shape of each."""
    try:
        entries = {
            name: entry for name, entry in parse_strict_json(header[8:].decode()).items() if name != "__metadata__"
        }
        ends = [entry["data_offsets"][1] for entry in entries.values()]
        shapes = {name: tuple(map(int, entry["shape"])) for name, entry in entries.items()}
        end = len(header) + max(ends, default=0)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise DataError(message("{file}: corrupt: invalid header: {reason}", file=path, reason=error)) from None
    if len(ends) > MAX_TENSORS:
        raise DataError(
            message("{file}: corrupt: {count:,} tensors, more than any model has", file=path, count=len(ends))
        )
    if end != length:
        raise DataError(
            message(
                "{file}: corrupt: it has {length:,} bytes, but its header describes {end}",
                file=path,
                length=length,
                end=format_value(end),
            )
        )
    return shapes
