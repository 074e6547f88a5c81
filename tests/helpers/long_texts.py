"""A text, a plan that reads it, and a way to compare results including errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqkit.errors import SeqkitError
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.resolve import resolve
from seqkit.registry import load_registry

TEXT = "我今天很开心。\r\nTo be, or not to be:\tthat is the question\n\n" * 40 + "zebra  \n"


def result_or_error(call: Callable[[], Any]) -> Any:
    """Return the result of a call, or the type and message of its error."""
    try:
        return call()
    except SeqkitError as error:
        return type(error), str(error)


def text_plan(path: Path, tokenizer: Any = "char", split: dict[str, Any] | None = None, **sections: Any) -> Any:
    """Return the plan of a recipe that reads one text file, with `sections` in place of the recipe's."""
    recipe = {
        "data": {"type": "text", "path": str(path)} | ({"split": split} if split else {}) | sections.pop("data", {}),
        "tokenizer": tokenizer,
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": "next_char",
        "train": {"steps": 1, "batch_size": 3, "sequence_length": 7},
    } | sections
    return resolve(Recipe(recipe, ""), load_registry())
