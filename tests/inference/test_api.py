"""Tests of the Python interface: seqkit.run, seqkit.load, and the methods of a run."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from helpers.recipes import CLASSIFICATION_RECIPE, GENERATION_RECIPE, TEST_REVIEWS, classification_recipe, write_recipe
from seqkit.errors import DataError, PluginError, RecipeError, SeqkitError, UsageError


def run(recipe: Any, folder: Path, **overrides: Any) -> seqkit.Run:
    return seqkit.run(recipe, runs=folder, quiet=True, **overrides)


# The package


def test_importing_seqkit_is_lightweight() -> None:
    program = (
        "import sys, seqkit; print([name for name in ('torch', 'numpy', 'click', 'pydantic', 'yaml', 'sklearn')"
        " if name in sys.modules]); seqkit.run; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout == "[]\nFalse\n"


def test_public_names_exist() -> None:
    assert dir(seqkit) == sorted(seqkit.__all__)
    for name in seqkit.__all__:
        assert getattr(seqkit, name) is not None
    with pytest.raises(AttributeError, match="module 'seqkit' has no attribute 'rn'"):
        seqkit.rn  # noqa: B018


@pytest.mark.parametrize(
    ("name", "code"),
    [("RecipeError", 2), ("UsageError", 2), ("DataError", 3), ("PluginError", 4), ("NotFiniteError", 5)],
)
def test_errors_are_public_and_have_exit_codes(name: str, code: int) -> None:
    error = getattr(seqkit, name)
    assert issubclass(error, seqkit.SeqkitError)
    assert error.exit_code == code


# seqkit.run


def test_recipe_as_dictionary_and_as_file_give_equal_runs(generation_run: Path, tmp_path: Path) -> None:
    file = write_recipe(tmp_path / "generation.yaml", GENERATION_RECIPE)
    from_file = run(file, tmp_path / "runs")
    assert (from_file.path.name, run(str(file), tmp_path / "runs").path.name) == ("generation-1", "generation-2")
    for name in ("model.safetensors", "plan.json", "tokenizer.json", "metrics.jsonl"):
        assert (from_file.path / name).read_bytes() == (generation_run / name).read_bytes()
    assert (from_file.path / "recipe.given.yaml").read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    "overrides",
    [
        {"encoder": {"hidden_size": 3}, "train": {"optimizer": {"lr": 0.5}}},
        {"encoder__hidden_size": 3, "train__optimizer__lr": 0.5},
        {"encoder.hidden_size": 3, "train.optimizer.lr": 0.5},
        {"encoder": {"hidden_size": np.int64(3)}, "train__optimizer": {"lr": np.float64(0.5)}},
    ],
    ids=["nested", "underscores", "dots", "NumPy"],
)
def test_overrides_are_merged_into_recipe(overrides: dict[str, Any], tmp_path: Path) -> None:
    given = json.loads(json.dumps(GENERATION_RECIPE))
    trained = run(given, tmp_path, seed=9, **overrides)
    assert (trained.recipe["encoder"]["hidden_size"], trained.recipe["train"]["optimizer"]["lr"]) == (3, 0.5)
    assert trained.recipe["seed"] == 9
    assert trained.recipe["train"]["epochs"] == GENERATION_RECIPE["train"]["epochs"]
    assert given == GENERATION_RECIPE  # the caller's dictionary is not modified


def test_overrides_accept_path_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classification_recipe(tmp_path)
    elsewhere = tmp_path / "recipes"
    elsewhere.mkdir()
    recipe = write_recipe(elsewhere / "classification.yaml", CLASSIFICATION_RECIPE)
    monkeypatch.chdir(tmp_path)
    trained = run(recipe, tmp_path / "runs", data__path=Path("reviews.csv"), data={"test": {"path": Path("test.csv")}})
    assert trained.recipe["data"]["path"] == "../../reviews.csv"  # relative to the run directory
    with pytest.raises(DataError, match=rf"{elsewhere}.reviews\.csv does not exist"):
        run(recipe, tmp_path / "runs")


def test_quiet_run_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(GENERATION_RECIPE, tmp_path)
    assert capsys.readouterr() == ("", "")
    seqkit.run(GENERATION_RECIPE, runs=tmp_path)
    printed = capsys.readouterr()
    assert printed.out.startswith("generation, seed 1\n")
    assert printed.err == ""


@pytest.mark.parametrize(
    ("recipe", "overrides", "error", "message"),
    [
        ("nowhere.yaml", {}, UsageError, "nowhere.yaml: the recipe does not exist"),
        ({}, {}, RecipeError, "recipe: data: is required: name a reader"),
        (
            GENERATION_RECIPE,
            {"encoder__hiden_size": 3},
            RecipeError,
            "argument: encoder.hiden_size: unknown key (did you mean",
        ),
        (GENERATION_RECIPE, {"encodr": {}}, RecipeError, "argument: encodr: unknown section (did you mean 'encoder'?)"),
        (
            GENERATION_RECIPE,
            {"encoder": 5},
            RecipeError,
            "argument: encoder: must be a mapping with `type:`, or the name of",
        ),
        (GENERATION_RECIPE, {"encoder__": 5}, RecipeError, "argument: encoder.'': unknown key"),
        (
            GENERATION_RECIPE,
            {"encoder": object()},
            RecipeError,
            "argument: encoder: a recipe contains plain values only: <object object",
        ),
        (
            GENERATION_RECIPE,
            {"generate__prompt": "日"},
            RecipeError,
            "argument: generate.prompt: '日' (U+65E5), token 1",
        ),
        (GENERATION_RECIPE, {"data__text": ""}, DataError, "data.text: the text is empty"),
        (GENERATION_RECIPE, {"encoder": "gru"}, RecipeError, "argument: encoder: unknown encoder 'gru'"),
    ],
)
def test_run_rejects_invalid_recipes(
    recipe: Any, overrides, error: type[SeqkitError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        run(recipe, tmp_path / "runs", **overrides)
    assert caught.value.lines[0].startswith(message)
    assert not (tmp_path / "runs").exists()


# Attributes of a run


def test_run_attributes(classification_run: Path) -> None:
    loaded = seqkit.load(str(classification_run))
    assert repr(loaded) == f"<seqkit run {classification_run}>"
    assert loaded.path == classification_run
    assert loaded.recipe["encoder"]["type"] == "bilstm"
    assert loaded.result["examples"] == {"train": 4, "test": 3}
    assert loaded.result["predictions"][0]["text"] == "很好吃"
    assert [(row["epoch"], row["split"]) for row in loaded.metrics] == [(1, "train"), (2, "train"), (3, "train")]
    assert loaded.tokenizer.vocab_size == 4


# Methods of a run


def test_generate_options(generation_run: Path) -> None:
    loaded = seqkit.load(generation_run)
    assert loaded.generate() == loaded.result["generated"][0]["text"]
    assert len(loaded.generate("Sarah", 5)) == 5
    options = {"temperature": 3.0, "seed": 5, "length": 30}
    text = loaded.generate("In", **options)
    assert "".join(loaded.stream("In", **options)) == text == loaded.generate("In", **options)
    assert loaded.generate("In", **options, stop=text[10]) == text[: text.index(text[10])]
    assert loaded.generate("In", **options, stop=[text[10:12], "\0"]) == text[: text.index(text[10:12])]
    assert loaded.generate("In", length=np.int64(3), temperature=np.float32(0.5), top_k=2, top_p=0.9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": 5}, "prompt must be a non-empty string, not 5"),
        ({"prompt": b"In"}, "prompt must be a non-empty string, not b'In'"),
        ({"prompt": "\ud800"}, "the prompt: character 1 is not valid Unicode"),
        ({"prompt": ""}, "no prompt: pass --prompt or set generate.prompt in the recipe"),
        ({"length": "5"}, "length must be a positive integer, not '5'"),
        ({"length": 2.0}, "length must be a positive integer, not 2.0"),
        ({"length": True}, "length must be a positive integer, not true"),
        ({"temperature": 10**400}, "temperature must be a non-negative number, not "),
        ({"temperature": "hot"}, "temperature must be a non-negative number, not 'hot'"),
        ({"top_p": float("nan")}, "top-p must be a finite number, not .nan"),
        ({"seed": 1.5}, "seed must be a non-negative integer, not 1.5"),
        ({"stop": 5}, "stop must be a non-empty string or a list of non-empty strings, not 5"),
        ({"stop": ["a", 5]}, "stop must be a non-empty string or a list of non-empty strings, not ['a', 5]"),
    ],
)
def test_generate_rejects_invalid_options(generation_run: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        seqkit.load(generation_run).stream(**options)  # raised by the call, before the first piece is requested
    assert str(caught.value).startswith(message)


def test_built_in_components_need_no_slow_imports(generation_run: Path, classification_run: Path) -> None:
    program = (
        "import sys, seqkit; seqkit.load(sys.argv[1]).generate('In', 2); seqkit.load(sys.argv[2]).predict(['好吃']);"
        "slow = 'torch', 'pydantic', 'sklearn', 'yaml', 'importlib.metadata', 'difflib';"
        "print([name for name in slow if name in sys.modules])"
    )
    command = [sys.executable, "-c", program, str(generation_run), str(classification_run)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout == "[]\n"


def test_corrupt_weights_are_reported_on_first_use(generation_run: Path, tmp_path: Path) -> None:
    path = shutil.copytree(generation_run, tmp_path / "run")
    (path / "model.safetensors").write_bytes(b"")
    loaded = seqkit.load(path)
    assert loaded.tokenizer.vocab_size == 21
    assert loaded.generation_config(prompt="In").length == 8
    for use in (loaded.generate, loaded.stream, lambda: loaded.evaluate([("In", None)])):
        with pytest.raises(DataError, match=r"model\.safetensors: "):
            use()


def test_predict_accepts_any_iterable_of_texts(classification_run: Path) -> None:
    loaded = seqkit.load(classification_run)
    predictions = loaded.predict(["好吃", "难"])
    assert [prediction["text"] for prediction in predictions] == ["好吃", "难"]
    assert loaded.predict(("好吃", "难")) == loaded.predict(text for text in ("好吃", "难")) == predictions
    assert loaded.predict([]) == []
    one_by_one = [loaded.predict([text])[0] for text in ("好吃", "难")]
    for batched, single in zip(predictions, one_by_one, strict=True):
        assert batched["probabilities"] == pytest.approx(single["probabilities"], abs=1e-6)


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ("好吃", UsageError, "predict takes a list of strings, not '好吃'"),
        (None, UsageError, "predict takes a list of strings, not None"),
        ([5], DataError, "text 1 of 1: must be text, not 5"),
        (["好", ""], DataError, "text 2 of 2: the text is empty"),
        ([["好"]], DataError, "text 1 of 1: must be text, not ['好']"),
        (["\ud800"], DataError, "text 1 of 1: character 1 is not valid Unicode"),
        (["坏"], DataError, "text 1 of 1: '坏' (U+574F), token 1 of the text, is not in the vocabulary of 4"),
    ],
)
def test_predict_rejects_invalid_inputs(
    classification_run: Path, texts: Any, error: type[SeqkitError], message: str
) -> None:
    with pytest.raises(error) as caught:
        seqkit.load(classification_run).predict(texts)
    assert str(caught.value).startswith(message)


def test_predict_file_reports_the_line_of_an_error(classification_run: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text,label\n好,pos\né,neg\n", encoding="utf-8")
    loaded = seqkit.load(classification_run)
    try:
        loaded.predict(["é"])
    except DataError as error:
        reason = str(error).removeprefix("text 1 of 1: ")
    with pytest.raises(DataError) as caught:
        loaded.predict_file(tmp_path / "new.csv")
    assert str(caught.value) == f"{tmp_path / 'new.csv'}:3: {reason}"


def test_evaluate_on_pairs_equals_evaluate_on_file(classification_run: Path, tmp_path: Path) -> None:
    loaded = seqkit.load(classification_run)
    (tmp_path / "new.csv").write_text(TEST_REVIEWS, encoding="utf-8")
    pairs = [tuple(line.split(",")) for line in TEST_REVIEWS.splitlines()[1:]]
    scores = loaded.evaluate(pairs)
    assert scores == loaded.evaluate(tmp_path / "new.csv") == loaded.evaluate(str(tmp_path / "new.csv"))
    assert scores == loaded.evaluate(iter(pairs))
    assert scores == {"examples": 3, "calibration": scores["calibration"]} | loaded.result["metrics"]["test"]
    predictions = loaded.predict([text for text, _ in pairs])
    correct = sum(prediction["label"] == label for prediction, (_, label) in zip(predictions, pairs, strict=True))
    assert scores["accuracy"] == pytest.approx(correct / 3)


def test_evaluate_generating_run(generation_run: Path, tmp_path: Path) -> None:
    loaded = seqkit.load(generation_run)
    text = GENERATION_RECIPE["data"]["text"]
    (tmp_path / "text.txt").write_text(text)
    scores = loaded.evaluate([(text, None)])
    assert scores == loaded.evaluate(tmp_path / "text.txt") == {"examples": 1} | loaded.result["metrics"]["train"]
    assert scores["perplexity"] == pytest.approx(np.exp(scores["loss"]))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (5, UsageError, "evaluate takes a file or a list of (input, target) pairs, not 5"),
        ("a\0.csv", UsageError, "evaluate takes a file or a list of (input, target) pairs, not 'a\\x00.csv'"),
        ([], DataError, "no data to evaluate: pass at least one example"),
        (["ab"], UsageError, "pair 1: must be (input, target), not 'ab'"),
        ([("好", "pos"), ("好",)], UsageError, "pair 2: must be (input, target), not ('好',)"),
        ([("好", None)], DataError, "pair 1: the label is missing"),
        ([("", "pos")], DataError, "pair 1: the text is empty"),
        ([(5, "pos")], DataError, "pair 1: must be text, not 5"),
    ],
)
def test_evaluate_rejects_invalid_data(
    classification_run: Path, data: Any, error: type[SeqkitError], message: str
) -> None:
    with pytest.raises(error) as caught:
        seqkit.load(classification_run).evaluate(data)
    assert str(caught.value).startswith(message)


def test_evaluate_counts_an_unknown_label_as_an_error(classification_run: Path) -> None:
    run = seqkit.load(classification_run)
    predicted = run.predict(["好"])[0]["label"]
    known = run.evaluate([("好", predicted)])
    note = "^pair 2: the label 'good' does not occur in the training data: counted as an error, left out of the loss$"
    with pytest.warns(UserWarning, match=note):
        scores = run.evaluate([("好", predicted), ("好", "good")])
    assert scores["loss"] == pytest.approx(known["loss"])
    assert (scores["accuracy"], scores["macro_f1"]) == (0.5, pytest.approx((2 / 3 + 0) / 2))
    with pytest.warns(UserWarning, match=r"left out of the loss \(examples: 2, the first at pair 1\)$"):
        scores = run.evaluate([("好", "good"), ("好", "good")])
    assert "loss" not in scores  # no example is counted in it
    assert (scores["accuracy"], scores["macro_f1"]) == (0, 0)


def test_unsupported_method_names_the_supported_one(generation_run: Path, classification_run: Path) -> None:
    with pytest.raises(UsageError, match="the head 'next_char' generates text: use generate"):
        seqkit.load(generation_run).predict(["In"])
    with pytest.raises(UsageError, match="the head 'sentiment' does not generate text: use predict"):
        seqkit.load(classification_run).generate("好")


def test_run_with_session_component_must_be_registered_before_loading(generation_run: Path, tmp_path: Path) -> None:
    plan = json.loads((generation_run / "plan.json").read_text(encoding="utf-8"))
    plan["recipe"]["encoder"]["type"] = plan["components"][3]["name"] = "mine"
    plan["components"][3]["distribution"] = "this session"
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(PluginError, match=r"was registered by a script: call `seqkit.register` before loading"):
        seqkit.load(tmp_path).generate("In")


WORD_LIST_SCRIPT = """
import sys
import seqkit
from seqkit.heads.classify import Classify
from seqkit.tokenizers.word import Word


