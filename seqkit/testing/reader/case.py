"""A reader under test: its factory and the files that it reads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.contracts import Example, Reader
from seqkit.data.dataset import read_examples
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.testing.checks import Case, ContractViolation, DoesNotApply


class ReaderCase(Case):
    """A reader's factory and its files. Arguments as for `checks_for_reader`."""

    def __init__(
        self,
        factory: Callable[..., Reader],
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
    def reader(self, content: bytes | None = None) -> Iterator[tuple[Reader, Path | None]]:
        """Yield a reader of a file with this content, by default of the sample, and the path of the file."""
        if content is None:
            content = self.sample if isinstance(self.sample, bytes) else None
        if content is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"sample{self.suffix}"
                path.write_bytes(content)
                yield self.factory(path), path
        elif isinstance(self.sample, Path):
            yield self.factory(self.sample), self.sample
        else:
            yield self.factory(), None

    def examples(self, content: bytes | None = None) -> list[Example]:
        """Return the examples of a file with this content, by default of the sample."""
        with self.reader(content) as (reader, _):
            return list(reader.read())

    def compute(self) -> dict[str, Any]:
        """Return the inputs and targets of the examples."""
        return {"examples": [(example.input, example.target) for example in self.examples()]}

    def file_content(self) -> bytes:
        """Return the content of the sample file.

        Raises:
            DoesNotApply: the reader reads no file.
        """
        if self.sample is None:
            raise DoesNotApply(message("it reads no file"))
        if isinstance(self.sample, bytes):
            return self.sample
        if not self.sample.is_file():
            raise DoesNotApply(message("it reads a folder"))
        return self.sample.read_bytes()

    def file_text(self) -> str:
        """Return the text of the sample file.

        Raises:
            DoesNotApply: the reader reads no file, or its file is not text in UTF-8.
        """
        try:
            return self.file_content().decode("utf-8")
        except UnicodeDecodeError:
            raise DoesNotApply(message("the sample is not text in UTF-8")) from None


def values_equal(one: Any, other: Any) -> bool:
    """Return whether inputs or targets are equal, apart from line endings at the end of a text."""
    if isinstance(one, str) and isinstance(other, str):
        return one.rstrip("\n") == other.rstrip("\n")
    if one is None or other is None:
        return one is other
    if len(np.atleast_1d(np.asarray(one, dtype=object))) != len(np.atleast_1d(np.asarray(other, dtype=object))):
        return False
    return bool(np.all(np.asarray(one) == np.asarray(other)))


def examples_equal(one: Sequence[Example], other: Sequence[Example]) -> bool:
    """Return whether examples have the same inputs and targets, in the same order."""
    return len(one) == len(other) and all(
        values_equal(mine.input, theirs.input) and values_equal(mine.target, theirs.target)
        for mine, theirs in zip(one, other, strict=True)
    )


def data_error(reader: Reader, content: str) -> str:
    """Return the message of the DataError that reading raises; empty if reading succeeds.

    Args:
        reader: the reader.
        content: what is wrong with the source, for the message of a violation.

    Raises:
        ContractViolation: reading raises another exception, or the message has several lines.
    """
    try:
        read_examples(reader, type(reader).__name__)
    except DataError as error:
        lines = str(error).splitlines()
        if len(lines) != 1:
            raise ContractViolation(
                message(
                    "the DataError for {content} has {count} lines: write its message in one line",
                    content=content,
                    count=len(lines),
                )
            ) from None
        return str(error)
    except Exception as error:
        raise ContractViolation(
            message(
                "{content} raises {type}: {error}: raise seqkit.errors.DataError with the file and the line, as "
                "seqkit.readers.files.read_text does",
                content=content,
                type=type(error).__name__,
                error=error,
            )
        ) from None
    return ""
