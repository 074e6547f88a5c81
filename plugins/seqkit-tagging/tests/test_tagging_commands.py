"""The plugin as recipes and the command line use it, on the corpus that it brings along."""

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
from seqkit.recipe import read_recipe
from seqkit.registry import load_registry
from seqkit.resolve import resolve

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
    """A run of the recipe that the plugin brings, trained for a few epochs."""
    return seqkit.run(RECIPES / "visits.yaml", runs=tmp_path_factory.mktemp("runs"), quiet=True, train=FASTER)


@pytest.mark.parametrize("recipe", sorted(RECIPES.glob("*.yaml")), ids=lambda recipe: recipe.stem)
def test_every_recipe_says_what_to_expect_and_passes_its_checks(recipe: Path) -> None:
    text = recipe.read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "What to expect" in text
    assert f"seqkit run plugins/seqkit-tagging/recipes/{recipe.name}" in text
    files = [] if "path:" in text else ["data.path=x", "data.valid.path=y", "data.test.path=z"]
    plan = resolve(read_recipe(recipe, files), load_registry())
    assert plan.name == recipe.stem.replace("_", "-")
    assert plan.notes == []


def test_context_beats_the_most_frequent_tag(visits: seqkit.Run) -> None:
    result = visits.result
    assert result["baseline"]["name"] == "the most frequent tag of each word"
    assert result["metrics"]["test"]["f1"] > 0.75 > 0.5 > result["baseline"]["f1"]


def test_predict_at_the_command_line(visits: seqkit.Run, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "seqkit", "predict", str(visits.path), "John Smith flew to Paris."],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "text": "John Smith flew to Paris.",
        "words": ["John", "Smith", "flew", "to", "Paris", "."],
        "tags": ["B-person", "I-person", "O", "O", "B-place", "O"],
        "entities": [
            {"text": "John Smith", "label": "person", "start": 0, "end": 2},
            {"text": "Paris", "label": "place", "start": 4, "end": 5},
        ],
    }


def test_files_are_scored_and_answered(visits: seqkit.Run, tmp_path: Path) -> None:
    assert visits.evaluate(CORPUS / "test.conll") == {"examples": 100} | visits.result["metrics"]["test"]
    (tmp_path / "words.conll").write_text("John\nleft\nRome\n.\n\nShe\nsings\n", encoding="utf-8")
    answers = visits.predict_file(tmp_path / "words.conll")
    assert [answer["words"] for answer in answers] == [["John", "left", "Rome", "."], ["She", "sings"]]
    assert answers == visits.predict([answer["words"] for answer in answers])


def test_words_and_texts_get_the_same_answer(visits: seqkit.Run) -> None:
    text, words = visits.predict(["John left Rome.", ["John", "left", "Rome", "."]])
    assert text == {"text": "John left Rome."} | words
    pairs = [("John left Rome.", words["tags"]), (words["words"], words["tags"])]
    scores = visits.evaluate(pairs)
    assert (scores["examples"], scores["accuracy"]) == (2, 1.0)


def test_a_tag_that_training_did_not_hold_is_named_with_its_line(visits: seqkit.Run, tmp_path: Path) -> None:
    (tmp_path / "new.conll").write_text("In\tO\n\nTo\tO\nOslo\tB-city\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        visits.evaluate(tmp_path / "new.conll")
    wanted = "new.conll:3: the tag 'B-city' of word 2, 'Oslo', is not among the training data's"
    assert str(caught.value).startswith(f"{tmp_path}/{wanted}")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"data__tag": 2}, "head.scheme: is bio, whose tags are B-…, I-… and O, and "),
        ({"train__sequence_length": 5}, "train.sequence_length: 'crf' answers for a whole row, which cannot be cut"),
        ({"embedding__characters": "conv"}, "embedding.characters: no encoder is called 'conv'"),
        ({"tokenizer": "word"}, "the reader 'conll' gives words, and the tokenizer 'word' cuts texts: use one that"),
    ],
)
def test_faults_of_a_recipe_have_their_place(tmp_path: Path, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises((RecipeError, DataError)) as caught:
        seqkit.run(RECIPES / "visits.yaml", runs=tmp_path, quiet=True, **overrides)
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())
