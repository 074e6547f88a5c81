"""Metrics of translations against their targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

BleuTokenizer = Literal["13a", "intl", "zh", "char", "none"]


def translation_metrics(
    translations: Sequence[str], targets: Sequence[str], bleu_tokenizer: BleuTokenizer
) -> dict[str, Any]:
    """Return the metrics of a corpus.

    Returns:
        `exact_match`, the fraction of translations that equal their targets; `bleu` of the corpus, 0 to 100 (Papineni
        et al., 2002), and `bleu_signature`, the settings that it was computed with (Post, 2018), both left out if no
        target has four tokens, so that the precision of 4-grams is undefined; `chrf`, the F-score of character
        n-grams, 0 to 100 (Popović, 2015: n up to 6, recall counts twice); `character_error_rate`, the edit distance to
        the targets divided by their number of characters, which may exceed 1.
    """
    from sacrebleu.metrics import BLEU, CHRF

    pairs = list(zip(translations, targets, strict=True))
    edits = sum(edit_distance(translation, target) for translation, target in pairs)
    corpus = list(translations), [list(targets)]
    bleu = BLEU(tokenize=bleu_tokenizer, force=True)
    has_bleu = any(len(bleu.tokenizer(target).split()) >= bleu.max_ngram_order for target in targets)
    return (
        {"exact_match": sum(translation == target for translation, target in pairs) / len(pairs)}
        | ({"bleu": bleu.corpus_score(*corpus).score} if has_bleu else {})
        | {
            "chrf": CHRF().corpus_score(*corpus).score,
            "character_error_rate": edits / max(sum(map(len, targets)), 1),
        }
        | ({"bleu_signature": str(bleu.get_signature())} if has_bleu else {})
    )


def edit_distance(one: str, other: str) -> int:
    """Return the number of insertions, deletions and substitutions between two texts (Levenshtein, 1966).

    A column of the table of distances is represented by the bits of two integers: the rows where the distance rises by
    one, and those where it falls by one (Myers, 1999, in the form of Hyyrö, 2003).
    """
    if not one:
        return len(other)
    positions: dict[str, int] = {}
    for position, character in enumerate(one):
        positions[character] = positions.get(character, 0) | 1 << position
    all_rows, last_row = (1 << len(one)) - 1, 1 << len(one) - 1
    rises, falls, distance = all_rows, 0, len(one)
    for character in other:
        equal = positions.get(character, 0)
        level = (((equal & rises) + rises) ^ rises) | equal | falls
        right_rises, right_falls = falls | (all_rows & ~(level | rises)), rises & level
        distance += bool(right_rises & last_row) - bool(right_falls & last_row)
        right_rises = right_rises << 1 | 1
        rises = (right_falls << 1 | (all_rows & ~(level | right_rises))) & all_rows
        falls = right_rises & level
    return distance
