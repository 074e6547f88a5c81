"""Evaluation without data: what training recorded, and the recorded splits, read again."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.commands import error_line, run_here
from helpers.long_texts import TEXT
from helpers.recipes import CHARACTER_RECIPE, classification_recipe
from helpers.training import interrupted_run
from seqkit.errors import DataError, UsageError
from seqkit.heads.next_char import NextChar


def evaluate_again(run: seqkit.Run, **options: Any) -> dict[str, Any]:
    """Return the metrics of a split that is read again, without those that training does not record."""
    scores = run.evaluate(again=True, **options)
    return {name: value for name, value in scores.items() if name != "calibration"}


@pytest.fixture
def words_run(vowel_recipe: dict[str, Any], tmp_path: Path) -> seqkit.Run:
    """Return a run with a train, a valid and a test split of the file `words.csv`."""
    vowel_recipe["train"]["epochs"] = 1
    return seqkit.run(vowel_recipe, runs=tmp_path / "runs", quiet=True)


def test_the_recorded_result_is_returned_without_the_data(words_run: seqkit.Run, tmp_path: Path, run_command) -> None:
    (tmp_path / "words.csv").unlink()
    result = words_run.result
    expected = {"split": "test", "examples": result["examples"]["test"]} | result["metrics"]["test"]
    assert words_run.evaluate() == expected
    assert words_run.evaluate(split="valid")["loss"] == result["metrics"]["valid"]["loss"]
    printed = run_command("evaluate", words_run.path)
    assert (printed.code, printed.err, json.loads(printed.out)) == (0, "", expected)


def test_a_split_that_is_read_again_gives_the_recorded_metrics(words_run: seqkit.Run) -> None:
    for split in ("test", "valid"):
        assert evaluate_again(words_run, split=split) == words_run.evaluate(split=split)
    train = words_run.evaluate(split="train")  # training has not recorded its metrics
    assert train["examples"] == words_run.result["examples"]["train"]


@pytest.mark.parametrize("by", ["random", "order"])
def test_every_kind_of_split_is_read_again(vowel_recipe: dict[str, Any], tmp_path: Path, by: str) -> None:
    vowel_recipe["train"]["epochs"] = 1
    vowel_recipe["data"]["split"]["by"] = by
    run = seqkit.run(vowel_recipe, runs=tmp_path / "runs", quiet=True)
    assert evaluate_again(run) == run.evaluate()


@pytest.mark.parametrize(
    "changes",
    [
        {"head": {"type": "classify", "max_length": 3}},
        {"head": {"type": "classify", "crop": 2, "noise": 0.5}},
        {"tokenizer": {"type": "bpe", "vocab_size": 300}},
        {"train": {"threads": 1, "metrics": ["kappa", {"type": "top_k", "k": 1}]}},
    ],
    ids=["cut", "renewed", "sub-words", "metrics"],
)
def test_rows_are_made_as_in_training(vowel_recipe: dict[str, Any], tmp_path: Path, changes: dict[str, Any]) -> None:
    recipe = vowel_recipe | changes
    recipe["train"]["epochs"] = 1
    run, other = (seqkit.run(recipe, runs=tmp_path / "runs", quiet=True) for _ in range(2))
    for split in ("test", "valid"):
        assert evaluate_again(run, split=split) == run.evaluate(split=split)
    ensemble = seqkit.ensemble([run, other], runs=tmp_path / "runs").evaluate()
    for name in run.result["metrics"]["test"].keys() - {"confusion_matrix", "per_class"}:
        assert ensemble[name] == ensemble["members"][1][name] == pytest.approx(run.evaluate()[name], rel=1e-5)


def test_a_separate_file_is_read_without_that_of_the_training_split(tmp_path: Path) -> None:
    run = seqkit.run(classification_recipe(tmp_path), runs=tmp_path / "runs", quiet=True)
    (tmp_path / "reviews.csv").unlink()
    assert evaluate_again(run) == run.evaluate()
    (tmp_path / "test.csv").rename(tmp_path / "moved.csv")
    assert evaluate_again(run, path=tmp_path / "moved.csv") == run.evaluate()
    with pytest.raises(DataError, match="the file .*reviews.csv does not exist: restore the data of this run"):
        run.evaluate(split="train")


def test_parts_of_a_text_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    recipe = CHARACTER_RECIPE | {
        "data": {"type": "text", "path": str(tmp_path / "text.txt"), "split": {"by": "order", "test": 0.2}},
        "train": {"epochs": 1, "sequence_length": 50},
        "tokenizer": {"type": "char", "unknown": "mark"},
    }
    for min_bytes in (10**6, 1000):  # read as a whole, and chunk by chunk
        monkeypatch.setattr("seqkit.data.token_files.encode.MIN_BYTES", min_bytes)
        run = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True)
        assert evaluate_again(run) == run.evaluate()
        assert evaluate_again(run)["examples"] == 1


def test_a_long_text_is_read_again_with_special_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr("seqkit.data.token_files.encode.MIN_BYTES", 1000)
    monkeypatch.setattr(NextChar, "special_tokens", frozenset({"separator"}))
    recipe = CHARACTER_RECIPE | {
        "data": {"type": "text", "path": str(tmp_path / "text.txt"), "split": {"by": "order", "test": 0.2}},
        "train": {"epochs": 1, "sequence_length": 50},
        "tokenizer": {"type": "char", "unknown": "mark"},
    }
    run = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True)
    assert evaluate_again(run) == run.evaluate()


def test_data_that_has_moved_or_changed_is_one_line(words_run: seqkit.Run, tmp_path: Path, run_command) -> None:
    run, file = words_run.path, tmp_path / "words.csv"
    content = file.read_text()
    file.rename(tmp_path / "moved.csv")
    result = run_command("evaluate", run, "--again")
    assert result.code == 3
    assert error_line(result) == (
        f"{run}: the file {file} does not exist: restore the data of this run; if it has moved, pass --set path=FILE; "
        "or evaluate other data with --data FILE"
    )
    result = run_command("evaluate", run, "--set", f"path={tmp_path / 'moved.csv'}")
    assert json.loads(result.out) == words_run.evaluate(again=True, path=tmp_path / "moved.csv")
    header, _, rows = content.partition("\n")
    for changed in (
        content + rows,
        content.replace("vowel", "other"),
        f"{header}\n{rows[: rows.index(chr(10), 400)]}\n",
    ):
        file.write_text(changed)
        result = run_command("evaluate", run, "--again")
        assert result.code == 3
        assert error_line(result).startswith(
            f"{run}: the test split is not the one that was recorded (the file of data.path has changed): restore it"
        )


def test_options_that_do_not_fit_are_one_line(words_run: seqkit.Run, classification_run: Path, run_command) -> None:
    for options, reason in [
        (["--again", "--data", "words.csv"], "--again reads the data of the run: pass --data or --again, not both"),
        (["--split", "test", "--data", "words.csv"], "pass data or a split of the data that the run was trained with"),
        (["--set", "empty=skip"], "empty: without data, the data of the run is read as in training, and only path can"),
        (["--label", "sentiment"], "label: without data, the data of the run is read as in training, and only path"),
    ]:
        result = run_command("evaluate", words_run.path, *options)
        assert result.code == 2
        assert error_line(result).startswith(reason)
    result = run_command("evaluate", classification_run, "--split", "valid")
    assert result.code == 2
    assert error_line(result) == (
        f"{classification_run}: has no valid split: its splits are test, train; pass other data with --data FILE"
    )
    with pytest.raises(UsageError, match="has no dev split: its splits are test, valid, train"):
        words_run.evaluate(split="dev")


def test_an_unfinished_run_is_one_line(words_run: seqkit.Run, run_command) -> None:
    words_run.directory.result.unlink()
    result = run_command("evaluate", words_run.path)
    assert result.code == 2
    assert error_line(result).startswith(f"{words_run.path}: is not finished: resume it with: seqkit resume ")


@pytest.mark.parametrize(("after", "place"), [(2, "step 2"), (7, "step 5 of 15")])
def test_the_weights_of_an_unfinished_run_are_named(
    after: int, place: str, vowel_recipe: dict[str, Any], tmp_path: Path
) -> None:
    vowel_recipe["train"] |= {"epochs": 5, "batch_size": 64}
    path = interrupted_run(vowel_recipe, tmp_path / "runs", after)
    note = rf"is not finished: these are its weights so far, of {place}; resume it with: seqkit resume "
    for command in ("predict", "explain"):
        done = run_here(command, path, "apple", cwd=tmp_path)
        assert done.code == 0 and len(re.findall(note, done.err)) == 1
    with pytest.warns(UserWarning, match=note):
        seqkit.load(path).predict(["apple"])
    seqkit.resume(path, quiet=True)
    assert run_here("predict", path, "apple", cwd=tmp_path).err == ""


def test_an_ensemble_evaluates_the_split_that_its_members_share(tmp_path: Path, run_command) -> None:
    recipe = classification_recipe(tmp_path)
    members = [
        seqkit.run(recipe | change, runs=tmp_path / "runs", quiet=True)
        for change in ({}, {"seed": 2, "tokenizer": "byte"})
    ]
    ensemble = seqkit.ensemble(members, runs=tmp_path / "runs")
    scores = ensemble.evaluate()
    assert (scores["split"], scores["examples"]) == ("test", 3)
    for number, (member, found) in enumerate(zip(members, scores["members"], strict=True), start=1):
        assert (found["member"], found["run"]) == (number, str(member.path))
        recorded = member.evaluate()
        assert found["loss"] == pytest.approx(recorded["loss"], rel=1e-6)
        assert found["accuracy"] == recorded["accuracy"]
    printed = run_command("evaluate", ensemble.path)
    assert json.loads(printed.out) == scores


def test_members_with_different_splits_are_one_line(vowel_recipe: dict[str, Any], tmp_path: Path, run_command) -> None:
    vowel_recipe["train"]["epochs"] = 1
    vowel_recipe["data"]["split"]["by"] = "random"
    members = [seqkit.run(vowel_recipe, seed=seed, runs=tmp_path / "runs", quiet=True) for seed in (1, 2)]
    ensemble = seqkit.ensemble(members, runs=tmp_path / "runs")
    result = run_command("evaluate", ensemble.path)
    assert result.code == 2
    assert error_line(result) == (
        f"{ensemble.path}: the test splits of members 1 and 2 differ: pass data that no member was trained on with "
        "--data FILE"
    )


def test_a_member_without_the_split_is_one_line(tmp_path: Path, run_command) -> None:
    recipe = classification_recipe(tmp_path)
    first = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True)
    del recipe["data"]["test"]
    second = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True)
    ensemble = seqkit.ensemble([first, second], runs=tmp_path / "runs")
    result = run_command("evaluate", ensemble.path)
    assert result.code == 2
    assert error_line(result) == (
        f"{ensemble.path}: member 2 has no test split, which member 1 has: pass data that no member was trained on "
        "with --data FILE"
    )
    assert ensemble.evaluate(split="train")["examples"] == 4


def test_a_corrupt_result_is_one_line(words_run: seqkit.Run, tmp_path: Path) -> None:
    run = seqkit.load(shutil.copytree(words_run.path, tmp_path / "copy"))
    for content in ("[]", '{"examples": 3, "metrics": {}}', '{"examples": {}, "metrics": []}'):
        run.directory.result.write_text(content)
        with pytest.raises(DataError, match="result.json: corrupt: "):
            run.evaluate()
