"""Tests of predictions: formatted by the head, from part of an input, from word lists and files, and of baselines."""

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
from seqkit.contracts import Batch, Encoded, Example, Head, Loss, Reader, Row, Tokenizer
from seqkit.training.console import Console

TRAIN = {"epochs": 1, "threads": 1}
WORD_RECIPE = {
    "data": {"type": "text", "text": "a cat\na dog\nthe cat", "unit": "line"},
    "tokenizer": "words",
    "head": "last_two",
}


class LastTwo(torch.nn.Module, Head):
    """A head that predicts the sum of the last two time steps and adds the length of the whole input."""

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

    def format_prediction(self, prediction: Any, value: Any) -> dict[str, Any]:
        return prediction | {"of": len(value), "given": type(value).__name__}


class Words(Tokenizer):
    """A tokenizer with one id per word of a text or a list of words."""

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
def plugins(isolated_registry: None) -> None:
    for kind, name, component in (
        ("head", "last_two", LastTwo),
        ("tokenizer", "words", Words),
        ("reader", "waves", Waves),
    ):
        seqkit.register(kind, name, component)


def trained(folder: Path, recipe: dict[str, Any]) -> seqkit.Run:
    recipe = {"encoder": {"type": "lstm", "hidden_size": 3}, "train": TRAIN} | recipe
    return seqkit.load(seqkit.run(recipe, runs=folder, quiet=True).path)


def test_head_predicts_from_part_of_input_and_formats_prediction(plugins, tmp_path: Path) -> None:
    run = trained(tmp_path, {"data": {"type": "waves"}, "head": "last_two"})
    series = np.arange(12.0).reshape(6, 2)
    assert run.predict([series, series[:1]]) == [
        {"sum": 8.0 + 9 + 10 + 11, "steps": 2, "of": 6, "given": "ndarray"},
        {"sum": 1.0, "steps": 1, "of": 1, "given": "ndarray"},
    ]


def test_tokenizer_with_takes_words_accepts_word_lists(plugins, tmp_path: Path) -> None:
    run = trained(tmp_path, WORD_RECIPE)
    ids = {word: number for number, word in enumerate(["a", "cat", "dog", "the"])}
    as_text, as_list = run.predict(["a dog cat", ["a", "dog", "cat"]])
    expected = {"sum": float(ids["dog"] + ids["cat"]), "steps": 2}
    assert as_text == {"text": "a dog cat"} | expected | {"of": 3, "given": "list"}
    assert as_list == expected | {"of": 3, "given": "list"}
    with pytest.raises(seqkit.DataError, match="^text 1 of 1: must be text, not 7"):
        run.predict([["a", 7]])
    with pytest.raises(seqkit.DataError, match="^text 2 of 2: "):
        run.predict(["a", []])


def test_other_tokenizers_reject_word_lists(plugins, tmp_path: Path) -> None:
    run = trained(tmp_path, WORD_RECIPE | {"tokenizer": "word"})
    assert run.predict(["a dog"])[0]["steps"] == 2
    with pytest.raises(seqkit.DataError, match=r"^text 1 of 1: must be text, not \['a', 'dog'\]"):
        run.predict([["a", "dog"]])


# seqkit predict --data


@pytest.fixture(scope="module")
def classification_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that classifies texts of a table."""
    folder = tmp_path_factory.mktemp("classification")
    (folder / "train.csv").write_text("review,stars\n" + "good,5\nbad,1\n" * 4)
    recipe = {
        "data": {"type": "table", "path": str(folder / "train.csv"), "text": "review", "label": "stars"},
        "encoder": {"type": "bilstm", "hidden_size": 4},
        "head": "classify",
        "train": {"epochs": 30, "threads": 1, "optimizer": {"type": "adam", "lr": 0.05}},
    }
    return seqkit.run(recipe, runs=folder, quiet=True).path


Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def test_predict_data_prints_one_prediction_per_row(cli: Cli, classification_path: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("stars,review\n1,bad\n5,good\n1,good\n")
    done = cli("predict", classification_path, "--data", "new.csv")
    assert (done.returncode, done.stderr) == (0, "")
    predictions = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(prediction["text"], prediction["label"]) for prediction in predictions] == [
        ("bad", "1"),
        ("good", "5"),
        ("good", "5"),
    ]
    assert predictions == seqkit.load(classification_path).predict(["bad", "good", "good"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--data", "gone.csv"], 3, "gone.csv: no such file"),
        (["good", "--data", "gone.csv"], 2, "pass texts or --data, not both"),
        (["--file", "gone.txt", "--data", "gone.csv"], 2, "pass --file or --data, not both"),
        ([], 2, "no texts: pass texts, --file with one text per line, or --data in the format that the recipe reads"),
    ],
)
def test_predict_rejects_invalid_arguments(
    cli: Cli, classification_path: Path, arguments, code: int, message: str
) -> None:
    done = cli("predict", classification_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"seqkit: {message}\n")


# Baselines


def test_baselines_are_printed_with_their_split() -> None:
    out = io.StringIO()
    Console(out).on_run_end(
        {
            "timing": {"train_seconds": 1.0, "tokens_per_second": 10.0, "threads": 1},
            "metrics": {"valid": {"mae": 2.0}, "test": {"mae": 1.0}},
            "baseline": {
                "split": "test",
                "name": "the last value",
                "mae": 3.0,
                "others": [{"name": "the last day", "mae": 2.5}, {"name": "the mean", "mae": 4.0, "note": "of train"}],
            },
        },
        None,
    )
    assert out.getvalue().splitlines()[1:] == [
        "valid     mae 2.0000",
        "test      mae 1.0000",
        "baseline  mae 3.0000: the last value, on the same test split",
        "baseline  mae 2.5000: the last day, on the same test split",
        "baseline  mae 4.0000: the mean, on the same test split",
    ]
