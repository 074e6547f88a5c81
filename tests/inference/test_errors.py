"""The errors of a run, and its scores by group."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from helpers.commands import error_line
from seqkit.errors import UsageError

CITIES = ("Rome", "Oslo", "Bonn")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("errors")


@pytest.fixture(scope="module")
def run(folder: Path) -> seqkit.Run:
    """Return a run that classifies words of a file with two more columns, one of which is called as a field."""
    generator = np.random.default_rng(1)
    lines = ["text,label,city,truth"]
    for number in range(240):
        word = "".join(generator.choice(list("abcdeiou"), size=4))
        label = "vowel" if word[0] in "aeiou" else "consonant"
        lines.append(f"{word},{label},{CITIES[min(number % 5, 2)]},{number}")
    (folder / "words.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    recipe = {
        "data": {
            "type": "table",
            "path": str(folder / "words.csv"),
            "split": {"by": "random", "valid": 0.2, "test": 0.4},
        },
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": "classify",
        "train": {"epochs": 2, "threads": 1, "optimizer": {"type": "adam", "lr": 0.02}},
        "baseline": "off",
    }
    return seqkit.run(recipe, runs=folder / "runs", quiet=True)


def test_errors_are_the_wrong_predictions_the_surest_first(run: seqkit.Run, folder: Path) -> None:
    rows = list(csv.DictReader((folder / "words.csv").read_text(encoding="utf-8").splitlines()))
    errors = run.errors()
    scores = run.evaluate()
    assert len(errors) == scores["examples"] - round(scores["accuracy"] * scores["examples"])
    assert 0 < len(errors) < scores["examples"]
    predictions = run.predict([error["input"] for error in errors])
    for error, prediction in zip(errors, predictions, strict=True):
        row = rows[error["row"] - 1]
        assert (error["input"], error["truth"]) == (row["text"], row["label"])
        assert error["location"] == f"{folder / 'words.csv'}:{error['row'] + 1}"
        assert error["prediction"] == prediction["label"] != error["truth"]
        assert error["probability"] == pytest.approx(prediction["probabilities"][prediction["label"]], rel=1e-5)
        assert error["probability_of_truth"] == pytest.approx(1 - error["probability"])
    probabilities = [error["probability"] for error in errors]
    assert probabilities == sorted(probabilities, reverse=True)


def test_right_predictions_follow_the_errors_the_least_sure_first(run: seqkit.Run) -> None:
    everything = run.errors(every=True)
    errors = [{key: value for key, value in item.items() if key != "error"} for item in everything if item["error"]]
    assert errors == run.errors()
    right = everything[len(errors) :]
    assert not any(item["error"] for item in right)
    assert len(everything) == run.evaluate()["examples"]
    assert [item["probability"] for item in right] == sorted(item["probability"] for item in right)


def test_errors_on_new_data_of_any_kind(run: seqkit.Run, folder: Path) -> None:
    assert run.errors(folder / "words.csv", encoding="utf-8")[0]["row"] >= 1
    (label,) = {prediction["label"] for prediction in run.predict(["aaaa"])}
    with pytest.warns(UserWarning, match="does not occur in the training data"):
        (error,) = run.errors([("aaaa", label), ("aaaa", "other")])
    assert (error["truth"], error["probability_of_truth"], error["location"]) == ("other", None, "pair 2")
    assert "row" not in error


def test_the_command_writes_errors_and_prints_scores(run: seqkit.Run, tmp_path: Path, run_command) -> None:
    count = len(run.errors())
    for name in ("errors.csv", "errors.jsonl"):
        file = tmp_path / name
        result = run_command("evaluate", run.path, "--errors", file, "--limit", "3")
        assert (result.code, result.err) == (0, f"wrote the first 3 of {count} errors to {file}\n")
        assert json.loads(result.out)["accuracy"] == run.evaluate()["accuracy"]
    expected = run.errors()[:3]
    written = [json.loads(line) for line in (tmp_path / "errors.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [{key: item[key] for key in expected[0]} for item in written] == expected
    assert {item["city"] for item in written} <= set(CITIES)  # the other columns, one of which has a field's name
    assert all(item["input_truth"].isdecimal() for item in written)
    with (tmp_path / "errors.csv").open(encoding="utf-8", newline="") as file:
        assert [row["input"] for row in csv.DictReader(file)] == [item["input"] for item in expected]
    file, examples = tmp_path / "all.csv", run.evaluate()["examples"]
    for options, line in (
        ((), f"wrote {count} errors to {file}"),
        (("--all",), f"wrote {examples} rows to {file}, with {count} errors among them"),
        (("--all", "--limit", "1"), f"wrote 1 row to {file}, with 1 error among them"),
    ):
        assert run_command("evaluate", run.path, "--errors", file, *options).err == f"{line}\n"
    result = run_command("evaluate", run.path, "--errors", "-", "--all")
    assert result.err == ""
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert [line["error"] for line in lines] == [item["error"] for item in run.errors(every=True)]


def test_scores_by_group(run: seqkit.Run, folder: Path, run_command) -> None:
    found = run.evaluate(by="city")
    groups = found["groups"]["scores"]
    assert {group["value"] for group in groups} == set(CITIES)
    sizes = [group["examples"] for group in groups]
    assert sizes == sorted(sizes, reverse=True)
    assert sum(group["examples"] for group in groups) == found["examples"]
    assert [group["small"] for group in groups] == [group["examples"] < 30 for group in groups]
    assert {group["small"] for group in groups} == {True, False}
    assert found["groups"]["small_below"] == 30
    for name in ("accuracy", "loss"):
        mean = sum(group[name] * group["examples"] for group in groups) / found["examples"]
        assert mean == pytest.approx(found[name], rel=1e-5)
    items = run.errors(every=True)
    rows = list(csv.DictReader((folder / "words.csv").read_text(encoding="utf-8").splitlines()))
    for group in groups:
        wrong = [item["error"] for item in items if rows[item["row"] - 1]["city"] == group["value"]]
        assert group["accuracy"] == pytest.approx(1 - np.mean(wrong))
    printed = run_command("evaluate", run.path, "--by", "city", "--data", folder / "words.csv")
    assert json.loads(printed.out) == run.evaluate(folder / "words.csv", by="city")


def test_values_of_groups_are_texts(run: seqkit.Run, tmp_path: Path) -> None:
    lines = [{"text": "aaaa", "label": "vowel", "stars": stars} for stars in (1, "1", None, True, [2])]
    del lines[2]["stars"]
    file = tmp_path / "new.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    groups = run.evaluate(file, by="stars")["groups"]["scores"]
    assert [(group["value"], group["examples"]) for group in groups] == [("1", 2), (None, 1), ("[2]", 1), ("true", 1)]


def test_wrong_options_are_one_line(run: seqkit.Run, folder: Path, tmp_path: Path, run_command) -> None:
    words = folder / "words.csv"
    for options, reason in [
        (["--by", "town"], "--by town: must be a column besides those of the input and the target; choose one of city"),
        (["--by", "citi"], "--by citi: must be a column besides those of the input and the target (did you mean"),
        (
            ["--by", "label"],
            "--by label: must be a column besides those of the input and the target; choose one of city",
        ),
        (["--errors", "errors.xlsx"], "--errors errors.xlsx: the ending must be one of .csv, .tsv, .jsonl, .ndjson; "),
        (["--errors", words], f"--errors {words}: is a file that is read: choose another name"),
        (["--errors", "none/errors.csv"], "--errors none/errors.csv: no such folder none: create it first"),
        (["--all"], "--all and --limit describe --errors: pass --errors FILE"),
    ]:
        result = run_command("evaluate", run.path, *options)
        assert result.code == 2
        assert error_line(result).startswith(reason)
    with pytest.raises(UsageError, match="--by city: .*; the data has no other columns"):
        run.evaluate([("aaaa", "vowel")], by="city")
    assert words.read_text(encoding="utf-8").startswith("text,label,city")


def test_too_many_groups_are_one_line(run: seqkit.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqkit.inference.error_list.MAX_GROUPS", 2)
    with pytest.raises(UsageError, match="--by city: has 3 values: choose a column with at most 2"):
        run.evaluate(by="city")


def test_a_head_without_judgments_is_one_line(generation_run: Path, run_command) -> None:
    result = run_command("evaluate", generation_run, "--errors", "-")
    assert result.code == 2
    assert error_line(result).startswith(f"{generation_run}: the head 'next_char' does not say which predictions are")


def test_an_ensemble_lists_its_errors(run: seqkit.Run, folder: Path) -> None:
    other: dict[str, Any] = {"encoder__hidden_size": 3, "runs": folder / "runs", "quiet": True}
    second = seqkit.run(run.path / "recipe.yaml", **other)
    ensemble = seqkit.ensemble([run, second], runs=folder / "runs")
    scores = ensemble.evaluate(by="city")
    assert len(ensemble.errors()) == round((1 - scores["accuracy"]) * scores["examples"])
    assert sum(group["examples"] for group in scores["groups"]["scores"]) == scores["examples"]
