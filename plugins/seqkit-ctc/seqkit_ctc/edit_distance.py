"""The edit distance between transcripts and targets."""

from __future__ import annotations

from collections.abc import Sequence


def edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Return the minimum number of insertions, deletions and substitutions that turn one sequence into the other.

    References: Levenshtein, 1966; the dynamic program is that of Wagner and Fischer, 1974.
    """
    previous = list(range(len(hypothesis) + 1))  # a row of the table: the distances to the prefixes of the hypothesis
    for row, expected in enumerate(reference, start=1):
        current = [row]
        for column, actual in enumerate(hypothesis, start=1):
            current.append(min(previous[column] + 1, current[-1] + 1, previous[column - 1] + (expected != actual)))
        previous = current
    return previous[-1]


def label_error_rate(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> float:
    """Return the sum of the edit distances of all pairs, divided by the number of labels in the references.

    The rate is above 1 if there are more errors than labels in the references. If the references have no labels at all,
    it is the number of labels in the hypotheses.
    """
    errors = sum(edit_distance(*pair) for pair in zip(references, hypotheses, strict=True))
    return errors / max(1, sum(map(len, references)))
