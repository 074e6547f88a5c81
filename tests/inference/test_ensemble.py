"""Ensembles of runs: creating one, and predicting and evaluating with it."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from helpers.commands import error_line
from helpers.recipes import GENERATION_RECIPE, classification_recipe
from seqkit.contracts import Reader
from seqkit.heads.classify import Classify
from seqkit.heads.next_char import NextChar

TEXTS = ["好吃", "很难吃", "很"]
PAIRS = [("好吃", "pos"), ("很难吃", "neg"), ("很", "neg"), ("好", "pos")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ensemble")


@pytest.fixture(scope="module")
def members(folder: Path) -> list[seqkit.Run]:
    """Return three runs with different tokenizers, embeddings and encoders."""
    changes: list[dict[str, Any]] = [
        {},
        {"seed": 2, "tokenizer": "byte", "encoder": {"type": "lstm", "hidden_size": 3}},
        {"seed": 3, "embedding": {"type": "learned", "dim": 5}, "head": {"type": "sentiment", "pooling": "max"}},
    ]
    recipe = classification_recipe(folder)
    return [seqkit.run(recipe | change, runs=folder / "runs", quiet=True) for change in changes]


@pytest.fixture(scope="module")
def ensemble(members: list[seqkit.Run], folder: Path) -> seqkit.Run:
    return seqkit.ensemble(members, name="all", runs=folder / "runs")


def mean_probabilities(members: list[seqkit.Run], texts: list[str]) -> list[dict[str, float]]:
    predictions = zip(*[run.predict(texts) for run in members], strict=True)
    return [
        {label: float(np.mean([row["probabilities"][label] for row in rows])) for label in ("neg", "pos")}
        for rows in predictions
    ]


def test_probabilities_are_averaged(ensemble: seqkit.Run, members: list[seqkit.Run], folder: Path) -> None:
    assert ensemble.path == folder / "runs" / "all-1"
    predictions = ensemble.predict(TEXTS)
    for text, prediction, expected in zip(TEXTS, predictions, mean_probabilities(members, TEXTS), strict=True):
        assert prediction["text"] == text
        assert prediction["probabilities"] == pytest.approx(expected, rel=1e-12)
        assert prediction["label"] == max(expected, key=expected.__getitem__)
    assert ensemble.predict_file(folder / "test.csv")[0]["text"] == "好好"


def test_evaluation_scores_the_averages(ensemble: seqkit.Run, members: list[seqkit.Run], folder: Path) -> None:
    means = mean_probabilities(members, [text for text, _ in PAIRS])
    losses = [-math.log(row[label]) for row, (_, label) in zip(means, PAIRS, strict=True)]
    correct = [max(row, key=row.__getitem__) == label for row, (_, label) in zip(means, PAIRS, strict=True)]
    metrics = ensemble.evaluate(PAIRS)
    assert metrics["loss"] == pytest.approx(np.mean(losses), rel=1e-6)
    assert (metrics["accuracy"], metrics["examples"]) == (np.mean(correct), 4)
    with pytest.warns(UserWarning, match="^pair 5: the label 'unknown'"):  # once, not for each member
        with_unknown = ensemble.evaluate([*PAIRS, ("好", "unknown")])
    assert with_unknown["loss"] == pytest.approx(metrics["loss"])
    assert with_unknown["accuracy"] == pytest.approx(np.mean([*correct, False]))
    with pytest.warns(UserWarning, match="left out of the loss"):
        assert "loss" not in ensemble.evaluate([("好", "unknown")])
    assert ensemble.evaluate(folder / "test.csv")["examples"] == 3


def test_ensemble_needs_neither_its_members_nor_torch(ensemble: seqkit.Run, folder: Path, cli, tmp_path: Path) -> None:
    moved = shutil.copytree(ensemble.path, tmp_path / "elsewhere")
    assert seqkit.load(moved).predict(TEXTS) == ensemble.predict(TEXTS)
    code = f"""import sys, seqkit; seqkit.load({str(moved)!r}).predict(["好"]); assert "torch" not in sys.modules"""
    from subprocess import run
    from sys import executable

    assert run([executable, "-c", code], env=os.environ, check=False).returncode == 0
    document = json.loads((moved / "plan.json").read_text(encoding="utf-8"))
    assert [member["run"] for member in document["members"]] == [
        str(folder / "runs" / f"classification-{number}") for number in (1, 2, 3)
    ]
    assert seqkit.load(moved / "members" / "2").predict(TEXTS) == seqkit.load(document["members"][1]["run"]).predict(
        TEXTS
    )


def test_commands(ensemble: seqkit.Run, members: list[seqkit.Run], folder: Path, run_command) -> None:
    made = run_command("ensemble", *[run.path for run in members], "--name", "by-command", "--runs", folder)
    assert (made.code, made.err) == (0, "")
    path = Path(made.out.strip())
    assert path == folder / "by-command-1"
    printed = run_command("predict", path, *TEXTS)
    assert [json.loads(line) for line in printed.out.splitlines()] == ensemble.predict(TEXTS)
    printed = run_command("evaluate", path, "--data", folder / "test.csv")
    assert json.loads(printed.out) == ensemble.evaluate(folder / "test.csv")


def test_other_commands_reject_an_ensemble(ensemble: seqkit.Run, run_command) -> None:
    path = ensemble.path
    for command, reason in [
        (["generate", path, "--prompt", "x"], "the head 'sentiment' does not generate text: use predict"),
        (["resume", path], "an ensemble is not trained: train its members, and combine them again"),
        (["run", path / "members" / "1" / "recipe.yaml", "--resume", path], "an ensemble is not trained: train its"),
    ]:
        result = run_command(*command)
        assert (result.code, error_line(result).startswith(f"{path}: {reason}")) == (2, True), result.err
    with pytest.raises(seqkit.UsageError, match="an ensemble is not trained"):
        seqkit.resume(path)
    for read in (lambda: ensemble.result, lambda: ensemble.metrics, lambda: ensemble.tokenizer):
        with pytest.raises(seqkit.UsageError, match="an ensemble does not have"):
            read()


def test_runs_that_cannot_be_combined(
    ensemble: seqkit.Run, members: list[seqkit.Run], folder: Path, tmp_path: Path, run_command
) -> None:
    recipe = classification_recipe(tmp_path)
    other = tmp_path / "other.csv"
    other.write_text("text,label\n好吃,pos\n难吃,neg\n很好,pos\n很难,mixed\n", encoding="utf-8")
    labels = seqkit.run(recipe, data__path=str(other), name="other", runs=tmp_path, quiet=True).path
    text = seqkit.run(GENERATION_RECIPE, runs=tmp_path, quiet=True).path
    unfinished = Path(shutil.copytree(members[0].path, tmp_path / "unfinished"))
    (unfinished / "result.json").unlink()
    first = members[0].path
    differ = f"{first} and {labels} cannot be combined: only {labels} has 'mixed' among its labels"
    for runs, reason in [
        ([first, labels], differ),
        ([first, text], f"{text}: the predictions of the head 'next_char' cannot be combined"),
        ([first], "an ensemble has 2 to 1,000 members, not 1"),
        ([first, members[1].path, first / "."], f"{first}: is passed twice: pass each run once"),
        ([first, ensemble.path], f"{ensemble.path}: is an ensemble: pass its members instead"),
        ([first, tmp_path / "absent"], f"{tmp_path / 'absent'}: the run directory does not exist"),
        ([first, unfinished], f"{unfinished}: is not finished: resume it with: seqkit resume {unfinished}"),
        ([first, members[1].path, "--name", "a/b"], "name must be a folder name of at most 64 letters, "),
    ]:
        result = run_command("ensemble", *runs)
        assert result.code == 2
        assert error_line(result).startswith(reason), result.err
    assert not (tmp_path / "runs").exists()
    for wrong in ("runs/a", {first}, 5):
        with pytest.raises(seqkit.UsageError, match="ensemble takes a list of runs"):
            seqkit.ensemble(wrong)  # type: ignore[arg-type]
    with pytest.raises(seqkit.UsageError, match=r"not 'runs/a': pass \[first, second\]$"):
        seqkit.ensemble("runs/a")


def test_corrupt_ensembles(ensemble: seqkit.Run, tmp_path: Path) -> None:
    def error(number: int, change: Any) -> str:
        copy = Path(shutil.copytree(ensemble.path, tmp_path / str(number)))
        change(copy)
        with pytest.raises(seqkit.DataError) as caught:
            seqkit.load(copy).predict(TEXTS)
        return str(caught.value).removeprefix(str(copy))

    def with_plan(path: Path, **values: Any) -> None:
        document = json.loads((path / "plan.json").read_text(encoding="utf-8"))
        (path / "plan.json").write_text(json.dumps(document | values), encoding="utf-8")

    def with_labels(path: Path) -> None:
        file = path / "members" / "2" / "tokenizer.json"
        file.write_text(file.read_text(encoding="utf-8").replace('"pos"', '"good"'), encoding="utf-8")

    def with_link(path: Path) -> None:
        (path / "members" / "3").rename(path / "third")
        (path / "members" / "3").symlink_to(path / "third")

    assert "members/2 is missing" in error(1, lambda path: shutil.rmtree(path / "members" / "2"))
    assert error(2, lambda path: (path / "members" / "2" / "plan.json").unlink()).startswith(": corrupt: ")
    assert "members/3 is missing" in error(3, with_link)
    assert error(4, with_labels).startswith("/members: the predictions of the members cannot be combined: KeyError")
    assert "is not a list of 2 or more" in error(5, lambda path: with_plan(path, members=[1]))
    assert "is not a list of 2 or more" in error(6, lambda path: with_plan(path, members="12"))
    assert "is an ensemble" in error(7, lambda path: with_plan(path / "members" / "1", members=[1, 2]))


class SumReader(Reader):
    """Yield features, whose label is the sign of their sum."""

    yields = "features"

    def __init__(self, *, count: int = 12, columns: list[str] | None = None) -> None:
        self.count, self.names = count, tuple(columns or ["a", "b"])

    def read(self) -> Any:
        for number in range(self.count):
            values = np.random.default_rng(number).normal(size=(3, len(self.names)))
            yield seqkit.contracts.Example(values, str(values.sum() > 0), feature_names=self.names)


class PluginHead(Classify):
    """A head of a plugin, which only torch computes; its predictions are the indices of labels."""

    def predict(self, encoded: Any, batch: Any) -> list[dict[str, Any]]:
        return [{"index": self.labels.index(item["label"])} for item in super().predict(encoded, batch)]

    def combine(self, predictions: Any) -> list[dict[str, Any]]:
        return [{"index": max(row["index"] for row in rows)} for rows in zip(*predictions, strict=True)]

    def format_prediction(self, prediction: Any, value: Any) -> dict[str, Any]:
        return {"label": self.labels[prediction["index"]]}

    def loss_of_predictions(self, predictions: Any, examples: Any) -> None:
        return None

    def metrics(self, loss: float, predictions: Any, examples: Any) -> dict[str, Any]:
        return {"indices": [item["index"] for item in predictions]}


@pytest.mark.usefixtures("isolated_registry")
def test_plugin_heads_combine_predictions_before_they_are_formatted(tmp_path: Path) -> None:
    seqkit.register("reader", "sums", SumReader)
    seqkit.register("head", "plugin", PluginHead)
    recipe = {"data": {"type": "sums"}, "encoder": {"type": "lstm", "hidden_size": 2}, "head": "plugin"}
    recipe |= {"train": {"epochs": 1, "threads": 1}, "baseline": "off"}
    runs = [seqkit.run(recipe, seed=seed, runs=tmp_path, quiet=True) for seed in (1, 2)]
    ensemble = seqkit.ensemble([run.path for run in runs], runs=tmp_path)
    examples = [example.input for example in SumReader().read()]
    expected = [
        max(row["label"] for row in rows) for rows in zip(*[run.predict(examples) for run in runs], strict=True)
    ]
    assert [row["label"] for row in ensemble.predict(examples)] == expected
    metrics = ensemble.evaluate([(features, "True") for features in examples])
    indices = [["False", "True"].index(label) for label in expected]
    assert (metrics["examples"], metrics["indices"]) == (12, indices)
    for changes, reason in [
        ({"data__columns": ["b", "a"]}, "their data.columns differs (null, ['b', 'a'])"),
        ({"data__columns": ["a", "b", "c"]}, "their number of features differs (2, 3)"),
        ({"head": "classify"}, "their head differs ('plugin', 'classify')"),
    ]:
        other = seqkit.run(recipe, runs=tmp_path, quiet=True, **changes)
        with pytest.raises(seqkit.UsageError) as caught:
            seqkit.ensemble([runs[0], other], runs=tmp_path)
        assert str(caught.value) == f"{runs[0].path} and {other.path} cannot be combined: {reason}"


class Combined(NextChar):
    """A head that generates, and that claims that it can be combined."""

    def combine(self, predictions: Any) -> list[dict[str, Any]]:
        return list(predictions[0])


@pytest.mark.usefixtures("isolated_registry")
def test_ensembles_do_not_generate(tmp_path: Path) -> None:
    seqkit.register("head", "combined", Combined)
    runs = [seqkit.run(GENERATION_RECIPE, head="combined", runs=tmp_path, quiet=True, seed=seed) for seed in (1, 2)]
    with pytest.raises(seqkit.UsageError, match="an ensemble does not have a text to generate: use one of its members"):
        seqkit.ensemble(runs, runs=tmp_path).generate("In")
