"""Averages of the weights: parity with a plain computation, the choice between them and the last weights, resume."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

import seqkit
from helpers.recipes import CHARACTER_RECIPE, SENTENCE
from helpers.training import interrupted_run, reproducible_contents
from seqkit.contracts import Encoder
from seqkit.encoders.lstm import LSTM
from seqkit.training.checkpoint import sha256_of

Weights = dict[str, np.ndarray]

LINES: dict[str, Any] = CHARACTER_RECIPE | {
    "data": {
        "type": "text",
        "text": "\n".join(SENTENCE[place:] for place in range(0, 60, 5)),
        "unit": "line",
        "split": {"by": "order", "valid": 0.2},
    }
}
EMA = {"type": "ema", "decay": 0.7}
SWA = {"type": "swa", "from_epoch": 2}


class Recorder:
    """Record the weights after each step, and the arguments of the hook."""

    def __init__(self) -> None:
        self.weights: list[Weights] = []

    @seqkit.hookimpl
    def seqkit_step(self, model: torch.nn.Module) -> None:
        self.weights.append({name: weight.detach().numpy().copy() for name, weight in model.state_dict().items()})


def train(folder: Path, recipe: dict[str, Any] = LINES, **options: Any) -> tuple[seqkit.Run, list[Weights]]:
    recorder = Recorder()
    run = seqkit.run(recipe, runs=folder, quiet=True, callbacks=[recorder], **{"train__batch_size": 5} | options)
    return run, recorder.weights


def moving_average(steps: list[Weights], decay: float) -> Weights:
    average = {name: np.zeros_like(weight, dtype=np.float64) for name, weight in steps[0].items()}
    for number, weights in enumerate(steps, start=1):
        keep = min(decay, (number - 1) / (number + 8))
        average = {name: keep * value + (1 - keep) * weights[name] for name, value in average.items()}
    return average


def check_equal(actual: Weights, expected: Weights) -> None:
    assert actual.keys() == expected.keys()
    for name, weight in expected.items():
        np.testing.assert_allclose(actual[name], weight, rtol=1e-5, atol=1e-6)


def test_without_validation_the_averages_are_used(tmp_path: Path) -> None:
    data = LINES["data"] | {"split": None}
    run, steps = train(tmp_path / "ema", data=data, train__average=EMA)
    check_equal(load_file(run.directory.model), moving_average(steps, 0.7))
    run, steps = train(tmp_path / "swa", data=data, train__average=SWA)
    last = [steps[step] for step in (5, 8, 11)]  # of epochs 2 to 4, of 3 steps each
    expected = {name: np.mean([weights[name] for weights in last], axis=0) for name in steps[0]}
    check_equal(load_file(run.directory.model), expected)
    assert run.result["weights"] == "average"
    (checkpoint,) = run.directory.checkpoints.iterdir()
    check_equal(load_file(checkpoint / "average.safetensors"), expected)
    check_equal(load_file(checkpoint / "model.safetensors"), steps[-1])


@pytest.mark.parametrize(("lr", "weights"), [(2.0, "average"), (0.001, "last")])
def test_validation_chooses_between_average_and_last_weights(tmp_path: Path, lr: float, weights: str) -> None:
    run, _ = train(tmp_path, train__average=SWA, train__optimizer__lr=lr)
    rows = {(row["epoch"], row["split"]): row["loss"] for row in run.metrics}
    assert sorted(epoch for epoch, split in rows if split == "valid_average") == [2, 3, 4]
    best = min((loss, split) for (_, split), loss in rows.items() if split != "train")
    assert (run.result["weights"], best[1]) == (weights, "valid_average" if weights == "average" else "valid")
    assert run.result["metrics"]["valid"]["loss"] == pytest.approx(best[0], rel=1e-9)
    assert run.evaluate([(text, None) for text in LINES["data"]["text"].split("\n")[-2:]])["loss"] == pytest.approx(
        best[0], rel=1e-5
    )


def test_averaging_does_not_change_training(tmp_path: Path) -> None:
    plain, plain_steps = train(tmp_path / "plain")
    _, steps = train(tmp_path / "ema", train__average="ema")
    assert all((one[name] == other[name]).all() for one, other in zip(plain_steps, steps, strict=True) for name in one)
    (checkpoint,) = plain.directory.checkpoints.iterdir()
    assert not (checkpoint / "average.safetensors").exists()
    assert "uses_average" not in (checkpoint / "state.json").read_text()
    assert "weights" not in plain.result


@pytest.mark.parametrize("average", [EMA, SWA], ids=["ema", "swa"])
def test_interrupted_run_resumes_exactly(tmp_path: Path, average: dict[str, Any]) -> None:
    """The stops are after steps, and while the validation split is evaluated with either weights."""
    overrides = {"train__average": average, "train__batch_size": 5, "train__optimizer__lr": 2.0}
    complete = seqkit.run(LINES, runs=tmp_path / "complete", quiet=True, **overrides)
    expected = reproducible_contents(complete)
    for after in (2, 4, 7, 8, 9, 10):
        path = interrupted_run(LINES, tmp_path / f"stopped-{after}", after, **overrides)
        assert reproducible_contents(seqkit.resume(path, quiet=True)) == expected, after
    assert complete.result["weights"] == "average"


class WithBuffer(LSTM, Encoder):
    """An LSTM that counts the batches that it was trained on."""

    causal = True

    def __init__(self, input_size: int, *, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size=hidden_size)
        self.register_buffer("batches", torch.zeros(()))

    def forward(self, inputs: Any, lengths: Any, state: Any = None) -> Any:
        self.batches += self.training
        return super().forward(inputs, lengths, state)


@pytest.mark.usefixtures("isolated_registry")
def test_buffers_are_not_averaged(tmp_path: Path) -> None:
    seqkit.register("encoder", "counting", WithBuffer)
    encoder = {"type": "counting", "hidden_size": 3}
    run, steps = train(tmp_path, data=LINES["data"] | {"split": None}, encoder=encoder, train__average=EMA)
    weights = load_file(run.directory.model)
    assert weights["encoder.batches"] == steps[-1]["encoder.batches"] > len(steps) - 1


@pytest.mark.parametrize("change", ["missing", "shape", "not finite", "unknown"])
def test_corrupt_averages_are_one_line(tmp_path: Path, change: str) -> None:
    path = interrupted_run(LINES, tmp_path, 2, train__average="ema", train__batch_size=5)
    (checkpoint,) = (path / "checkpoints").iterdir()
    file, manifest = checkpoint / "average.safetensors", json.loads((checkpoint / "manifest.json").read_text())
    weights = load_file(file)
    name = "head.output.bias"
    if change == "missing":
        file.unlink()
        del manifest["average.safetensors"]
        name = min(weights)
    else:
        if change == "unknown":
            name = "unknown"
        weights[name] = {"shape": np.zeros(2, np.float32), "unknown": np.zeros(2, np.float32)}.get(
            change, weights.get(name, np.zeros(0)) * np.nan
        )
        save_file(weights, file)
        manifest["average.safetensors"] = sha256_of(file.read_bytes())
    (checkpoint / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(seqkit.DataError) as caught:
        seqkit.resume(path, quiet=True)
    assert caught.value.lines == [
        f"{checkpoint}: corrupt: the averaged '{name}' is missing, is not finite, or does not fit the model"
    ]
    shutil.rmtree(path)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("swa", "train.average.from_epoch: is required: the first epoch to average"),
        ({"type": "swa", "from_epoch": 9}, "train.average.from_epoch: must be at most epochs, 4"),
        ({"type": "ema", "decay": 1}, "train.average.decay: must be a number of at least 0 and less than 1, not 1"),
        ("mean", "train.average: must be one of ema, swa, not 'mean'"),
    ],
)
def test_invalid_averages_are_rejected(tmp_path: Path, value: Any, reason: str) -> None:
    with pytest.raises(seqkit.RecipeError) as caught:
        seqkit.run(LINES, runs=tmp_path, quiet=True, train__average=value)
    assert caught.value.lines[0].endswith(reason)
