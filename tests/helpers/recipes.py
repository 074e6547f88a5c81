"""Small recipes and their data."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2]
RECIPES = PROJECT / "recipes"
"""The recipes that the repository ships."""

SENTENCE = "In Beijing Sarah bought a basket of apples In Guangzhou Sarah bought a basket of bananas"

GENERATION_RECIPE: dict[str, Any] = {
    "name": "generation",
    "seed": 1,
    "data": {"type": "text", "text": "In Beijing Sarah bought a basket of apples"},
    "encoder": {"type": "lstm", "hidden_size": 6},
    "head": {"type": "next_char"},
    "train": {"epochs": 2, "threads": 1, "optimizer": {"type": "adam", "lr": 0.05}},
    "generate": {"prompt": "In Be", "length": 8},
    "baseline": "off",
}

CLASSIFICATION_RECIPE: dict[str, Any] = {
    "name": "classification",
    "data": {"type": "table", "path": "reviews.csv", "test": {"path": "test.csv"}},
    "encoder": {"type": "bilstm", "hidden_size": 4},
    "head": {"type": "sentiment"},
    "train": {"epochs": 3, "threads": 1},
    "predict": ["很好吃"],
    "baseline": "off",
}
REVIEWS = "text,label\n好吃,pos\n难吃,neg\n很好,pos\n很难,neg\n"
TEST_REVIEWS = "text,label\n好好,pos\n难难,neg\n好难,neg\n"

CHARACTER_RECIPE: dict[str, Any] = {
    "name": "char",
    "seed": 3,
    "data": {"type": "text", "text": SENTENCE},
    "encoder": {"type": "lstm", "hidden_size": 12},
    "head": {"type": "next_char"},
    "train": {"epochs": 4, "optimizer": {"type": "adam", "lr": 0.01}},
    "baseline": "off",
}

ALL_OPTIONS: dict[str, Any] = {
    "encoder": {
        "type": "lstm",
        "hidden_size": 8,
        "num_layers": 2,
        "dropout": 0.3,
        "input_dropout": 0.1,
        "output_dropout": 0.1,
        "variational": True,
        "weight_dropout": 0.2,
    },
    "head": {"type": "classify", "dropout": 0.2, "class_weights": "balanced", "label_smoothing": 0.1},
    "embedding": {"type": "learned", "dim": 5, "dropout": 0.1},
    "train__schedule": {"type": "cosine", "warmup": 5},
    "train__clip_norm": 0.5,
}
"""Overrides of `vowel_recipe` that use dropout everywhere, class weights, label smoothing, a schedule and clipping."""


def write_recipe(path: Path, recipe: dict[str, Any]) -> Path:
    """Write a recipe as YAML and return its path."""
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


def classification_recipe(folder: Path) -> dict[str, Any]:
    """Write the data of `CLASSIFICATION_RECIPE` into a folder and return the recipe that reads it."""
    (folder / "reviews.csv").write_text(REVIEWS, encoding="utf-8")
    (folder / "test.csv").write_text(TEST_REVIEWS, encoding="utf-8")
    recipe = copy.deepcopy(CLASSIFICATION_RECIPE)
    recipe["data"]["path"] = str(folder / "reviews.csv")
    recipe["data"]["test"]["path"] = str(folder / "test.csv")
    return recipe


def vowel_csv(count: int) -> str:
    """Return CSV text of `count` short words, each labelled by whether it begins with a vowel."""
    lines = ["text,label"]
    for number in range(count):
        text = "".join(
            chr(97 + (number * 7 + place * place * 3 + number // 11) % 26) for place in range(2 + number % 9)
        )
        lines.append(f"{text},{'vowel' if text[0] in 'aeiou' else 'consonant'}")
    return "\n".join(lines) + "\n"
