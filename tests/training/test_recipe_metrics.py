"""Metrics of a recipe: in every result, as the choice of the epoch, in several processes, and without their plugin."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.training import interrupted_run, reproducible_contents
from seqkit.contracts import Metric, Outcomes
from seqkit.errors import PluginError, SeqkitError
from seqkit.runs.files import to_json

pytestmark = pytest.mark.usefixtures("isolated_registry")

METRICS = ["mcc", {"type": "top_k", "k": 1}, {"type": "top_k", "k": 2}, "roc_auc"]
DATA = [("apple", "vowel"), ("pear", "consonant"), ("olive", "consonant")]


class Share(Metric):
    """The share of a label among the predictions."""

    needs = frozenset({"labels"})
    higher_is_better = False

    def score(self, outcomes: Outcomes) -> Any:
        return sum(label == outcomes.labels[0] for label in outcomes.predicted) / len(outcomes.predicted)


def test_metrics_are_in_every_result(vowel_recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = seqkit.run(vowel_recipe, runs=tmp_path, train__metrics=METRICS, train__metric="mcc")
    names = {"mcc", "top_1_accuracy", "top_2_accuracy", "roc_auc"}
    assert all(names <= metrics.keys() for metrics in run.result["metrics"].values())
    rows = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    assert all(names <= row.keys() for row in rows if row["split"] == "valid")
    assert "top_2_accuracy 1.0000" in capsys.readouterr().out
    scores = run.evaluate(DATA)
    assert scores["top_1_accuracy"] == scores["accuracy"] and names <= scores.keys()
    copy = shutil.copytree(run.path, tmp_path / "copy")
    assert seqkit.ensemble([run, copy], runs=tmp_path).evaluate(DATA)["mcc"] == scores["mcc"]


@pytest.mark.parametrize("sign", [1, -1])
def test_epoch_is_chosen_by_a_metric_in_its_direction(sign: int, vowel_recipe, tmp_path: Path) -> None:
    values = iter([sign * value for value in (0.1, 0.9, 0.5, 0.3, 0.5, 0.5, 0.5, 0.5, 0.5)])
    cls = type("Given", (Share,), {"higher_is_better": sign > 0, "score": lambda self, outcomes: next(values)})
    seqkit.register("metric", "given")(cls)
    train = vowel_recipe["train"] | {"epochs": 4, "metrics": ["given"], "metric": "given"}
    train["early_stopping"] = {"patience": 2}
    run = seqkit.run(vowel_recipe | {"train": train}, runs=tmp_path, quiet=True)
    (checkpoint,) = run.path.glob("checkpoints/*")
    progress = json.loads((checkpoint / "state.json").read_text())["progress"]
    assert (progress["best_epoch"], progress["best"]) == (2, sign * 0.9)


def test_resumed_run_has_the_same_metrics(vowel_recipe, tmp_path: Path) -> None:
    overrides = {"train__metrics": METRICS, "train__metric": "roc_auc"}
    complete = seqkit.run(vowel_recipe, runs=tmp_path / "complete", quiet=True, **overrides)
    path = interrupted_run(vowel_recipe, tmp_path / "stopped", 2, **overrides)
    assert reproducible_contents(seqkit.resume(path, quiet=True)) == reproducible_contents(complete)


def test_metrics_change_no_weights(vowel_recipe, tmp_path: Path) -> None:
    one = seqkit.run(vowel_recipe, runs=tmp_path / "one", quiet=True)
    other = seqkit.run(vowel_recipe, runs=tmp_path / "other", quiet=True, train__metrics=METRICS)
    assert (one.path / "model.safetensors").read_bytes() == (other.path / "model.safetensors").read_bytes()


def test_metric_whose_plugin_is_gone_is_left_out(vowel_recipe, tmp_path: Path) -> None:
    overrides = {"train__metrics": ["mcc"], "train__metric": "mcc", "train__epochs": 1}
    run = seqkit.run(vowel_recipe, runs=tmp_path, quiet=True, **overrides)
    expected = run.evaluate(DATA)
    plan = json.loads((run.path / "plan.json").read_text())
    plan["recipe"]["train"] |= {"metrics": [{"type": "gone", "k": 1}, {"type": "mcc"}], "metric": "gone"}
    plan["components"].append({"kind": "metric", "name": "gone", "distribution": "seqkit-gone", "version": "1"})
    (run.path / "plan.json").write_text(to_json(plan))
    loaded = seqkit.load(run.path)
    assert loaded.predict(["apple"]) == run.predict(["apple"])
    with pytest.warns(UserWarning, match="the metric 'gone' is not installed: left out"):
        assert loaded.evaluate(DATA) == expected
    with pytest.raises(SeqkitError, match="gone"):
        seqkit.resume(run.path, quiet=True)


def test_undefined_metric_is_left_out(vowel_recipe, tmp_path: Path) -> None:
    run = seqkit.run(vowel_recipe, runs=tmp_path, quiet=True, train__metrics=["roc_auc", "kappa"], train__epochs=1)
    assert "roc_auc" not in run.evaluate([("apple", "vowel"), ("olive", "vowel")])


def test_score_that_is_no_number_is_an_error(vowel_recipe, tmp_path: Path) -> None:
    seqkit.register("metric", "text")(type("Text", (Share,), {"score": lambda self, outcomes: "high"}))
    with pytest.raises(PluginError) as caught:
        seqkit.run(vowel_recipe, runs=tmp_path, quiet=True, train__metrics=["text"])
    assert caught.value.lines == ["metric 'text': the score is 'high', not a number or None"]


@pytest.mark.parametrize(
    ("metrics", "line"),
    [
        (["rmse"], "train.metrics.0: 'rmse' is computed from values, and 'classify' provides no values: remove it"),
        (["top_l"], "train.metrics.0: unknown metric 'top_l' (did you mean 'top_k'?); `seqkit list metric` lists them"),
        (["mcc", {"type": "mcc"}], "train.metrics.1.type: there is a metric mcc already: remove it"),
        ("mcc", "train.metrics: must be a list of metrics, not 'mcc'"),
        (None, "train.metrics: must be a list of metrics, not null"),
        ([{"type": "top_k", "k": 0}], "train.metrics.0.k: must be a positive integer, not 0"),
        ([{"type": "top_k", "n": 2}], "train.metrics.0.n: unknown key; known: k"),
    ],
)
def test_wrong_metrics_are_named(metrics: Any, line: str, vowel_recipe, tmp_path: Path) -> None:
    with pytest.raises(SeqkitError) as caught:
        seqkit.run(vowel_recipe, runs=tmp_path, quiet=True, train__metrics=metrics)
    assert [text.partition(": ")[2] for text in caught.value.lines] == [line]


def test_name_of_a_metric_of_the_head_is_taken(vowel_recipe, tmp_path: Path) -> None:
    seqkit.register("metric", "accuracy")(Share)
    with pytest.raises(SeqkitError, match="there is a metric accuracy already: remove it"):
        seqkit.run(vowel_recipe, runs=tmp_path, quiet=True, train__metrics=["accuracy"])
