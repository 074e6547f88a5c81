"""Tests of the recipes, the command line and the Python interface, on the corpus of the plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.errors import DataError, RecipeError
from seqkit.recipe.resolve import resolve
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry

RECIPES = Path(__file__).parent.parent / "recipes"
CORPUS = RECIPES / "data" / "visits"
FASTER = {"epochs": 4, "threads": 1}


@pytest.fixture(scope="module", autouse=True)
def _installed_plugins() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SEQKIT_PLUGINS", raising=False)
        yield


@pytest.fixture(scope="module")
def visits(tmp_path_factory: pytest.TempPathFactory) -> seqkit.Run:
    """Return a run of `visits.yaml`, trained for a few epochs."""
    return seqkit.run(RECIPES / "visits.yaml", runs=tmp_path_factory.mktemp("runs"), quiet=True, train=FASTER)


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda recipe: recipe.stem)
def test_recipes_resolve_and_state_the_expected_results(recipe: Path) -> None:
    text = recipe.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "What to expect" in text
    assert f"seqkit run plugins/seqkit-tagging/recipes/{recipe.name}" in text
    files = [] if "path:" in text else ["data.path=x", "data.valid.path=y", "data.test.path=z"]
    plan = resolve(read_recipe(recipe, files), load_registry())
    assert plan.name == recipe.stem.replace("_", "-")
    assert plan.notes == []


def test_model_is_better_than_baseline(visits: seqkit.Run) -> None:
    result = visits.result
    assert result["baseline"]["name"] == "the most frequent tag of each word"
    assert result["metrics"]["test"]["f1"] > 0.75 > 0.5 > result["baseline"]["f1"]


def test_predict_at_the_command_line(visits: seqkit.Run, tmp_path: Path) -> None:
    completed = subprocess.run(
        [sys.executable, "-m", "seqkit", "predict", str(visits.path), "John Smith flew to Paris."],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )
    assert (completed.returncode, completed.stderr) == (0, "")
    assert json.loads(completed.stdout) == {
        "text": "John Smith flew to Paris.",
        "words": ["John", "Smith", "flew", "to", "Paris", "."],
        "tags": ["B-person", "I-person", "O", "O", "B-place", "O"],
        "entities": [
            {"text": "John Smith", "label": "person", "start": 0, "end": 2},
            {"text": "Paris", "label": "place", "start": 4, "end": 5},
        ],
    }


def test_evaluate_and_predict_files(visits: seqkit.Run, tmp_path: Path) -> None:
    assert visits.evaluate(CORPUS / "test.conll") == {"examples": 100} | visits.result["metrics"]["test"]
    (tmp_path / "words.conll").write_text("John\nleft\nRome\n.\n\nShe\nsings\n", encoding="utf-8")
    predictions = visits.predict_file(tmp_path / "words.conll")
    assert [prediction["words"] for prediction in predictions] == [["John", "left", "Rome", "."], ["She", "sings"]]
    assert predictions == visits.predict([prediction["words"] for prediction in predictions])


def test_text_and_its_words_get_the_same_prediction(visits: seqkit.Run) -> None:
    text, words = visits.predict(["John left Rome.", ["John", "left", "Rome", "."]])
    assert text == {"text": "John left Rome."} | words
    pairs = [("John left Rome.", words["tags"]), (words["words"], words["tags"])]
    scores = visits.evaluate(pairs)
    assert (scores["examples"], scores["accuracy"]) == (2, 1.0)


def test_unknown_tag_is_reported_with_its_line(visits: seqkit.Run, tmp_path: Path) -> None:
    (tmp_path / "new.conll").write_text("In\tO\n\nTo\tO\nOslo\tB-city\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        visits.evaluate(tmp_path / "new.conll")
    expected = "new.conll:3: the tag 'B-city' of word 2, 'Oslo', does not occur in the training data"
    assert str(caught.value).startswith(f"{tmp_path}/{expected}")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"data__tag": 2}, "head.scheme: is bio, whose tags are B-…, I-… and O, but "),
        ({"train__sequence_length": 5}, "train.sequence_length: 'crf' predicts from whole rows"),
        ({"embedding__characters": "conv"}, "embedding.characters: "),
        ({"tokenizer": "word"}, "the reader 'conll' yields words, but the tokenizer 'word' takes text: set"),
    ],
)
def test_invalid_recipes_are_reported_with_the_key(tmp_path: Path, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises((RecipeError, DataError)) as caught:
        seqkit.run(RECIPES / "visits.yaml", runs=tmp_path, quiet=True, **overrides)
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())
