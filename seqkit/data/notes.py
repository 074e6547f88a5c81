"""Collect the notes that readers and heads issue about examples."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from seqkit.contracts import DataNote
from seqkit.messages import message


@contextmanager
def collect_notes(notes: list[str]) -> Iterator[None]:
    """Count the `DataNote`s that are issued in the block, and append one note per text. Other warnings are unchanged.

    Args:
        notes: receives `{text}: {number of examples}, the first at {location}`, also if the block raises an error.
    """
    counts: dict[str, int] = {}
    first: dict[str, str] = {}
    with warnings.catch_warnings():
        show = warnings.showwarning

        def record(
            warning: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not isinstance(warning, DataNote):
                show(warning, category, filename, lineno, file, line)
                return
            counts[warning.text] = counts.get(warning.text, 0) + 1
            first.setdefault(warning.text, warning.location)

        warnings.showwarning = record  # type: ignore[assignment]  # a parameter has another name
        warnings.simplefilter("always", DataNote)
        try:
            yield
        finally:
            notes += [_summarize(text, count, first[text]) for text, count in counts.items()]


@contextmanager
def report_notes() -> Iterator[None]:
    """Issue one warning for each text of the `DataNote`s that are issued in the block, also if it raises an error."""
    notes: list[str] = []
    try:
        with collect_notes(notes):
            yield
    finally:
        for note in notes:
            warnings.warn(note, stacklevel=4)


def _summarize(text: str, count: int, location: str) -> str:
    if not location:
        return message("{text} (examples: {count:,})", text=text, count=count)
    if count == 1:
        return message("{location}: {text}", location=location, text=text)
    return message("{text} (examples: {count:,}, the first at {location})", text=text, count=count, location=location)
