"""Tests of what a classifier shows in the report."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqkit.contracts import Example, TextPair
from seqkit.heads.label_exhibits import label_exhibits


def prediction(**probabilities: float) -> dict[str, Any]:
    return {"label": max(probabilities, key=lambda label: probabilities[label]), "probabilities": probabilities}


def test_worst_errors_are_those_that_the_model_is_surest_of() -> None:
    examples = [
        Example("a", "x", row=1),
        Example("b", "x", row=2),
        Example("c", "new", row=3),
        Example("d", "y", row=4),
    ]
    predictions = [
        prediction(x=0.3, y=0.7),
        prediction(x=0.1, y=0.9),
        prediction(x=0.55, y=0.45),
        prediction(x=0.2, y=0.8),
    ]
    worst, unsure, _ = label_exhibits(predictions, examples)
    assert worst.rows == ((2, "b", "x", "y", 0.9, 0.1), (1, "a", "x", "y", 0.7, 0.3), (3, "c", "new", "x", 0.55, None))
    assert worst.note == "3 of 3 errors in 4 examples: those in which the model is surest."
    assert [row[0] for row in unsure.rows] == [3, 1, 4, 2]


def test_long_texts_are_cut_and_features_are_counted() -> None:
    examples = [Example("a" * 500, "x"), Example(("two", "words"), "x"), Example(np.zeros((3, 2)), "x")]
    table, _ = label_exhibits([prediction(x=0.9, y=0.1)] * 3, examples)
    assert [row[0] for row in table.rows] == ["a" * 399 + "…", "two words", "3 time steps of features"]


def test_without_errors_only_the_least_sure_are_shown() -> None:
    table, _ = label_exhibits([prediction(x=0.6, y=0.4)], [Example("a", "x")])
    assert (table.title, table.columns[0]) == ("Least sure", "text")


def test_pair_is_shown_as_its_texts() -> None:
    table, _ = label_exhibits([prediction(x=0.6, y=0.4)], [Example(TextPair("a man", "a woman"), "x")])
    assert table.rows[0][0] == "a man\na woman"
