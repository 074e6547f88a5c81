"""The multiply-adds of a model, against torch's count of the operations that it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from helpers.recipes import CHARACTER_RECIPE
from seqkit.encoders.projected import Projected
from seqkit.experiment import run_recipe
from seqkit.modeling.model import Model
from seqkit.modeling.multiply_adds import multiply_adds
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.templates.encoder.seqkit_placeholder.encoder import Placeholder as ElmanEncoder
from seqkit.training.callbacks import Callback
from seqkit.training.setup import TrainingSetup


def model_of(folder: Path, **overrides: Any) -> Model:
    """Return the model that a recipe trains."""
    found: list[Model] = []

    class Keep(Callback):
        def on_setup(self, setup: TrainingSetup, processes: int) -> None:
            found.append(setup.model)

    read = read_recipe(CHARACTER_RECIPE | {"train": {"epochs": 1}})
    for key, value in overrides.items():
        read.set(tuple(key.split("__")), value, "recipe")
    run_recipe(read, load_registry(), folder, [Keep()])
    return found[0]


def test_both_directions_cost_twice_as_much(tmp_path: Path) -> None:
    one = multiply_adds(model_of(tmp_path, embedding={"type": "learned", "dim": 5}))
    two = multiply_adds(
        model_of(tmp_path, embedding={"type": "learned", "dim": 5}, encoder__type="bilstm", head__allow_leak=True)
    )
    assert one["encoder.layers.cells.0"] == 4 * 12 * (5 + 12)
    assert two["encoder.layers.cells.0"] == two["encoder.layers.cells.1"] == one["encoder.layers.cells.0"]
    assert one["embedding.vectors"] == 0
    assert two["head.output"] == 2 * one["head.output"]


def test_ids_in_place_of_one_hot_vectors_multiply_nothing(tmp_path: Path) -> None:
    found = multiply_adds(model_of(tmp_path, encoder__num_layers=2))
    assert found["encoder.layers.cells.0"] == 4 * 12 * 12
    assert found["encoder.layers.cells.1"] == 4 * 12 * (12 + 12)


def test_a_tied_output_layer_multiplies_the_table_of_the_embedding(tmp_path: Path) -> None:
    model = model_of(tmp_path, embedding={"type": "learned", "dim": 12}, head__tied=True)
    assert multiply_adds(model)["head.output"] == model.embedding.vectors.weight.numel()


def test_it_is_half_of_the_operations_that_torch_counts_for_one_token() -> None:
    encoder = Projected(5, encoder=lambda size: ElmanEncoder(size, hidden_size=7), proj_size=3)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder.encoder(torch.randn(1, 1, 5), torch.tensor([1]))
        encoder.projection(torch.randn(1, 1, 7))
    found = multiply_adds(Model(None, encoder, torch.nn.Module()))  # type: ignore[arg-type]
    assert found == {"encoder.encoder.cell": 7 * (5 + 7), "encoder.projection": 3 * 7}
    assert 2 * sum(found.values()) == counter.get_total_flops()
