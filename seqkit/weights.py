"""A model's weights by name: taken from it, put into it, read from a file."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load
from torch import Tensor

from seqkit.errors import DataError
from seqkit.model import Model
from seqkit.tensor_files import read_tensors

Weights = dict[str, Tensor]


def weights_of(model: Model) -> Weights:
    """Returns a copy of the weights, on the CPU."""
    state = model.state_dict()
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in state.items()}


def load_weights(model: Model, weights: Weights, where: Path) -> None:
    """Puts weights into a model.

    Raises:
        DataError: a name, a shape or a type of number is not the model's, or a weight is not finite.
    """
    own = model.state_dict()
    learned = {name for name, _ in model.named_parameters()}
    if odd := sorted(set(own) ^ set(weights)):
        raise DataError(f"{where}: '{odd[0]}' is {'missing' if odd[0] in own else 'not part of the model'}")
    for name, tensor in own.items():
        given = weights[name]
        if given.shape != tensor.shape:
            raise DataError(f"{where}: '{name}' has the shape {tuple(given.shape)}, not {tuple(tensor.shape)}")
        if given.is_floating_point() != tensor.is_floating_point() or given.is_complex() != tensor.is_complex():
            raise DataError(f"{where}: '{name}' holds {_kind(given)}, not {_kind(tensor)}")
        if name in learned and not given.to(tensor.dtype).isfinite().all():
            raise DataError(f"{where}: '{name}' holds a number that is not finite")
    model.load_state_dict(weights)


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def read_weights(path: Path) -> Weights:
    """Reads a safetensors file.

    Raises:
        DataError: it is missing or damaged.
    """
    return read_tensors(path, load)
