"""A reader to be checked: how it is built, and the files that it is tried on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.contracts import Example
from seqkit.data import read
from seqkit.errors import DataError
from seqkit.testing.checks import Broken, DoesNotApply

AS_DATA_ERROR = "raise seqkit.errors.DataError that names file and line, as seqkit.readers.files.read_text does"


class ReaderCase:
    """A reader to be built, and files for it."""

    def __init__(
        self,
        factory: Callable[..., Any],
        sample: str | bytes | Path | None,
        suffix: str,
        expected: Sequence[tuple[Any, Any]] | None,
        broken: Mapping[str, int],
    ) -> None:
        self.factory = factory
        self.sample = sample.encode() if isinstance(sample, str) else sample
        self.suffix = sample.suffix if isinstance(sample, Path) else suffix
        self.expected = expected
        self.broken = broken

    @contextmanager
    def reader(self, content: bytes | None = None) -> Iterator[tuple[Any, Path | None]]:
        """Yields a reader on a file of this content, or else on the sample, and the file."""
        if self.sample is None:
            yield self.factory(), None
        elif isinstance(self.sample, Path) and content is None:
            yield self.factory(self.sample), self.sample
        else:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"sample{self.suffix}"
                path.write_bytes(self.sample if content is None else content)  # type: ignore[arg-type]
                yield self.factory(path), path

    def examples(self, content: bytes | None = None) -> list[Example]:
        with self.reader(content) as (reader, _):
            return list(reader.read())

    def needs_file(self) -> bytes:
        """Returns what stands in the sample's file, or raises DoesNotApply where there is none."""
        if self.sample is None:
            raise DoesNotApply("it reads no file")
        if isinstance(self.sample, bytes):
            return self.sample
        if not self.sample.is_file():
            raise DoesNotApply("it reads a folder")
        return self.sample.read_bytes()

    def text(self) -> str:
        """Returns the text of the sample, or raises DoesNotApply where it is none in UTF-8."""
        try:
            return self.needs_file().decode("utf-8")
        except UnicodeDecodeError:
            raise DoesNotApply("its file is no text in UTF-8") from None


def same(one: Any, other: Any) -> bool:
    """Compares inputs or targets; line ends at the end of a text may come from the end of its file."""
    if isinstance(one, str) and isinstance(other, str):
        return one.rstrip("\n") == other.rstrip("\n")
    if one is None or other is None:
        return one is other
    if len(np.atleast_1d(np.asarray(one, dtype=object))) != len(np.atleast_1d(np.asarray(other, dtype=object))):
        return False
    return bool(np.all(np.asarray(one) == np.asarray(other)))


def all_same(one: Sequence[Example], other: Sequence[Example]) -> bool:
    return len(one) == len(other) and all(
        same(mine.input, theirs.input) and same(mine.target, theirs.target)
        for mine, theirs in zip(one, other, strict=True)
    )


def refusal(reader: Any, what: str) -> str:
    """Reads what can't be read; returns the message of the DataError, or nothing where it could be read after all."""
    try:
        read(reader, "tried")
    except DataError as error:
        if not str(error) or "\n" in str(error):
            raise Broken(f"{what} is refused in {len(str(error).splitlines())} lines: say all in one") from None
        return str(error)
    except Exception as error:
        raise Broken(f"{what} raises {type(error).__name__}: {error}: {AS_DATA_ERROR}") from None
    return ""
