"""Tests of the recipes, the command line and the Python interface, on the corpus of the plugin."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqkit
from helpers.commands import run_process
from helpers.runs import HOSTILE_VALUES, value_paths, with_value
from seqkit.errors import DataError, RecipeError, SeqkitError
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
    if "embedding.words.path=" in text:
        # The file must exist, whatever is in it.
        files += [f"{key}={recipe}" for key in ("embedding.words.path", "tokenizer.extra_words")]
    plan = resolve(read_recipe(recipe, files), load_registry())
    assert plan.name == recipe.stem.replace("_", "-")
    assert plan.notes == []


def test_model_is_better_than_baseline(visits: seqkit.Run) -> None:
    result = visits.result
    assert result["baseline"]["name"] == "the most frequent tag of each word"
    assert result["metrics"]["test"]["f1"] > 0.75 > 0.5 > result["baseline"]["f1"]


def test_ensemble_averages_the_loss_and_rejects_other_tags(visits: seqkit.Run, tmp_path: Path) -> None:
    short = {"epochs": 1, "threads": 1}
    other = seqkit.run(RECIPES / "visits.yaml", runs=tmp_path, quiet=True, train=short, seed=2)
    ensemble = seqkit.ensemble([visits, other], runs=tmp_path)
    (prediction,) = ensemble.predict(["John Smith flew to Paris ."])
    assert prediction.keys() == {"text", "words", "tags", "probabilities", "entities"}
    losses = [run.evaluate(CORPUS / "test.conll")["loss"] for run in (visits, other, ensemble)]
    assert losses[2] < (losses[0] + losses[1]) / 2  # a geometric mean is at least as likely as its members on average
    scores = ensemble.evaluate()  # the test split that the members have recorded
    assert scores["loss"] == pytest.approx(losses[2]) and scores["split"] == "test"
    for member, run in zip(scores["members"], (visits, other), strict=True):
        assert member["run"] == str(run.path)
        assert [member[name] for name in ("loss", "f1")] == pytest.approx(
            [run.evaluate()[name] for name in ("loss", "f1")]
        )
    errors = ensemble.errors()
    assert {error["kind"] for error in errors} <= {"missed", "spurious", "type", "boundary"} and errors[0]["row"] >= 1
    plain = {"train": short | {"metric": "loss"}, "head": {"scheme": "none"}}
    tagged = seqkit.run(RECIPES / "visits.yaml", runs=tmp_path, quiet=True, **plain)
    with pytest.raises(seqkit.UsageError, match=r"cannot be combined: their scheme differs \('bio', 'none'\)"):
        seqkit.ensemble([visits, tagged], runs=tmp_path)


def test_predict_at_the_command_line(visits: seqkit.Run, tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    completed = run_process("predict", visits.path, "John Smith flew to Paris.", cwd=tmp_path, env=environment)
    assert (completed.returncode, completed.stderr) == (0, "")
    prediction = json.loads(completed.stdout)
    probabilities = prediction.pop("probabilities") + [each.pop("probability") for each in prediction["entities"]]
    assert len(probabilities) == 6 + 2
    assert all(0.3 < value <= 1 for value in probabilities)
    assert prediction == {
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


def test_unknown_tag_counts_as_an_error_and_is_noted(visits: seqkit.Run, tmp_path: Path) -> None:
    known = "In\tO\n\nParis\tB-place\n"
    (tmp_path / "new.conll").write_text(f"{known}\nTo\tO\nOslo\tB-city\n", encoding="utf-8")
    (tmp_path / "known.conll").write_text(known, encoding="utf-8")
    note = f"{tmp_path}/new.conll:5, word 2, 'Oslo', tag 'B-city': a tag that does not occur in the training data"
    with pytest.warns(UserWarning, match=f"^{re.escape(note)}"):
        scores = visits.evaluate(tmp_path / "new.conll")
    assert scores["per_type"]["city"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert scores["loss"] == pytest.approx(visits.evaluate(tmp_path / "known.conll")["loss"], rel=1e-5)


def test_unknown_tag_in_the_test_file_does_not_refuse_the_run(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("In\tO\nRome\tI-place\n\nNo\tO\n", encoding="utf-8")
    (tmp_path / "test.conll").write_text("In\tO\nAcme\tB-org\n\nNo\tO\n", encoding="utf-8")
    run = seqkit.run(
        RECIPES / "visits.yaml",
        runs=tmp_path / "runs",
        quiet=True,
        data={"path": tmp_path / "train.conll", "valid": None, "test": {"path": tmp_path / "test.conll"}},
        head={"invalid_tags": "repair"},
        train={"epochs": 1, "threads": 1, "metric": "loss"},
        predict=[],
    )
    metrics = run.result["metrics"]["test"]
    assert metrics["per_type"]["org"]["support"] == 1
    assert "loss" in metrics and run.result["baseline"]["recall"] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["", "Mira"], "text 1 of 1: word 1 is empty: add it, or leave it out"),
        (["Mira", ""], "text 1 of 1: word 2 is empty: add it, or leave it out"),
        (["Mira", " "], "text 1 of 1: word 2 is empty: add it, or leave it out"),
        (["Mira", None], "text 1 of 1: must be text, not null"),
        ([], "text 1 of 1: the text is empty"),
    ],
)
def test_invalid_words_are_rejected(visits: seqkit.Run, words: list[Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        visits.predict([words])
    assert str(caught.value) == message


def test_words_can_contain_spaces(visits: seqkit.Run) -> None:
    (prediction,) = visits.predict([["New York", "10\u00a0000", "\u3000"]])
    assert prediction["words"] == ["New York", "10\u00a0000", "\u3000"]


EDITS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "no tags": (("head", "tags"), None),
    "tags of another scheme": (("head", "tags"), ["NOUN", "VERB"]),
    "a tag less": (("head", "tags"), ["B-person", "O"]),
    "tags in another order": (("head", "tags"), ["O", "B-person"]),
    "no state of the head": (("head",), {}),
    "words that are text": (("tokenizer", "words"), "abc"),
    "a word less": (("tokenizer", "words"), ["a", "b"]),
    "a word twice": (("tokenizer", "words"), ["a", "a"]),
    "a word that is a number": (("tokenizer", "words", 3), 7),
    "a long character": (("tokenizer", "characters", 0), "  "),
    "the state of another tokenizer": (("tokenizer",), {"symbols": ["a"]}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_state_is_corrupt(visits: seqkit.Run, tmp_path: Path, edit: str) -> None:
    path = shutil.copytree(visits.path, tmp_path / "run")
    state = json.loads((path / "tokenizer.json").read_text(encoding="utf-8"))
    keys, value = EDITS[edit]
    holder = state
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    (path / "tokenizer.json").write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        seqkit.load(path).predict([["Rome"]])
    (line,) = caught.value.lines
    assert line.startswith((f"{path}/tokenizer.json: corrupt: ", f"{path}/model.safetensors: "))
    assert "Error" not in line


@settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_value_of_the_state_causes_a_traceback(
    data: st.DataObject, visits: seqkit.Run, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = visits.path
    path = tmp_path_factory.getbasetemp() / "hostile"
    if not path.exists():
        shutil.copytree(run, path)
    document = json.loads((run / "tokenizer.json").read_text(encoding="utf-8"))
    place = data.draw(st.sampled_from(list(value_paths(document))))
    mutated = with_value(document, place, data.draw(HOSTILE_VALUES))
    (path / "tokenizer.json").write_text(json.dumps(mutated), encoding="utf-8")
    try:
        assert len(seqkit.load(path).predict([["Rome"]])) == 1
    except SeqkitError as error:
        assert error.exit_code in (2, 3, 4)
        (line,) = error.lines
        assert "Error: " not in line and len(line) < 600


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"data__tag": 2}, "head.scheme: is bio, whose tags are B-…, I-… and O, but "),
        ({"train__sequence_length": 5}, "train.sequence_length: 'crf' predicts from whole rows"),
        ({"embedding__characters": "conv"}, "embedding.characters: "),
        (
            {"head__ngram_scale": 2},
            "head.ngram_scale: has no effect without `ngrams`: set that too, or remove this key",
        ),
        (
            {"tokenizer": "word"},
            "head: the head predicts a tag for each word, but the tokenizer does not take words",
        ),
    ],
)
def test_invalid_recipes_are_reported_with_the_key(tmp_path: Path, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises((RecipeError, DataError)) as caught:
        seqkit.run(RECIPES / "visits.yaml", runs=tmp_path, quiet=True, **overrides)
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("metric", "code"), [("f1", 0), ("loss", 2)])
def test_heads_for_tags_are_compared_by_f1_but_not_by_loss(metric: str, code: int, tmp_path: Path) -> None:
    arguments = ["compare", RECIPES / "visits.yaml", "--grid", "head.type=crf,tag", "--metric", metric, "--dry-run"]
    done = run_process(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert ("pass --metric with one of accuracy, precision, recall, f1" in done.stderr) == bool(code)
