"""The checks of a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.testing import reader_examples, reader_files
from seqkit.testing.checks import Check, run
from seqkit.testing.reader_case import ReaderCase


def checks_for_reader(
    factory: Callable[..., Any],
    sample: str | bytes | Path | None = None,
    *,
    suffix: str = ".txt",
    expected: Sequence[tuple[Any, Any]] | None = None,
    broken: Mapping[str, int] | None = None,
) -> list[Check]:
    """Returns the checks of a reader, for `parametrize_with_checks`.

    Args:
        factory: builds it from a path: `lambda path: Conll(path=path)`; from nothing where there is no sample.
        sample: what stands in a good file, which the checks write for themselves; or the path of such a file, or of a
            folder; None for a reader that reads no file.
        suffix: what the names of files end in.
        expected: the (input, target) of each example of the sample.
        broken: contents of files that are wrong, and the number of the line that the error must name.
    """
    case = ReaderCase(factory, sample, suffix, expected, broken or {})
    return [*reader_examples.check.of(case), *reader_files.check.of(case)]


def check_reader(
    factory: Callable[..., Any],
    sample: str | bytes | Path | None = None,
    *,
    suffix: str = ".txt",
    expected: Sequence[tuple[Any, Any]] | None = None,
    broken: Mapping[str, int] | None = None,
) -> None:
    """Tries a reader with every check. Arguments as for `checks_for_reader`.

    Raises:
        CheckFailure: with what is wrong and how to mend it.
    """
    run(checks_for_reader(factory, sample, suffix=suffix, expected=expected, broken=broken), "this reader")
