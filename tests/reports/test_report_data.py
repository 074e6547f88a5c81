"""Tests of report.json: what a run records for its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.recipes import classification_recipe
from seqkit.training import report_data


def recorded(recipe: dict[str, Any], folder: Path) -> dict[str, Any]:
    run = seqkit.run(recipe, runs=folder, quiet=True, train__epochs=1)
    return json.loads((run.path / "report.json").read_text(encoding="utf-8"))


def test_sizes_lengths_labels_and_repeated_examples_are_counted(tmp_path: Path) -> None:
    recipe = classification_recipe(tmp_path)
    (tmp_path / "reviews.csv").write_text("text,label\n好吃,pos\n难吃的,neg\n很好,pos\n", encoding="utf-8")
    (tmp_path / "test.csv").write_text("text,label\n好吃,pos\n好难,neg\n,neg\n吃吃吃,new\n", encoding="utf-8")
    data = recorded(recipe | {"data": recipe["data"] | {"empty": "skip"}}, tmp_path)["data"]
    assert data["splits"] == {
        "train": {"examples": 3, "rows": 3, "time_steps": 7, "also_in_train": None},
        "test": {"examples": 3, "rows": 3, "time_steps": 7, "also_in_train": 1},
    }
    assert data["labels"] == {
        "names": ["pos", "neg", "new"],
        "left_out": 0,
        "counts": {"train": [2, 1, 0], "test": [1, 1, 1]},
    }
    assert data["lengths"] == {
        "edges": [2, 3, 4],
        "counts": {"train": [2, 1], "test": [2, 1]},
        "median": {"train": 2.0, "test": 2.0},
        "longest": {"train": 3, "test": 3},
    }
    assert any("new" in note for note in data["notes"])
    assert str(tmp_path) not in json.dumps(data)


def test_of_many_lengths_each_is_in_one_interval(tmp_path: Path) -> None:
    recipe = classification_recipe(tmp_path)
    rows = "".join(f"{'好' * number},{'pn'[number % 2]}\n" for number in range(1, 101))
    (tmp_path / "reviews.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    (tmp_path / "test.csv").write_text("text,label\n好,p\n", encoding="utf-8")
    lengths = recorded(recipe | {"predict": []}, tmp_path)["data"]["lengths"]
    assert lengths["edges"] == list(range(1, 102, 5))[:21]
    assert lengths["counts"]["train"] == [5] * 20


def test_too_many_exhibits_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vowel_recipe: dict[str, Any]
) -> None:
    monkeypatch.setattr(report_data, "MAX_EXHIBITS_BYTES", 100)
    assert recorded(vowel_recipe, tmp_path)["exhibits"] == {"valid": [], "test": []}


def test_the_layers_are_those_of_the_model(classification_run: Path) -> None:
    model = json.loads((classification_run / "report.json").read_text())["model"]
    assert model["layers"]["head.output"] == "Linear"
    assert model["multiply_adds"]["head.output"] == 8 * 2
    assert model["sizes"]["encoder"] == 8
    assert model["causal"] is False
