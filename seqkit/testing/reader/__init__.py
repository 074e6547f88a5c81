"""The checks of a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.contracts import Reader
from seqkit.testing.checks import Check, require_all
from seqkit.testing.reader import examples, files
from seqkit.testing.reader.case import ReaderCase

__all__ = ["check_reader", "checks_for_reader"]


def checks_for_reader(
    factory: Callable[..., Reader],
    sample: str | bytes | Path | None = None,
    *,
    suffix: str = ".txt",
    expected: Sequence[tuple[Any, Any]] | None = None,
    broken: Mapping[str, int] | None = None,
) -> list[Check]:
    """Return the checks of a reader, for `parametrize_with_checks`.

    Args:
        factory: builds the reader from a path: `lambda path: Conll(path=path)`. Without a sample it has no argument.
        sample: the content of a valid file, which the checks write to a temporary folder; or the path of such a file
            or folder; None for a reader that reads no file.
        suffix: the suffix of the temporary files.
        expected: the (input, target) of each example of the sample.
        broken: contents of invalid files, each with the number of the line that the error must name.
    """
    case = ReaderCase(factory, sample, suffix, expected, broken or {})
    return [*examples.check.for_case(case), *files.check.for_case(case)]


def check_reader(
    factory: Callable[..., Reader],
    sample: str | bytes | Path | None = None,
    *,
    suffix: str = ".txt",
    expected: Sequence[tuple[Any, Any]] | None = None,
    broken: Mapping[str, int] | None = None,
) -> None:
    """Run all checks of a reader. Arguments as for `checks_for_reader`.

    Raises:
        CheckFailure: what is wrong and how to fix it.
    """
    require_all(checks_for_reader(factory, sample, suffix=suffix, expected=expected, broken=broken), "this reader")
