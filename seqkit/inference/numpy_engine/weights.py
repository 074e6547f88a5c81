"""The weights of a run, checked when the NumPy engine takes them.

A run directory may be corrupt or untrusted. NumPy broadcasts arrays whose shapes do not agree, so the shape of every
weight is compared with the one that the recipe implies. Nothing is allocated according to the sizes in the recipe
before weights of these sizes have been found in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqkit.errors import DataError
from seqkit.messages import format_value, message
from seqkit.recipe.rules import why_rejected
from seqkit.runs.tensors import read_tensors


class CellWeights(NamedTuple):
    """One direction of one LSTM layer, as torch.nn.LSTM stores it: gates in the order i, f, g, o.

    Attributes:
        weight_ih: (4 * hidden_size, input_size).
        weight_hh: (4 * hidden_size, output_size).
        bias: (4 * hidden_size,), the sum of bias_ih and bias_hh; or None.
        projection: (output_size, hidden_size), torch's weight_hr; or None, and output_size is hidden_size.
    """

    weight_ih: np.ndarray
    weight_hh: np.ndarray
    bias: np.ndarray | None
    projection: np.ndarray | None

    @property
    def hidden_size(self) -> int:
        return self.weight_ih.shape[0] // 4

    @property
    def output_size(self) -> int:
        return self.weight_hh.shape[1]


class LinearWeights(NamedTuple):
    """A linear layer.

    Attributes:
        weight: (output_size, input_size).
        bias: (output_size,), or None.
    """

    weight: np.ndarray
    bias: np.ndarray | None

    @property
    def output_size(self) -> int:
        return self.weight.shape[0]


LayerWeights = CellWeights | LinearWeights


class InvalidSetting(ValueError):
    """A value of the recipe is invalid for its component."""


def read_setting(section: Mapping[str, Any], key: str, name: str, annotation: Any) -> Any:
    """Return a value of a recipe's section.

    Args:
        section: the section of a component.
        key: the key of the value.
        name: the path of the section in the recipe, for the message.
        annotation: the annotation of the parameter (`seqkit.recipe.rules`).

    Raises:
        InvalidSetting: the value does not match the annotation.
    """
    value = section.get(key)
    if reason := why_rejected(value, annotation):
        raise InvalidSetting(message("{name}.{key}: {reason}", name=name, key=key, reason=reason))
    return value


class CheckedWeights:
    """The weights of a run by name, each checked when it is taken.

    Args:
        tensors: the weights by name.
        file: their file, for messages.

    Attributes:
        dtype: the floating type of the weights that are taken: that of the file, at least float32.
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], file: Path) -> None:
        self.dtype = np.result_type(
            np.float32, *(tensor.dtype for tensor in tensors.values() if tensor.dtype.kind == "f")
        )
        self._file = file
        self._tensors = tensors
        self._taken: set[str] = set()

    def take(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return a weight.

        Raises:
            DataError: it is missing, has another shape or type, or contains a number that is not finite.
        """
        tensor = self._tensors.get(name)
        if tensor is None:
            raise DataError(
                message(
                    "{file}: '{name}' is missing: the file does not contain the weights of this recipe",
                    file=self._file,
                    name=name,
                )
            )
        if tensor.shape != shape:
            raise DataError(
                message(
                    "{file}: '{name}' has the shape {actual}, not {expected}",
                    file=self._file,
                    name=name,
                    actual=tensor.shape,
                    expected=shape,
                )
            )
        if tensor.dtype.kind != "f":
            raise DataError(
                message(
                    "{file}: '{name}' has the type {actual}, not a floating-point type",
                    file=self._file,
                    name=name,
                    actual=tensor.dtype,
                )
            )
        with np.errstate(over="ignore"):  # a float64 too large for a float32 becomes infinite
            is_finite = bool(np.isfinite(tensor.astype(np.float32, copy=False)).all())
        if not is_finite:
            raise DataError(
                message("{file}: '{name}' contains a number that is not finite", file=self._file, name=name)
            )
        self._taken.add(name)
        return np.asarray(tensor, dtype=self.dtype)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a weight that the recipe does not determine; () if it is missing."""
        return self._tensors[name].shape if name in self._tensors else ()

    def take_ascending(self, name: str) -> np.ndarray:
        """Return different integers in ascending order, int64 (size,).

        Raises:
            DataError: they are missing or something else.
        """
        tensor = self._tensors.get(name)
        if tensor is None or tensor.dtype != np.int64 or tensor.ndim != 1 or not (tensor[1:] > tensor[:-1]).all():
            raise DataError(message("{file}: '{name}' is not a list of ascending integers", file=self._file, name=name))
        self._taken.add(name)
        return tensor

    def take_permutation(self, name: str, size: int) -> np.ndarray:
        """Return a permutation of the numbers below a size, int64 (size,).

        Raises:
            DataError: it is missing or something else.
        """
        tensor = self._tensors.get(name)
        if tensor is None or tensor.dtype.kind != "i" or not np.array_equal(np.sort(tensor), np.arange(size)):
            raise DataError(message("{file}: '{name}' is not a permutation", file=self._file, name=name))
        self._taken.add(name)
        return tensor

    def take_flags(self, name: str, size: int) -> np.ndarray:
        """Return truth values, bool (size,).

        Raises:
            DataError: they are missing or something else.
        """
        tensor = self._tensors.get(name)
        if tensor is None or tensor.dtype.kind != "b" or tensor.shape != (size,):
            raise DataError(
                message("{file}: '{name}' is not a list of {size} truth values", file=self._file, name=name, size=size)
            )
        self._taken.add(name)
        return tensor

    def take_linear(self, name: str, output_size: int, input_size: int, *, bias: bool = True) -> LinearWeights:
        """Return the weights of a linear layer. Raises as `take` does."""
        return LinearWeights(
            self.take(f"{name}.weight", (output_size, input_size)),
            self.take(f"{name}.bias", (output_size,)) if bias else None,
        )

    def check_all_taken(self) -> None:
        """Check that the file contains no other weights.

        Raises:
            DataError: it contains other weights.
        """
        if extra := sorted(set(self._tensors) - self._taken):
            raise DataError(
                message("{file}: {name} is not part of the model", file=self._file, name=format_value(extra[0]))
            )


def read_weights(file: Path) -> CheckedWeights:
    """Read a safetensors file.

    Raises:
        DataError: it is missing or corrupt.
    """
    from safetensors.numpy import load

    return CheckedWeights(read_tensors(file, load), file)
