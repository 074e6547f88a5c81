"""A limit for the size of a model that an untrusted run directory describes.

The constructor of a plugin's component is unknown, so that the sizes in a recipe cannot be compared with the weights
before it runs. It runs without memory for the weights (on torch's meta device) and is stopped when it creates many more
layers than there are weights in the file. Then names and shapes are compared, before memory is allocated.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.overrides import TorchFunctionMode

from seqkit.errors import DataError
from seqkit.messages import message

Shapes = Mapping[str, tuple[int, ...]]

_FACTOR = 10
_SMALL_COUNT = 1_000
_SMALL_SIZE = 2**28
"""In numbers: a gigabyte. A constructor may compute a table that is not stored with the weights."""

_ALLOCATING = {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn}


class TooLargeError(DataError):
    """A recipe describes a far larger model than the file of its weights contains."""


def count_limit(shapes: Shapes) -> int:
    """Return a number of layers or components that no model with these weights exceeds.

    A layer has at least one weight as a rule; but some have none, and a constructor may create layers that it discards.
    The limit is therefore far above the number of weights.
    """
    return _FACTOR * len(shapes) + _SMALL_COUNT


class _LimitedAllocation(TorchFunctionMode):
    """Rejects a tensor that is too large before memory is allocated for it."""

    def __init__(self, max_size: int, error: DataError) -> None:
        super().__init__()
        self.max_size = max_size
        self.error = error

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _ALLOCATING and "out" not in kwargs:
            given = {name: value for name, value in kwargs.items() if name not in ("generator", "pin_memory")}
            if func(*args, **given | {"device": "meta"}).numel() > self.max_size:
                raise self.error
        return func(*args, **kwargs)


@contextmanager
def limited_size(shapes: Shapes, file: Path) -> Iterator[None]:
    """Stop a constructor in this block that creates far more layers or weights than a file contains.

    Args:
        shapes: the shapes of the weights in the file.
        file: the file, for the message.

    Raises:
        TooLargeError: in the constructor.
    """
    max_count = count_limit(shapes)
    max_size = _FACTOR * sum(math.prod(shape) for shape in shapes.values()) + _SMALL_SIZE
    count = size = 0
    thread = threading.get_ident()  # the hooks are called in all threads
    text = message(
        "{file}: corrupt: {count:,} weights, but plan.json describes a far larger model", file=file, count=len(shapes)
    )
    error = TooLargeError(text)

    def add(module: nn.Module, name: str, part: object) -> None:
        nonlocal count, size
        if part is None or threading.get_ident() != thread:
            return
        count += 1
        if isinstance(part, torch.Tensor) and part.device.type != "meta":
            size += part.numel()
        if count > max_count or size > max_size:
            raise error

    hooks = [register_module_parameter_registration_hook(add), register_module_module_registration_hook(add)]
    try:
        with _LimitedAllocation(max_size, error):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def check_shapes(model: nn.Module, shapes: Shapes, file: Path) -> None:
    """Check that a file contains the weights of a model. Only names and shapes are compared.

    Args:
        model: the model, possibly on the meta device.
        shapes: the shapes of the weights in the file.
        file: the file, for messages.

    Raises:
        DataError: a name or a shape differs.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if different := sorted(set(expected) ^ set(shapes)):
        name = different[0]
        if name in expected:
            raise DataError(message("{file}: '{name}' is missing", file=file, name=name))
        raise DataError(message("{file}: '{name}' is not part of the model", file=file, name=name))
    for name, shape in expected.items():
        if shapes[name] != shape:
            raise DataError(
                message(
                    "{file}: '{name}' has the shape {actual}, not {expected}",
                    file=file,
                    name=name,
                    actual=shapes[name],
                    expected=shape,
                )
            )
