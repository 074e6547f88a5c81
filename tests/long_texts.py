"""What the tests of long texts share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqkit.errors import SeqkitError
from seqkit.recipe import Recipe
from seqkit.registry import load_registry
from seqkit.resolve import resolve

TEXT = "我今天很开心。\r\nTo be, or not to be:\tthat is the question\n\n" * 40 + "zebra  \n"


def answer(call: Callable[[], Any]) -> Any:
    """Returns what a call returns, or what its error says."""
    try:
        return call()
    except SeqkitError as error:
        return type(error), str(error)


def plan_of(path: Path, tokenizer: Any = "char", split: dict[str, Any] | None = None, **sections: Any) -> Any:
    recipe = {
        "data": {"type": "text", "path": str(path)} | ({"split": split} if split else {}) | sections.pop("data", {}),
        "tokenizer": tokenizer,
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": "next_char",
        "train": {"steps": 1, "batch_size": 3, "sequence_length": 7},
    } | sections
    return resolve(Recipe(recipe, ""), load_registry())
