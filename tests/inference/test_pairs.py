"""Examples of two texts: read from a table, joined for any encoder, and predicted from Python and the command line."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.commands import error_line
from seqkit.contracts import TextPair
from seqkit.errors import DataError, RecipeError, SeqkitError, UsageError

COLORS = ("red", "green", "blue", "black")


def write_table(file: Path, count: int, seed: int) -> Path:
    """Write pairs whose label is whether both texts name the same color: neither text alone determines it."""
    generator = random.Random(seed)
    lines = ["premise,hypothesis,label,id"]
    for number in range(count):
        first = generator.choice(COLORS)
        second = first if number % 2 else generator.choice([color for color in COLORS if color != first])
        lines.append(f"the car is {first},a {second} one,{'same' if first == second else 'other'},{number}")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    write_table(folder / "train.csv", 160, 1)
    write_table(folder / "test.csv", 40, 2)
    return folder


def recipe(folder: Path, **changes: Any) -> dict[str, Any]:
    data = {"type": "table", "path": str(folder / "train.csv"), "text": "premise", "text_pair": "hypothesis"}
    return {
        "name": "pairs",
        "seed": 1,
        "data": data | {"test": {"path": str(folder / "test.csv")}},
        "tokenizer": {"type": "word"},
        "embedding": {"type": "learned", "dim": 12},
        "encoder": {"type": "bilstm", "hidden_size": 16},
        "head": {"type": "classify"},
        "train": {"epochs": 25, "batch_size": 16, "optimizer": {"type": "adam", "lr": 0.02}, "device": "cpu"},
    } | changes


@pytest.fixture(scope="module")
def run(folder: Path) -> Any:
    requested = [["the car is red", "a red one"]]
    return seqkit.run(recipe(folder, predict=requested), runs=folder / "runs")


@pytest.fixture(scope="module")
def single(folder: Path) -> Any:
    settings = recipe(folder)
    settings["data"] |= {"text_pair": None}
    settings["train"] |= {"epochs": 1}
    return seqkit.run(settings, runs=folder / "runs")


PAIRS = [("the car is red", "a red one"), ("the car is red", "a blue one")]


def test_a_label_that_needs_both_texts_is_learned(run: Any) -> None:
    assert run.result["metrics"]["test"]["accuracy"] == 1.0
    assert run.result["predictions"][0]["label"] == "same"
    assert run.result["baseline"]["majority_accuracy"] == 0.5


def test_the_recorded_split_is_evaluated_and_its_errors_are_pairs(run: Any, folder: Path) -> None:
    again = run.evaluate(again=True)
    assert {key: again[key] for key in run.evaluate()} == run.evaluate()
    items = run.errors(every=True)
    rows = [line.split(",") for line in (folder / "test.csv").read_text(encoding="utf-8").splitlines()]
    assert len(items) == 40
    assert all([item["input"], item["input_pair"], item["truth"]] == rows[item["row"]][:3] for item in items)


def test_python_takes_pairs_in_any_form(run: Any, folder: Path) -> None:
    loaded = seqkit.load(run.path)
    predictions = loaded.predict(PAIRS)
    assert [(item["text"], item["text_pair"]) for item in predictions] == PAIRS
    assert [item["label"] for item in predictions] == ["same", "other"]
    assert loaded.predict([list(pair) for pair in PAIRS]) == predictions
    assert loaded.predict([TextPair(*pair) for pair in PAIRS]) == predictions
    assert (
        loaded.evaluate([(pair, label) for pair, label in zip(PAIRS, ["same", "other"], strict=True)])["accuracy"] == 1
    )
    assert loaded.evaluate(folder / "test.csv")["accuracy"] == 1.0
    assert len(loaded.predict_file(folder / "test.csv")) == 40


def test_pairs_are_predicted_without_torch_like_with_it(run: Any) -> None:
    from seqkit.inference.loading import RunParts

    parts = RunParts(run.directory)
    assert type(parts.engine).__name__ == "NumpyEngine"
    ids = [parts.engine.tokenizer.encode_input(TextPair(*pair)) for pair in PAIRS]  # type: ignore[union-attr]
    expected = parts.torch_engine.predict(ids)
    for found, wanted in zip(parts.engine.predict(ids), expected, strict=True):
        assert found["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-6)


@pytest.mark.parametrize("encoder", ["lstm", "bilstm"])
@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe"])
def test_every_tokenizer_and_encoder_reads_pairs(folder: Path, tokenizer: str, encoder: str, tmp_path: Path) -> None:
    settings = recipe(folder, tokenizer={"type": tokenizer}, encoder={"type": encoder, "hidden_size": 3})
    settings["train"] = {"epochs": 1, "device": "cpu"}
    settings["data"] = {**settings["data"], "split": {"by": "hash", "valid": 0.2}}
    settings["head"] = {"type": "classify", "ngrams": 2}
    run = seqkit.run(settings, runs=tmp_path)
    assert run.predict(PAIRS) == seqkit.load(run.path).predict(PAIRS)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("red", "this run reads pairs of texts: pass (first, second), not 'red'"),
        (("red",), "this run reads pairs of texts: pass (first, second), not ['red']"),
        (("red", " "), "text 2 of the pair is empty"),
        (("red", 3), "must be text, not 3"),
    ],
)
def test_what_is_no_pair_is_rejected(run: Any, value: Any, problem: str) -> None:
    with pytest.raises(DataError) as caught:
        run.predict([value])
    assert str(caught.value) == f"text 1 of 1: {problem}"


def test_a_run_of_single_texts_rejects_pairs(single: Any, run: Any, folder: Path) -> None:
    with pytest.raises(DataError, match="this run reads single texts, not pairs: pass one text"):
        single.predict([TextPair("a", "b")])
    with pytest.raises(UsageError, match=r"test.csv: this run reads single texts, not pairs"):
        single.evaluate(folder / "test.csv", text_pair="hypothesis")
    with pytest.raises(UsageError, match=r"test.csv: this run reads pairs of texts, not single texts"):
        run.predict_file(folder / "test.csv", text_pair=None)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"predict": ["red"]}, "the inputs that the recipe reads: pairs of texts"),
        ({"predict": [["a", "b", "c"]]}, "must be a non-empty string or a list of 2 non-empty strings"),
        ({"data.text_pair": "other"}, r"train.csv:1: there is no column 'other'.*`text_pair:`"),
        ({"data.text_pair": "premise"}, "data.text_pair: must name a different column than text and label"),
        ({"data.test.text_pair": None}, "data.test: pairs of texts and single texts cannot be combined"),
    ],
)
def test_a_wrong_recipe_is_one_line(folder: Path, tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    settings = recipe(folder)
    for key, value in change.items():
        *sections, name = key.split(".")
        section: dict[str, Any] = settings
        for inner in sections:
            section = section[inner]
        section[name] = value
    with pytest.raises(SeqkitError, match=problem) as caught:
        seqkit.run(settings, runs=tmp_path)
    assert isinstance(caught.value, RecipeError | DataError)
    assert len(caught.value.lines) == 1


def test_a_missing_second_text_names_the_line_and_the_column(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("premise,hypothesis,label\na,b,x\nc,,y\n", encoding="utf-8")
    settings = recipe(folder)
    settings["data"] = settings["data"] | {"path": str(tmp_path / "train.csv")}
    with pytest.raises(DataError, match=r"train.csv:3: 'hypothesis' is empty"):
        seqkit.run(settings, runs=tmp_path)


def test_the_command_line_takes_pairs(run_command: Any, run: Any, folder: Path) -> None:
    first, second = PAIRS[0]
    printed = run_command("predict", run.path, first, "--pair", second)
    assert (printed.code, json.loads(printed.out)["label"]) == (0, "same")
    (folder / "lines.txt").write_text(f"{first}\t{second}\n\n", encoding="utf-8")
    lines = run_command("predict", run.path, "--file", folder / "lines.txt").out.splitlines()
    assert json.loads(lines[0]) == json.loads(printed.out)
    assert json.loads(lines[1])["text_pair"] is None
    rows = run_command("predict", run.path, "--data", folder / "test.csv", "--output", "-").out.splitlines()
    assert json.loads(rows[0])["id"] == "0"


def test_wrong_pairs_on_the_command_line(run_command: Any, run: Any, single: Any, folder: Path) -> None:
    def fails(code: int, *arguments: Any) -> str:
        result = run_command("predict", *arguments)
        assert result.code == code
        return error_line(result)

    wanted = "this run reads pairs of texts: give the second text of each text with --pair (texts: {}, --pair: {})"
    assert fails(2, run.path, "a", "b", "--pair", "c") == wanted.format(2, 1)
    assert fails(2, run.path, "a") == wanted.format(1, 0)
    assert fails(2, single.path, "a", "--pair", "b") == "--pair: this run reads single texts, not pairs"
    assert fails(2, run.path, "--file", folder / "test.csv", "--pair", "b") == "--pair: it needs a TEXT"
    (folder / "wrong.txt").write_text("a\tb\tc\n", encoding="utf-8")
    assert "wrong.txt:1: this run reads pairs of texts: separate" in fails(3, run.path, "--file", folder / "wrong.txt")


@pytest.mark.parametrize(
    "change",
    [{"pairs": 1}, {"special_tokens": []}, {"special_tokens": ["other"]}, {"special_tokens": ["separator", "mask"]}],
)
def test_corrupt_special_tokens_of_a_run_are_one_line(run: Any, tmp_path: Path, change: dict[str, Any]) -> None:
    copy = shutil.copytree(run.path, tmp_path / "copy")
    fitted = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))
    (copy / "tokenizer.json").write_text(json.dumps(fitted | change), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        seqkit.load(copy).predict(PAIRS)
    assert len(caught.value.lines) == 1
