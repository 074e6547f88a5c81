"""What the heads `regress` and `multi_label` say about each prediction, for the list of errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.contracts import Example
from seqkit.heads.multi_label import MultiLabel
from seqkit.heads.regress import Regress
from seqkit.testing import check_head

NUMBERS = [Example(text, target) for text, target in zip("abcd", (1.0, 2.0, 3.0, 6.0), strict=True)]
SETS = [Example(text, target) for text, target in zip("abcd", (["x"], ["x", "y"], [], ["y"]), strict=True)]


@pytest.mark.parametrize(("head", "examples"), [(Regress, NUMBERS), (MultiLabel, SETS)])
def test_contract(head: Any, examples: list[Example]) -> None:
    check_head(head, examples)


def test_numbers_are_ordered_by_how_far_off_they_are() -> None:
    head = Regress()
    head.fit(NUMBERS, None)
    found = list(head.judge([{"value": value} for value in (1.5, 2.0, 1.0, 6.25)], NUMBERS, tokenizer=None))
    assert [(each.truth, each.prediction, each.facts["absolute_error"]) for each in found] == [
        (1.0, 1.5, 0.5),
        (2.0, 2.0, 0.0),
        (3.0, 1.0, 2.0),
        (6.0, 6.25, 0.25),
    ]
    assert [each.is_error for each in found] == [True, False, True, True]
    assert sorted(range(4), key=lambda number: -found[number].order) == [2, 0, 3, 1]


def test_several_numbers_are_compared_in_standard_deviations() -> None:
    examples = [Example("a", [0, 0]), Example("b", [1, 1000])]
    head = Regress()
    head.fit(examples, None)  # standard deviations 0.5 and 500
    large, small = head.judge([{"value": [1, 0]}, {"value": [1, 1100]}], examples, tokenizer=None)
    assert (large.order, small.order) == pytest.approx((1.0, 0.1))
    assert (small.truth, small.facts["absolute_error"]) == ([1.0, 1000.0], [0.0, 100.0])


def test_sets_of_labels_are_ordered_by_the_surest_wrong_decision() -> None:
    head = MultiLabel()
    head.fit(SETS, None)
    examples = [*SETS[:3], Example("e", ["new"])]
    predictions = [
        {"labels": ["y"], "probabilities": {"x": 0.3, "y": 0.6}},  # x is missed, y spurious
        {"labels": ["x", "y"], "probabilities": {"x": 0.9, "y": 0.55}},
        {"labels": ["x"], "probabilities": {"x": 0.95, "y": 0.2}},
        {"labels": [], "probabilities": {"x": 0.1, "y": 0.1}},
    ]
    both, right, spurious, unknown = head.judge(predictions, examples, tokenizer=None)
    assert (both.truth, both.prediction) == (["x"], ["y"])
    assert both.facts == {"missed": ["x"], "spurious": ["y"]}
    assert both.probability == both.order == 0.7  # the model is surer that x is absent than that y is present
    assert (spurious.is_error, spurious.probability) == (True, 0.95)
    assert (right.is_error, right.probability) == (False, 0.55)  # the least sure of its decisions
    assert (unknown.is_error, unknown.probability, unknown.facts["missed"]) == (True, None, ["new"])


@pytest.mark.parametrize(
    ("head", "targets"), [("regress", [1.0, 2.0, 4.0] * 8), ("multi_label", [["x"], ["x", "y"], []] * 8)]
)
def test_runs_list_their_errors_the_worst_first(head: str, targets: list[Any], tmp_path: Path) -> None:
    texts = ["ab"[number % 2] * (1 + number % 3) for number in range(24)]
    recipe = {
        "data": {"type": "table", "split": {"by": "random", "test": 0.5}},
        "encoder": {"type": "lstm", "hidden_size": 2},
        "head": head,
        "train": {"epochs": 1, "threads": 1},
        "baseline": "off",
    }
    run = seqkit.run(recipe, data=(texts, targets), runs=tmp_path, quiet=True)
    errors = run.errors(list(zip(texts, targets, strict=True)))
    measure = [item["absolute_error"] if head == "regress" else item["probability"] for item in errors]
    assert measure and measure == sorted(measure, reverse=True)
    (example,) = [pair for number, pair in enumerate(zip(texts, targets, strict=True), 1) if is_at(errors[0], number)]
    assert (errors[0]["input"], errors[0]["truth"]) == example


def is_at(error: dict[str, Any], number: int) -> bool:
    return bool(error["location"] == f"pair {number}")
