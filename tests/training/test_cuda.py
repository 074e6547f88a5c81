"""Training on a GPU, compared with the CPU. The tests are skipped where torch finds no GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from helpers.recipes import CHARACTER_RECIPE, RECIPES
from helpers.training import interrupted_run, reproducible_contents
from seqkit.encoders.lstm import LSTM, BiLSTM

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="requires a GPU")

SENTENCES = {"path": str(RECIPES / "data" / "sentiment_zh" / "train.csv")}

SHORT_RECIPES: dict[str, dict[str, Any]] = {
    "char_gen.yaml": {},
    "char_gen_prefix.yaml": {},
    "char_gen_projected.yaml": {},
    "char_gen_stacked.yaml": {},
    "char_gen_tutorial.yaml": {},
    "scores.yaml": {},
    "sentiment_zh.yaml": {},
    "sentiment_zh_lstm.yaml": {},
    "topics.yaml": {},
    "sentences.yaml": {"data": SENTENCES},
    "hotel_reviews.yaml": {"data": SENTENCES | {"text": "text"}},
    "names.yaml": {"data": SENTENCES | {"text": "text", "label": "label"}},
}
"""Recipes whose data is in the repository, or can be replaced by such data."""

WITHOUT_DROPOUT: dict[str, dict[str, Any]] = {
    "char_gen.yaml": {},
    "char_gen_projected.yaml": {},
    "char_gen_stacked.yaml": {},
    "scores.yaml": {"head__dropout": 0},
    "topics.yaml": {},
    "hotel_reviews.yaml": {"head__dropout": 0, "encoder__input_dropout": 0, "encoder__variational": False},
}


def short_run(name: str, runs: Path, device: str, epochs: int = 1, **overrides: Any) -> seqkit.Run:
    """Train a shipped recipe for a short time."""
    overrides |= SHORT_RECIPES[name] | {"train__epochs": epochs, "train__device": device, "baseline": "off"}
    return seqkit.run(RECIPES / name, runs=runs, quiet=True, **overrides)


@pytest.mark.parametrize("name", SHORT_RECIPES)
def test_a_run_of_a_gpu_is_evaluated_alike_by_the_cpu(name: str, tmp_path: Path) -> None:
    run = short_run(name, tmp_path, "cuda", epochs=2)
    split = next(split for split in ("test", "valid", "train") if split in run.result["metrics"])
    recorded = run.result["metrics"][split]["loss"]
    assert seqkit.load(run.path).evaluate(split=split)["loss"] == pytest.approx(recorded, rel=1e-4)


@pytest.mark.parametrize("name", WITHOUT_DROPOUT)
def test_training_on_a_gpu_equals_training_on_the_cpu(name: str, tmp_path: Path) -> None:
    """The initial weights and the order of the examples are the same; sums are rounded differently."""
    one, other = (short_run(name, tmp_path, device, **WITHOUT_DROPOUT[name]) for device in ("cpu", "cuda"))
    losses = [[row["loss"] for row in run.metrics] for run in (one, other)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


@pytest.mark.parametrize("options", [{}, {"num_layers": 2}, {"proj_size": 5}, {"num_layers": 2, "proj_size": 5}])
@pytest.mark.parametrize("encoder", [LSTM, BiLSTM])
def test_outputs_state_and_gradients_of_lstms(encoder: Any, options: dict[str, int]) -> None:
    torch.manual_seed(3)
    on_cpu = encoder(6, hidden_size=8, **options).double()
    on_gpu = encoder(6, hidden_size=8, **options).double()
    on_gpu.load_state_dict(on_cpu.state_dict())
    inputs, lengths = torch.randn(4, 9, 6, dtype=torch.float64), torch.tensor([9, 4, 7, 1])

    def parts(model: Any, device: str) -> list[torch.Tensor]:
        encoded = model.to(device)(inputs.to(device), lengths)
        real = (torch.arange(9) < lengths[:, None]).to(device)[:, :, None]
        results = [encoded.outputs * real, encoded.final, *encoded.state]
        gradients = torch.autograd.grad(sum((part**2).sum() for part in results), [*model.parameters()])
        return [part.detach().cpu() for part in (*results, *gradients)]

    for one, other in zip(parts(on_cpu, "cpu"), parts(on_gpu, "cuda"), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-11)


def test_an_interrupted_run_of_a_gpu_resumes_exactly(tmp_path: Path) -> None:
    overrides: dict[str, Any] = {
        "train__device": "cuda",
        "train__batch_size": 2,
        "train__sequence_length": 5,
        "head__dropout": 0.2,
    }
    complete = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "complete", quiet=True, **overrides)
    path = interrupted_run(CHARACTER_RECIPE, tmp_path / "stopped", 3, **overrides)
    resumed = seqkit.run(CHARACTER_RECIPE, runs=tmp_path, resume=path, quiet=True, **overrides)
    assert reproducible_contents(resumed) == reproducible_contents(complete)
