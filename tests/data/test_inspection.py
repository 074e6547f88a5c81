"""What `seqkit data` finds in data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from helpers.recipes import write_recipe

TEXTS = {
    "train": [
        ("the staff was friendly and the room was clean and quiet", "pos"),
        ("the breakfast was cold and the room was far too small", "neg"),
        ("never again", "neg"),
        ("never again", "pos"),
    ],
    "valid": [("the staff was friendly and the room was clean and quiet!", "pos"), ("never again", "neg")],
    "test": [("unseen words everywhere", "neg")],
}


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for split, rows in TEXTS.items():
        lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(lines))
    data: dict[str, Any] = {"type": "table", "path": "train.jsonl"}
    data |= {split: {"path": f"{split}.jsonl"} for split in ("valid", "test")}
    sections = {"data": data, "tokenizer": {"type": "word", "unknown": "mark"}, "head": "classify"}
    return write_recipe(tmp_path / "recipe.yaml", {**sections, "encoder": {"type": "lstm", "hidden_size": 4}})


def test_data_as_json(recipe: Path, run_command) -> None:
    found = json.loads(run_command("data", recipe, "--json").out)
    assert {split: each["examples"] for split, each in found["splits"].items()} == {"train": 4, "valid": 2, "test": 1}
    assert found["splits"]["train"]["longest"] == 11
    assert found["labels"]["names"] == ["neg", "pos"]
    assert found["labels"]["counts"] == {"train": [2, 2], "valid": [1, 1], "test": [1, 0]}
    assert found["vocabulary"]["splits"]["test"]["unknown"] == 1
    assert found["vocabulary"]["splits"]["train"]["not_in_train"] == 0
    assert found["duplicates"]["within"] == {"train": 1, "valid": 0, "test": 0}
    assert found["duplicates"]["across"] == {"valid in train": 1, "test in train": 0, "test in valid": 0}
    near = found["near_duplicates"]
    assert (near["valid"]["count"], near["test"]["count"]) == (1, 0)
    (example,) = near["valid"]["examples"]
    assert (Path(example["location"]).name, Path(example["train_location"]).name) == ("valid.jsonl:1", "train.jsonl:1")
    assert (found["disagreements"]["texts"], found["disagreements"]["examples_affected"]) == (1, 3)
    assert "entities" not in found and "windows" not in found


def test_shares_of_labels_are_of_all_examples_of_a_split(
    recipe: Path, run_command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqkit.data.statistics._MAX_LABELS", 1)
    found = json.loads(run_command("data", recipe, "--json").out)
    assert (found["labels"]["names"], found["labels"]["left_out"]) == (["neg"], 1)
    assert found["labels"]["totals"] == {"train": 4, "valid": 2, "test": 1}
    assert "\nneg    2 (50.0%)  1 (50.0%)  1 (100.0%)\n" in run_command("data", recipe).out


def test_data_as_tables(recipe: Path, run_command) -> None:
    done = run_command("data", recipe)
    assert (done.code, done.err) == (0, "")
    assert "valid nearly equal to train" in done.out
    assert "never again: neg or pos (" in done.out
    assert "\nvocabulary: " in done.out


def test_numbers_do_not_disagree(tmp_path: Path, run_command) -> None:
    rows = [f"{'good' if n % 2 else 'bad'} {n // 4},{n}.5\n" for n in range(60)]
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(rows))
    sections = {"data": {"type": "table", "path": "a.csv", "split": {"by": "hash", "valid": 0.3}}, "tokenizer": "char"}
    model = {"embedding": {"type": "learned", "dim": 4}, "encoder": {"type": "lstm", "hidden_size": 4}}
    for head, shown in (("regress", False), ("classify", True)):
        path = write_recipe(tmp_path / f"{head}.yaml", {**sections, **model, "head": head})
        assert ("labels that disagree" in run_command("data", path, "tokenizer.unknown=mark").out) is shown


def test_windows_of_a_long_text_that_train_contains_are_counted(tmp_path: Path, run_command) -> None:
    verse = "".join(chr(97 + (7 * place * place + place // 3) % 26) for place in range(400))
    tail = "".join(chr(97 + (11 * place * place * place) % 25) for place in range(200))
    (tmp_path / "text.txt").write_text(verse + verse + tail)
    sections = {"data": {"type": "text", "path": "text.txt", "split": {"by": "order", "valid": 0.6}}}
    sections["tokenizer"] = {"type": "char", "unknown": "mark"}
    path = write_recipe(
        tmp_path / "recipe.yaml", {**sections, "encoder": {"type": "lstm", "hidden_size": 4}, "head": "next_char"}
    )
    found = json.loads(run_command("data", path, "--json").out)
    assert "duplicates" not in found
    assert found["windows"]["valid"]["count"] == (600 - 32) // 32 + 1
    assert 0.5 < found["windows"]["valid"]["in_train"] < 0.8


def test_entities_and_tags_that_disagree() -> None:
    from seqkit.contracts import Example
    from seqkit.data.dataset import Dataset
    from seqkit.data.inspection import _entities

    def dataset(*pairs: tuple[str, str]) -> Dataset:
        return Dataset([Example(words.split(), tags.split()) for words, tags in pairs])

    train = dataset(("in New York now", "O B-LOC I-LOC O"), ("Bob saw Ann", "B-PER O B-PER"))
    valid = dataset(("New York met Bob Smith", "B-LOC I-LOC O B-PER I-PER"))
    found = _entities({"train": train, "valid": valid})
    assert found["train"]["distinct"] == 3
    assert found["valid"] == {"count": 2, "distinct": 2, "in_train": 0.5}


@pytest.mark.parametrize(
    ("splits", "similar"),
    [
        ([["yes", "no", "Yes", "no"], ["YES", "yes"]], "'yes' (2) / 'Yes' (1) / 'YES' (1)"),
        ([["a b", "a  b", "b", "B"], ["a b", "c"]], "'a b' (2) / 'a  b' (1), 'b' (1) / 'B' (1)"),
        ([[["x", "y"], ["X"]], [["x"]]], "'x' (2) / 'X' (1)"),
        ([["a" * 50, "A" * 50]], f"'{'a' * 40}' (1) / '{'A' * 40}' (1)"),
        ([list("aAbBcCdDeEfF")], ", ".join(f"'{c}' (1) / '{c.upper()}' (1)" for c in "abcde") + ", …"),
        ([["positive", "postive", "1", "1.0"]], ""),
        ([["a", "A", ["a", "A"]]], "'a' (2) / 'A' (2)"),
    ],
)
def test_labels_that_differ_only_in_case_or_white_space_are_noted(splits: list[list[Any]], similar: str) -> None:
    from seqkit.contracts import Example
    from seqkit.data.dataset import Dataset
    from seqkit.data.statistics import describe_similar_labels
    from seqkit.heads.classify import Classify
    from seqkit.heads.regress import Regress

    found = {
        split: Dataset([Example("text", target) for target in targets])
        for split, targets in zip(("train", "test"), splits, strict=False)
    }
    expected = (
        f"labels that differ only in case or white space are learned as different ones: {similar}; if they mean the "
        "same, write them in one way in the data"
    )
    assert describe_similar_labels(found, Classify()) == (expected if similar else "")
    assert describe_similar_labels(found, Regress()) == ""  # its targets are no labels


def test_similar_labels_are_noted_wherever_data_is_prepared(recipe: Path, run_command, tmp_path: Path) -> None:
    file = tmp_path / "test.jsonl"
    file.write_text(file.read_text().replace('"neg"', '" Neg "'))
    note = "note: labels that differ only in case or white space are learned as different ones: 'neg' (3) / 'Neg' (1);"
    assert note in run_command("data", recipe).out
    assert note in run_command("run", recipe, "train.epochs=1", "train.threads=1").out


def test_wrong_recipes_and_data_end_in_one_line(recipe: Path, run_command, tmp_path: Path) -> None:
    done = run_command("data", recipe, "data.label=none")
    assert done.code == 3 and "there is no column 'none'" in done.err
    done = run_command("data", recipe, "data.path=nowhere.jsonl")
    assert done.code == 3 and "nowhere.jsonl does not exist" in done.err
    assert run_command("data", recipe, "head=nothing").code == 2


def test_each_label_of_several_is_counted(run_command) -> None:
    from helpers.recipes import RECIPES

    found = json.loads(run_command("data", RECIPES / "topics.yaml", "--json").out)
    assert len(found["labels"]["names"]) == 4
    sizes = {split: each["examples"] for split, each in found["splits"].items()}
    assert found["labels"]["totals"] == sizes, "the share of a label is that of the examples that have it"


def test_labels_in_one_field_are_counted_each(tmp_path: Path, run_command) -> None:
    rows = "".join(f"送餐很快 {n},{['配送', '配送、味道', '味道、价格'][n % 3]}\n" for n in range(60))
    (tmp_path / "a.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    recipe = {
        "name": "topics",
        "data": {"type": "table", "path": "a.csv", "split": {"by": "order", "valid": 0.2, "test": 0.2}},
        "tokenizer": {"type": "char", "unknown": "mark"},
        "embedding": {"type": "one_hot"},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": {"type": "multi_label", "separator": "、"},
        "train": {"epochs": 1},
    }
    (tmp_path / "a.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    labels = json.loads(run_command("data", "a.yaml", "--json").out)["labels"]
    assert labels["names"] == ["味道", "配送", "价格"]
    assert labels["counts"]["train"] == [24, 24, 12] and labels["totals"]["train"] == 36
    assert "味道" in run_command("data", "a.yaml").out


def test_numbers_are_described_and_one_that_is_far_is_named(tmp_path: Path, run_command) -> None:
    rows = [f"text {number},{number}" for number in range(101)]
    (tmp_path / "n.csv").write_text("\n".join(["text,label", *rows]))
    sections = {"data": {"type": "table", "path": "n.csv"}, "head": "regress"}
    recipe = write_recipe(tmp_path / "n.yaml", {**sections, "encoder": {"type": "lstm", "hidden_size": 4}})
    found = json.loads(run_command("data", recipe, "--json").out)
    assert (found["numbers"], found["notes"]) == ({"train": [[0, 25, 50, 75, 100]]}, [])
    rows[7] = "text 7,-6000"
    (tmp_path / "n.csv").write_text("\n".join(["text,label", *rows]))
    out = run_command("data", recipe).out
    assert "target  smallest  lower quartile  median  upper quartile  largest" in out
    assert "n.csv:9: the target -6000 is far from the others, of which half are between 25 and 75: correct or" in out
