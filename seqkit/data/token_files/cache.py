"""The cache of token files, a folder that all runs share."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from seqkit.data.token_files.format import CorruptFile, TokenFile, open_tokens
from seqkit.errors import describe_os_error
from seqkit.messages import message
from seqkit.runs.files import STALE_SECONDS, sync_folder

MAX_AGE_DAYS = 30
"""A file that no run has opened for this number of days is removed when another file is written."""

_ENDING = ".tokens"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return $SEQKIT_CACHE, else the folder `seqkit` in $XDG_CACHE_HOME, else ~/.cache/seqkit.

    Raises:
        OSError: the user has no home folder.
    """
    if own := environment.get("SEQKIT_CACHE"):
        return Path(own)
    shared = environment.get("XDG_CACHE_HOME", "")
    if Path(shared).is_absolute():
        return Path(shared) / "seqkit"
    try:
        return Path.home() / ".cache" / "seqkit"
    except RuntimeError:
        raise OSError(message("there is no home folder")) from None


def get(key: str) -> tuple[TokenFile, Path] | None:
    """Return the token file of a key and its path; None unless it exists, is intact and belongs to this user."""
    try:
        path = cache_folder() / f"{key}{_ENDING}"
        if not path.is_file():  # opening a named pipe would block
            return None
        with path.open("rb") as file:
            if hasattr(os, "geteuid") and os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            tokens = open_tokens(file, key)
        with contextlib.suppress(OSError):
            os.utime(path)
    except (OSError, CorruptFile):
        return None
    return tokens, path


def put(key: str, write: Callable[[BinaryIO], None]) -> tuple[TokenFile, str]:
    """Write a file and store it.

    If the cache folder cannot be written, a temporary file is used instead; if that cannot be written, memory.

    Args:
        key: identifies the content; empty if it is not to be stored.
        write: writes the content. Can be called more than once.

    Returns:
        The opened file, and a note that says where it is.
    """
    if not key:
        return _put_temporarily(key, write, message("for this run only"))
    try:
        tokens, path = _put_in_folder(key, write)
        return tokens, message("the text is encoded once: its ids are stored in {file}", file=path)
    except (OSError, CorruptFile) as error:
        reason = message("because the cache cannot be written ({reason})", reason=describe_os_error(error))
        return _put_temporarily(key, write, reason)


def _put_temporarily(key: str, write: Callable[[BinaryIO], None], reason: str) -> tuple[TokenFile, str]:
    try:
        with tempfile.TemporaryFile() as file:
            write(file)
            note = message("the text is encoded once: its ids are stored in a temporary file, {reason}", reason=reason)
            return open_tokens(file, key), note
    except (OSError, CorruptFile) as error:
        memory = io.BytesIO()
        write(memory)
        note = message(
            "the text is encoded once: its ids are stored in memory, {reason}, "
            "and a temporary file cannot be written either ({error})",
            reason=reason,
            error=describe_os_error(error),
        )
        return open_tokens(memory, key), note


def _put_in_folder(key: str, write: Callable[[BinaryIO], None]) -> tuple[TokenFile, Path]:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_old_files(folder)
    path = folder / f"{key}{_ENDING}"
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=_ENDING, dir=folder)
    staged = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            write(file)
            os.fsync(file.fileno())
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)
    sync_folder(folder)
    with path.open("rb") as file:
        return open_tokens(file, key), path


def _remove_old_files(folder: Path) -> None:
    """Remove files that were not used for long, and those that a killed process left incomplete."""
    now = time.time()
    for path in folder.glob(f"*{_ENDING}"):
        max_seconds = STALE_SECONDS if path.name.startswith(".") else MAX_AGE_DAYS * 86_400
        with contextlib.suppress(OSError):
            if now - path.lstat().st_mtime > max_seconds:
                path.unlink()
