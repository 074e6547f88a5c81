"""Read the files of a run directory, which may be untrusted, and write them completely or not at all."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqkit.errors import DataError, UsageError, describe_os_error
from seqkit.messages import message
from seqkit.strict_json import parse_strict_json

MAX_JSON_BYTES = 256_000_000

STALE_SECONDS = 3600
"""The age in seconds from which a temporary file is assumed to belong to a killed process."""

MAX_NESTING = 100
"""The maximum depth of nested values in a file; a recipe has at most 40."""


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        DataError: the file is missing, too large, or contains something else.
    """
    return parse_json(read_bytes(path, MAX_JSON_BYTES), path)


def read_bytes(path: Path, max_bytes: int | None = None) -> bytes:
    """Return the content of a file.

    Args:
        path: the file.
        max_bytes: the maximum size; by default, the memory of this machine.

    Raises:
        DataError: it is missing, is not a regular file, is too large, or cannot be read.
    """
    max_bytes = _memory_bytes() if max_bytes is None else max_bytes
    if file_size(path) > max_bytes:
        raise DataError(message("{file}: larger than {size:,} bytes", file=path, size=max_bytes))
    try:
        return path.read_bytes()
    except OSError as error:
        raise cannot_read(path, error) from None


def parse_json(content: bytes, path: Path | str) -> dict[str, Any]:
    """Return the JSON object in the content of a file.

    Args:
        content: the content of the file, or of a line.
        path: the file, or `file:line`, for messages.

    Raises:
        DataError: it is not a JSON object.
    """
    try:
        value = parse_strict_json(content.decode("utf-8-sig"))
        json.dumps(value, ensure_ascii=False).encode()  # JSON can contain a surrogate, which cannot be printed
    except UnicodeDecodeError:
        raise DataError(message("{file}: corrupt: not UTF-8", file=path)) from None
    except (ValueError, RecursionError) as error:  # RecursionError is raised by `dumps`
        raise DataError(message("{file}: corrupt: {reason}", file=path, reason=error)) from None
    if not isinstance(value, dict):
        raise DataError(message("{file}: corrupt: not a JSON object", file=path))
    return value


def file_size(path: Path) -> int:
    """Return the size of a file in bytes.

    Raises:
        DataError: it is missing, or is not a regular file: reading a pipe could block forever.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        raise DataError(message("{file}: is missing: the run is not complete", file=path)) from None
    except OSError as error:
        raise cannot_read(path, error) from None
    if stat.S_ISLNK(status.st_mode):
        raise DataError(message("{file}: is a symbolic link, which is not allowed in a run directory", file=path))
    if not stat.S_ISREG(status.st_mode):
        raise DataError(message("{file}: not a regular file", file=path))
    return status.st_size


def cannot_read(path: Path, error: OSError) -> DataError:
    """Return the error of a file that cannot be read."""
    return DataError(message("{file}: cannot be read: {reason}", file=path, reason=describe_os_error(error)))


def to_json(value: Mapping[str, Any]) -> str:
    """Return a value as strict, indented JSON, Unicode unescaped."""
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def write_file(path: Path, content: str | bytes) -> None:
    """Replace the content of a file atomically: after an error it is unchanged.

    Raises:
        UsageError: it cannot be written.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_synced(staged, content.encode() if isinstance(content, str) else content)
        staged.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
        raise UsageError(
            message("{file}: cannot be written: {reason}", file=path, reason=describe_os_error(error))
        ) from None


def write_named(path: Path, content: str | bytes) -> None:
    """Write a file that the user has named, as `write_file` does: a link to it remains one.

    Raises:
        UsageError: it is a folder or a device, or cannot be written.
    """
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if target.exists() and not target.is_file():
        raise UsageError(message("{file}: cannot be written: not a regular file", file=path))
    write_file(target, content)


def write_new(path: Path, content: str | bytes) -> None:
    """Write a file that must not exist: after an error there is none.

    Raises:
        UsageError: it exists, or cannot be written.
    """
    try:
        with path.open("xb") as file:
            try:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
            except OSError:
                path.unlink()
                raise
    except OSError as error:
        raise UsageError(
            message("{file}: cannot be written: {reason}", file=path, reason=describe_os_error(error))
        ) from None


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk. An existing file, which may be a link, is removed first.

    Raises:
        OSError: it cannot be written.
    """
    if os.path.lexists(path):
        path.unlink()
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Wait until the names of a folder's files are on the disk, if the system supports it."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_stale(path: Path) -> bool:
    """Return whether a temporary file is so old that the process that wrote it must have been killed."""
    try:
        return time.time() - path.stat().st_mtime > STALE_SECONDS
    except OSError:  # it is being removed or renamed
        return False


def _memory_bytes() -> int:
    """Return the memory of this machine in bytes, a limit for sparse files: they can have any size."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**40
