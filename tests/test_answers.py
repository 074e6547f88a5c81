"""Answers that a head words itself, from a part of an input; words as input; answers for a file; several floors."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqkit
from seqkit import registry
from seqkit.contracts import Batch, Encoded, Example, Head, Loss, Reader, Row, Tokenizer
from seqkit.report import Report

TRAIN = {"epochs": 1, "threads": 1}
WORDS = {
    "data": {"type": "text", "text": "a cat\na dog\nthe cat", "unit": "line"},
    "tokenizer": "listed",
    "head": "ends",
}


class LastTwo(torch.nn.Module, Head):
    """Says what the last two steps of an input add up to, and how long the whole of it is."""

    needs = frozenset({"final"})

    def build(self, output_size: int, final_size: int) -> None:
        self.bias = torch.nn.Parameter(torch.zeros(()))

    def rows(self, example: Example, encoded_input: np.ndarray):
        yield Row(encoded_input)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        return Loss(self.bias.square() + 0 * encoded.final.sum(), len(batch.lengths))

    def predict_input(self, encoded_input: np.ndarray) -> np.ndarray:
        return encoded_input[-2:]

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        return [{"sum": float(row.sum()), "steps": int(length)} for row, length in zip(*batch[:2], strict=True)]

    def answer(self, prediction: Any, value: Any) -> dict[str, Any]:
        return prediction | {"of": len(value), "given": type(value).__name__}


class Listed(Tokenizer):
    """One id a word, of a text or of a list of words."""

    takes_words = True

    def fit(self, texts) -> None:
        self.restore({"words": sorted({word for text in texts for word in self.words(text)})})

    def encode(self, text: Any) -> np.ndarray:
        return np.array([self.known.index(word) for word in self.words(text)], dtype=np.int64)

    def decode(self, ids) -> str:
        return " ".join(self.known[number] for number in ids)

    def state(self) -> dict[str, Any]:
        return {"words": self.known}

    def restore(self, state: Any) -> None:
        self.known = state["words"]
        self.vocab_size = len(self.known)

    def words(self, text: Any) -> list[str]:
        return text.split() if isinstance(text, str) else list(text)


class Waves(Reader):
    yields = "features"
    labelled = False

    def read(self):
        for length in (3, 5):
            yield Example(np.arange(2 * length, dtype=np.float32).reshape(length, 2))


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_session", [])
    monkeypatch.setattr(registry, "_loaded", {})
    for kind, name, component in (
        ("head", "ends", LastTwo),
        ("tokenizer", "listed", Listed),
        ("reader", "waves", Waves),
    ):
        seqkit.register(kind, name, component)


def trained(folder: Path, recipe: dict[str, Any]) -> seqkit.Run:
    recipe = {"encoder": {"type": "lstm", "hidden_size": 3}, "train": TRAIN} | recipe
    return seqkit.load(seqkit.run(recipe, runs=folder, quiet=True).path)


def test_a_head_answers_from_a_part_of_its_input_in_its_own_words(plugins, tmp_path: Path) -> None:
    run = trained(tmp_path, {"data": {"type": "waves"}, "head": "ends"})
    series = np.arange(12.0).reshape(6, 2)
    assert run.predict([series, series[:1]]) == [
        {"sum": 8.0 + 9 + 10 + 11, "steps": 2, "of": 6, "given": "ndarray"},
        {"sum": 1.0, "steps": 1, "of": 1, "given": "ndarray"},
    ]


def test_words_may_be_given_as_a_list_where_the_tokenizer_takes_them(plugins, tmp_path: Path) -> None:
    run = trained(tmp_path, WORDS)
    ids = {word: number for number, word in enumerate(["a", "cat", "dog", "the"])}
    as_text, as_list = run.predict(["a dog cat", ["a", "dog", "cat"]])
    wanted = {"sum": float(ids["dog"] + ids["cat"]), "steps": 2}
    assert as_text == {"text": "a dog cat"} | wanted | {"of": 3, "given": "list"}
    assert as_list == wanted | {"of": 3, "given": "list"}
    with pytest.raises(seqkit.DataError, match="^text 1 of 1: must be text, not 7"):
        run.predict([["a", 7]])
    with pytest.raises(seqkit.DataError, match="^text 2 of 2: "):
        run.predict(["a", []])


def test_a_list_is_no_text_for_other_tokenizers(plugins, tmp_path: Path) -> None:
    run = trained(tmp_path, WORDS | {"tokenizer": "word"})
    assert run.predict(["a dog"])[0]["steps"] == 2
    with pytest.raises(seqkit.DataError, match=r"^text 1 of 1: must be text, not \['a', 'dog'\]"):
        run.predict([["a", "dog"]])


# seqkit predict --data


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a run that labels what a table reader reads."""
    folder = tmp_path_factory.mktemp("labels")
    (folder / "train.csv").write_text("review,stars\n" + "good,5\nbad,1\n" * 4)
    recipe = {
        "data": {"type": "table", "path": str(folder / "train.csv"), "text": "review", "label": "stars"},
        "encoder": {"type": "bilstm", "hidden_size": 4},
        "head": "classify",
        "train": {"epochs": 30, "threads": 1, "optimizer": {"type": "adam", "lr": 0.05}},
    }
    return seqkit.run(recipe, runs=folder, quiet=True).path


Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_file_of_the_recipes_form_is_answered_line_by_line(cli: Cli, labels: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("stars,review\n1,bad\n5,good\n1,good\n")
    done = cli("predict", labels, "--data", "new.csv")
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(answer["text"], answer["label"]) for answer in answers] == [("bad", "1"), ("good", "5"), ("good", "5")]
    assert answers == seqkit.load(labels).predict(["bad", "good", "good"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--data", "gone.csv"], 3, "gone.csv: there is no such file"),
        (["good", "--data", "gone.csv"], 2, "give texts or --data, not both"),
        (["--file", "gone.txt", "--data", "gone.csv"], 2, "give --file or --data, not both"),
        ([], 2, "give texts, or --file with one a line, or --data with the recipe's form"),
    ],
)
def test_what_cannot_be_answered_is_one_line(cli: Cli, labels: Path, arguments, code: int, message: str) -> None:
    done = cli("predict", labels, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"seqkit: {message}\n")


# Floors


def test_every_floor_is_printed_under_the_split_that_it_is_of() -> None:
    out = io.StringIO()
    Report(out).summary(
        {
            "timing": {"train_seconds": 1.0, "tokens_per_second": 10.0, "threads": 1},
            "metrics": {"valid": {"mae": 2.0}, "test": {"mae": 1.0}},
            "baseline": {
                "split": "test",
                "name": "the last value",
                "mae": 3.0,
                "others": [{"name": "the last day", "mae": 2.5}, {"name": "the mean", "mae": 4.0, "note": "of train"}],
            },
        }
    )
    assert out.getvalue().splitlines()[1:] == [
        "valid     mae 2.0000",
        "test      mae 1.0000",
        "baseline  mae 3.0000: the last value, on the same test split",
        "baseline  mae 2.5000: the last day, on the same test split",
        "baseline  mae 4.0000: the mean, on the same test split",
    ]
