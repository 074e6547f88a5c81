"""The Python interface: seqkit.run, seqkit.load, and what a run answers."""

# ruff: noqa: F401, F811 - fixtures are imported by name

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_cli import write
from test_run_directory import LABELS, TEST, WRITES, labels, labels_recipe, writes

import seqkit
from seqkit.errors import DataError, PluginError, RecipeError, SeqkitError, UsageError


def run(recipe: Any, folder: Path, **overrides: Any) -> seqkit.Run:
    return seqkit.run(recipe, runs=folder, quiet=True, **overrides)


# The package


def test_importing_seqkit_imports_nothing_heavy() -> None:
    program = (
        "import sys, seqkit; print([name for name in ('torch', 'numpy', 'click', 'pydantic', 'yaml', 'sklearn')"
        " if name in sys.modules]); seqkit.run; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout == "[]\nFalse\n"


def test_every_public_name_is_there() -> None:
    assert dir(seqkit) == sorted(seqkit.__all__)
    for name in seqkit.__all__:
        assert getattr(seqkit, name) is not None
    with pytest.raises(AttributeError, match="module 'seqkit' has no attribute 'rn'"):
        seqkit.rn  # noqa: B018


@pytest.mark.parametrize(
    ("name", "code"),
    [("RecipeError", 2), ("UsageError", 2), ("DataError", 3), ("PluginError", 4), ("NotFiniteError", 5)],
)
def test_errors_are_public_and_know_their_exit_code(name: str, code: int) -> None:
    error = getattr(seqkit, name)
    assert issubclass(error, seqkit.SeqkitError)
    assert error.exit_code == code


# run


def test_a_dictionary_and_a_file_give_the_same_run(writes: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "writes.yaml", WRITES)
    from_file = run(file, tmp_path / "runs")
    assert (from_file.path.name, run(str(file), tmp_path / "runs").path.name) == ("writes-1", "writes-2")
    for name in ("model.safetensors", "plan.json", "tokenizer.json", "metrics.jsonl"):
        assert (from_file.path / name).read_bytes() == (writes / name).read_bytes()
    assert (from_file.path / "recipe.yaml").read_bytes() == file.read_bytes()


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
def test_overrides_are_laid_over_the_recipe(overrides: dict[str, Any], tmp_path: Path) -> None:
    given = json.loads(json.dumps(WRITES))
    made = run(given, tmp_path, seed=9, **overrides)
    assert (made.recipe["encoder"]["hidden_size"], made.recipe["train"]["optimizer"]["lr"]) == (3, 0.5)
    assert made.recipe["seed"] == 9
    assert made.recipe["train"]["epochs"] == WRITES["train"]["epochs"]
    assert given == WRITES  # the caller's dictionary is left alone


def test_a_path_may_be_given_as_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels_recipe(tmp_path)
    elsewhere = tmp_path / "recipes"
    elsewhere.mkdir()
    recipe = write(elsewhere / "labels.yaml", LABELS)
    monkeypatch.chdir(tmp_path)
    made = run(recipe, tmp_path / "runs", data__path=Path("reviews.csv"), data={"test": {"path": Path("test.csv")}})
    assert made.recipe["data"]["path"] == str(tmp_path / "reviews.csv")
    with pytest.raises(DataError, match=rf"{elsewhere}.reviews\.csv: there is no such file"):
        run(recipe, tmp_path / "runs")


def test_quiet_prints_nothing_and_otherwise_plain_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(WRITES, tmp_path)
    assert capsys.readouterr() == ("", "")
    seqkit.run(WRITES, runs=tmp_path)
    shown = capsys.readouterr()
    assert shown.out.startswith("writes, seed 1\n")
    assert shown.err == ""


@pytest.mark.parametrize(
    ("recipe", "overrides", "error", "message"),
    [
        ("nowhere.yaml", {}, UsageError, "nowhere.yaml: there is no such recipe"),
        ({}, {}, RecipeError, "recipe: data: is required: name a reader"),
        (WRITES, {"encoder__hiden_size": 3}, RecipeError, "recipe: encoder.hiden_size: no such key (did you mean"),
        (WRITES, {"encodr": {}}, RecipeError, "recipe: encodr: no such section (did you mean 'encoder'?)"),
        (WRITES, {"encoder": 5}, RecipeError, "recipe: encoder: must be a mapping with `type:`, or the name of"),
        (WRITES, {"encoder__": 5}, RecipeError, "recipe: encoder.'': no such key"),
        (WRITES, {"data": object()}, RecipeError, "recipe: a recipe holds plain values only: <object object"),
        (WRITES, {"generate__prompt": "日"}, RecipeError, "recipe: generate.prompt: '日' (U+65E5), symbol 1"),
        (WRITES, {"data__text": ""}, DataError, "data.text: the text is empty"),
        (WRITES, {"encoder": "gru"}, RecipeError, "recipe: encoder: no encoder is called 'gru'"),
    ],
)
def test_what_run_refuses(recipe: Any, overrides, error: type[SeqkitError], message: str, tmp_path: Path) -> None:
    with pytest.raises(error) as caught:
        run(recipe, tmp_path / "runs", **overrides)
    assert caught.value.lines[0].startswith(message)
    assert not (tmp_path / "runs").exists()


# What a run tells


def test_a_run_tells_of_itself(labels: Path) -> None:
    loaded = seqkit.load(str(labels))
    assert repr(loaded) == f"<seqkit run {labels}>"
    assert loaded.path == labels
    assert loaded.recipe["encoder"]["type"] == "bilstm"
    assert loaded.result["examples"] == {"train": 4, "test": 3}
    assert loaded.result["predictions"][0]["text"] == "很好吃"
    assert [(row["epoch"], row["split"]) for row in loaded.metrics] == [(1, "train"), (2, "train"), (3, "train")]
    assert loaded.tokenizer.vocab_size == 4


# What a run answers


def test_generate_with_every_option(writes: Path) -> None:
    loaded = seqkit.load(writes)
    assert loaded.generate() == loaded.result["generated"][0]["text"]
    assert len(loaded.generate("Sarah", 5)) == 5
    drawn = {"temperature": 3.0, "seed": 5, "length": 30}
    text = loaded.generate("In", **drawn)
    assert "".join(loaded.stream("In", **drawn)) == text == loaded.generate("In", **drawn)
    assert loaded.generate("In", **drawn, stop=text[10]) == text[: text.index(text[10])]
    assert loaded.generate("In", **drawn, stop=[text[10:12], "\0"]) == text[: text.index(text[10:12])]
    assert loaded.generate("In", length=np.int64(3), temperature=np.float32(0.5), top_k=2, top_p=0.9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": 5}, "prompt must be text, not 5"),
        ({"prompt": b"In"}, "prompt must be text, not b'In'"),
        ({"prompt": "\ud800"}, "the prompt: character 1 is not Unicode text"),
        ({"prompt": ""}, "a prompt is needed"),
        ({"length": "5"}, 'length must be a whole number of at least 1, not "5"'),
        ({"length": 2.0}, "length must be a whole number of at least 1, not 2.0"),
        ({"length": True}, "length must be a whole number of at least 1, not true"),
        ({"temperature": 10**400}, "temperature must be at least 0 and finite, not 1000"),
        ({"temperature": "hot"}, 'temperature must be at least 0 and finite, not "hot"'),
        ({"top_p": float("nan")}, "top-p must be above 0 and at most 1, not NaN"),
        ({"seed": 1.5}, "seed must be a whole number of at least 0, not 1.5"),
        ({"stop": 5}, "stop must be texts, none of them empty, not 5"),
        ({"stop": ["a", 5]}, "stop must be texts, none of them empty, not ['a', 5]"),
    ],
)
def test_what_generate_refuses(writes: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        seqkit.load(writes).stream(**options)  # at the call, not when the first piece is asked for
    assert str(caught.value).startswith(message)


def test_predict_takes_any_run_of_texts(labels: Path) -> None:
    loaded = seqkit.load(labels)
    answers = loaded.predict(["好吃", "难"])
    assert [answer["text"] for answer in answers] == ["好吃", "难"]
    assert loaded.predict(("好吃", "难")) == loaded.predict(text for text in ("好吃", "难")) == answers
    assert loaded.predict([]) == []
    alone = [loaded.predict([text])[0] for text in ("好吃", "难")]
    for batched, single in zip(answers, alone, strict=True):
        assert batched["probabilities"] == pytest.approx(single["probabilities"], abs=1e-6)


@pytest.mark.parametrize(
    ("texts", "error", "message"),
    [
        ("好吃", UsageError, "predict takes a list of texts, not '好吃'"),
        (None, UsageError, "predict takes a list of texts, not None"),
        ([5], DataError, "text 1 of 1: must be text, not 5"),
        (["好", ""], DataError, "text 2 of 2: the text is empty"),
        ([["好"]], DataError, "text 1 of 1: must be text, not ['好']"),
        (["\ud800"], DataError, "text 1 of 1: character 1 is not Unicode text"),
        (["坏"], DataError, "text 1 of 1: '坏' (U+574F), symbol 1 of the text, is not in the vocabulary of 4"),
    ],
)
def test_what_predict_refuses(labels: Path, texts: Any, error: type[SeqkitError], message: str) -> None:
    with pytest.raises(error) as caught:
        seqkit.load(labels).predict(texts)
    assert str(caught.value).startswith(message)


def test_what_predict_refuses_of_a_file_is_told_by_its_line(labels: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("text,label\n好,pos\né,neg\n", encoding="utf-8")
    loaded = seqkit.load(labels)
    try:
        loaded.predict(["é"])
    except DataError as error:
        wanted = str(error).removeprefix("text 1 of 1: ")
    with pytest.raises(DataError) as caught:
        loaded.predict_file(tmp_path / "new.csv")
    assert str(caught.value) == f"{tmp_path / 'new.csv'}:3: {wanted}"


def test_evaluate_on_pairs_and_on_a_file_agree(labels: Path, tmp_path: Path) -> None:
    loaded = seqkit.load(labels)
    (tmp_path / "new.csv").write_text(TEST, encoding="utf-8")
    pairs = [tuple(line.split(",")) for line in TEST.splitlines()[1:]]
    scores = loaded.evaluate(pairs)
    assert scores == loaded.evaluate(tmp_path / "new.csv") == loaded.evaluate(str(tmp_path / "new.csv"))
    assert scores == loaded.evaluate(iter(pairs)) == {"examples": 3} | loaded.result["metrics"]["test"]
    answers = loaded.predict([text for text, _ in pairs])
    right = sum(answer["label"] == label for answer, (_, label) in zip(answers, pairs, strict=True))
    assert scores["accuracy"] == pytest.approx(right / 3)


def test_evaluate_a_run_that_writes(writes: Path, tmp_path: Path) -> None:
    loaded = seqkit.load(writes)
    text = WRITES["data"]["text"]
    (tmp_path / "text.txt").write_text(text)
    scores = loaded.evaluate([(text, None)])
    assert scores == loaded.evaluate(tmp_path / "text.txt") == {"examples": 1} | loaded.result["metrics"]["train"]
    assert scores["perplexity"] == pytest.approx(np.exp(scores["loss"]))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (None, UsageError, "evaluate takes a file, or a list of (input, target) pairs, not None"),
        ("a\0.csv", UsageError, "evaluate takes a file, or a list of (input, target) pairs, not 'a\\x00.csv'"),
        ([], DataError, "there is nothing to evaluate on"),
        (["ab"], UsageError, "pair 1: must be (input, target), not 'ab'"),
        ([("好", "pos"), ("好",)], UsageError, "pair 2: must be (input, target), not ('好',)"),
        ([("好", "good")], DataError, "pair 1: the label 'good' is not among the training data's: neg, pos"),
        ([("好", None)], DataError, "pair 1: there is no label"),
        ([("", "pos")], DataError, "pair 1: the text is empty"),
        ([(5, "pos")], DataError, "pair 1: must be text, not 5"),
    ],
)
def test_what_evaluate_refuses(labels: Path, data: Any, error: type[SeqkitError], message: str) -> None:
    with pytest.raises(error) as caught:
        seqkit.load(labels).evaluate(data)
    assert str(caught.value).startswith(message)


