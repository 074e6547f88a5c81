"""Sizes in plan.json that its weights cannot have are rejected before a model of these sizes is built."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from helpers.recipes import CHARACTER_RECIPE, GENERATION_RECIPE, classification_recipe
from seqkit import registry
from seqkit.contracts import Encoded, Encoder, NonNegativeInt, PositiveInt
from seqkit.errors import DataError
from seqkit.modeling.size_limit import TooLargeError, limited_size


class Deep(torch.nn.Module, Encoder):
    """An encoder of many layers. Some of its modules have no weights, and some are discarded."""

    causal = True

    def __init__(
        self, input_size: int, *, width: PositiveInt, depth: PositiveInt, distance: NonNegativeInt = 0
    ) -> None:
        super().__init__()
        _ = [torch.nn.Linear(2, 2) for _ in range(20)]
        self.layers = torch.nn.ModuleList(
            torch.nn.Sequential(torch.nn.Linear(width if number else input_size, width), torch.nn.Dropout())
            for number in range(depth)
        )
        self.output_size = self.final_size = width

    def forward(self, inputs, lengths, state=None):
        for layer in self.layers:
            inputs = layer(inputs)
        return Encoded(inputs, inputs[torch.arange(len(inputs)), lengths - 1])


class Computing(Deep):
    """An encoder whose constructor computes with its weights, so that it cannot be built without memory for them."""

    def __init__(
        self, input_size: int, *, width: PositiveInt, depth: PositiveInt, distance: NonNegativeInt = 0
    ) -> None:
        super().__init__(input_size, width=width, depth=depth)
        self.norm = float(self.layers[0][0].weight.norm())


def edited(run: Path, target: Path, *changes: tuple[tuple[Any, ...], Any]) -> Path:
    """Copy a run with other values in the recipe of its plan.json."""
    path = shutil.copytree(run, target)
    plan = json.loads((path / "plan.json").read_text())
    for (*keys, last), value in changes:
        parent = plan["recipe"]
        for key in keys:
            parent = parent[key]
        parent[last] = value
    (path / "plan.json").write_text(json.dumps(plan))
    return path


def generate(path: Path) -> str:
    return seqkit.load(path).generate("In", length=2)


def evaluate(path: Path) -> dict[str, Any]:
    return seqkit.load(path).evaluate([("In B", None)])


def refusal(path: Path, action: Callable[[Path], Any]) -> str:
    start = time.process_time()
    with pytest.raises(DataError) as caught:
        action(path)
    assert time.process_time() - start < 5  # well under a second on an idle machine
    (line,) = caught.value.lines
    return line.replace(str(path), "RUN")


@pytest.fixture
def deep_run(request: pytest.FixtureRequest, isolated_registry, tmp_path: Path) -> Path:
    registry.register("encoder", "deep", request.param)
    recipe = CHARACTER_RECIPE | {"encoder": {"type": "deep", "width": 3, "depth": 2}, "train": {"steps": 1}}
    return seqkit.run(recipe, runs=tmp_path, quiet=True).path


@pytest.mark.parametrize("deep_run", [Deep, Computing], indirect=True)
def test_sizes_of_a_plugin(deep_run: Path, tmp_path: Path) -> None:
    too_large = "RUN/model.safetensors: corrupt: 6 weights, but plan.json describes a far larger model"
    for number, (key, value) in enumerate([("depth", 10**6), ("depth", 10**15), ("width", 10**6), ("depth", 3)]):
        for action in (generate, evaluate):
            path = edited(deep_run, tmp_path / f"{number} {action.__name__}", (("encoder", key), value))
            line = refusal(path, action)
            assert line == too_large if value >= 10**6 and key == "depth" else "model" in line, line


@pytest.mark.parametrize("deep_run", [Deep, Computing], indirect=True)
def test_other_large_numbers_are_accepted(deep_run: Path, tmp_path: Path) -> None:
    changes = [(("encoder", "distance"), 10**12), (("head", "context"), 10**12), (("train", "steps"), 10**12)]
    path = edited(deep_run, tmp_path / "large", *changes, (("seed",), 2**32 - 1))
    assert evaluate(path) == evaluate(deep_run)
    assert generate(path) == generate(deep_run)


@pytest.mark.parametrize("action", [generate, evaluate])
def test_sizes_of_built_in_components(action: Callable[[Path], Any], tmp_path: Path) -> None:
    lstm = seqkit.run(GENERATION_RECIPE, runs=tmp_path, quiet=True, train__epochs=1).path
    layer = {"type": "lstm", "hidden_size": 4, "num_layers": 1, "bias": True, "dropout": 0.0, "proj_size": 0}
    for number, change in enumerate(
        [
            (("encoder", "num_layers"), 10**6), (("encoder", "num_layers"), 10**18),
            (("encoder", "hidden_size"), 10**9),
            (("encoder",), {"type": "stacked", "layers": [layer] * 100_000, "dropout": 0.0}),
            (("embedding",), {"type": "learned", "dim": 10**12, "dropout": 0.0}),
        ]
    ):  # fmt: skip
        assert "RUN/" in refusal(edited(lstm, tmp_path / f"{number}", change), action)


def test_sizes_of_ngrams(tmp_path: Path) -> None:
    recipe = classification_recipe(tmp_path) | {"predict": []}
    recipe["head"] = {"type": "classify", "pooling": ["max", "attention"], "ngrams": 2}
    run = seqkit.run(recipe, runs=tmp_path / "runs", quiet=True).path
    assert seqkit.load(run).predict(["好"])[0]["label"] in ("pos", "neg")
    for number, (key, value) in enumerate(
        [
            ("ngrams", 10**9),
            ("ngrams", 0),
            ("pooling", ["max"] * 99),
        ]
    ):
        path = edited(run, tmp_path / f"{number}", (("head", key), value))
        for action in (
            lambda path: seqkit.load(path).predict(["好"]),
            lambda path: seqkit.load(path).evaluate([("好", "pos")]),
        ):
            assert "RUN/" in refusal(path, action)


def test_file_of_a_plugin_is_not_resolved_with_many_components(tmp_path: Path, isolated_registry) -> None:
    registry.register("encoder", "deep", Deep)
    layer = {"type": "deep", "width": 3, "depth": 1}
    recipe = CHARACTER_RECIPE | {"encoder": {"type": "stacked", "layers": [layer, layer]}, "train": {"steps": 1}}
    run = seqkit.run(recipe, runs=tmp_path, quiet=True).path
    path = edited(run, tmp_path / "many", (("encoder", "layers"), [layer | {"distance": 0}] * 100_000))
    assert refusal(path, generate).startswith("RUN/plan.json: corrupt: it names 100,00")


def test_limit_applies_to_its_thread_alone(tmp_path: Path) -> None:
    with limited_size({}, tmp_path), ThreadPoolExecutor(1) as threads:
        models = threads.submit(lambda: [torch.nn.Linear(2, 2) for _ in range(2000)])
        assert len(models.result()) == 2000
        with pytest.raises(TooLargeError, match="0 weights, but plan.json describes a far larger model"):
            _ = [torch.nn.Linear(2, 2) for _ in range(2000)]
        with pytest.raises(TooLargeError):
            torch.nn.Linear(10**7, 10**7)
    assert torch.nn.Linear(2, 2).weight.shape == (2, 2)
