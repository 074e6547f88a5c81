"""Where a study of Optuna is saved: a journal, or a database."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from seqkit.errors import UsageError, describe_os_error
from seqkit.messages import message


def open_storage(storage: str | None, default: Path) -> Any:
    """Open the storage of a study.

    Args:
        storage: a file, or the URL of a database; None for the default.
        default: the default file.

    Raises:
        UsageError: it cannot be opened, or is something else.
    """
    if storage is not None and "://" in storage:
        return _open_database(storage)
    file = default if storage is None else Path(storage)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _check_journal(file)
        lock = JournalFileSymlinkLock(os.fspath(file))
        _remove_partial_entry(file, lock)
        return JournalStorage(JournalFileBackend(os.fspath(file), lock_obj=lock))
    except OSError as error:
        raise UsageError(
            message("--storage {file}: cannot be opened: {reason}", file=file, reason=describe_os_error(error))
        ) from None


def _open_database(url: str, attempts: int = 3) -> Any:
    """Open a database. Processes that create its tables at the same time disturb each other: they try again."""
    try:
        return optuna.storages.RDBStorage(url)
    except Exception as error:  # of SQLAlchemy, or of a driver that is not installed
        if attempts > 1 and "already exists" in str(error):
            time.sleep(1)
            return _open_database(url, attempts - 1)
        raise UsageError(
            message("--storage {url}: cannot be opened: {reason}", url=url, reason=in_a_line(error))
        ) from None


def _check_journal(file: Path) -> None:
    """Check that a file is a journal of Optuna, which would append to any other.

    Raises:
        OSError: the file cannot be read and written.
        UsageError: it is not a journal, or a damaged one.
    """
    if not file.exists():
        return
    if not file.is_file():
        raise UsageError(
            message("--storage {file}: not a file: pass the name of a new file, or that of a study", file=file)
        )
    with file.open("r+b") as lines:
        for number, line in enumerate(lines, start=1):
            if number > 1 and not line.endswith(b"\n"):
                continue  # another process is writing it
            try:
                is_entry = "op_code" in json.loads(line)
            except (ValueError, TypeError):
                is_entry = False
            if not is_entry:
                raise UsageError(
                    message(
                        "--storage {file}: line {line} is not of a study of Optuna: pass the name of a new file, or "
                        "that of a study",
                        file=file,
                        line=number,
                    )
                )


def _remove_partial_entry(file: Path, lock: JournalFileSymlinkLock) -> None:
    """Remove the end of a journal that was written when the disk was full; the next entry would be appended to it.

    Raises:
        OSError: the file cannot be read and written.
    """
    if not file.exists():
        return
    lock.acquire()  # no other process is writing now
    try:
        with file.open("r+b") as journal:
            content = journal.read()
            journal.truncate(content.rfind(b"\n") + 1)
    finally:
        lock.release()


@contextmanager
def errors_of_saving(name: str) -> Iterator[None]:
    """Convert an error of the storage of a study into a UsageError that names the study."""
    try:
        yield
    except (StorageInternalError, OSError) as error:
        reason = describe_os_error(error) if isinstance(error, OSError) else in_a_line(error.__cause__ or error)
        raise UsageError(message("the study '{name}' cannot be saved: {reason}", name=name, reason=reason)) from None


def in_a_line(error: BaseException) -> str:
    """Return the start of the message of an error, on one line."""
    return " ".join(str(error).split())[:200]
