"""`seqkit init`: what it says of the data and of the label that it chooses."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import yaml

from helpers.commands import error_line
from helpers.tables import reviews, write_table


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_rows_without_labels_are_learned(tmp_path: Path, run_command, name: str) -> None:
    labels = ["food", "food,price", "price", ""]
    rows = [(f"{text} {labels[n % 4]} {labels[n % 4]}", labels[n % 4]) for n, (text, _) in enumerate(reviews(120))]
    if name == "a.csv":
        write_table(tmp_path / name, ["text", "tags"], rows)
    else:
        objects = [{"text": text} | ({"tags": tags} if tags else {}) for text, tags in rows]
        (tmp_path / name).write_text("\n".join(map(json.dumps, objects)))
    done = run_command("init", name, "--minutes", "0.02")
    said = "30 of 120 rows have an empty label: the recipe reads it as no labels (`optional_label: true`)"
    assert (done.code, done.err) == (0, f"seqkit: note: {said}\n")
    text = (tmp_path / "a.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)["data"]
    assert data["optional_label"] is True and "empty" not in data and f"  # {said}\n" in text
    shown = run_command("data", "a.yaml").out
    assert "\n(no label)" in shown
    assert json.loads(run_command("data", "a.yaml", "--json").out)["labels"]["without"]["test"] > 0


def test_labels_that_the_text_does_not_predict_are_noted(tmp_path: Path, run_command) -> None:
    generator = random.Random(1)
    rows = [
        (text, generator.choice(["web", "app", "app"]), ["low", "high"][label == "pos"]) for text, label in reviews(300)
    ]
    write_table(tmp_path / "a.csv", ["text", "urgency", "channel"], [(a, c, b) for a, b, c in rows])
    done = run_command("init", "a.csv", "--minutes", "0.02")
    line = next(line for line in done.err.splitlines() if "hardly" in line)
    assert line.startswith("seqkit: note: the text hardly predicts the label: the baseline has an accuracy of 0.")
    assert line.endswith("; perhaps you mean `--label urgency`")
    done = run_command("init", "a.csv", "--minutes", "0.02", "--label", "urgency", "--output", "b.yaml")
    assert "hardly" not in done.err


def test_errors_of_the_reader_name_the_option(tmp_path: Path, run_command) -> None:
    rows = [(text, "") if n % 2 else ("", label) for n, (text, label) in enumerate(reviews())]
    rows = [(text, "ab"[n % 4 == 0] if label else "") for n, (text, label) in enumerate(rows)]
    write_table(tmp_path / "a.csv", ["text", "label"], rows)
    line = error_line(run_command("init", "a.csv"))
    assert line.endswith("all 60 rows have an empty text or label: check `text:` and `label:` (here: --text …)")


def test_texts_that_the_recipe_cuts_are_counted(tmp_path: Path, run_command) -> None:
    rows = [(f"{text} " * (250 if n % 4 == 3 else 2) + ".", label) for n, (text, label) in enumerate(reviews(40))]
    write_table(tmp_path / "a.csv", ["text", "label"], rows)
    done = run_command("init", "a.csv", "--minutes", "0.5")
    recipe = yaml.safe_load(text := (tmp_path / "a.yaml").read_text(encoding="utf-8"))
    limit = recipe["tokenizer"]["max_length"]
    said = f"max_length of the tokenizer cuts 25% of the texts, 10 of 40, to their first {limit:,} tokens"
    assert done.err == f"seqkit: note: {said}\n"
    assert f"# words, in lower case; {said}\n" in text
    assert f"note: {said}\n" in run_command("data", "a.yaml").out
    assert "max_length" not in run_command("data", "a.yaml", "tokenizer.max_length=9999").out


def test_a_text_of_max_length_is_not_cut(tmp_path: Path, run_command) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "abcd,x\nefgh,y\n" * 9 + "abcde,x\n", encoding="utf-8")
    recipe = {
        "data": {"type": "table", "path": "a.csv", "valid": {"path": "a.csv"}},
        "tokenizer": {"type": "char", "max_length": 4},
        "encoder": {"type": "lstm", "hidden_size": 2},
        "head": "classify",
    }
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    said = "max_length of the tokenizer cuts 5% of the texts, 2 of 38, to their first 4 tokens"
    assert said in run_command("data", "a.yaml").out
    assert "max_length" not in run_command("data", "a.yaml", "tokenizer.max_length=5").out
