"""Tests of the metrics against their definitions, and of the baseline."""

from __future__ import annotations

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_seq2seq.baselines import most_similar_targets
from seqkit_seq2seq.metrics import edit_distance, translation_metrics

OUTPUTS = ["the cat sat on the mat", "我 今天 很 开心", "", "a b c d e"]
TARGETS = ["the cat sat on a mat", "我 今天 很 开心", "something", "a b c d f"]


def distance_by_table(one: str, other: str) -> int:
    """Return the edit distance from the full table of distances."""
    row = list(range(len(other) + 1))
    for position, character in enumerate(one, start=1):
        previous, row = row, [position]
        for column, column_character in enumerate(other, start=1):
            row.append(min(previous[column] + 1, row[-1] + 1, previous[column - 1] + (character != column_character)))
    return row[-1]


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(st.text("ab年", max_size=9), st.text("ab年", max_size=9))
def test_edit_distance_equals_full_table(one: str, other: str) -> None:
    assert edit_distance(one, other) == distance_by_table(one, other)


def test_edit_distance_of_long_texts() -> None:
    one, other = "kitten" * 40, "sitting" * 35
    assert edit_distance(one, other) == distance_by_table(one, other)


@pytest.mark.parametrize("tokenizer", ["13a", "intl", "zh", "char", "none"])
def test_metrics_equal_sacrebleu_and_the_definitions(tokenizer: str) -> None:
    metrics = translation_metrics(OUTPUTS, TARGETS, tokenizer)
    assert metrics["bleu"] == sacrebleu.corpus_bleu(OUTPUTS, [TARGETS], tokenize=tokenizer).score
    assert f"tok:{tokenizer}|" in metrics["bleu_signature"]
    assert metrics["exact_match"] == 0.25
    edits = sum(map(distance_by_table, OUTPUTS, TARGETS))
    assert metrics["character_error_rate"] == edits / sum(map(len, TARGETS))


def test_metrics_of_perfect_translations() -> None:
    metrics = translation_metrics(TARGETS, TARGETS, "13a")
    assert (metrics["exact_match"], metrics["character_error_rate"]) == (1, 0)
    assert metrics["bleu"] == pytest.approx(100)


def test_most_similar_targets() -> None:
    texts = [f"number {number} of many" for number in range(300)]
    targets = [str(number) for number in range(300)]
    assert most_similar_targets(texts, targets, [f"{text}!" for text in texts]) == targets
    assert most_similar_targets(["ab", "ab"], ["first", "second"], ["ab", "xyz"]) == ["first", "first"]