def test_each_job_names_the_other_where_it_cannot_be_done(writes: Path, labels: Path) -> None:
    with pytest.raises(UsageError, match="the head 'next_char' writes text; use generate"):
        seqkit.load(writes).predict(["In"])
    with pytest.raises(UsageError, match="the head 'sentiment' does not write; use predict"):
        seqkit.load(labels).generate("好")


def test_a_run_that_needs_this_session_says_so(writes: Path, tmp_path: Path) -> None:
    plan = json.loads((writes / "plan.json").read_text(encoding="utf-8"))
    plan["recipe"]["encoder"]["type"] = plan["components"][3]["name"] = "mine"
    plan["components"][3]["distribution"] = "this session"
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(PluginError, match=r"registered by a script: do so again \(`seqkit.register`\) before loading"):
        seqkit.load(tmp_path).generate("In")


WORDS = """
import sys
import seqkit
from seqkit.heads.classify import Classify
from seqkit.tokenizers.word import Word


@seqkit.register("tokenizer", "cut")
class Cut(Word):
    takes_words = True

    def words(self, text):
        return text.split("|")

    def _words(self, text):
        return self.words(text) if isinstance(text, str) else text


@seqkit.register("reader", "listed")
class Listed(seqkit.contracts.Reader):
    def read(self):
        yield seqkit.contracts.Example(["a b", "c"], "x", "here:1")
        yield seqkit.contracts.Example(["c"], "y", "here:2")


@seqkit.register("head", "echo")
class Echo(Classify):
    def answer(self, prediction, value):
        return {"words": value}


recipe = {
    "name": "cut",
    "data": {"type": "table", "path": sys.argv[1]},
    "tokenizer": {"type": "cut"},
    "encoder": {"type": "lstm", "hidden_size": 2},
    "head": {"type": "echo"},
    "train": {"epochs": 1},
    "baseline": "off",
}
print(seqkit.run(recipe, runs=sys.argv[2], quiet=True).predict(["a b|c", ["c", "a b"]]))
listed = recipe | {"data": {"type": "listed"}}
print(seqkit.run(listed, runs=sys.argv[2], quiet=True).predict(["a b|c"]))
try:
    seqkit.run(listed | {"tokenizer": {"type": "word"}}, runs=sys.argv[2], quiet=True)
except seqkit.DataError as error:
    print(error)
"""


def test_words_go_to_a_tokenizer_that_takes_them_and_to_the_head_that_answers(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("text,label\na b|c,x\nc,y\n")
    (tmp_path / "script.py").write_text(WORDS)
    command = [sys.executable, "script.py", "data.csv", "runs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "[{'text': 'a b|c', 'words': ['a b', 'c']}, {'words': ['c', 'a b']}]",
        "[{'text': 'a b|c', 'words': ['a b', 'c']}]",
        "here:1: the reader 'listed' gives words, and the tokenizer 'word' cuts texts: use one that takes words",
    ]
