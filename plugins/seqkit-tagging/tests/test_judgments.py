"""Judgments of tags and entities, which the list of a run's errors contains."""

from __future__ import annotations

from typing import Any

import pytest
from seqkit_tagging.alignment import judge_entities, judge_words
from seqkit_tagging.crf import CRF

from seqkit.contracts import Example

WORDS = ["Sarah", "Li", "met", "Bob", "in", "New", "York", "today"]
TRUTH = ["B-PER", "I-PER", "O", "B-PER", "O", "B-LOC", "I-LOC", "O"]


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        (
            "B-PER I-PER O B-PER O B-LOC I-LOC O",
            [
                ("PER Sarah Li",) * 2 + ("correct",),
                ("PER Bob",) * 2 + ("correct",),
                ("LOC New York",) * 2 + ("correct",),
            ],
        ),
        (
            "B-PER O O B-LOC O O O B-PER",
            [
                ("PER Sarah Li", "PER Sarah", "boundary"),
                ("PER Bob", "LOC Bob", "type"),
                ("LOC New York", None, "missed"),
                (None, "PER today", "spurious"),
            ],
        ),
        (
            "O B-PER I-PER I-PER O B-LOC B-LOC O",  # one entity that shares words with two, and two that share with one
            [
                ("PER Sarah Li; PER Bob", "PER Li met Bob", "boundary"),
                ("LOC New York", "LOC New; LOC York", "boundary"),
            ],
        ),
    ],
)
def test_entities_that_share_words_are_judged_together(predicted: str, expected: list[Any]) -> None:
    found = list(judge_entities(4, WORDS, TRUTH, {"tags": predicted.split()}))
    assert [(each.truth, each.prediction, each.facts["kind"]) for each in found] == expected
    assert [each.is_error for each in found] == [kind != "correct" for _, _, kind in expected]
    assert {each.example for each in found} == {4}


def test_the_surest_entity_decides_the_order() -> None:
    tags = ["O", "B-PER", "I-PER", "I-PER", "O", "B-LOC", "B-LOC", "O"]
    prediction = {"tags": tags, "probabilities": [1.0] * 8, "entity_probabilities": [0.5, 0.9, 0.7]}
    found = list(judge_entities(0, None, TRUTH, prediction))
    assert [(each.order, each.probability) for each in found] == [(0.5, 0.5), (0.9, 0.9)]
    assert found[0].truth == "PER 0 to 2; PER 3 to 4"  # features have no words
    assert (found[1].facts["start"], found[1].facts["end"]) == (5, 7)
    (missed,) = judge_entities(0, None, ["B-PER"], {"tags": ["O"], "entity_probabilities": []})
    assert (missed.order, missed.probability) == (0.0, None)


def test_words_are_judged_if_tags_mark_no_entities() -> None:
    found = list(judge_words(1, ["a", "b"], ["N", "V"], {"tags": ["N", "N"], "probabilities": [0.9, 0.6]}))
    assert [(each.is_error, each.truth, each.prediction, each.order) for each in found] == [
        (False, "N", "N", 0.9),
        (True, "V", "N", 0.6),
    ]
    assert found[1].facts == {"word": "b", "start": 1, "end": 2}


def test_examples_that_are_skipped_have_no_judgment() -> None:
    head = CRF(scheme="bio", invalid_tags="skip")
    examples = [Example(["a"], ["B-PER"]), Example(["b"], ["wrong"]), Example(["c"], ["B-PER"])]
    head.fit(examples, None)
    found = list(head.judge([{"tags": ["B-PER"]}, {"tags": ["O"]}], examples, tokenizer=None))
    assert [(each.example, each.is_error) for each in found] == [(0, False), (2, True)]
