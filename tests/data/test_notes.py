"""Notes that readers and heads issue about examples."""

from __future__ import annotations

import warnings

import pytest

from seqkit.contracts import DataNote
from seqkit.data.notes import collect_notes


def test_a_note_counts_the_examples_and_names_the_first() -> None:
    notes: list[str] = []
    with collect_notes(notes):
        for line in (3, 7, 9):
            warnings.warn(DataNote("skipped: too short", f"a.csv:{line}"), stacklevel=1)
        warnings.warn(DataNote("repaired: I-X after O", "b.conll:1"), stacklevel=1)
        for _ in range(1200):
            warnings.warn(DataNote("skipped: empty"), stacklevel=1)
    assert notes == [
        "skipped: too short (examples: 3, the first at a.csv:3)",
        "b.conll:1: repaired: I-X after O",
        "skipped: empty (examples: 1,200)",
    ]


def test_other_warnings_are_shown_and_errors_keep_the_notes() -> None:
    notes: list[str] = []
    with pytest.warns(UserWarning, match="^other$"), pytest.raises(ValueError, match="broken"), collect_notes(notes):
        warnings.warn("other", stacklevel=1)
        warnings.warn(DataNote("skipped", "a:1"), stacklevel=1)
        raise ValueError("broken")
    assert notes == ["a:1: skipped"]
