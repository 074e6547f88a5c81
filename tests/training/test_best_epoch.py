"""The choice of the best epoch by a metric that may be undefined or always the same, and early stopping by it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqkit
from helpers.training import interrupted_run, reproducible_contents
from seqkit.heads.classify import Classify
from seqkit.recipe.schema import EarlyStopping, Train
from seqkit.training.best_epoch import explain_choice, record_evaluation
from seqkit.training.progress import Progress

Scores = tuple[float | None, float | None]
"""The metric and the loss of an epoch; None if undefined."""


def after(evaluations: Sequence[Scores], settings: Train, progress: Progress | None = None) -> Progress:
    """Return the progress after evaluations; it goes through JSON after each, as in a checkpoint."""
    progress = progress or Progress()
    for value, loss in evaluations:
        progress.epoch += 1
        scores = {"accuracy": value, "loss": loss}
        defined = {name: score for name, score in scores.items() if score is not None}
        record_evaluation(progress, defined, settings, frozenset({"accuracy"}))
        progress = Progress.from_json(json.loads(json.dumps(progress.as_json())))
    return progress


@pytest.mark.parametrize(
    ("evaluations", "best_epoch", "note"),
    [
        ([(0.5, 3.0), (0.7, 4.0), (0.6, 1.0)], 2, ""),
        ([(0.7, 3.0), (0.7, 2.0), (0.6, 1.0)], 2, ""),  # the loss decides among the epochs before the metric varies
        ([(0.5, 3.0), (0.7, 2.0), (0.7, 1.0)], 2, ""),
        ([(0.5, 3.0)], 1, ""),
        ([(0.5, 3.0), (0.5, 1.0), (0.5, 2.0)], 2, "accuracy is 0.5000 on the validation split after every epoch: the"),
        ([(None, 3.0), (None, 1.0), (None, 2.0)], 2, "accuracy is undefined on the validation split: the loss chose"),
        ([(None, 3.0), (0.5, 1.0), (0.5, 2.0)], 2, "accuracy is 0.5000 on the validation split after every epoch"),
        ([(None, 3.0), (0.5, 2.0), (0.6, 2.5), (None, 1.0)], 3, ""),
        ([(0.0, None), (0.0, None), (0.0, None)], 3, "the loss is undefined on the validation split: the last epoch"),
    ],
)
def test_best_epoch(evaluations: list[Scores], best_epoch: int, note: str) -> None:
    settings = Train(metric="accuracy")
    progress = after(evaluations, settings)
    assert progress.best_epoch == best_epoch
    assert explain_choice(progress, settings).startswith(note) and bool(explain_choice(progress, settings)) is bool(
        note
    )


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=8))
def test_a_loss_or_a_metric_that_varies_chooses_its_first_best_value(values: list[float]) -> None:
    losses = after([(0.5, value) for value in values], Train())
    assert losses.best_epoch == values.index(min(values)) + 1
    assert losses.best == min(values)
    assert not explain_choice(losses, Train())
    varied = [0.0, *values]
    progress = after([(value, 1.0 + number) for number, value in enumerate(varied)], Train(metric="accuracy"))
    assert progress.best_epoch == varied.index(max(varied)) + 1


@pytest.mark.parametrize("metric", ["accuracy", "loss"])
def test_patience_counts_evaluations_without_improvement(metric: str) -> None:
    settings = Train(metric=metric, early_stopping=EarlyStopping(patience=2, min_delta=0.1))
    # The metric is constant, so the loss decides: only the second evaluation improves it by more than min_delta.
    progress = after([(0.5, 1.0), (0.5, 0.8), (0.5, 0.75), (0.5, 0.71)], settings)
    assert (progress.best_epoch, progress.evals_without_improvement) == (2, 2)


def test_the_metric_alone_chooses_after_an_old_checkpoint() -> None:
    old = {"epoch": 2, "best": 0.5, "best_epoch": 1, "stale": 1}
    progress = after([(0.5, 0.1), (0.6, 0.2)], Train(metric="accuracy"), Progress.from_json(old))
    assert (progress.best, progress.best_epoch) == (0.6, 4)
    assert not explain_choice(progress, Train(metric="accuracy"))


@pytest.mark.parametrize("key", ["metric_varies", "best_loss"])
@pytest.mark.parametrize("value", ["x", [], 1, None, True])
def test_invalid_values_in_a_checkpoint(key: str, value: Any) -> None:
    accepted = {"metric_varies": [True], "best_loss": [1, None]}[key]
    content = Progress().as_json() | {key: value}
    if any(value is each for each in accepted):
        assert getattr(Progress.from_json(content), key) == value
    else:
        with pytest.raises(TypeError, match=f"invalid {key}"):
            Progress.from_json(content)


class ConstantMetric(Classify):
    """A head with a metric that never varies, and one that is undefined."""

    metric_names = ("constant", "undefined")

    def metrics(self, loss, predictions, examples):
        return {"constant": 0.25}


@pytest.mark.usefixtures("isolated_registry")
@pytest.mark.parametrize("metric", ["constant", "undefined"])
def test_a_run_whose_metric_cannot_choose_uses_the_loss_and_says_so_once(
    metric: str, vowel_recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seqkit.register("head", "constant")(ConstantMetric)
    recipe = vowel_recipe | {"head": {"type": "constant"}}
    train = vowel_recipe["train"] | {"epochs": 12, "optimizer": {"type": "adam", "lr": 2.0}}
    recipe["train"] = train | {"metric": metric, "early_stopping": {"patience": 4}}
    finished = seqkit.run(recipe, runs=tmp_path / "runs")
    losses = [row["loss"] for row in finished.metrics if row["split"] == "valid"]
    assert losses.index(min(losses)) + 1 < len(losses)
    assert finished.result["metrics"]["valid"]["loss"] == pytest.approx(min(losses))
    assert capsys.readouterr().out.count("the loss chose the best epoch") == 1
    by_loss = seqkit.run(recipe | {"train": recipe["train"] | {"metric": "loss"}}, runs=tmp_path / "loss", quiet=True)
    expected = reproducible_contents(by_loss)
    assert reproducible_contents(finished)["weights"] == expected["weights"]

    stopped = interrupted_run(recipe, tmp_path / "stopped", after=80)
    resumed = seqkit.run(recipe, resume=stopped, runs=tmp_path / "stopped", quiet=True)
    assert reproducible_contents(resumed)["weights"] == expected["weights"]
