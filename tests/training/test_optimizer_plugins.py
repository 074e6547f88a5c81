"""Optimizers and schedules of plugins: exact resume, and mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from helpers.recipes import CHARACTER_RECIPE
from helpers.training import interrupted_run, reproducible_contents
from seqkit.contracts import Optimizer, PositiveFloat, Schedule
from seqkit.errors import DataError, PluginError, SeqkitError
from seqkit.runs.files import to_json
from seqkit.training.checkpoint import sha256_of

pytestmark = pytest.mark.usefixtures("isolated_registry")


class Factored(torch.optim.Optimizer, Optimizer):
    """Divides by the root of the mean square of each row: its state has another shape than the parameter."""

    def __init__(self, parameters: Any, *, lr: PositiveFloat = 0.01) -> None:
        self.exponent = 0.5
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state, square = self.state[weight], weight.grad.square()
                rows = square.mean(dim=-1, keepdim=True) if weight.ndim else square
                state.setdefault("rows", torch.zeros_like(rows)).lerp_(rows, 0.1)
                weight.sub_(weight.grad / (state["rows"] ** self.exponent + 1e-8), alpha=group["lr"])


class Rate(Schedule):
    """Returns what a test sets."""

    rate: Any = 0.1

    def learning_rate(self, base: float, step: int, length: Any) -> Any:
        return self.rate if step == 1 else base


def test_state_of_another_shape_resumes_exactly(tmp_path: Path) -> None:
    seqkit.register("optimizer", "factored")(Factored)
    overrides = {"train__optimizer": "factored"}
    complete = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "complete", quiet=True, **overrides)
    path = interrupted_run(CHARACTER_RECIPE, tmp_path / "stopped", 2, **overrides)
    resumed = seqkit.run(CHARACTER_RECIPE, runs=tmp_path, resume=path, quiet=True, **overrides)
    assert reproducible_contents(resumed) == reproducible_contents(complete)
    assert {"kind": "optimizer", "name": "factored", "distribution": "this session", "version": ""} in json.loads(
        (path / "plan.json").read_text()
    )["components"]


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf"), None, "0.1"])
def test_learning_rate_that_is_no_finite_number_is_an_error(rate: Any, tmp_path: Path) -> None:
    seqkit.register("schedule", "rate")(type("Wrong", (Rate,), {"rate": rate}))
    with pytest.raises(PluginError) as caught:
        seqkit.run(CHARACTER_RECIPE, runs=tmp_path, quiet=True, train__schedule="rate")
    assert caught.value.lines == [
        f"schedule 'rate' of this session: the learning rate of step 2 is {rate}, not a number >= 0"
    ]


def test_checkpoint_has_the_state_of_the_schedule(vowel_recipe, tmp_path: Path) -> None:
    recipe = vowel_recipe | {"train": vowel_recipe["train"] | {"schedule": {"type": "plateau", "patience": 1}}}
    run = seqkit.run(recipe, runs=tmp_path, quiet=True)
    (checkpoint,) = run.path.glob("checkpoints/*")
    state = json.loads((checkpoint / "state.json").read_text())
    assert state["schedule"].keys() == {"reductions", "without_improvement"}
    for wrong in ({"reductions": -1, "without_improvement": 0}, ["reductions"], "plateau", {"reductions": "1"}):
        content = to_json(state | {"schedule": wrong}).encode()
        (checkpoint / "state.json").write_bytes(content)
        manifest = json.loads((checkpoint / "manifest.json").read_text())
        (checkpoint / "manifest.json").write_text(to_json(manifest | {"state.json": sha256_of(content)}))
        with pytest.raises(DataError, match="corrupt|no checkpoint is intact"):
            seqkit.resume(run.path, quiet=True)


def test_plain_schedule_leaves_the_checkpoint_as_it_was(tmp_path: Path) -> None:
    run = seqkit.run(CHARACTER_RECIPE, runs=tmp_path, quiet=True)
    (checkpoint,) = run.path.glob("checkpoints/*")
    assert json.loads((checkpoint / "state.json").read_text()).keys() == {"format", "progress", "processes"}


def test_prediction_needs_no_optimizer_and_no_schedule(vowel_recipe, tmp_path: Path) -> None:
    run = seqkit.run(vowel_recipe, runs=tmp_path, quiet=True, train__epochs=1)
    data = [("apple", "vowel"), ("pear", "consonant")]
    expected = run.evaluate(data)
    plan = json.loads((run.path / "plan.json").read_text())
    plan["recipe"]["train"] |= {"optimizer": {"type": "gone", "lr": 1}, "schedule": {"type": "lost"}}
    for kind, name in (("optimizer", "gone"), ("schedule", "lost")):
        plan["components"].append({"kind": kind, "name": name, "distribution": "seqkit-gone", "version": "1"})
    (run.path / "plan.json").write_text(to_json(plan))
    loaded = seqkit.load(run.path)
    assert loaded.evaluate(data) == expected  # with torch
    assert loaded.predict(["apple"]) == run.predict(["apple"])
    combined = seqkit.ensemble([loaded, seqkit.run(vowel_recipe, runs=tmp_path, quiet=True)], runs=tmp_path)
    member = json.loads((combined.path / "members" / "1" / "plan.json").read_text())
    assert member["recipe"]["train"] == combined.recipe["train"] == plan["recipe"]["train"]
    with pytest.raises(SeqkitError, match="gone"):
        seqkit.resume(run.path, quiet=True)
