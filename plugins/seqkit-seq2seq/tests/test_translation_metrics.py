"""Tests of the metrics against their definitions, and of the baseline."""

from __future__ import annotations

from collections import Counter

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


def chrf_by_definition(outputs: list[str], targets: list[str]) -> float:
    """Return the F2-score of the mean precision and the mean recall of character 1- to 6-grams, without white space.

    Orders without an n-gram in the outputs or in the targets are left out of the means. As in the implementation of the
    author (chrF++.py), the n-grams of an output whose target is shorter than n are not counted.
    """
    precisions, recalls = [], []
    for order in range(1, 7):
        matches = in_outputs = in_targets = 0
        for pair in zip(outputs, targets, strict=True):
            texts = ["".join(text.split()) for text in pair]
            output, target = (
                Counter(text[start : start + order] for start in range(len(text) - order + 1)) for text in texts
            )
            matches += (output & target).total()
            in_outputs += output.total() if target else 0
            in_targets += target.total()
        if in_outputs and in_targets:
            precisions.append(matches / in_outputs)
            recalls.append(matches / in_targets)
    if not any(precisions):
        return 0.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return 100 * 5 * precision * recall / (4 * precision + recall)


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.text("ab 年", max_size=12), st.text("ab 年", min_size=1, max_size=12)), min_size=1))
def test_chrf_equals_its_definition(pairs: list[tuple[str, str]]) -> None:
    outputs, targets = map(list, zip(*pairs, strict=True))
    chrf = translation_metrics(outputs, targets, "13a")["chrf"]
    assert chrf == pytest.approx(chrf_by_definition(outputs, targets), abs=1e-6)


@pytest.mark.parametrize(
    ("targets", "tokenizer", "is_defined"),
    [
        (["a", "bb c d"], "13a", False),
        (["a", "bb c d"], "char", True),
        (["a", "1.4 kg, x"], "13a", True),
        (["今天很好"], "13a", False),
        (["今天很好"], "zh", True),
    ],
)
def test_bleu_is_left_out_without_4_grams(targets: list[str], tokenizer: str, is_defined: bool) -> None:
    for outputs in (targets, ["x"] * len(targets)):
        metrics = translation_metrics(outputs, targets, tokenizer)
        assert ("bleu" in metrics, "bleu_signature" in metrics) == (is_defined, is_defined)
        assert {"exact_match", "chrf", "character_error_rate"} <= set(metrics)


def test_metrics_of_perfect_translations() -> None:
    metrics = translation_metrics(TARGETS, TARGETS, "13a")
    assert (metrics["exact_match"], metrics["character_error_rate"]) == (1, 0)
    assert (metrics["bleu"], metrics["chrf"]) == (pytest.approx(100), pytest.approx(100))


def test_most_similar_targets() -> None:
    texts = [f"number {number} of many" for number in range(300)]
    targets = [str(number) for number in range(300)]
    assert most_similar_targets(texts, targets, [f"{text}!" for text in texts]) == targets
    assert most_similar_targets(["ab", "ab"], ["first", "second"], ["ab", "xyz"]) == ["first", "first"]
