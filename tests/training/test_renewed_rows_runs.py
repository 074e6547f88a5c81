"""Training on rows that are made anew in each epoch: exact resume, and evaluation of the rows as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.recipes import CHARACTER_RECIPE
from helpers.training import interrupted_run, reproducible_contents
from seqkit.errors import RecipeError

WINDOWS = {"train__sequence_length": 7, "train__batch_size": 3}


@pytest.mark.parametrize(
    "overrides",
    [
        WINDOWS | {"train__shift_windows": True},
        WINDOWS | {"train__shift_windows": True, "head__noise": 0.2, "train__carry_state": False},
        {"head__noise": 0.3},
        {"head__noise": 0.3, "head__objective": "prefix", "train__epochs": 2},
        WINDOWS | {"head__mask": 0.2},
        {"head__mask": 0.3, "head__noise": 0.1},
    ],
)
@pytest.mark.parametrize("after", [1, 5])
def test_resumed_run_equals_one_that_was_not_interrupted(after: int, overrides: dict[str, Any], tmp_path: Path) -> None:
    complete = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "complete", quiet=True, **overrides)
    if after > 1 and "train__sequence_length" not in overrides and "head__objective" not in overrides:
        after = 3  # of four steps
    path = interrupted_run(CHARACTER_RECIPE, tmp_path / "stopped", after, **overrides)
    assert reproducible_contents(seqkit.resume(path, quiet=True)) == reproducible_contents(complete)
    plain = {
        key: value
        for key, value in overrides.items()
        if key not in ("train__shift_windows", "head__noise", "head__mask")
    }
    other = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "plain", quiet=True, **plain)
    assert (other.path / "model.safetensors").read_bytes() != (complete.path / "model.safetensors").read_bytes()


def test_classifier_trains_on_parts_and_is_evaluated_on_whole_texts(vowel_recipe, tmp_path: Path) -> None:
    overrides = {"head__crop": 2, "head__noise": 0.1, "train__epochs": 3}
    run = seqkit.run(vowel_recipe, runs=tmp_path / "complete", quiet=True, **overrides)
    path = interrupted_run(vowel_recipe, tmp_path / "stopped", 5, **overrides)
    assert reproducible_contents(seqkit.resume(path, quiet=True)) == reproducible_contents(run)
    assert (
        json.loads((run.path / "plan.json").read_text())["data_sha256"]
        == json.loads(
            (seqkit.run(vowel_recipe, runs=tmp_path, quiet=True, train__epochs=1).path / "plan.json").read_text()
        )["data_sha256"]
    )
    assert run.predict(["abcdefgh"]) != run.predict(["ab"])


@pytest.mark.parametrize("change", ["noise", "mask"])
def test_training_loss_of_the_result_is_that_of_the_text_itself(change: str, tmp_path: Path) -> None:
    overrides = WINDOWS | {"train__shift_windows": True, f"head__{change}": 0.5}
    text = tmp_path / "text.txt"
    text.write_text(CHARACTER_RECIPE["data"]["text"])
    recipe = CHARACTER_RECIPE | {"data": {"type": "text", "path": str(text)}}
    run = seqkit.run(recipe, runs=tmp_path, quiet=True, **overrides)
    assert run.result["metrics"]["train"]["loss"] == pytest.approx(run.evaluate(text)["loss"])


def test_mask_has_an_id_that_no_text_has_and_is_resumed_in_a_classifier(vowel_recipe, tmp_path: Path) -> None:
    overrides = {"head__mask": 0.4, "train__epochs": 3}
    run = seqkit.run(vowel_recipe, runs=tmp_path / "complete", quiet=True, **overrides)
    path = interrupted_run(vowel_recipe, tmp_path / "stopped", 5, **overrides)
    assert reproducible_contents(seqkit.resume(path, quiet=True)) == reproducible_contents(run)
    assert json.loads((run.path / "tokenizer.json").read_text())["special_tokens"] == ["mask"]


def test_mask_requires_tokens(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text(
        '{"sequence": [[1], [2]], "label": "a"}\n{"sequence": [[3], [4]], "label": "b"}\n'
    )
    recipe = {
        "name": "features",
        "data": {"type": "sequences", "path": str(tmp_path / "data.jsonl")},
        "encoder": {"type": "lstm", "hidden_size": 2},
        "head": {"type": "classify", "mask": 0.1},
    }
    with pytest.raises(RecipeError, match=r"head\.mask: must be 0 for a reader of features, which have no tokens"):
        seqkit.run(recipe, runs=tmp_path, quiet=True)


def test_shift_without_windows_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"train\.shift_windows: requires sequence_length, the length of the windows"):
        seqkit.run(CHARACTER_RECIPE, runs=tmp_path, quiet=True, train__shift_windows=True)
