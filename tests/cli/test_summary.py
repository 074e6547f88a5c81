"""`seqkit summary`, and what `seqkit check` finds by building the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers.commands import error_line
from helpers.recipes import RECIPES, write_recipe

TEXT = {"type": "text", "text": "hello world"}


def test_the_summary_of_a_recipe(run_command, tmp_path: Path) -> None:
    recipe: dict[str, Any] = {"data": TEXT, "embedding": {"type": "learned", "dim": 6}, "head": "next_char"}
    path = write_recipe(tmp_path / "a.yaml", recipe | {"encoder": {"type": "lstm", "hidden_size": 5, "num_layers": 2}})
    found = json.loads(run_command("summary", path, "--json").out)
    vocabulary = len(set("hello world"))
    lstm = [4 * 5 * (width + 5) for width in (6, 5)]
    assert found["weights"] == 6 * vocabulary + sum(lstm) + 2 * 2 * 4 * 5 + (5 + 1) * vocabulary
    assert found["multiply_adds"] == sum(lstm) + 5 * vocabulary
    by_name = {layer["name"]: layer for layer in found["layers"]}
    assert by_name["head.output"]["shapes"] == {"weight": [vocabulary, 5], "bias": [vocabulary]}
    lines = run_command("summary", path).out.splitlines()
    assert lines[0].split() == ["layer", "class", "output", "shapes", "weights", "multiply-adds"]
    assert lines[-1].startswith(f"weights: {found['weights']:,} ({found['weights']:,} trained)")


def test_the_shapes_of_outputs(run_command) -> None:
    found = json.loads(run_command("summary", RECIPES / "scores.yaml", "--json").out)
    outputs = {layer["name"]: layer["output"] for layer in found["layers"]}
    assert outputs["embedding"] == ["batch", "time", 32]
    assert outputs["encoder"] == ["batch", "time", 64]
    assert outputs["head.output"] == ["batch", 1]


def test_the_summary_of_a_run_is_that_of_its_recipe(classification_run: Path, run_command) -> None:
    of_run = json.loads(run_command("summary", classification_run, "--json").out)
    assert {layer["name"] for layer in of_run["layers"]} > {"encoder", "head.output"}
    assert of_run["weights"] > 0
    assert "a run takes no KEY=VALUE" in error_line(run_command("summary", classification_run, "seed=2"))


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"embedding": {"type": "bigrams", "dim": 4}}, "embedding.type: 'bigrams' is not causal"),
        (
            {"embedding": {"type": "learned", "dim": 4}, "head": {"type": "next_char", "tied": True}},
            "head.tied: requires vectors as wide as the encoder's outputs (5)",
        ),
        ({"train": {"groups": [{"parameters": "encoder.no*"}]}}, "'encoder.no*' matches no trained parameter"),
        (
            {"data": {"type": "table", "path": "t.csv"}, "head": "classify", "predict": [["a", "b"]]},
            "predict.0: must be one of the inputs that the recipe reads: single texts",
        ),
    ],
)
def test_check_rejects_what_run_rejects(tmp_path: Path, run_command, sections: dict[str, Any], words: str) -> None:
    (tmp_path / "t.csv").write_text("text,label\na b,x\nb a,y\n")
    recipe = {"data": TEXT, "encoder": {"type": "lstm", "hidden_size": 5}, "head": "next_char"} | sections
    path = write_recipe(tmp_path / "a.yaml", recipe)
    checked = run_command("check", path)
    assert checked.code == 2
    assert words in error_line(checked)
    assert run_command("run", path).err == checked.err


def test_check_prints_the_layers_as_comments(run_command) -> None:
    lines = run_command("check", RECIPES / "char_gen.yaml").out.splitlines()
    (start,) = (place for place, line in enumerate(lines) if line.startswith("# The layers;"))
    assert all(line.startswith("# ") for line in lines[start:])
    (output,) = (line.split() for line in lines if line.startswith("# head.output "))
    assert output[3:6] == ["weight", "*", "×"] and output[-1] == "*"