@seqkit.register("tokenizer", "split_on_bars")
class SplitOnBars(Word):
    takes_words = True

    def words(self, text):
        return text.split("|")

    def _words(self, text):
        return self.words(text) if isinstance(text, str) else text


@seqkit.register("reader", "word_lists")
class WordLists(seqkit.contracts.Reader):
    def read(self):
        yield seqkit.contracts.Example(["a b", "c"], "x", "here:1")
        yield seqkit.contracts.Example(["c"], "y", "here:2")


@seqkit.register("head", "echo")
class Echo(Classify):
    def format_prediction(self, prediction, value):
        return {"words": value}


recipe = {
    "name": "words",
    "data": {"type": "table", "path": sys.argv[1]},
    "tokenizer": {"type": "split_on_bars"},
    "encoder": {"type": "lstm", "hidden_size": 2},
    "head": {"type": "echo"},
    "train": {"epochs": 1},
    "baseline": "off",
}
print(seqkit.run(recipe, runs=sys.argv[2], quiet=True).predict(["a b|c", ["c", "a b"]]))
word_lists = recipe | {"data": {"type": "word_lists"}}
print(seqkit.run(word_lists, runs=sys.argv[2], quiet=True).predict(["a b|c"]))
try:
    seqkit.run(word_lists | {"tokenizer": {"type": "word"}}, runs=sys.argv[2], quiet=True)
except seqkit.DataError as error:
    print(error)
"""


def test_word_lists_reach_tokenizer_and_format_prediction(
    isolated_registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data.csv").write_text("text,label\na b|c,x\nc,y\n")
    (tmp_path / "script.py").write_text(WORD_LIST_SCRIPT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["script.py", "data.csv", "runs"])
    runpy.run_path("script.py", run_name="__main__")
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "[{'text': 'a b|c', 'words': ['a b', 'c']}, {'words': ['c', 'a b']}]",
        "[{'text': 'a b|c', 'words': ['a b', 'c']}]",
        "here:1: the reader 'word_lists' yields words, but the tokenizer 'word' takes text: "
        "set `tokenizer` to one that takes words",
    ]
