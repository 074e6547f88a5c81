"""A run directory: the one place that knows its file names.

    recipe.yaml          as given
    plan.json            resolved, with the versions of seqkit, torch and every plugin used
    tokenizer.json       what the tokenizer learned, and what the head learned of the targets
    model.safetensors    the best weights
    metrics.jsonl        a row an epoch or evaluation
    checkpoints/         what a run that was stopped goes on from
    result.json          examples, metrics, baseline, timing, what was generated or predicted
    .launched_by         while it trains under torchrun: what named that, for when it starts its processes anew

Weights are safetensors and everything else is JSON or text: nothing is pickled, nothing is unpickled. Nothing here
imports torch. A file appears whole or not at all.
"""

from __future__ import annotations

import errno
import glob
import json
import math
import os
import reprlib
import shutil
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from seqkit.errors import DataError, UsageError

FORMAT = 1
MAX_JSON_BYTES = 256_000_000
STALE_SECONDS = 3600
MAX_DEPTH = 100
"""A recipe is at most 40 deep."""


class RunDirectory:
    """The files of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recipe = path / "recipe.yaml"
        self.plan = path / "plan.json"
        self.tokenizer = path / "tokenizer.json"
        self.model = path / "model.safetensors"
        self.metrics = path / "metrics.jsonl"
        self.checkpoints = path / "checkpoints"
        self.result = path / "result.json"
        self.launched_by = path / ".launched_by"

    @classmethod
    def create(cls, runs: Path, name: str, files: Mapping[str, bytes]) -> RunDirectory:
        """Makes the next free `name-N` under `runs`, which appears with all of its files at once.

        Args:
            files: their contents by path within the run directory.

        Raises:
            UsageError: it cannot be made there.
        """
        staged = runs / f".{name}.{os.getpid()}"
        try:
            runs.mkdir(parents=True, exist_ok=True)
            for left in runs.glob(f".{glob.escape(name)}.*"):  # by a process that was killed here
                if left == staged or _is_stale(left):
                    shutil.rmtree(left, ignore_errors=True)
            staged.mkdir()
            for file, content in files.items():
                (staged / file).parent.mkdir(parents=True, exist_ok=True)
                write_durably(staged / file, content)
            for folder in {(staged / file).parent for file in files} | {staged}:
                sync_folder(folder)
            taken = [
                entry.name.removeprefix(f"{name}-") for entry in runs.iterdir() if entry.name.startswith(f"{name}-")
            ]
            number = max((int(rest) for rest in taken if rest.isdecimal()), default=0) + 1
            while True:
                try:
                    staged.rename(runs / f"{name}-{number}")
                    break
                except OSError as error:
                    if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                        raise
                    number += 1  # another process took it
            sync_folder(runs)
            return cls(runs / f"{name}-{number}")
        except (OSError, ValueError) as error:  # a ValueError is a name that no folder can have
            shutil.rmtree(staged, ignore_errors=True)
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"{runs}: cannot make a run directory there: {reason}; give another with --runs") from None

    @classmethod
    def open(cls, path: str | Path) -> RunDirectory:
        """Opens a run directory that is there.

        Raises:
            UsageError: it is not one.
            DataError: one of its files is a link, which may lead anywhere.
        """
        run = cls(Path(path))
        try:
            there, whole = run.path.exists(), run.plan.is_file()
        except OSError as error:
            raise UsageError(f"{path}: cannot be opened: {error.strerror}") from None
        if not there:
            raise UsageError(f"{path}: there is no such run directory")
        if not whole:
            raise UsageError(
                f"{path}: not a run directory: it holds no {run.plan.name}; give what `seqkit run` printed last"
            )
        for file in (*vars(run).values(), *(run.checkpoints.iterdir() if run.checkpoints.is_dir() else ())):
            if file != run.path and file.is_symlink():
                raise DataError(f"{file}: is a link, and a run directory holds its own files")
        return run

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps every other process from training in this directory. The system ends it with the process.

        Raises:
            UsageError: another process trains in it.
        """
        try:
            import fcntl
        except ImportError:  # Windows has no such lock
            yield
            return
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise UsageError(f"{self.path}: another process is training in it") from None
        finally:
            os.close(descriptor)

    def sweep(self) -> None:
        """Removes what a process that was killed has left half written."""
        for folder in (self.path, self.checkpoints):
            for entry in folder.glob(".*.*") if folder.is_dir() else ():
                if not entry.name.rpartition(".")[2].isdecimal():
                    continue
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)

    def read_plan(self) -> dict[str, Any]:
        """Returns plan.json.

        Raises:
            DataError: it is damaged, or of a format that this version does not read.
        """
        plan = read_json(self.plan)
        if plan.get("format") != FORMAT:
            raise DataError(f"{self.plan}: {wrong_format(plan.get('format'))}")
        if not isinstance(plan.get("recipe"), dict):
            raise DataError(f"{self.plan}: damaged: holds no recipe")
        components = plan.get("components")
        if not isinstance(components, list) or not all(map(_is_component, components)):
            raise DataError(f"{self.plan}: damaged: 'components' does not list components")
        if _deep(plan["recipe"]):
            raise DataError(f"{self.plan}: damaged: the recipe is nested more than {MAX_DEPTH} deep")
        return plan

    def read_fitted(self) -> dict[str, Any]:
        """Returns what tokenizer and head learned from the data: `{"tokenizer": …, "head": …, "features": …}`."""
        fitted = read_json(self.tokenizer)
        if not isinstance(fitted.get("tokenizer"), dict | None):
            raise DataError(f"{self.tokenizer}: damaged: 'tokenizer' is not a mapping")
        if not isinstance(fitted.get("head"), dict):
            raise DataError(f"{self.tokenizer}: damaged: 'head' is not a mapping")
        features = fitted.get("features")
        if features is not None and (not isinstance(features, int) or features < 1):
            raise DataError(f"{self.tokenizer}: damaged: 'features' is not a width: {shown(features)}")
        return {"tokenizer": None, "features": None} | fitted


