"""Tests of the embedding `pretrained` and of the files that it reads."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import seqkit
from helpers.commands import CommandResult, error_line
from helpers.engines import assert_predicts_without_torch
from helpers.recipes import write_recipe
from seqkit.embeddings.pretrained import Pretrained
from seqkit.embeddings.vectors_file import read_vectors
from seqkit.errors import DataError, RecipeError
from seqkit.tokenizers.word import Word

RunCommand = Callable[..., CommandResult]

VECTORS = "food 1 2\nbad -1 0.5\ngood 0.25 -3e-1\nplace 2 2\nCity 4 5\nrome 3 3\n"
REVIEWS = "text,label\nGood food,pos\nbad zzq food,neg\nnice place zzq,pos\nbad qqz zzq,neg\n"
RECIPE: dict[str, Any] = {
    "name": "vectors",
    "data": {"type": "table", "path": "reviews.csv", "valid": {"path": "valid.csv"}},
    "tokenizer": {"type": "word", "unknown": "mark"},
    "embedding": {"type": "pretrained", "path": "vectors.txt"},
    "encoder": {"type": "lstm", "hidden_size": 3},
    "head": {"type": "classify"},
    "train": {"epochs": 2, "threads": 1, "optimizer": {"type": "adamw", "lr": 0.1, "weight_decay": 0.5}},
    "baseline": "off",
}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "reviews.csv").write_text(REVIEWS)
    (tmp_path / "valid.csv").write_text("text,label\nGood place,pos\nbad unseen,neg\n")
    (tmp_path / "vectors.txt").write_text(VECTORS)
    return write_recipe(tmp_path / "recipe.yaml", RECIPE)


def fitted(*texts: str, **parameters: Any) -> Word:
    tokenizer = Word(unknown="mark", **parameters)
    tokenizer.fit(texts)
    return tokenizer


def vector(embedding: Pretrained, tokenizer: Word, word: str) -> list[float]:
    with torch.no_grad():
        return embedding.eval()(torch.from_numpy(tokenizer.encode(word))[None])[0, 0].tolist()


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        VECTORS,
        f"6 2\n{VECTORS}",
        gzip.compress(VECTORS.encode()),
        VECTORS.replace("\n", " \r\n"),
        VECTORS.replace(" ", "\t"),
        f"{VECTORS}\n. . . 7 7\nfood 9 9\n",
    ],
    ids=["glove", "word2vec", "gzip", "spaces at line ends", "tabs", "word with spaces, repeated word"],
)
def test_vectors_of_every_form_of_file(content: str | bytes, tmp_path: Path) -> None:
    found, width = read_vectors(write(tmp_path / "vectors", content), "utf-8", ["food", "City", "missing"])
    assert width == 2
    assert {word: values.tolist() for word, values in found.items()} == {"food": [1, 2], "City": [4, 5]}


@given(
    st.dictionaries(
        st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=5),
        st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=3, max_size=3),
        min_size=1,
        max_size=9,
    )
)
def test_vectors_equal_what_was_written(tmp_path_factory: Any, vectors: dict[str, list[float]]) -> None:
    file = tmp_path_factory.mktemp("written") / "vectors.txt"
    write(file, "".join(f"{word} {' '.join(map(str, values))}\n" for word, values in vectors.items()))
    found, width = read_vectors(file, "utf-8", vectors)
    assert width == 3
    assert {word: values.tolist() for word, values in found.items()} == vectors


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a 1 2\nb 1 2 3\n", ":2: has 3 numbers, not 2 as the lines before it"),
        ("a 1 2\n\nb 1\n", ":3: has 1 numbers, not 2 as the lines before it"),
        ("2 3\na 1 2 3\nb 1 2\n", ":3: has 2 numbers, not 3 as the lines before it"),
        ("a 1 2\nb 1 nan\n", ":2: number 2 is 'nan', not a finite number"),
        ("unused 1 2\na -inf 1\n", ":2: number 1 is '-inf', not a finite number"),
        ("unused x 2\na 1 2\n", ":1: number 1 is 'x', not a finite number"),
        ("a 1e39 2\n", ":1: number 1 is '1e39', not a finite number"),
        ("3 2\na 1 2\n", ":1: announces 3 vectors, but there are 1: the file is incomplete, or correct this line"),
        ("word\n", ":1: has no numbers: a line is a word and its vector"),
        ("0 2\n", ": contains no vectors"),
        (b"a 1 2\n\xff\xfe\xfd 1 2\n", ":2: byte 0xff is not utf-8"),
        ("", ": the file is empty"),
    ],
)
def test_wrong_line_is_named(content: str | bytes, problem: str, tmp_path: Path) -> None:
    file = write(tmp_path / "vectors.txt", content)
    with pytest.raises(DataError) as caught:
        read_vectors(file, "utf-8", {"a", "b"})
    assert str(caught.value).startswith(f"{file}{problem}")


def test_word_is_looked_up_as_it_is_then_in_lower_case(tmp_path: Path) -> None:
    tokenizer = fitted("Food City Rome ROME city")
    embedding = Pretrained(tokenizer, path=write(tmp_path / "vectors", VECTORS))
    assert vector(embedding, tokenizer, "Food") == [1, 2]
    assert vector(embedding, tokenizer, "City") == [4, 5]
    assert vector(embedding, tokenizer, "Rome") == vector(embedding, tokenizer, "ROME") == [3, 3]
    assert embedding.state() == {"width": 2, "known": 4}  # "city" is not in the file


def test_words_without_a_vector_have_the_distribution_of_the_others(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    known = generator.normal([3, -7], [0.5, 2], (400, 2))
    file = write(tmp_path / "vectors", "".join(f"w{number} {a} {b}\n" for number, (a, b) in enumerate(known.tolist())))
    words = [f"w{number}" for number in range(400)]
    torch.manual_seed(0)
    embedding = Pretrained(fitted(" ".join([*words, *(f"x{number}" for number in range(3000))])), path=file)
    assert embedding.own.shape == (3001, 2)
    assert torch.allclose(embedding.own.mean(dim=0), torch.tensor([3.0, -7.0]), atol=0.15)
    assert torch.allclose(embedding.own.std(dim=0), torch.tensor([0.5, 2.0]), rtol=0.1)


def test_first_of_several_integers_is_the_word(tmp_path: Path) -> None:
    tokenizer = fitted("food bad")
    embedding = Pretrained(tokenizer, path=write(tmp_path / "vectors", VECTORS)).eval()
    ids = torch.tensor([[0, 1, 2]])
    assert torch.equal(embedding(torch.stack([ids, ids + 7], dim=-1)), embedding(ids))


def train(recipe: Path, **overrides: Any) -> Any:
    return seqkit.run(recipe, runs=recipe.parent / "runs", quiet=True, **overrides)


def weights(run: Any) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(run.path / "model.safetensors")


def known_vectors(words: Sequence[str]) -> np.ndarray:
    lines = dict(line.split(" ", 1) for line in VECTORS.splitlines())
    return np.array([lines[word.lower()].split() for word in words], dtype=np.float32)


KNOWN = ("Good", "bad", "food", "place")


def test_frozen_vectors_stay_while_the_others_are_trained(recipe: Path) -> None:
    start, end = weights(train(recipe, train__epochs=1)), weights(train(recipe))
    for found in (start, end):
        assert np.array_equal(found["embedding.known"], known_vectors(KNOWN))
    assert not np.array_equal(start["embedding.own"], end["embedding.own"])


def test_trainable_vectors_have_a_share_of_the_learning_rate(recipe: Path) -> None:
    before = known_vectors(KNOWN)
    trained = train(recipe, embedding__trainable=True, train__optimizer="sgd")
    shared = train(recipe, embedding__trainable=True, embedding__lr_scale=0.0, train__optimizer="sgd")
    assert not np.array_equal(weights(trained)["embedding.known"], before)
    assert np.array_equal(weights(shared)["embedding.known"], before)


def test_file_is_needed_once(recipe: Path) -> None:
    run = train(recipe)
    plan = json.loads((run.path / "plan.json").read_text())
    assert "embedding.path" in plan["files_sha256"]
    assert plan["recipe"]["embedding"]["path"] == "../../vectors.txt"
    expected = weights(train(recipe, train__epochs=4))
    (recipe.parent / "vectors.txt").unlink()
    assert seqkit.load(run.path).predict(["good food"])[0]["label"] in ("pos", "neg")
    assert seqkit.load(run.path).evaluate(recipe.parent / "valid.csv")
    resumed = weights(seqkit.resume(run.path, quiet=True, train__epochs=4))
    assert resumed.keys() == expected.keys()
    assert all(np.array_equal(resumed[name], expected[name]) for name in expected)
    again = seqkit.run(recipe, runs=recipe.parent / "runs", quiet=True, resume=run.path, train__epochs=4)
    assert np.array_equal(weights(again)["embedding.own"], expected["embedding.own"])


def test_changed_file_does_not_matter_to_a_run(recipe: Path) -> None:
    run = train(recipe, train__epochs=1)
    (recipe.parent / "vectors.txt").write_text("food 1 2 3\n")
    assert weights(seqkit.resume(run.path, quiet=True, train__epochs=2))["embedding.known"].shape == (4, 2)


@pytest.mark.parametrize("state", [None, {"width": 2}, {"width": 2, "known": 99}, {"width": "2", "known": 4}])
def test_corrupt_state_is_an_error(state: Any, recipe: Path) -> None:
    run = train(recipe)
    fitted_state = json.loads((run.path / "tokenizer.json").read_text())
    fitted_state["components"] = {"embedding": state} if state else {}
    (run.path / "tokenizer.json").write_text(json.dumps(fitted_state))
    with pytest.raises(DataError, match="tokenizer.json: corrupt: embedding cannot read its state"):
        seqkit.load(run.path).evaluate(recipe.parent / "valid.csv")


def test_prediction_does_not_import_torch(recipe: Path) -> None:
    run = train(recipe)
    (recipe.parent / "vectors.txt").unlink()
    assert_predicts_without_torch(run.path, "Good food")


def test_report_of_a_resumed_run_has_the_notes_about_vectors(recipe: Path) -> None:
    run = train(recipe)
    (recipe.parent / "vectors.txt").unlink()
    expected = json.loads((run.path / "report.json").read_text())["data"]["notes"]
    assert any(note.startswith("vectors.txt: in train") for note in expected)
    resumed = seqkit.resume(run.path, quiet=True, train__epochs=run.recipe["train"]["epochs"] + 1)
    assert json.loads((resumed.path / "report.json").read_text())["data"]["notes"] == expected


def test_notes_state_the_coverage_of_each_split(recipe: Path, run_command: RunCommand) -> None:
    result = run_command("run", recipe, "--runs", recipe.parent / "runs")
    assert result.code == 0, result.err
    train_note = (
        "note: vectors.txt: in train, 57.1% of the 7 distinct words of the vocabulary have a vector, and 54.5% of all "
        "words; without one: zzq, nice, qqz"
    )
    valid_note = (
        "note: vectors.txt: in valid, 100.0% of the 3 distinct words of the vocabulary have a vector, and 75.0% of all "
        "words"
    )
    assert train_note in result.out
    assert valid_note in result.out


def test_missing_file_and_wrong_words_are_named_with_their_line(recipe: Path, run_command: RunCommand) -> None:
    line = 1 + recipe.read_text().splitlines().index("  path: vectors.txt")
    place = f"{recipe}:{line}:9: embedding.path: "
    (recipe.parent / "vectors.txt").write_text("другой 1 2\n", encoding="utf-8")
    result = run_command("run", recipe)
    assert (result.code, error_line(result)) == (2, f"{place}the file contains none of the 8 words of the vocabulary")
    (recipe.parent / "vectors.txt").unlink()
    for command in ("run", "check"):
        result = run_command(command, recipe)
        assert result.code == 2
        assert error_line(result) == f"{place}the file {recipe.parent / 'vectors.txt'} does not exist"


@pytest.mark.parametrize("path", [None, 3, ""])
def test_path_is_required(path: Any, recipe: Path) -> None:
    with pytest.raises(RecipeError, match=r"embedding\.path: "):
        train(recipe, embedding__path=path)


@pytest.mark.parametrize("vectors", ["", "6 2\n"])
def test_words_of_the_file_that_are_met_later_have_a_vector(vectors: str, recipe: Path) -> None:
    (recipe.parent / "vectors.txt").write_text(vectors + VECTORS)
    run = train(recipe, tokenizer__extra_words=recipe.parent / "vectors.txt", tokenizer__lower=True)
    (recipe.parent / "vectors.txt").unlink()
    symbols = json.loads((run.path / "tokenizer.json").read_text())["tokenizer"]["symbols"]
    assert {"rome", "place", "zzq"} <= set(symbols)
    assert "City" not in symbols  # `lower` never looks it up
    known = weights(run)["embedding.known"].tolist()
    assert [3.0, 3.0] in known
    assert seqkit.load(run.path).predict(["Rome"]) != seqkit.load(run.path).predict(["place"])
    resumed = seqkit.resume(run.path, quiet=True, train__epochs=3)
    assert weights(resumed)["embedding.known"].tolist() == known
