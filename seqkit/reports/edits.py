"""The alignment of two sequences of tokens."""

from __future__ import annotations

from collections.abc import Sequence

_MAX_CELLS = 400_000
"""The size of the table beyond which sequences are not aligned: it would take a second."""


def align(expected: Sequence[str], predicted: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """Return the pairs of an alignment with the fewest insertions, deletions and substitutions.

    None is opposite a token that is inserted or deleted. Of very long sequences, only the common beginning is aligned.

    Reference: Wagner and Fischer, The String-to-String Correction Problem, 1974.
    """
    first = next(
        (number for number, (one, other) in enumerate(zip(expected, predicted, strict=False)) if one != other),
        min(len(expected), len(predicted)),
    )
    begin: list[tuple[str | None, str | None]] = [(token, token) for token in expected[:first]]
    expected, predicted = expected[first:], predicted[first:]
    if len(expected) * len(predicted) > _MAX_CELLS:
        return begin + [(token, None) for token in expected] + [(None, token) for token in predicted]
    table = [list(range(len(predicted) + 1))]
    for row, one in enumerate(expected, start=1):
        above, line = table[-1], [row]
        for column, other in enumerate(predicted, start=1):
            line.append(min(above[column] + 1, line[-1] + 1, above[column - 1] + (one != other)))
        table.append(line)
    pairs: list[tuple[str | None, str | None]] = []
    row, column = len(expected), len(predicted)
    while row or column:
        here = table[row][column]
        if row and column and here == table[row - 1][column - 1] + (expected[row - 1] != predicted[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((expected[row], predicted[column]))
        elif row and here == table[row - 1][column] + 1:
            row -= 1
            pairs.append((expected[row], None))
        else:
            column -= 1
            pairs.append((None, predicted[column]))
    return begin + pairs[::-1]
