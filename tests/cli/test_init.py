"""`seqkit init`: recipes that run at once, and files and arguments that are rejected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from helpers.commands import error_line
from helpers.tables import reviews, write_table
from seqkit.recipe.yaml_parser import parse
from seqkit.tasks.models import text_model


def test_a_folder_of_texts_by_label_is_named(tmp_path: Path, run_command) -> None:
    for label in ("neg", "pos"):
        (tmp_path / "reviews" / label).mkdir(parents=True)
        (tmp_path / "reviews" / label / "1.txt").write_text("a text")
    line = error_line(run_command("init", "reviews"))
    assert "reviews: is a folder with texts in folders by label (neg, pos): write them into one csv file" in line
    assert "is a folder: name a file in it" in error_line(run_command("init", "reviews/pos"))


def test_columns_of_a_plain_text_are_not_ignored(tmp_path: Path, run_command) -> None:
    (tmp_path / "plays.txt").write_text("\n\n".join(f"Citizen {n % 7}:\nSpeak, speak no more." for n in range(40)))
    reason = "the file has no columns: leave out --text and --label"
    for option in ("--label", "--text"):
        line = error_line(run_command("init", "plays.txt", option, "a"))
        assert line.startswith(f"plays.txt: fits no task: {reason} (generate); ") and "name the columns" not in line
        line = error_line(run_command("init", "plays.txt", option, "a", "--task", "generate"))
        assert line == f"plays.txt: does not fit the task generate: {reason}"


def test_the_files_of_other_splits_are_used(tmp_path: Path, run_command) -> None:
    names, rows = ["text", "label"], reviews()
    write_table(tmp_path / "train.csv", names, rows)
    write_table(tmp_path / "test.csv", names, rows[:50])
    assert run_command("init", "train.csv", "--minutes", "0.02").code == 0
    data = yaml.safe_load((tmp_path / "train.yaml").read_text(encoding="utf-8"))["data"]
    assert data["test"] == {"path": "test.csv"}
    assert "test" not in data["split"] and data["split"]["valid"] > 0
    write_table(tmp_path / "dev.csv", names, rows[:50])
    write_table(tmp_path / "test.csv", ["id", "text"], [(n, text) for n, (text, _) in enumerate(rows)])
    result = run_command("init", "train.csv", "--minutes", "0.02", "--output", "b.yaml")
    assert "note: test.csv is not used for the test split: it has no column 'label'" in result.err
    data = yaml.safe_load((tmp_path / "b.yaml").read_text(encoding="utf-8"))["data"]
    assert data["valid"] == {"path": "dev.csv"}
    assert "test" not in data and "split" not in data
    (tmp_path / "dev.csv").write_text("")
    result = run_command("init", "train.csv", "--minutes", "0.02", "--output", "c.yaml")
    assert "note: dev.csv: the file is empty: not used for the valid split" in result.err


def test_notes_name_the_rare_label_that_the_recipe_suits(tmp_path: Path, run_command) -> None:
    rows = [(text, label.upper() if n in (0, 2) else label) for n, (text, label) in enumerate(reviews(120))]
    write_table(tmp_path / "a.csv", ["text", "label"], rows)
    done = run_command("init", "a.csv", "--minutes", "0.02")
    assert done.err == (
        "seqkit: note: labels that differ only in case or white space are learned as different ones: 'neg' (58) / "
        "'NEG' (2); if they mean the same, write them in one way in the data\n"
        "seqkit: note: the label 'NEG' is in only 2 of 120 rows: because it is so rare, the recipe weights the labels "
        "(`class_weights: square_root`) and chooses the best epoch by macro_f1; if the label is a mistake, correct the "
        "data first\n"
    )


@pytest.mark.parametrize("count", [1, 9, 10])
def test_a_rare_label_of_several_is_named(tmp_path: Path, run_command, count: int) -> None:
    labels = ["a", "b", "a|b"]
    rows = [(text, "rare|a" if 9 < n < 10 + count else labels[n % 3]) for n, (text, _) in enumerate(reviews(300))]
    write_table(tmp_path / "a.csv", ["text", "label"], rows)
    done = run_command("init", "a.csv", "--minutes", "0.02")
    note = (
        f"seqkit: note: the label 'rare' is in only {count} of 300 rows: a split may lack it, and macro_f1 counts a "
        "label that a split lacks as 0; if the label is a mistake, correct the data first\n"
    )
    assert done.code == 0 and "task: multi_label" in done.out
    assert done.err.endswith(note) if count < 10 else not done.err


def test_labels_that_cannot_be_learned_are_named(tmp_path: Path, run_command) -> None:
    texts = [text for text, _ in reviews()]
    one = write_table(tmp_path / "one.csv", ["text", "label"], [(text, "x") for text in texts])
    distinct = write_table(tmp_path / "distinct.csv", ["text", "label"], [(t, f"k{n}z") for n, t in enumerate(texts)])
    done = run_command("init", one)
    assert done.code == 3
    assert "one.csv: fits no task: the column 'label' has one label only, 'x': there is nothing" in error_line(done)
    assert "pass --task generate" in done.err
    assert "every value of the column 'label' is distinct" in error_line(run_command("init", distinct))
    assert "does not fit the task regress" in error_line(run_command("init", one, "--task", "regress"))


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", 3, "a.csv: the file is empty"),
        ("\n \n", 3, "only white space"),
        ("text,label\n", 3, "there are no rows after the header"),
        (
            "a,b\n1,2\n2,3\n",
            3,
            "no column of texts, which seqkit learns from (a table of features suits scikit-learn): name it",
        ),
        ('text,label\n"open,1\n', 3, "a quoted field is never closed"),
        ('[{"text": "a"}, {"text": "b"}]', 3, "is one JSON document: write one object per line"),
        ('{\n "text": "a"\n}', 3, "is one JSON document: write one object per line"),
        ('{"n": 1, "data": [{"text": "a"}]}', 3, """as JSON Lines: jq -c '.["data"][]' """),
        (bytes(range(256)).decode("latin-1"), 3, "a.csv"),
    ],
)
def test_files_without_a_task_end_in_one_line(tmp_path: Path, run_command, content: str, code: int, words: str) -> None:
    (tmp_path / "a.csv").write_text(content)
    done = run_command("init", "a.csv")
    assert done.code == code
    assert words in error_line(done)
    assert not (tmp_path / "a.yaml").exists()


def test_wrong_arguments_end_in_one_line(tmp_path: Path, run_command) -> None:
    write_table(tmp_path / "a.csv", ["text", "label"], reviews())
    assert "no such file" in error_line(run_command("init", "nowhere.csv"))
    assert "is a folder" in error_line(run_command("init", "."))
    assert "--task clasify: no such task (did you mean 'classify'?)" in error_line(
        run_command("init", "a.csv", "--task", "clasify")
    )
    assert "--label lable: a.csv has no such column (did you mean 'label'?)" in error_line(
        run_command("init", "a.csv", "--label", "lable")
    )
    assert "must be a positive number" in run_command("init", "a.csv", "--minutes", "0").err
    (tmp_path / "a.yaml").write_text("mine")
    assert "a.yaml: exists already" in error_line(run_command("init", "a.csv"))
    assert (tmp_path / "a.yaml").read_text() == "mine"
    assert "no such folder" in error_line(run_command("init", "a.csv", "--output", "none/a.yaml"))


def test_a_recipe_runs_at_once_and_passes_its_baseline(tmp_path: Path, run_command) -> None:
    rows = [(label, text) for text, label in reviews(120)]
    write_table(tmp_path / "bewertungen.txt", [], rows, delimiter="\t")
    done = run_command("init", "bewertungen.txt")
    assert (done.code, done.err) == (0, "")
    assert "task: classify, the text is 'column_2', the label 'column_1'" in done.out
    assert "baseline on the validation split: accuracy" in done.out
    text = (tmp_path / "bewertungen.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=seqkit.schema.json\n")
    assert "# 2 labels: neg (60), pos (60)" in text
    recipe = parse(text, "recipe").data
    assert recipe["data"]["path"] == "bewertungen.txt"
    assert recipe["data"]["columns"] == ["column_1", "column_2"]
    assert json.loads((tmp_path / "seqkit.schema.json").read_text())["title"] == "seqkit recipe"
    finished = run_command("run", "bewertungen.yaml", "train.threads=1", "train.epochs=5", "baseline=off", "--json")
    assert finished.code == 0, finished.err
    assert json.loads(finished.out)["metrics"]["valid"]["accuracy"] == 1


def test_a_list_of_names_is_learned_whole(tmp_path: Path, run_command) -> None:
    (tmp_path / "names.txt").write_text(
        "".join(f"{a}{b}{c}\n" for a in "BDKLM" for b in ("a", "e", "io") for c in "nrst")
    )
    assert run_command("init", "names.txt").code == 0
    recipe = parse((tmp_path / "names.yaml").read_text(), "recipe").data
    assert recipe["head"] == {"type": "next_char", "whole_texts": True, "tied": True}
    assert run_command("check", "names.yaml").code == 0


def test_a_text_for_generation_fits_the_time(tmp_path: Path, run_command) -> None:
    (tmp_path / "plays.txt").write_text("\n\n".join(f"Citizen {n % 7}:\nSpeak, speak no more." for n in range(400)))
    assert run_command("init", "plays.txt", "--minutes", "0.00001").code == 0
    recipe = parse((tmp_path / "plays.yaml").read_text(), "recipe").data
    assert recipe["head"]["type"] == "next_char"
    assert "steps" in recipe["train"] and "epochs" not in recipe["train"]
    assert run_command("check", "plays.yaml").code == 0


def test_ngrams_of_many_tokens_are_weighted_by_the_labels() -> None:
    texts = ["the room was clean and the breakfast was good, but we had to wait " * (1 + n % 40) for n in range(100)]
    assert text_model(texts, 5000).head["ngram_ratios"] is True
    assert "ngram_ratios" not in text_model(texts, 500).head
    assert text_model([text * 40 for text in texts], 5000).tokenizer["max_length"] == 2000


@pytest.mark.parametrize(
    ("file", "name"), [("评论 2024", "评论-2024"), ("Été", "été"), ("हिन्दी 2", "हिन्दी-2"), ("__", "classify")]
)
def test_a_run_is_named_after_the_file_in_any_script(tmp_path: Path, run_command, file: str, name: str) -> None:
    write_table(tmp_path / f"{file}.csv", ["text", "label"], reviews())
    assert run_command("init", f"{file}.csv", "--output", "a.yaml", "--minutes", "0.02").code == 0
    assert parse((tmp_path / "a.yaml").read_text(encoding="utf-8"), "recipe").data["name"] == name
    done = run_command("run", "a.yaml", "train.epochs=1", "baseline=off", "--quiet")
    assert (done.code, Path(done.out.strip()).as_posix()) == (0, f"runs/{name}-1")
    assert name in run_command("runs").out
    assert run_command("predict", f"runs/{name}-1", "lovely").code == 0


@pytest.mark.parametrize(
    "name",
    ["评/论", "评：论", "a:b", "_a", ".a", "评 论", "a*", "评?", "评论" * 33, "𠀀" * 64],
)
def test_names_that_are_no_folders_are_rejected(tmp_path: Path, run_command, name: str) -> None:
    write_table(tmp_path / "a.csv", ["text", "label"], reviews())
    assert run_command("init", "a.csv", "--minutes", "0.02").code == 0
    line = error_line(run_command("check", "a.yaml", f"name='{name}'"))
    assert "name: must be a folder name of at most 64 letters, digits" in line
