"""Training: reproducibility, comparison with plain torch, and the options of a recipe."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from helpers.recipes import ALL_OPTIONS, CHARACTER_RECIPE, SENTENCE
from helpers.training import reproducible_contents
from seqkit.errors import NotFiniteError


def run(recipe: dict[str, Any], folder: Path, **overrides: Any) -> seqkit.Run:
    return seqkit.run(recipe, runs=folder, quiet=True, **overrides)


@pytest.mark.parametrize("threads", [1, 2])
def test_runs_of_one_recipe_are_equal_byte_for_byte(vowel_recipe, tmp_path: Path, threads: int) -> None:
    first = reproducible_contents(run(vowel_recipe, tmp_path / "a", **ALL_OPTIONS, train__threads=threads))
    torch.rand(7)  # random numbers that were used before must not matter
    assert reproducible_contents(run(vowel_recipe, tmp_path / "b", **ALL_OPTIONS, train__threads=threads)) == first
    assert (
        reproducible_contents(run(vowel_recipe, tmp_path / "c", **ALL_OPTIONS, seed=2))["weights"] != first["weights"]
    )


@pytest.mark.parametrize(("activation", "temporal"), [(0.0, 0.0), (2.0, 3.0)])
def test_training_on_windows_equals_torch(activation: float, temporal: float, tmp_path: Path) -> None:
    """Truncated backpropagation through time: parallel streams, whose state is carried and detached.

    Penalties of activations are part of the gradient, and not of the reported loss.
    """
    text = SENTENCE * 3
    finished = run(
        CHARACTER_RECIPE,
        tmp_path,
        data={"text": text},
        encoder={"activation_penalty": activation, "temporal_penalty": temporal},
        train={"epochs": 2, "batch_size": 3, "sequence_length": 10, "clip_norm": 0.3},
    )
    characters = sorted(set(text))
    ids = torch.tensor([characters.index(character) for character in text])
    inputs, targets = ids[:-1], ids[1:]
    size, longer = divmod(len(inputs), 3)
    bounds = [0]
    for stream in range(3):
        bounds.append(bounds[-1] + size + (stream < longer))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        lstm = torch.nn.LSTM(len(characters), 12, batch_first=True)
        linear = torch.nn.Linear(12, len(characters))
    weights = [*lstm.parameters(), *linear.parameters()]
    optimizer = torch.optim.Adam(weights, lr=0.01)
    epochs = []
    for _ in range(2):
        total, state = 0.0, None
        for start in range(0, size + 1, 10):
            rows = [
                (max(first, 0) + start, min(first + start + 10, last))
                for first, last in zip(bounds, bounds[1:], strict=False)
            ]
            rows = [(first, last) for first, last in rows if last > first]
            length = rows[0][1] - rows[0][0]
            loss, states, outputs = 0.0, [], []
            for row, (first, last) in enumerate(rows):
                window = torch.nn.functional.one_hot(inputs[first:last], len(characters)).float()[None]
                initial = (
                    None
                    if state is None
                    else (state[0][:, row : row + 1].contiguous(), state[1][:, row : row + 1].contiguous())
                )
                output, after = lstm(window, initial)
                states.append(after)
                outputs.append(output[0])
                loss = loss + torch.nn.functional.cross_entropy(linear(output)[0], targets[first:last], reduction="sum")
            state = tuple(torch.cat([part[place] for part in states], dim=1).detach() for place in (0, 1))
            count = sum(last - first for first, last in rows)
            assert length == max(last - first for first, last in rows)
            optimizer.zero_grad()
            changes = torch.cat([(each[1:] - each[:-1]).flatten() for each in outputs])
            penalty = activation * torch.cat(outputs).square().mean()
            if len(changes):
                penalty = penalty + temporal * changes.square().mean()
            (loss / count + penalty).backward()
            torch.nn.utils.clip_grad_norm_(weights, 0.3)
            optimizer.step()
            total += loss.item()
        epochs.append(total / len(inputs))
    assert [row["loss"] for row in finished.metrics] == pytest.approx(epochs, rel=1e-4)


@pytest.mark.parametrize(
    "optimizer",
    [
        {"type": "adam", "lr": 0.01, "weight_decay": 0.01},
        {"type": "adamw", "lr": 0.01},
        {"type": "sgd", "lr": 0.5, "momentum": 0.9, "nesterov": True},
        {"type": "rmsprop", "lr": 0.005, "momentum": 0.5},
    ],
    ids=lambda optimizer: optimizer["type"],
)
def test_loss_decreases_with_every_optimizer(optimizer: dict[str, Any], tmp_path: Path) -> None:
    finished = run(CHARACTER_RECIPE, tmp_path, train={"epochs": 30, "optimizer": optimizer})
    losses = [row["loss"] for row in finished.metrics]
    assert losses[-1] < 0.9 * losses[0]


def test_early_stopping_restores_the_best_epoch(vowel_recipe, tmp_path: Path) -> None:
    finished = run(
        vowel_recipe,
        tmp_path,
        train={"epochs": 60, "metric": "accuracy", "early_stopping": {"patience": 3}, "optimizer": {"lr": 0.003}},
    )
    rows = [row for row in finished.metrics if row["split"] == "valid"]
    accuracies = [row["accuracy"] for row in rows]
    best = accuracies.index(max(accuracies))
    assert len(set(accuracies[:5])) == 1  # the loss, which decides as long as the accuracy is the same, improves
    assert len(rows) == best + 1 + 3 < 60
    assert finished.result["metrics"]["valid"]["accuracy"] == max(accuracies)
    assert finished.evaluate(vowel_recipe["data"]["path"])["examples"] == 300


def test_training_can_end_inside_an_epoch(vowel_recipe, tmp_path: Path) -> None:
    finished = run(vowel_recipe, tmp_path, train={"epochs": None, "steps": 17})
    steps = [row["step"] for row in finished.metrics if row["split"] == "train"]
    assert steps[-1] == 17
    assert steps[0] == math.ceil(finished.result["examples"]["train"] / 16)


def test_evaluate_every(vowel_recipe, tmp_path: Path) -> None:
    finished = run(vowel_recipe, tmp_path, train={"epochs": 5, "evaluate_every": 2})
    assert [row["epoch"] for row in finished.metrics if row["split"] == "valid"] == [2, 4, 5]


def test_contents_of_result_and_metrics(vowel_recipe, tmp_path: Path) -> None:
    finished = run(vowel_recipe, tmp_path, baseline="on", predict=["apple", "xyz"])
    result = finished.result
    assert set(result) == {"examples", "metrics", "baseline", "timing", "predictions"}
    assert sum(result["examples"].values()) == 300
    assert set(result["metrics"]) == {"valid", "test"}
    assert result["baseline"]["split"] == "test"
    test = result["metrics"]["test"]
    matrix = test["confusion_matrix"]["matrix"]
    assert sum(map(sum, matrix)) == result["examples"]["test"]
    assert test["accuracy"] == pytest.approx((matrix[0][0] + matrix[1][1]) / result["examples"]["test"])
    assert set(result["timing"]) == {"train_seconds", "tokens_per_second", "threads"}
    assert [item["text"] for item in result["predictions"]] == ["apple", "xyz"]
    assert set(finished.metrics[0]) == {"epoch", "step", "split", "lr", "loss"}
    assert set(finished.metrics[1]) == {"epoch", "step", "split", "loss", "accuracy", "macro_f1"}


def test_metrics_contain_the_learning_rate_of_the_last_step(vowel_recipe, tmp_path: Path) -> None:
    schedule = {"type": "cosine"}
    rates: list[float] = []

    class Rates:
        @seqkit.hookimpl
        def seqkit_step(self, step: int, lr: float) -> None:
            if step % steps == 0:
                rates.append(lr)

    steps = math.ceil(run(vowel_recipe, tmp_path).result["examples"]["train"] / 16)
    read = vowel_recipe | {"train": vowel_recipe["train"] | {"epochs": 3, "schedule": schedule}}
    finished = seqkit.run(read, runs=tmp_path, quiet=True, callbacks=[Rates()])
    assert [row["lr"] for row in finished.metrics if row["split"] == "train"] == rates
    assert rates == sorted(rates, reverse=True) and len(set(rates)) == 3


def test_metrics_of_the_training_split(vowel_recipe, tmp_path: Path) -> None:
    plain = run(vowel_recipe, tmp_path, train={"epochs": 4, "evaluate_every": 2})
    evaluated = run(vowel_recipe, tmp_path, train={"epochs": 4, "evaluate_every": 2, "evaluate_train": True})
    rows = [row for row in evaluated.metrics if row["split"] == "train"]
    assert [sorted(row.keys() - {"epoch", "step", "split"}) for row in rows] == [
        ["loss", "lr"],
        ["accuracy", "loss", "lr", "macro_f1"],
    ] * 2
    # Evaluation changes neither the training nor the loss of its steps.
    assert [{key: row[key] for key in ("step", "lr", "loss")} for row in rows] == [
        {key: row[key] for key in ("step", "lr", "loss")} for row in plain.metrics if row["split"] == "train"
    ]
    assert (plain.path / "model.safetensors").read_bytes() == (evaluated.path / "model.safetensors").read_bytes()
    assert evaluated.result["metrics"] == plain.result["metrics"]
    # Without held-out data, the weights of the last epoch are those that the result is computed with.
    alone = run(
        vowel_recipe | {"data": vowel_recipe["data"] | {"split": None}}, tmp_path, train={"evaluate_train": True}
    )
    assert alone.metrics[-1]["accuracy"] == alone.result["metrics"]["train"]["accuracy"]


def test_run_restores_random_states_and_threads(tmp_path: Path) -> None:
    import random

    import numpy as np

    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    expected = torch.rand(1), random.random(), np.random.rand()
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    threads = torch.get_num_threads()
    run(CHARACTER_RECIPE, tmp_path, train__threads=1)
    assert (torch.rand(1), random.random(), np.random.rand()) == expected
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("optimizer", "value"), [({"type": "sgd", "lr": 1e38}, "loss"), ({"type": "adam", "lr": 3e38}, "loss")]
)
def test_not_finite_loss_ends_training_before_the_step(optimizer, value: str, tmp_path: Path) -> None:
    with pytest.raises(
        NotFiniteError, match=rf"^step \d+, row 1 of train: the {value}.*not taken.*clip_norm"
    ) as caught:
        run(CHARACTER_RECIPE, tmp_path, train={"epochs": 50, "optimizer": optimizer})
    assert caught.value.exit_code == 5


def test_prefix_loss_equals_scoring_each_position(tmp_path: Path) -> None:
    """Score each position from its prefix alone, one by one."""
    finished = run(
        CHARACTER_RECIPE, tmp_path, encoder={"type": "bilstm"}, head={"allow_leak": True}, train={"epochs": 40}
    )
    model = finished._parts.torch_engine.model
    ids = torch.from_numpy(finished.tokenizer.encode(SENTENCE))
    total = 0.0
    with torch.no_grad():
        for end in range(1, len(ids)):
            logits = model.head.logits(model.encode(ids[None, :end], torch.tensor([end])))[0, -1]
            total += float(torch.nn.functional.cross_entropy(logits, ids[end]))
    assert finished.result["honest_loss"]["loss"] == pytest.approx(total / (len(ids) - 1), rel=1e-5)
    assert finished.result["honest_loss"]["loss"] > 1.2 * finished.result["metrics"]["train"]["loss"]


def test_training_on_features_without_a_tokenizer(tmp_path: Path) -> None:
    """A reader that yields features and a head that predicts numbers, both registered by the test."""
    import numpy as np
    from torch import nn

    from seqkit.contracts import Example, Head, Loss, Reader, Row

    @seqkit.register("reader", "waves")
    class Waves(Reader):
        yields = "features"

        def __init__(self, *, count: int = 40) -> None:
            self.count = count

        def read(self):
            for number in range(self.count):
                wave = np.sin(np.arange(5 + number % 4) * (number + 1))
                yield Example(np.stack([wave, wave**2], axis=1), float(wave.sum()))

    @seqkit.register("head", "sum")
    class Sum(nn.Module, Head):
        needs = frozenset({"final", "targets"})

        def build(self, output_size, final_size):
            self.output = nn.Linear(final_size, 1)

        def rows(self, example, encoded_input):
            yield Row(encoded_input, example.target)

        def loss(self, encoded, batch):
            errors = self.output(encoded.final)[:, 0] - batch.targets
            return Loss(errors.square().sum(), len(errors))

        def predict(self, encoded, batch):
            return [{"sum": float(value)} for value in self.output(encoded.final)[:, 0]]

    recipe = {
        "data": {"type": "waves", "split": {"by": "random", "test": 0.25}},
        "encoder": {"type": "bilstm", "hidden_size": 6},
        "head": {"type": "sum"},
        "train": {"epochs": 40, "optimizer": {"type": "adam", "lr": 0.02}},
    }
    finished = run(recipe, tmp_path)
    losses = [row["loss"] for row in finished.metrics]
    assert losses[-1] < 0.5 * losses[0]
    assert json.loads((finished.path / "plan.json").read_text())["recipe"].get("tokenizer") is None
    predictions = seqkit.load(finished.path).predict([np.ones((3, 2)), np.zeros((7, 2))])
    assert [set(prediction) for prediction in predictions] == [{"sum"}, {"sum"}]
