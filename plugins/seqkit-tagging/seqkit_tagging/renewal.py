"""Parts of long sentences, which another epoch begins elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqkit.contracts import Row
from seqkit_tagging.spans import Span


def crop_sentence(row: Row, length: int, entities: Sequence[Span], generator: np.random.Generator) -> Row:
    """Return a part of a row, from a word sampled at random; a shorter row as it is.

    No entity is cut: the part contains all of those that share a word with it.

    Args:
        row: a sentence with the ids of its tags.
        length: in words.
        entities: the entities of the sentence.
        generator: the random numbers.
    """
    if len(row.input) <= length:
        return row
    first = int(generator.integers(len(row.input) - length + 1))
    touched = [entity for entity in entities if entity.start < first + length and first < entity.end]
    start = min([first, *(entity.start for entity in touched)])
    end = max([first + length, *(entity.end for entity in touched)])
    return Row(row.input[start:end], row.target[start:end])
