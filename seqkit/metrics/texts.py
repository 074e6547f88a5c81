"""Metrics of predicted texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from seqkit.contracts import Metric, Outcomes


class ErrorRate(Metric):
    """The edit distance of all texts, divided by the length of the true ones: 0 if there is no error.

    In words it is the WER of speech recognition, in characters the CER. It is undefined if all true texts are empty.

    Source: Levenshtein, 1966, "Binary codes capable of correcting deletions, insertions and reversals".

    Args:
        unit: what is inserted, deleted or replaced: words, separated by white space, or characters.
    """

    needs = frozenset({"texts"})
    higher_is_better = False

    def __init__(self, *, unit: Literal["word", "character"] = "word") -> None:
        self.unit = unit
        self.name = f"{unit}_error_rate"

    def score(self, outcomes: Outcomes) -> float | None:
        pairs = [
            (text.split(), other.split()) if self.unit == "word" else (text, other)
            for text, other in zip(outcomes.truth, outcomes.predicted, strict=True)
        ]
        length = sum(len(text) for text, _ in pairs)
        return sum(edit_distance(text, other) for text, other in pairs) / length if length else None


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the number of insertions, deletions and substitutions that turn one sequence into the other."""
    previous = list(range(len(other) + 1))
    for row, expected in enumerate(one, start=1):
        current = [row]
        for column, actual in enumerate(other, start=1):
            current.append(min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (expected != actual)))
        previous = current
    return previous[-1]
