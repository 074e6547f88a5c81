"""The heads `regress` and `multi_label`: metrics, targets, both engines, ensembles and baselines."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    f1_score,
    matthews_corrcoef,
    mean_absolute_error,
    mean_squared_error,
    precision_recall_fscore_support,
    r2_score,
    roc_auc_score,
)
from sklearn.preprocessing import MultiLabelBinarizer

import seqkit
from seqkit.contracts import Batch, DataNote, Encoded, Example, TextPair
from seqkit.errors import DataError, RecipeError, SeqkitError
from seqkit.heads.classify import Classify
from seqkit.heads.label_sets import label_set_metrics, label_set_predictions
from seqkit.heads.multi_label import MultiLabel
from seqkit.heads.numbers import number_metrics
from seqkit.heads.regress import Regress

TEXTS = ["".join(chr(97 + (7 * row + place) % 5) for place in range(2 + row % 7)) for row in range(40)]
COUNTS = [[text.count("a"), 10 * text.count("b")] for text in TEXTS]
SETS = [sorted(set(text) & set("abc")) for text in TEXTS]
RECIPE: dict[str, Any] = {
    "name": "run",
    "data": {"type": "table", "split": {"by": "random", "test": 0.3}},
    "encoder": {"type": "bilstm", "hidden_size": 4},
    "train": {"epochs": 3, "threads": 1, "optimizer": {"type": "adam", "lr": 0.02}},
}


def train(folder: Path, head: dict[str, Any], targets: Any, **overrides: Any) -> seqkit.Run:
    recipe = RECIPE | {"head": head}
    return seqkit.run(recipe, runs=folder, quiet=True, data=(TEXTS, targets), **overrides)


# Metrics


@given(st.integers(2, 12), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_number_metrics_equal_those_of_scikit_learn(rows: int, width: int, seed: int) -> None:
    truth, predicted = np.random.default_rng(seed).normal(size=(2, rows, width))
    assert number_metrics(truth, predicted) == pytest.approx(
        {
            "mse": mean_squared_error(truth, predicted),
            "mae": mean_absolute_error(truth, predicted),
            "r2": r2_score(truth, predicted),
        }
    )


def test_r2_of_equal_numbers_is_left_out() -> None:
    assert number_metrics(np.ones((3, 1)), np.zeros((3, 1))) == {"mse": 1.0, "mae": 1.0}
    assert "r2" not in number_metrics(np.full((3, 1), 0.1), np.zeros((3, 1)))  # whose variance is not exactly 0


@given(st.lists(st.tuples(*[st.lists(st.sampled_from("abcd"), unique=True)] * 2), min_size=1, max_size=12))
def test_label_set_metrics_equal_those_of_scikit_learn(pairs: list[tuple[list[str], list[str]]]) -> None:
    truth, predicted = ([pair[place] for pair in pairs] for place in (0, 1))
    labels = list("abcd")
    binarizer = MultiLabelBinarizer(classes=labels)
    actual, found = binarizer.fit_transform(truth), binarizer.fit_transform(predicted)
    metrics = label_set_metrics(truth, predicted, labels)
    assert metrics["micro_f1"] == pytest.approx(f1_score(actual, found, average="micro", zero_division=0))
    assert metrics["macro_f1"] == pytest.approx(f1_score(actual, found, average="macro", zero_division=0))
    assert metrics["exact_match"] == pytest.approx((actual == found).all(axis=1).mean())
    expected = precision_recall_fscore_support(actual, found, zero_division=0)
    scores = [[each[key] for each in metrics["per_class"].values()] for key in ("precision", "recall", "f1", "support")]
    assert np.allclose(scores, np.array(expected))


def test_metrics_of_a_single_label_are_about_the_texts_that_have_it() -> None:
    metrics = label_set_metrics([["a"], ["a"], [], []], [["a"], [], [], []], ["a"])
    assert metrics["per_class"] == {"a": {"precision": 1, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2}}
    assert (metrics["micro_f1"], metrics["exact_match"]) == (pytest.approx(2 / 3), 0.75)


# Targets


@pytest.mark.parametrize(
    ("target", "numbers"), [("1.5", [1.5]), (2, [2.0]), ("1,-2e3", [1, -2000]), ([1, 2.5], [1, 2.5]), (["3"], [3])]
)
def test_forms_of_numbers(target: Any, numbers: list[float]) -> None:
    head = Regress()
    head.fit([Example("a", target), Example("b", [0.0] * len(numbers))], None)
    assert head.mean.tolist() == [number / 2 for number in numbers]
    assert np.allclose(head.deviation, np.abs(numbers) / 2)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        (None, "the target is missing"),
        ("high", "the target is 'high': it must be a finite number"),
        ("nan", "the target is 'nan': it must be a finite number"),
        ([], "the target is []: it must be a finite number"),
        ({"a": 1}, "the target is {'a': 1}: it must be a finite number"),
        ("-1e101", "the target is '-1e101': it must be at most 1e+100: correct it, or rescale all targets"),
        ("1,2", "the number of targets is 2, but that of the first training example is 1"),
    ],
)
def test_invalid_numbers_are_one_line(target: Any, problem: str) -> None:
    head = Regress()
    head.fit([Example("a", "1"), Example("b", "2")], None)
    with pytest.raises(DataError) as caught:
        list(head.rows(Example("c", target), np.zeros(1, int)))
    assert str(caught.value) == problem


def test_invalid_training_number_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("text,label\na,1\nb,x\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        data = {"path": str(tmp_path / "data.csv"), "split": None}
        seqkit.run(RECIPE | {"head": "regress"}, runs=tmp_path, quiet=True, data=data)
    assert str(caught.value) == f"{tmp_path / 'data.csv'}:3: the target is 'x': it must be a finite number"


def test_constant_targets_and_large_ones() -> None:
    head = Regress()
    head.fit([Example("a", "1e100"), Example("b", "1e100")], None)
    assert head.state() == {"mean": [1e100], "deviation": [1.0]}
    head.fit([Example("a", 0.1)] * 3, None)  # whose deviation is not exactly 0
    assert head.state()["deviation"] == [1.0]


def test_targets_whose_deviation_has_no_square_are_rejected() -> None:
    with pytest.raises(DataError, match="^the targets differ, but have a standard deviation of less than 1e-100: "):
        Regress().fit([Example("a", "1e-300"), Example("b", "-1e-300")], None)


def test_forms_of_labels() -> None:
    head = MultiLabel(separator="|")
    head.fit([Example("a", "x | y|x"), Example("b", []), Example("c", ["z", 1])], None)
    assert head.labels == ["1", "x", "y", "z"]
    (row,) = head.rows(Example("d", "y|x"), np.zeros(1, int))
    assert row.target.tolist() == [0, 1, 1, 0]


def test_unknown_labels_are_noted_and_count_as_missed() -> None:
    head = MultiLabel()
    head.fit([Example("a", "x,y")], None)
    head.build(2, 2)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        rows = [row for target in ("x,new", "new", []) for row in head.rows(Example("b", target), np.zeros(1, int))]
    assert [note.category for note in notes] == [DataNote, DataNote]
    batch = Batch(torch.zeros(3, 1), torch.ones(3, dtype=torch.int64), torch.tensor(np.array([r.target for r in rows])))
    loss = head.loss(Encoded(torch.zeros(3, 1, 2), torch.zeros(3, 2)), batch)
    assert float(loss.count) == 2  # the second example has no label that the model knows
    assert torch.isfinite(loss.total)
    metrics = head.metrics(0.0, [{"labels": ["x"]}], [Example("b", "x,new")])
    assert metrics["per_class"]["new"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}


def test_classify_rejects_lists_of_labels(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text(
        '{"text": "a", "label": "x"}\n{"text": "b", "label": ["x"]}\n', encoding="utf-8"
    )
    with pytest.raises(DataError, match=r"data.jsonl:2: the label is a list: use the head `multi_label`"):
        data = {"path": str(tmp_path / "data.jsonl"), "split": None}
        seqkit.run(RECIPE | {"head": "classify"}, runs=tmp_path, quiet=True, data=data)


# What heads share


@pytest.mark.parametrize(
    ("name", "targets"), [("classify", list("xyx")), ("regress", [1, 2, 3]), ("multi_label", SETS[:3])]
)
def test_crop_and_noise_are_rejected_for_pairs(name: str, targets: Any) -> None:
    head: Any = {"classify": Classify, "regress": Regress, "multi_label": MultiLabel}[name]
    pairs = [Example(TextPair("a", "b"), target) for target in targets]
    for parameter, value in (("crop", 3), ("noise", 0.1)):
        with pytest.raises(ValueError, match=f"{parameter} must be .* for pairs of texts"):
            head(**{parameter: value}).fit(pairs, None)
        head(**{parameter: value}).fit([Example("ab", target) for target in targets], None)


def test_outcomes_of_numbers() -> None:
    head = Regress()
    head.fit([Example("a", [1, 2]), Example("b", [3, 5])], None)
    outcomes = head.outcomes([{"value": [1.5, 2]}], [Example("c", ["1", "2"])], tokenizer=None)
    assert np.array_equal(outcomes.truth, [[1, 2]])
    assert np.array_equal(outcomes.predicted, [[1.5, 2]])


def test_outcomes_of_sets_are_decisions_on_labels() -> None:
    head = MultiLabel()
    head.fit([Example("a", "x,y")], None)
    predictions = label_set_predictions(np.array([[0.75, 0.25], [0.5, 1.0]]), ["x", "y"], 0.5)
    outcomes = head.outcomes(predictions, [Example("a", "x"), Example("b", "y")], tokenizer=None)
    assert outcomes.truth == ["yes", "no", "no", "yes"]
    assert outcomes.predicted == ["yes", "no", "yes", "yes"]
    assert outcomes.labels == ["no", "yes"]
    assert np.array_equal(outcomes.probabilities, [[0.25, 0.75], [0.75, 0.25], [0.5, 0.5], [0, 1]])


def test_metrics_of_a_recipe_are_those_of_scikit_learn(tmp_path: Path) -> None:
    run = train(tmp_path, {"type": "multi_label"}, SETS, train__metrics=["roc_auc", "mcc"], baseline="off")
    predictions = run.predict(TEXTS)
    actual = MultiLabelBinarizer(classes=list("abc")).fit_transform(SETS).ravel()
    found = [each for item in predictions for each in item["probabilities"].values()]
    metrics = run.evaluate(list(zip(TEXTS, SETS, strict=True)))
    assert metrics["roc_auc"] == pytest.approx(roc_auc_score(actual, found))
    assert metrics["mcc"] == pytest.approx(matthews_corrcoef(actual, np.array(found) >= 0.5))
    numbers = [count[0] for count in COUNTS]
    run = train(tmp_path, {"type": "regress"}, numbers, train__metrics=["rmse"], baseline="off")
    metrics = run.evaluate(list(zip(TEXTS, numbers, strict=True)))
    assert metrics["rmse"] == pytest.approx(metrics["mse"] ** 0.5)
    with pytest.raises(RecipeError, match="there is a metric r2 already: remove it"):
        train(tmp_path, {"type": "regress"}, numbers, train__metrics=["r2"])


@pytest.mark.parametrize(("name", "targets"), [("regress", [count[0] for count in COUNTS]), ("multi_label", SETS)])
def test_long_texts_are_cut_or_rejected_in_both_engines(name: str, targets: Any, tmp_path: Path) -> None:
    run = train(tmp_path, {"type": name, "max_length": 4}, targets, train__epochs=1, baseline="off")
    for engine in (run._engine, run._parts.torch_engine):
        long, short = (engine.prediction_input(run.tokenizer.encode(text)) for text in ("abcdeab", "abcd"))
        assert long.tolist() == short.tolist()
    assert _values(run.predict(["abcdeab"])[0]) == _values(run.predict(["abcd"])[0])
    with pytest.raises(DataError, match="row 6: the input has 7 time steps, but the head takes at most 4"):
        train(tmp_path, {"type": name, "max_length": 4, "too_long": "error"}, targets)


# Losses


@pytest.mark.parametrize("name", ["mse", "huber"])
def test_loss_is_that_of_torch_on_standardized_numbers(name: Any) -> None:
    head = Regress(loss=name, delta=0.5)
    examples = [Example("a", [1, 10]), Example("b", [3, 50]), Example("c", [8, -70])]
    head.fit(examples, None)
    head.build(3, 3)
    targets = np.array([row.target for each in examples for row in head.rows(each, np.zeros(1, int))])
    assert np.allclose([targets.mean(0), targets.std(0)], [[0, 0], [1, 1]])
    final = torch.randn(3, 3)
    head.requires_grad_(False)
    batch = Batch(torch.zeros(3, 1), torch.ones(3, dtype=torch.int64), torch.tensor(targets, dtype=torch.float32))
    loss = head.loss(Encoded(final[:, None], final), batch)
    expected = {"mse": torch.nn.MSELoss(), "huber": torch.nn.HuberLoss(delta=0.5)}[name]
    assert float(loss.total) / float(loss.count) == pytest.approx(
        float(expected(head.output(final), batch.targets)), 1e-5
    )


# Runs


HEADS = [
    pytest.param({"type": "regress", "pooling": "attention"}, [count[0] for count in COUNTS], id="one number"),
    pytest.param({"type": "regress", "loss": "huber", "ngrams": 2}, COUNTS, id="two numbers"),
    pytest.param({"type": "multi_label", "pooling": ["final", "mean"]}, SETS, id="labels"),
    pytest.param({"type": "multi_label", "ngrams": 2, "threshold": 0.3}, SETS, id="n-grams"),
]


@pytest.mark.parametrize(("head", "targets"), HEADS)
def test_engines_agree_and_runs_combine(head: dict[str, Any], targets: Any, tmp_path: Path) -> None:
    runs = [train(tmp_path, head, targets, seed=seed) for seed in (0, 1)]
    _, torch_engine = runs[0]._engine, runs[0]._parts.torch_engine
    assert type(runs[0]._engine).__name__ == "NumpyEngine"
    numpy_predictions = runs[0].predict(TEXTS)
    inputs = [runs[0].tokenizer.encode(text) for text in TEXTS]
    for actual, expected in zip(numpy_predictions, torch_engine.predict(inputs), strict=True):
        assert _values(actual) == pytest.approx(_values(expected), abs=1e-5)
        assert actual.get("labels") == expected.get("labels")
    result = runs[0].result
    metric = "mse" if head["type"] == "regress" else "micro_f1"
    assert {metric, "name", "split"} <= result["baseline"].keys()
    ensemble = seqkit.ensemble(runs, runs=tmp_path)
    both = [_values(run.predict(TEXTS[:1])[0]) for run in runs]
    assert _values(ensemble.predict(TEXTS[:1])[0]) == pytest.approx(np.mean(both, axis=0).tolist())
    twin = seqkit.ensemble([runs[0], train(tmp_path, head, targets, seed=0)], runs=tmp_path, name="twin")
    data = list(zip(TEXTS, targets, strict=True))
    single, combined = runs[0].evaluate(data), twin.evaluate(data)
    for name in ("loss", metric):
        assert combined[name] == pytest.approx(single[name], abs=1e-6)


def _values(prediction: dict[str, Any]) -> list[float]:
    found = prediction["value"] if "value" in prediction else list(prediction["probabilities"].values())
    return list(np.atleast_1d(found))


def test_regression_learns_to_count(tmp_path: Path) -> None:
    run = train(tmp_path, {"type": "regress", "pooling": "mean"}, [1e6 + 1e3 * count[0] for count in COUNTS],
                train__epochs=40, train__batch_size=8)  # fmt: skip
    assert run.result["metrics"]["test"]["r2"] > 0.7


def test_targets_of_a_file_are_those_in_memory(tmp_path: Path) -> None:
    lines = [json.dumps({"text": text, "label": labels}) for text, labels in zip(TEXTS, SETS, strict=True)]
    (tmp_path / "sets.jsonl").write_text("\n".join(lines), encoding="utf-8")
    cells = [f'{text},"{",".join(labels) or "-"}"' for text, labels in zip(TEXTS, SETS, strict=True)]
    (tmp_path / "sets.csv").write_text("text,label\n" + "\n".join(cells) + "\n", encoding="utf-8")
    memory = train(tmp_path, {"type": "multi_label"}, SETS, baseline="off")
    recipe = RECIPE | {"head": "multi_label", "baseline": "off"}
    file = seqkit.run(recipe, runs=tmp_path, quiet=True, data={"path": str(tmp_path / "sets.jsonl")})
    assert (file.path / "model.safetensors").read_bytes() == (memory.path / "model.safetensors").read_bytes()
    csv = seqkit.run(recipe, runs=tmp_path, quiet=True, data={"path": str(tmp_path / "sets.csv")})
    assert list(csv.predict(["a"])[0]["probabilities"]) == ["-", "a", "b", "c"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("mean", None), ("mean", []), ("mean", [1, 2]), ("mean", ["1"]), ("deviation", [True]), ("deviation", [1e400])],
)
def test_corrupt_scale_is_one_line(key: str, value: Any, tmp_path: Path) -> None:
    run = train(tmp_path, {"type": "regress"}, [count[0] for count in COUNTS], train__epochs=1, baseline="off")
    file = run.path / "tokenizer.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document["head"][key] = value
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SeqkitError) as caught:
        seqkit.load(run.path).predict(["a"])
    assert "corrupt" in str(caught.value)
