"""Tests of the verdict on a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seqkit.reports.contents import MetricNames, Result, RunContents, read_contents
from seqkit.reports.verdict import judge
from seqkit.runs.directory import RunDirectory


@pytest.fixture(scope="module")
def contents(classification_run: Path) -> RunContents:
    return read_contents(RunDirectory(classification_run))


def judged(contents: RunContents, metrics: dict[str, Any], baseline: dict[str, Any] | None, **others: Any) -> Any:
    """Return the verdict on a run with these results, whose accuracy decides before its loss."""
    assert contents.recorded
    names = MetricNames(["accuracy", "loss"], ["accuracy"])
    result = Result(examples={}, metrics=metrics, baseline=baseline, **others)
    return judge(replace(contents, result=result, recorded=replace(contents.recorded, metrics=names)))


@pytest.mark.parametrize(
    ("accuracy", "text", "is_good"),
    [(0.9, "Better than its baseline", True), (0.8, "No better than its", False), (0.7, "Worse than its base", False)],
)
def test_the_first_metric_that_both_have_decides(
    contents: RunContents, accuracy: float, text: str, is_good: bool
) -> None:
    baseline = {"split": "test", "name": "words", "accuracy": 0.8, "loss": 0.1}
    verdict = judged(contents, {"valid": {"accuracy": 0.1}, "test": {"accuracy": accuracy, "loss": 0.5}}, baseline)
    assert verdict.text.startswith(text) and verdict.text.endswith("on the test split.")
    assert (verdict.metric, verdict.value, verdict.is_good) == ("accuracy", accuracy, is_good)
    assert verdict.comparison.baseline == 0.8


def test_the_best_of_several_baselines_counts(contents: RunContents) -> None:
    baseline = {"split": "test", "name": "a", "loss": 0.5, "others": [{"name": "b", "loss": 0.2}]}
    verdict = judged(contents, {"test": {"loss": 0.3}}, baseline)
    assert (verdict.comparison.name, verdict.is_good) == ("b", False)


def test_without_held_out_data_the_verdict_is_neither_good_nor_bad(contents: RunContents) -> None:
    verdict = judged(contents, {"train": {"loss": 0.1}}, {"split": "train", "name": "a", "loss": 0.5})
    assert verdict.is_good is None
    assert verdict.warnings == ("No data is held out: this is the training split, and shows what the model memorized.",)


def test_a_leak_makes_the_loss_misleading(contents: RunContents) -> None:
    baseline = {"split": "valid", "name": "a", "loss": 0.5}
    verdict = judged(contents, {"valid": {"loss": 0.0002}}, baseline, honest_loss={"loss": 0.313, "positions": 9})
    assert (verdict.text, verdict.is_good) == ("Not comparable with its baseline, on the valid split.", None)
    assert "predicted from each prefix alone, it is 0.31300" in verdict.warnings[0]


def test_without_a_baseline_the_test_split_is_shown(contents: RunContents) -> None:
    verdict = judged(contents, {"valid": {"accuracy": 0.1}, "test": {"accuracy": 0.2}}, None)
    assert (verdict.split, verdict.value, verdict.comparison) == ("test", 0.2, None)


def test_a_run_of_an_older_seqkit_is_shown_beside_its_baseline(contents: RunContents) -> None:
    baseline = {"split": "test", "name": "words", "accuracy": 0.8}
    older = replace(contents, recorded=None, result=Result({}, {"test": {"loss": 1.0, "accuracy": 0.9}}, baseline))
    verdict = judge(older)
    assert (verdict.metric, verdict.value, verdict.comparison and verdict.comparison.baseline) == ("accuracy", 0.9, 0.8)
    assert verdict.is_good is None
    assert verdict.text.startswith("This run does not record whether higher is better")
