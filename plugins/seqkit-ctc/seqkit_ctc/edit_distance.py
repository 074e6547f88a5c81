"""How far what was recognised is from what was said."""

from __future__ import annotations

from collections.abc import Sequence


def edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Returns the fewest insertions, deletions and substitutions of a label that make one into the other.

    Reference: Levenshtein, 1966; the recursion over a table is Wagner's and Fischer's, 1974.
    """
    above = list(range(len(hypothesis) + 1))  # a row of the table: the distance to each beginning of the hypothesis
    for row, wanted in enumerate(reference, start=1):
        here = [row]
        for column, given in enumerate(hypothesis, start=1):
            here.append(min(above[column] + 1, here[-1] + 1, above[column - 1] + (wanted != given)))
        above = here
    return above[-1]


def label_error_rate(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> float:
    """Returns the edit distances of all pairs together, over the number of labels in the references.

    It may be above 1, where more is recognised than was said. Of references that hold no label at all it is the number
    of labels recognised.
    """
    errors = sum(edit_distance(*pair) for pair in zip(references, hypotheses, strict=True))
    return errors / max(1, sum(map(len, references)))
