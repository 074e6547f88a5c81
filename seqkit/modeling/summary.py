"""The layers of a model: what each computes, the shape of its output, its weights and its multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from seqkit.contracts import Batch
from seqkit.modeling.model import Model
from seqkit.modeling.multiply_adds import multiply_adds

_DIMENSIONS = ("batch", "time")


@dataclass(frozen=True)
class Layer:
    """A module with weights or buffers, and the modules above it.

    Attributes:
        name: its name in the model: `encoder.lstm`.
        cls: the name of its class.
        output: the shape of its output, `batch` and `time` by name; None if it is not known.
        shapes: the shape of each weight and buffer of the module itself, by name.
        weights: the number of these weights, without buffers.
        multiply_adds: the multiply-adds for one token.
    """

    name: str
    cls: str
    output: tuple[int | str, ...] | None
    shapes: Mapping[str, tuple[int, ...]]
    weights: int
    multiply_adds: int

    def as_data(self) -> dict[str, Any]:
        """Return the layer as JSON types."""
        return {
            "name": self.name,
            "class": self.cls,
            "output": None if self.output is None else list(self.output),
            "shapes": {name: list(shape) for name, shape in self.shapes.items()},
            "weights": self.weights,
            "multiply_adds": self.multiply_adds,
        }


def layers(model: Model, batch: Batch | None = None) -> list[Layer]:
    """Return the layers of a model, each after the module that contains it.

    Args:
        model: the model; one on the device `meta` too, without a batch.
        batch: a batch to compute, for the shapes of outputs: of several rows, of which the longest has more time steps
            than there are rows.
    """
    products = multiply_adds(model)
    outputs = {} if batch is None else _outputs(model, batch)
    if batch is not None and model.embedding is not None:  # an encoder can take its table, so that it is not called
        outputs.setdefault("embedding", (*_DIMENSIONS, model.embedding.output_size))
    found = []
    for name, module in model.named_modules():
        tensors = dict(_own_tensors(module))
        if not name or not (tensors or any(each.startswith(f"{name}.") for each in products)):
            continue
        weights = sum(weight.numel() for weight in module.parameters(recurse=False))
        shapes = {each: tuple(tensor.shape) for each, tensor in tensors.items()}
        found.append(Layer(name, type(module).__name__, outputs.get(name), shapes, weights, products.get(name, 0)))
    return found


def _own_tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(recurse=False)
    yield from ((name, buffer) for name, buffer in module.named_buffers(recurse=False) if buffer.numel())


def _outputs(model: Model, batch: Batch) -> dict[str, tuple[int | str, ...]]:
    """Return the shape of the output of each module that computes a batch; none of those that fail."""
    found: dict[str, tuple[int | str, ...]] = {}
    rows, steps = len(batch.lengths), int(batch.lengths.max())

    def record(name: str, output: Any) -> None:
        tensor = _first_tensor(output)
        if tensor is not None:
            sizes = [*tensor.shape]
            names = [*(["batch"] if sizes[:1] == [rows] else []), *(["time"] if sizes[1:2] == [steps] else [])]
            found.setdefault(name, (*names, *sizes[len(names) :]))

    handles = [
        module.register_forward_hook(lambda _, __, output, name=name: record(name, output))
        for name, module in model.named_modules()
    ]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            encoded = model.encode(batch.inputs, batch.lengths)
            if model.head.generates:
                model.head.logits(encoded)
            else:
                model.predict(encoded, batch)
    except Exception:  # a plugin's head that fails here has no shapes in the table, and fails where it is used
        pass
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return found


def _first_tensor(value: Any) -> Tensor | None:
    if isinstance(value, Tensor):
        return value
    if isinstance(value, tuple | list):
        return next((tensor for item in value if (tensor := _first_tensor(item)) is not None), None)
    return None


def totals(found: list[Layer]) -> tuple[int, int]:
    """Return the number of weights and of multiply-adds of all layers."""
    return sum(layer.weights for layer in found), sum(layer.multiply_adds for layer in found)


def varying(one: list[Layer], other: list[Layer]) -> dict[str, dict[str, tuple[int | str, ...]]]:
    """Return the shapes of the layers of a model, with `*` for each size that differs in another model."""
    others = {layer.name: layer for layer in other}
    return {
        layer.name: {
            name: tuple(
                size if size == another else "*"
                for size, another in zip(shape, others[layer.name].shapes.get(name, shape), strict=True)
            )
            for name, shape in layer.shapes.items()
        }
        for layer in one
        if layer.name in others
    }


def size(shape: tuple[int | str, ...]) -> int | None:
    """Return the number of elements; None if a size is not known."""
    known = [each for each in shape if isinstance(each, int)]
    return math.prod(known) if len(known) == len(shape) else None
