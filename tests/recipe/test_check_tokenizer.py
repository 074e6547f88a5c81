"""A head that cannot use the tokenizer is rejected before data is read."""

from __future__ import annotations

from typing import Any

import pytest

from seqkit.errors import RecipeError
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

RECIPE: dict[str, Any] = {
    "data": {"type": "sequences", "path": "absent.jsonl"},
    "encoder": {"type": "lstm", "hidden_size": 2},
}


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        (
            {"type": "classify", "ngrams": 2},
            "head.ngrams: must be 0 for a reader of features, which have no tokens",
        ),
        (
            {"type": "multi_label", "mask": 0.1},
            "head.mask: must be 0 for a reader of features, which have no tokens",
        ),
        ("next_char", "head: there are no tokens to predict: the reader yields features, not text"),
    ],
)
def test_a_head_that_needs_tokens(head: Any, fault: str) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve(read_recipe(RECIPE | {"head": head}), load_registry())
    assert caught.value.lines == [f"recipe: {fault}"]


def test_a_tokenizer_with_a_fault_is_reported_alone() -> None:
    data = {"type": "table", "path": "a.csv"}
    recipe = RECIPE | {"data": data, "tokenizer": {"type": "char", "min_count": 2}, "head": "next_char"}
    with pytest.raises(RecipeError) as caught:
        resolve(read_recipe(recipe), load_registry())
    assert [line.partition(": ")[2].partition(":")[0] for line in caught.value.lines] == ["tokenizer.min_count"]
