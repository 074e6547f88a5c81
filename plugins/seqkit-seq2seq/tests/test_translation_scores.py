"""The scores against their definitions."""

from __future__ import annotations

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from seqkit_seq2seq.nearest import nearest_targets
from seqkit_seq2seq.scores import edit_distance, scores

OUTPUTS = ["the cat sat on the mat", "我 今天 很 开心", "", "a b c d e"]
TARGETS = ["the cat sat on a mat", "我 今天 很 开心", "something", "a b c d f"]


def table_of_distances(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for place, character in enumerate(one, start=1):
        before, row = row, [place]
        for column, another in enumerate(other, start=1):
            row.append(min(before[column] + 1, row[-1] + 1, before[column - 1] + (character != another)))
    return row[-1]


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(st.text("ab年", max_size=9), st.text("ab年", max_size=9))
def test_edit_distance_is_that_of_the_table(one: str, other: str) -> None:
    assert edit_distance(one, other) == table_of_distances(one, other)


def test_edit_distance_of_long_texts() -> None:
    one, other = "kitten" * 40, "sitting" * 35
    assert edit_distance(one, other) == table_of_distances(one, other)


@pytest.mark.parametrize("tokenizer", ["13a", "intl", "zh", "char", "none"])
def test_scores_are_sacrebleus_and_the_definitions(tokenizer: str) -> None:
    found = scores(OUTPUTS, TARGETS, tokenizer)
    assert found["bleu"] == sacrebleu.corpus_bleu(OUTPUTS, [TARGETS], tokenize=tokenizer).score
    assert f"tok:{tokenizer}|" in found["bleu_signature"]
    assert found["exact_match"] == 0.25
    edits = sum(map(table_of_distances, OUTPUTS, TARGETS))
    assert found["character_error_rate"] == edits / sum(map(len, TARGETS))


def test_perfect_outputs() -> None:
    found = scores(TARGETS, TARGETS, "13a")
    assert (found["exact_match"], found["character_error_rate"]) == (1, 0)
    assert found["bleu"] == pytest.approx(100)


def test_the_nearest_training_text_answers() -> None:
    texts = [f"number {number} of many" for number in range(300)]
    targets = [str(number) for number in range(300)]
    assert nearest_targets(texts, targets, [f"{text}!" for text in texts]) == targets
    assert nearest_targets(["ab", "ab"], ["first", "second"], ["ab", "xyz"]) == ["first", "first"]
