"""The weights of a model by name: copied from it, loaded into it, read from a file."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import load
from torch import Tensor

from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.modeling.model import Model
from seqkit.modeling.size_limit import check_shapes
from seqkit.runs.tensors import read_tensors

Weights = dict[str, Tensor]


def copy_weights(model: Model) -> Weights:
    """Return a copy of the weights, on the CPU."""
    state = model.state_dict()
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in state.items()}


def load_weights(model: Model, weights: Weights, file: Path) -> None:
    """Copy weights into a model.

    Args:
        model: the model to modify.
        weights: the weights by name.
        file: the file of the weights, for messages.

    Raises:
        DataError: a name, a shape or a type differs from the model's, a weight is not finite, or a component rejects
            its weights.
    """
    expected = model.state_dict()
    trained = {name for name, _ in model.named_parameters()}
    check_shapes(model, {name: tuple(weight.shape) for name, weight in weights.items()}, file)
    for name, tensor in expected.items():
        weight = weights[name]
        if weight.is_floating_point() != tensor.is_floating_point() or weight.is_complex() != tensor.is_complex():
            raise DataError(
                message(
                    "{file}: '{name}' has the type {actual}, not {expected}",
                    file=file,
                    name=name,
                    actual=_type_name(weight),
                    expected=_type_name(tensor),
                )
            )
        if name in trained and not weight.to(tensor.dtype).isfinite().all():
            raise DataError(message("{file}: '{name}' contains a number that is not finite", file=file, name=name))
    try:
        model.load_state_dict(weights)
    except ValueError as error:  # of a component that checks what it restores
        raise DataError(message("{file}: corrupt: {reason}", file=file, reason=error)) from None


def _type_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def read_weights(path: Path) -> Weights:
    """Read a safetensors file.

    Raises:
        DataError: it is missing or corrupt.
    """
    return read_tensors(path, load)
