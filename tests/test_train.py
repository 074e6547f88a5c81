"""Training: the same twice, against plain torch, and with everything that a recipe can ask for."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import SENTENCE

import seqkit
from seqkit.errors import NotFiniteError

CHAR: dict[str, Any] = {
    "name": "char",
    "seed": 3,
    "data": {"type": "text", "text": SENTENCE},
    "encoder": {"type": "lstm", "hidden_size": 12},
    "head": {"type": "next_char"},
    "train": {"epochs": 4, "optimizer": {"type": "adam", "lr": 0.01}},
    "baseline": "off",
}


def words(count: int) -> str:
    """A csv of short texts whose label is whether they begin with a vowel."""
    lines = ["text,label"]
    for number in range(count):
        text = "".join(
            chr(97 + (number * 7 + place * place * 3 + number // 11) % 26) for place in range(2 + number % 9)
        )
        lines.append(f"{text},{'vowel' if text[0] in 'aeiou' else 'consonant'}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def labelled(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "words.csv").write_text(words(300))
    return {
        "name": "words",
        "seed": 1,
        "data": {
            "type": "table",
            "path": str(tmp_path / "words.csv"),
            "split": {"by": "hash", "valid": 0.2, "test": 0.2},
        },
        "encoder": {"type": "bilstm", "hidden_size": 8},
        "head": {"type": "classify"},
        "tokenizer": {"type": "char", "unknown": "mark"},
        "train": {"epochs": 6, "batch_size": 16, "optimizer": {"type": "adam", "lr": 0.01}},
        "baseline": "off",
    }


def run(recipe: dict[str, Any], folder: Path, **overrides: Any) -> seqkit.Run:
    return seqkit.run(recipe, runs=folder, quiet=True, **overrides)


def files_of(finished: seqkit.Run) -> dict[str, Any]:
    """What two equal runs must have equal: everything but where and how fast."""
    result = copy.deepcopy(finished.result)
    del result["timing"]
    folder = finished.path
    return {
        "weights": (folder / "model.safetensors").read_bytes(),
        "metrics": (folder / "metrics.jsonl").read_bytes(),
        "plan": (folder / "plan.json").read_bytes(),
        "tokenizer": (folder / "tokenizer.json").read_bytes(),
        "result": result,
    }


EVERYTHING = {
    "encoder": {"type": "lstm", "hidden_size": 8, "num_layers": 2, "dropout": 0.3},
    "head": {"type": "classify", "dropout": 0.2, "class_weights": "balanced", "label_smoothing": 0.1},
    "embedding": {"type": "learned", "dim": 5, "dropout": 0.1},
    "train__schedule": {"type": "cosine", "warmup": 5},
    "train__clip_norm": 0.5,
}


@pytest.mark.parametrize("threads", [1, 2])
def test_a_second_run_gives_the_same_bytes(labelled, tmp_path: Path, threads: int) -> None:
    first = files_of(run(labelled, tmp_path / "a", **EVERYTHING, train__threads=threads))
    torch.rand(7)  # what a program drew before must not matter
    assert files_of(run(labelled, tmp_path / "b", **EVERYTHING, train__threads=threads)) == first
    assert files_of(run(labelled, tmp_path / "c", **EVERYTHING, seed=2))["weights"] != first["weights"]


def test_windows_of_a_long_text_are_trained_as_torch_would(tmp_path: Path) -> None:
    """Truncated back-propagation: streams side by side, the state carried and cut off from the graph."""
    text = SENTENCE * 3
    finished = run(
        CHAR,
        tmp_path,
        data={"text": text},
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
            loss, states = 0.0, []
            for row, (first, last) in enumerate(rows):
                window = torch.nn.functional.one_hot(inputs[first:last], len(characters)).float()[None]
                given = (
                    None
                    if state is None
                    else (state[0][:, row : row + 1].contiguous(), state[1][:, row : row + 1].contiguous())
                )
                output, after = lstm(window, given)
                states.append(after)
                loss = loss + torch.nn.functional.cross_entropy(linear(output)[0], targets[first:last], reduction="sum")
            state = tuple(torch.cat([part[place] for part in states], dim=1).detach() for place in (0, 1))
            count = sum(last - first for first, last in rows)
            assert length == max(last - first for first, last in rows)
            optimizer.zero_grad()
            (loss / count).backward()
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
def test_every_optimizer_learns(optimizer: dict[str, Any], tmp_path: Path) -> None:
    finished = run(CHAR, tmp_path, train={"epochs": 30, "optimizer": optimizer})
    losses = [row["loss"] for row in finished.metrics]
    assert losses[-1] < 0.9 * losses[0]


def test_the_best_epoch_is_kept_and_patience_ends_the_run(labelled, tmp_path: Path) -> None:
    finished = run(
        labelled,
        tmp_path,
        train={"epochs": 60, "metric": "accuracy", "early_stopping": {"patience": 3}, "optimizer": {"lr": 0.05}},
    )
    rows = [row for row in finished.metrics if row["split"] == "valid"]
    accuracies = [row["accuracy"] for row in rows]
    best = accuracies.index(max(accuracies))
    assert len(rows) == best + 1 + 3 < 60
    assert finished.result["metrics"]["valid"]["accuracy"] == max(accuracies)
    assert finished.evaluate(labelled["data"]["path"])["examples"] == 300


def test_steps_may_end_inside_an_epoch(labelled, tmp_path: Path) -> None:
    finished = run(labelled, tmp_path, train={"epochs": None, "steps": 17})
    steps = [row["step"] for row in finished.metrics if row["split"] == "train"]
    assert steps[-1] == 17
    assert steps[0] == math.ceil(finished.result["examples"]["train"] / 16)


def test_evaluation_may_be_rarer_than_epochs(labelled, tmp_path: Path) -> None:
    finished = run(labelled, tmp_path, train={"epochs": 5, "evaluate_every": 2})
    assert [row["epoch"] for row in finished.metrics if row["split"] == "valid"] == [2, 4, 5]


def test_the_result_holds_everything_and_metrics_hold_numbers(labelled, tmp_path: Path) -> None:
    finished = run(labelled, tmp_path, baseline="on", predict=["apple", "xyz"])
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
    assert set(finished.metrics[0]) == {"epoch", "step", "split", "loss"}
    assert set(finished.metrics[1]) == {"epoch", "step", "split", "loss", "accuracy", "macro_f1"}


def test_a_run_leaves_the_program_as_it_was(tmp_path: Path) -> None:
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
    run(CHAR, tmp_path, train__threads=1)
    assert (torch.rand(1), random.random(), np.random.rand()) == expected
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("optimizer", "what"), [({"type": "sgd", "lr": 1e38}, "loss"), ({"type": "adam", "lr": 3e38}, "loss")]
)
def test_a_number_that_is_not_finite_ends_the_run_before_its_step(optimizer, what: str, tmp_path: Path) -> None:
    with pytest.raises(NotFiniteError, match=rf"^step \d+, row 1 of train: the {what}.*not taken.*clip_norm") as caught:
        run(CHAR, tmp_path, train={"epochs": 50, "optimizer": optimizer})
    assert caught.value.exit_code == 5


def test_honest_loss_is_the_brute_force_one(tmp_path: Path) -> None:
    """Each position scored from its prefix alone, one by one, through the public forward pass."""
    finished = run(CHAR, tmp_path, encoder={"type": "bilstm"}, head={"allow_leak": True}, train={"epochs": 40})
    _, model = finished._torch_model
    ids = torch.from_numpy(finished.tokenizer.encode(SENTENCE))
    total = 0.0
    with torch.no_grad():
        for end in range(1, len(ids)):
            logits = model.head.logits(model.encode(ids[None, :end], torch.tensor([end])))[0, -1]
            total += float(torch.nn.functional.cross_entropy(logits, ids[end]))
    assert finished.result["honest_loss"]["loss"] == pytest.approx(total / (len(ids) - 1), rel=1e-5)
    assert finished.result["honest_loss"]["loss"] > 1.2 * finished.result["metrics"]["train"]["loss"]


def test_features_go_through_without_a_tokenizer(tmp_path: Path) -> None:
    """Input need not be text: a reader of numbers and a head of numbers, registered from here."""
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
    answers = seqkit.load(finished.path).predict([np.ones((3, 2)), np.zeros((7, 2))])
    assert [set(answer) for answer in answers] == [{"sum"}, {"sum"}]
