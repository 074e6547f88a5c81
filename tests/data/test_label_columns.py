"""Sets of labels in columns of 0 and 1, fields of nested objects, words for missing values, and fastText's lines."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.errors import DataError
from seqkit.readers.fasttext import FastText
from seqkit.readers.sequences import Sequences
from seqkit.readers.table import Table

TOXIC = "id,comment,toxic,threat\n1,you are great,0,0\n2,you toad,1,0\n3,I will find you,1,1\n"


def test_columns_of_0_and_1_are_a_set_of_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TOXIC)
    found = list(Table(path=path, text="comment", label=["toxic", "threat"]).read())
    assert [each.target for each in found] == [[], ["toxic"], ["toxic", "threat"]]
    assert found[0].columns == {"id": "1"}
    lines = [{"text": "a", "x": True, "y": 0}, {"text": "b", "x": False, "y": 1.0}]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    assert [each.target for each in Table(path=path, label=["x", "y"]).read()] == [["x"], ["y"]]


@pytest.mark.parametrize(
    ("content", "label", "message"),
    [
        (TOXIC + "4,hm,2,0\n", ["toxic", "threat"], r"a.csv:5: 'toxic' is '2', neither 0 nor 1"),
        (TOXIC + "4,hm,,0\n", ["toxic", "threat"], r"a.csv:5: 'toxic' is empty"),
        (TOXIC, ["toxic", "thread"], r"a.csv:1: there is no column 'thread' \(did you mean 'threat'\?\)"),
        (TOXIC, ["toxic", "toxic"], "label must name each column once"),
        (TOXIC, ["toxic", "comment"], "label must name a different column than text"),
        (TOXIC, [], "label must name at least one column"),
    ],
)
def test_wrong_columns_of_labels_are_named(tmp_path: Path, content: str, label: list[str], message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises((DataError, ValueError), match=message):
        list(Table(path=path, text="comment", label=label).read())


def test_empty_fields_of_optional_columns_of_labels_count_as_0(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TOXIC.replace("0", ""))
    found = Table(path=path, text="comment", label=["toxic", "threat"], optional_label=True).read()
    assert [each.target for each in found] == [[], ["toxic"], ["toxic", "threat"]]


def test_a_frame_with_missing_labels_has_rows_without_labels(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    columns = {"text": [f"{'soup' if n % 2 else 'bed'} n{n}" for n in range(60)]}
    columns["tags"] = ["food" if n % 2 else None for n in range(60)]
    columns["food"] = [1 if n % 2 else float("nan") for n in range(60)]
    recipe: dict[str, Any] = {
        "name": "notes",
        "data": {"type": "table", "label": "tags", "optional_label": True, "split": {"by": "hash", "test": 0.2}},
        "tokenizer": {"type": "word", "unknown": "mark"},
        "embedding": {"type": "learned", "dim": 4},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": {"type": "multi_label"},
        "train": {"epochs": 1, "batch_size": 8},
    }
    frame = pandas.DataFrame(columns)
    of_text = seqkit.run(recipe, data=frame, runs=tmp_path / "text", quiet=True).result["metrics"]
    recipe["data"]["label"] = ["food"]
    assert seqkit.run(recipe, data=frame, runs=tmp_path / "flags", quiet=True).result["metrics"] == of_text
    assert of_text["test"]["per_class"]["food"]["support"] > 0


def test_a_frame_with_columns_of_labels_trains_as_its_file_does(tmp_path: Path, run_command) -> None:
    pandas = pytest.importorskip("pandas")
    rows = [(f"{'soup ' if n % 2 else ''}{'bed ' if n % 3 else ''}n{n}", n % 2, int(n % 3 > 0)) for n in range(60)]
    path = tmp_path / "notes.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "food", "room"), *rows])
    recipe: dict[str, Any] = {
        "name": "notes",
        "data": {"type": "table", "label": ["food", "room"], "split": {"by": "hash", "test": 0.2}},
        "tokenizer": {"type": "word", "unknown": "mark"},
        "embedding": {"type": "learned", "dim": 8},
        "encoder": {"type": "lstm", "hidden_size": 8},
        "head": {"type": "multi_label"},
        "train": {"epochs": 2},
    }
    frame = pandas.DataFrame(rows, columns=["text", "food", "room"])
    in_memory = seqkit.run(recipe, data=frame, runs=tmp_path / "memory", quiet=True)
    recipe["data"]["path"] = str(path)
    of_file = seqkit.run(recipe, runs=tmp_path / "file", quiet=True)
    assert in_memory.result["metrics"] == of_file.result["metrics"]
    done = run_command("predict", of_file.path, "--data", path, "--output", tmp_path / "out.jsonl")
    assert done.code == 0 and json.loads((tmp_path / "out.jsonl").read_text().splitlines()[1])["food"] == "1"
    done = run_command("evaluate", of_file.path, "--data", path, "--label", "food, room")
    assert json.loads(done.out) == json.loads(run_command("evaluate", of_file.path, "--data", path).out)
    with pytest.raises(DataError, match="row 1: 'food' is '7', neither 0 nor 1"):
        seqkit.run(recipe, data=frame.assign(food=7), runs=tmp_path / "wrong", quiet=True)


def test_fields_of_nested_objects_are_named_with_dots(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    line = {"tweet": {"text": "so nice", "lang": "en"}, "notes": {"label": "pos"}, "values": {"x": [1, 2]}}
    path.write_text(json.dumps(line) + "\n")
    (found,) = Table(path=path, text="tweet.text", label="notes.label").read()
    assert (found.input, found.target) == ("so nice", "pos")
    assert found.columns == line, "other columns are written as they are"
    with pytest.raises(
        DataError, match=r"'values：x' is missing.*; 'values：x' has '：' \(U\+FF1A\): write ':': add it"
    ):
        list(Sequences(path=path, sequence="values：x").read())
    (sequence,) = Sequences(path=path, sequence="values.x", label="notes.label").read()
    assert sequence.input.tolist() == [[1], [2]] and sequence.target == "pos"
    with pytest.raises(DataError, match="'tweet' is an object: name a field of it, as in `text: tweet.text`"):
        list(Table(path=path, text="tweet", label="notes.label").read())
    with pytest.raises(DataError, match="there is no column 'tweet.txt' .did you mean 'tweet.text'?"):
        list(Table(path=path, text="tweet.txt", label="notes.label").read())


def test_words_for_missing_values_are_empty_fields(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,price\na flat,10\na room,nan\nNA,3\n")
    with pytest.warns(UserWarning, match="skipped"):
        found = list(Table(path=path, label="price", empty="skip", missing=["nan", "NA"]).read())
    assert [each.target for each in found] == ["10"]
    with pytest.raises(DataError, match="a.csv:3: 'price' is empty"):
        list(Table(path=path, label="price", missing=["nan"]).read())


def test_lines_of_fasttext(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("__label__a  one, two \n\n__label__b __label__c three\n")
    found = list(FastText(path=path, labels="several").read())
    assert [(each.input, each.target, each.row) for each in found] == [("one, two", ["a"], 1), ("three", ["b", "c"], 3)]
    with pytest.raises(DataError, match=r"train.txt:3: the line has 2 labels: set `labels: several`"):
        list(FastText(path=path).read())
    parameters = FastText.without_targets({"path": path})
    assert [(each.input, each.target) for each in FastText(**parameters).read()] == [
        ("one, two", None),
        ("three", None),
    ]
    with pytest.raises(DataError, match=r"train.txt:1: the line does not begin with a label, '#.'"):
        list(FastText(path=path, prefix="#").read())


def test_the_first_word_of_a_line_can_be_its_label(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    path.write_text("DESC:manner How  do you ? \n\n 0\tWho ?\n")
    found = list(FastText(path=path, prefix=None).read())
    assert [(each.input, each.target) for each in found] == [("How  do you ?", "DESC:manner"), ("Who ?", "0")]
    parameters = FastText.without_targets({"path": path, "prefix": None})
    with pytest.warns(UserWarning, match="the first word of the line is its label, and no part of the text"):
        assert [each.input for each in FastText(**parameters).read()] == ["How  do you ?", "Who ?"]
    with pytest.raises(ValueError, match="labels: several needs a prefix"):
        FastText(path=path, prefix=None, labels="several")
    path.write_text("0\n")
    with pytest.raises(DataError, match=r"train.txt:1: there is no text after the labels"):
        list(FastText(path=path, prefix=None).read())
