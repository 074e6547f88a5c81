"""The layers of a recipe's model: output shapes, weights and multiply-adds, without training."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded
from seqkit.modeling.device import isolated_torch_state
from seqkit.modeling.model import Model
from seqkit.modeling.multiply_adds import multiply_adds
from seqkit.recipe.recipe import Recipe
from seqkit.recipe.resolve import resolve
from seqkit.registry.records import Registry
from seqkit.training.distributed import join_communicator
from seqkit.training.setup import build_setup


@dataclass(frozen=True)
class Layer:
    """A module of a model.

    Attributes:
        name: its name in the model.
        type: its class.
        output: the shape of its output, (batch, time, ...) as a rule; None if it is not called by itself.
        weights: the number of its weights, without those of its submodules.
        trainable: the number of those that are trained.
        multiply_adds: those of its matrix products, its submodules included.
    """

    name: str
    type: str
    output: tuple[int, ...] | None
    weights: int
    trainable: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """The layers of a model for one text.

    Attributes:
        layers: the components, and the modules that have weights.
        steps: the number of time steps of the text.
        multiply_adds: those of the model for this text.
    """

    layers: list[Layer]
    steps: int
    multiply_adds: int

    @property
    def weights(self) -> int:
        return sum(layer.weights for layer in self.layers)

    @property
    def trainable(self) -> int:
        return sum(layer.trainable for layer in self.layers)


def summarize_recipe(recipe: Recipe, registry: Registry) -> Summary:
    """Read the data of a recipe, build its model, and describe it for the first text of the first batch.

    Args:
        recipe: the recipe as it was read.
        registry: the installed components.

    Raises:
        SeqkitError: the recipe, the data or a component is invalid.
    """
    plan = resolve(recipe, registry)
    plan = replace(plan, train=replace(plan.train, threads=1))  # measuring their number takes time
    device = torch.device("cpu")
    with isolated_torch_state(plan.seed), join_communicator(device) as communicator:
        setup = build_setup(plan, recipe, device, communicator)
        batch = next(setup.train_batches.epoch(0)).batch
        return summarize(setup.model, batch)


def summarize(model: Model, batch: Batch) -> Summary:
    """Describe a model for the first row of a batch.

    Args:
        model: the model.
        batch: a batch on the same device.
    """
    steps = int(batch.lengths[0])
    row = Batch(batch.inputs[:1, :steps], batch.lengths[:1])
    outputs: dict[str, tuple[int, ...] | None] = {}

    def note_output(module: nn.Module, args: Any, output: Any, name: str) -> None:
        outputs.setdefault(name, _shape(output))

    hooks = [module.register_forward_hook(partial(note_output, name=name)) for name, module in model.named_modules()]
    was_training = model.training
    model.eval()
    try:
        counts = multiply_adds(model, lambda: _answer(model, row))
    finally:
        model.train(was_training)
        for hook in hooks:
            hook.remove()
    layers = [
        Layer(
            name,
            type(module).__name__,
            outputs.get(name),
            _count(module, trainable=False),
            _count(module, trainable=True),
            counts.get(name, 0),
        )
        for name, module in model.named_modules()
        if name and ("." not in name or _count(module, trainable=False))
    ]
    return Summary(layers, steps, counts.get("", 0))


def _answer(model: Model, batch: Batch) -> Any:
    """Compute what the model answers for a batch: the logits if it generates, its predictions if it does not."""
    encoded = model.encode(batch.inputs, batch.lengths)
    return model.head.logits(encoded) if model.head.generates else model.predict(encoded, batch)


def _shape(output: Any) -> tuple[int, ...] | None:
    """Return the shape of an output, or of the first tensor in it."""
    if isinstance(output, Tensor):
        return tuple(output.shape)
    if isinstance(output, Encoded):
        return tuple(output.outputs.shape)
    if isinstance(output, tuple | list):
        return next((shape for value in output if (shape := _shape(value)) is not None), None)
    return None


def _count(module: nn.Module, *, trainable: bool) -> int:
    """Return the number of weights of a module itself; those that are trained alone, if requested."""
    return sum(
        math.prod(weight.shape) for weight in module.parameters(recurse=False) if weight.requires_grad or not trainable
    )