def _is_stale(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > STALE_SECONDS
    except OSError:  # it is just being removed or renamed
        return False


def read_json(path: Path) -> dict[str, Any]:
    """Returns a JSON object from a file of a run directory.

    Raises:
        DataError: it is missing, too large, or not a JSON object.
    """
    return json_object(read_whole(path, MAX_JSON_BYTES), path)


def read_whole(path: Path, most: int | None = None) -> bytes:
    """Returns what a file of a run directory holds.

    Args:
        most: it must not be larger, in bytes; the memory of this machine where it is None.

    Raises:
        DataError: it is missing, is no file, is too large, or cannot be read.
    """
    most = _memory() if most is None else most
    if size_of(path) > most:
        raise DataError(f"{path}: larger than {most:,} bytes")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None


def _memory() -> int:
    """Returns this machine's memory in bytes: a sparse file can claim any size, and reading it would go on and on."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**40


def json_object(content: bytes, path: Path) -> dict[str, Any]:
    """Returns the JSON object that a file's content is.

    Raises:
        DataError: it is none.
    """
    try:
        value = json.loads(content, parse_constant=_no_number, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # JSON can hold half a character, which nothing can print
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: damaged: {error}") from None
    if not isinstance(value, dict):
        raise DataError(f"{path}: damaged: not a JSON object")
    return value


def size_of(path: Path) -> int:
    """Returns the size in bytes of a file of a run directory.

    Raises:
        DataError: it is missing, or is no file: reading from a pipe might never end.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        raise DataError(f"{path}: is missing: the run is not complete") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        link = stat.S_ISLNK(status.st_mode)
        raise DataError(f"{path}: {'is a link, and a run directory holds its own files' if link else 'not a file'}")
    return status.st_size


def wrong_format(found: Any) -> str:
    """Returns what is wrong with a run's format, and what to do."""
    told = f"format {shown(found)}; this version of seqkit reads format {FORMAT}"
    newer = isinstance(found, int) and not isinstance(found, bool) and found > FORMAT
    return f"{told}: a newer one made it: `pip install --upgrade seqkit`" if newer else told


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    """Returns a number of a file; JSON has no infinite one, but for those too large for a float."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{shown(text)} is beyond the largest number")
    return number


def shown(value: Any) -> str:
    """Returns a value found in a file as a message can hold it, however large it is."""
    plain = value is None or isinstance(value, str | bool | int | float)
    text = json.dumps(value, ensure_ascii=False) if plain else reprlib.repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _is_component(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) and len(text) < 200 for text in value.values())


def _deep(value: Any) -> bool:
    layer = [value]
    for _ in range(MAX_DEPTH):
        layer = [item for inner in layer for item in _children(inner)]
    return bool(layer)


def _children(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def to_json(value: Mapping[str, Any]) -> str:
    """Returns strict JSON, Unicode as it is, a line a key."""
    return json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def write_whole(path: Path, content: str | bytes) -> None:
    """Writes a file so that it is there whole, or as it was before.

    Raises:
        UsageError: it cannot be written.
    """
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_durably(staged, content.encode() if isinstance(content, str) else content)
        staged.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            staged.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None


def write_durably(path: Path, content: bytes) -> None:
    """Writes a new file and waits until it is on the disk: one that is there already may be a link. Raises OSError."""
    if os.path.lexists(path):
        path.unlink()
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable, where the system can."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
