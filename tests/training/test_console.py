"""What the console prints: results beside their baseline, tables of classes, and notes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqkit
from helpers.recipes import CHARACTER_RECIPE, classification_recipe
from seqkit.contracts import Example, TrainingLength
from seqkit.experiment import run_recipe
from seqkit.heads.metrics import label_metrics
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.terminal import display_width, fit_width
from seqkit.training.console import Console, _count_examples
from seqkit.training.progress import Progress
from seqkit.training.result_lines import (
    LINE_WIDTH,
    baseline_comparison,
    class_lines,
    format_number,
    format_two_numbers,
)


def printed(recipe: dict[str, Any], folder: Path, **options: Any) -> list[str]:
    """Train a recipe and return what the console prints."""
    out = io.StringIO()
    run_recipe(read_recipe(recipe), load_registry(), folder / "runs", [Console(out, **options)])
    return out.getvalue().splitlines()


# Baselines

NAIVE = {"split": "test", "name": "naive", "mae": 2.0, "rmse": 3.0, "others": [{"name": "ridge", "mae": 1.0}]}


@pytest.mark.parametrize(
    ("metrics", "baseline", "note"),
    [
        ({"mae": 0.5, "rmse": 9.0}, NAIVE, ""),
        ({"mae": 1.5}, NAIVE, "worse than the baseline: mae 1.5000, baseline 1.0000 (ridge)"),
        ({"mae": 1.0}, NAIVE, "no better than the baseline: mae 1.0000 (ridge)"),
        ({"rmse": 3.5}, NAIVE, "worse than the baseline: rmse 3.5000, baseline 3.0000 (naive)"),
        ({"loss": 1.0}, NAIVE, ""),
        ({"accuracy": 0.6}, {"split": "valid", "name": "majority", "accuracy": 0.5}, ""),
        (
            {"accuracy": 0.4},
            {"split": "valid", "name": "majority", "accuracy": 0.5},
            "worse than the baseline: accuracy 0.4000, baseline 0.5000 (majority)",
        ),
        (
            {"loss": 1.0},
            {"split": "train", "name": "6-gram", "loss": 0.5},
            "worse than the baseline: loss 1.00000, baseline 0.50000 (6-gram)",
        ),
    ],
)
def test_comparison_with_the_best_baseline(metrics: dict[str, Any], baseline: dict[str, Any], note: str) -> None:
    names = ["mae", "rmse", "accuracy", "loss"]
    expected = f"on the {baseline['split']} split, the model is {note}" if note else ""
    assert baseline_comparison(metrics, baseline, names, frozenset({"accuracy"})) == expected


def test_a_run_that_is_worse_than_its_baseline_says_so_once(tmp_path: Path) -> None:
    recipe = CHARACTER_RECIPE | {"baseline": "on", "train": {"epochs": 1}}
    lines = printed(recipe, tmp_path)
    (line,) = [line for line in lines if "worse than the baseline" in line]
    assert line.startswith("  note: on the train split, the model is worse than the baseline: loss 3.")
    assert line.endswith("(6-gram model (Witten-Bell))")
    good = printed(recipe | {"train": {"epochs": 150, "optimizer": {"lr": 0.1}}}, tmp_path)
    assert not [line for line in good if "note" in line]


# Classes

EMOTIONS = ["joy", "愉快", "期待与希望的心情", "anger", "fear", "disgust", "surprise", "trust", "悲伤", "愤怒"]
LABELS = [f"{emotion}{number}" for emotion in EMOTIONS for number in (1, 2)][:18]


def test_a_small_table_contains_the_matrix() -> None:
    scores = label_metrics(["好", "好", "bad"], ["好", "bad", "bad"], ["bad", "mixed", "好"])
    assert list(class_lines(scores)) == [
        "         precision  recall     f1  support   predicted as bad, mixed, 好",
        "  bad        0.500   1.000  0.667        1   1, 0, 0",
        "  mixed          -       -      -        0   0, 0, 0",
        "  好         1.000   0.500  0.667        2   1, 0, 1",
    ]


def test_a_table_of_many_classes_names_their_most_frequent_errors() -> None:
    truth = [label for label in LABELS for _ in range(5)]
    predicted = list(truth)
    predicted[:5] = [LABELS[0], LABELS[1], LABELS[5], LABELS[5], LABELS[4]]
    head, first, second, *_ = lines = list(class_lines(label_metrics(truth, predicted, LABELS)))
    assert len(lines) == 1 + 18
    assert head.endswith("support   most frequent error")
    assert first.split() == ["joy1", "1.000", "0.200", "0.333", "5", LABELS[5], "(2)"]
    assert second.endswith("5   -")
    assert max(map(display_width, lines)) <= LINE_WIDTH


def test_of_more_than_20_classes_those_with_most_errors_are_listed() -> None:
    labels = [f"label{number:02}" for number in range(30)]
    predicted = [labels[0] if number % 2 else label for number, label in enumerate(labels)]
    lines = list(class_lines(label_metrics(labels, predicted, labels)))
    listed = [0, 1, 2, 3, 4, 5, 6, 7, 8, *range(9, 30, 2)]  # those in error, and the first of the others
    assert [line.split()[0] for line in lines[1:-1]] == [labels[number] for number in listed]
    assert lines[-1] == "  … and 10 more labels, with fewer errors: see result.json"


@settings(max_examples=60)
@given(st.data())
def test_tables_fit_into_80_columns(data: st.DataObject) -> None:
    label = st.text(st.sampled_from("a好é\n한😀"), min_size=1, max_size=30)
    labels = data.draw(st.lists(label, min_size=6, max_size=25, unique=True))
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(labels), st.sampled_from(labels)), min_size=1, max_size=30))
    lines = list(class_lines(label_metrics(*[list(each) for each in zip(*pairs, strict=True)], labels)))
    assert max(map(display_width, lines)) <= LINE_WIDTH
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("ab", 4, "ab  "), ("好", 4, "好  "), ("好好好", 5, "好好…"), ("好好好", 4, "好… "), ("e\u0301\t", 2, "e\u0301 ")],
)
def test_fit(text: str, width: int, expected: str) -> None:
    assert fit_width(text, width) == expected
    assert display_width(expected) == width


# Data


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        ({"train": ["a" * 1000], "valid": ["ab"]}, "1,000 train, 2 valid characters"),
        ({"train": ["ab", "c"], "valid": ["ab"]}, "2 train, 1 valid examples"),
        ({"train": [np.zeros((1200, 2))], "test": [np.zeros((30, 2))]}, "1,200 train, 30 test time steps"),
    ],
)
def test_the_size_of_a_single_sequence_is_its_length(splits: dict[str, list[Any]], expected: str) -> None:
    examples = {split: [Example(value) for value in values] for split, values in splits.items()}
    assert _count_examples(examples) == expected


# Notes


@pytest.mark.parametrize("lr", [10.0, 100.0])
def test_a_learning_rate_that_ruins_training_is_named_once(lr: float, tmp_path: Path) -> None:
    train = {"epochs": 120, "optimizer": {"type": "adam", "lr": lr}}
    (line,) = [line for line in printed(CHARACTER_RECIPE | {"train": train}, tmp_path) if "note" in line]
    assert line.startswith("  note: the training loss has risen from 3.")
    assert line.endswith(f"after 100 steps: lower train.optimizer.lr, which is {lr:g}")


def test_a_target_far_from_the_others_is_named_in_place_of_the_learning_rate(tmp_path: Path) -> None:
    rows = [f"text {number},{number % 50}" for number in range(80)]
    rows[40] = "text 40,1e9"
    (tmp_path / "numbers.csv").write_text("\n".join(["text,label", *rows]))
    recipe = {
        "name": "numbers",
        "data": {"type": "table", "path": str(tmp_path / "numbers.csv")},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": {"type": "regress"},
        "train": {"epochs": 5, "threads": 1, "batch_size": 80, "optimizer": {"type": "sgd", "lr": 100.0}},
        "baseline": "off",
    }
    far, risen = [line for line in printed(recipe, tmp_path) if "note" in line][:2]
    assert "numbers.csv:42: the target 1e+09 is far from the others, of which half are between 9.75" in far
    assert "the training loss has risen from" in risen
    assert risen.endswith("correct the target that is far from the others, of the note above")


def test_two_numbers_that_differ_are_printed_differently() -> None:
    metrics, baseline = {"mse": 3.80231e15}, {"mse": 3.802309e15, "name": "mean", "split": "test"}
    note = baseline_comparison(metrics, baseline, ["mse"], frozenset())
    assert note.endswith("mse 3.80231e+15, baseline 3.802309e+15 (mean)")
    assert format_two_numbers("mse", 0.5, 0.5) == ("0.5000", "0.5000")


@pytest.mark.parametrize("lr", [0.01, 0.3])
def test_a_loss_that_rises_for_a_few_steps_is_not_reported(lr: float, tmp_path: Path) -> None:
    train = {"epochs": 120, "optimizer": {"type": "adam", "lr": lr}}
    assert not [line for line in printed(CHARACTER_RECIPE | {"train": train}, tmp_path) if "note" in line]


def test_a_short_run_is_judged_at_its_end(tmp_path: Path) -> None:
    train = {"epochs": 5, "optimizer": {"type": "adam", "lr": 30.0}}
    (line,) = [line for line in printed(CHARACTER_RECIPE | {"train": train}, tmp_path) if "note" in line]
    assert "after 5 steps: lower train.optimizer.lr, which is 30" in line


def test_a_run_that_stops_early_is_judged_at_its_end(vowel_recipe, tmp_path: Path) -> None:
    train = {"epochs": 30, "early_stopping": {"patience": 1}, "optimizer": {"type": "sgd", "lr": 100.0}}
    lines = printed(vowel_recipe | {"train": train}, tmp_path)
    (line,) = [line for line in lines if "risen" in line]
    assert int(line.split("after ")[1].split()[0]) < 100


def test_steps_with_hard_batches_are_not_blamed_on_the_learning_rate() -> None:
    out = io.StringIO()
    console = Console(out)
    for step in range(1, 201):
        console.on_step(Progress(step=step), TrainingLength(1, 200, 200), loss=0.7 if step % 20 == 1 else 1.2)
    console.on_training_end()
    assert out.getvalue() == ""


def test_a_quiet_console_prints_notes_alone(tmp_path: Path) -> None:
    recipe = classification_recipe(tmp_path)
    (tmp_path / "test.csv").write_text("text,label\n好,pos\n难,odd\n", encoding="utf-8")
    lines = printed(recipe, tmp_path, quiet=True)
    note = "test.csv:3: the label 'odd' does not occur in the training data: counted as an error, left out of the loss"
    assert [line.replace(f"{tmp_path}/", "") for line in lines] == [f"  note: {note}"]


def test_an_unknown_label_is_an_error_of_the_run_and_of_its_baseline(tmp_path: Path) -> None:
    recipe = classification_recipe(tmp_path) | {"baseline": "on"}
    (tmp_path / "test.csv").write_text("text,label\n好,odd\n难,odd\n", encoding="utf-8")
    result = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True).result
    assert "loss" not in result["metrics"]["test"]
    for scores in (result["metrics"]["test"], result["baseline"]):
        assert (scores["accuracy"], scores["macro_f1"]) == (0, 0)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("accuracy", 0.98765, "0.9877"),
        ("loss", 0.0123456, "0.01235"),
        ("mse", 4.13e-26, "4.13e-26"),
        ("mse", -2.5e-5, "-2.5e-05"),
        ("mse", 0.0, "0.0000"),
        ("mse", 1234567.8, "1.2346e+06"),
        ("entities", 12345, "12,345"),
    ],
)
def test_numbers_of_any_size_have_enough_digits(name: str, value: float, expected: str) -> None:
    assert format_number(name, value) == expected
