"""The folder in which files of token ids are kept from run to run, and where they go when it cannot be written."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from seqkit.rundir import STALE_SECONDS, sync_folder
from seqkit.token_file import Damaged, TokenFile, open_tokens

KEPT_DAYS = 30
"""A file that no run has opened for so long is removed when another is written."""

_ENDING = ".tokens"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Returns $SEQKIT_CACHE, else seqkit's folder in $XDG_CACHE_HOME, else ~/.cache/seqkit.

    Raises:
        OSError: this user has no home folder.
    """
    if own := environment.get("SEQKIT_CACHE"):
        return Path(own)
    shared = environment.get("XDG_CACHE_HOME", "")
    if Path(shared).is_absolute():
        return Path(shared) / "seqkit"
    try:
        return Path.home() / ".cache" / "seqkit"
    except RuntimeError:
        raise OSError("there is no home folder") from None


def found(key: str) -> tuple[TokenFile, Path] | None:
    """Returns the file of a key, where there is one that is whole and this user's own."""
    try:
        path = cache_folder() / f"{key}{_ENDING}"
        if not path.is_file():  # to open a pipe would wait for somebody to write
            return None
        with path.open("rb") as file:
            if hasattr(os, "geteuid") and os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            tokens = open_tokens(file, key)
        with contextlib.suppress(OSError):
            os.utime(path)
    except (OSError, Damaged):
        return None
    return tokens, path


def kept(key: str, write: Callable[[BinaryIO], None]) -> tuple[TokenFile, str]:
    """Has a file written and kept, and returns it and where it is, in words.

    Where the folder cannot be written it goes into a temporary file, and where that cannot, into memory.

    Args:
        key: what it will be asked for by; empty where it is not to be kept.
        write: may be called more than once.
    """
    reason = "for this run alone"
    if key:
        try:
            return _in_folder(key, write)
        except (OSError, Damaged) as error:
            reason = f"since the cache cannot be written ({_why(error)})"
    try:
        with tempfile.TemporaryFile() as file:
            write(file)
            return open_tokens(file, key), f"in a temporary file, {reason}"
    except (OSError, Damaged) as error:
        memory = io.BytesIO()
        write(memory)
        return open_tokens(memory, key), f"in memory, {reason}, nor can a temporary file ({_why(error)})"


def _in_folder(key: str, write: Callable[[BinaryIO], None]) -> tuple[TokenFile, str]:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _sweep(folder)
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
        return open_tokens(file, key), f"in {path}"


def _sweep(folder: Path) -> None:
    """Removes what was not used for long, and what a process that was killed has left half written."""
    now = time.time()
    for path in folder.glob(f"*{_ENDING}"):
        seconds = STALE_SECONDS if path.name.startswith(".") else KEPT_DAYS * 86_400
        with contextlib.suppress(OSError):
            if now - path.lstat().st_mtime > seconds:
                path.unlink()


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
