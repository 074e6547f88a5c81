"""How good outputs are, beside what they should have been."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

BleuTokenizer = Literal["13a", "intl", "zh", "char", "none"]


def scores(outputs: Sequence[str], targets: Sequence[str], bleu_tokenizer: BleuTokenizer) -> dict[str, Any]:
    """Scores a corpus.

    Returns:
        `exact_match`, the share of outputs equal to their targets; `bleu`, of the corpus, 0 to 100 (Papineni et al.,
        2002), and `bleu_signature`, which says how it was reckoned (Post, 2018); `character_error_rate`, the edits that
        would make targets of the outputs over the targets' characters, which may exceed 1.
    """
    from sacrebleu.metrics import BLEU

    bleu = BLEU(tokenize=bleu_tokenizer, force=True)
    pairs = list(zip(outputs, targets, strict=True))
    edits = sum(edit_distance(output, target) for output, target in pairs)
    return {
        "exact_match": sum(output == target for output, target in pairs) / len(pairs),
        "bleu": bleu.corpus_score(list(outputs), [list(targets)]).score,
        "character_error_rate": edits / max(sum(map(len, targets)), 1),
        "bleu_signature": str(bleu.get_signature()),
    }


def edit_distance(one: str, other: str) -> int:
    """Returns how many insertions, deletions and substitutions make one text of the other: Levenshtein, 1966.

    A column of the table of distances is held as the bits of two integers, of where it rises and where it falls by one
    (Myers, 1999, as Hyyrö, 2003, tells it).
    """
    if not one:
        return len(other)
    places: dict[str, int] = {}
    for place, character in enumerate(one):
        places[character] = places.get(character, 0) | 1 << place
    every, last = (1 << len(one)) - 1, 1 << len(one) - 1
    rises, falls, distance = every, 0, len(one)
    for character in other:
        equal = places.get(character, 0)
        level = (((equal & rises) + rises) ^ rises) | equal | falls
        right_rises, right_falls = falls | (every & ~(level | rises)), rises & level
        distance += bool(right_rises & last) - bool(right_falls & last)
        right_rises = right_rises << 1 | 1
        rises = (right_falls << 1 | (every & ~(level | right_rises))) & every
        falls = right_rises & level
    return distance
