"""Comparisons of tensors, numbers and JSON values to within rounding."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from seqkit.messages import message
from seqkit.testing.precision import tolerance


def max_difference(one: Tensor, other: Tensor) -> float:
    """Return the largest difference between two tensors, relative to the largest value of the second if it exceeds 1.

    Infinity if their shapes differ, or if a value is finite in only one of them.
    """
    if one.shape != other.shape:
        return math.inf
    if not one.numel():
        return 0.0
    difference = (one.detach().double() - other.detach().double()).abs()
    difference = difference.masked_fill((one == other) | (one.isnan() & other.isnan()), 0)
    scale = max(1.0, float(other.detach().double().abs().nan_to_num(0, 0, 0).max()))
    return float(difference.nan_to_num(nan=math.inf).max()) / scale


def describe_difference(expected: Mapping[str, Tensor], actual: Mapping[str, Tensor]) -> str:
    """Return the first difference between tensors of the same name, `difference of 0.3 in final`; empty if none."""
    for name, tensor in expected.items():
        if tensor.shape != actual[name].shape:
            return message(
                "shape {actual} of {name} instead of {expected}",
                actual=tuple(actual[name].shape),
                name=name,
                expected=tuple(tensor.shape),
            )
        if (gap := max_difference(tensor, actual[name])) > tolerance():
            return message("difference of {gap:.2g} in {name}", gap=gap, name=name)
    return ""


def describe_shape(value: Any) -> tuple[int, ...] | str:
    """Return the shape of a tensor, or the name of the type of anything else."""
    return tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__


def shorten(value: object, width: int = 60) -> str:
    """Return the representation of a value on one line, cut to a number of characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= width else text[: width - 1] + "…"


def numbers_differ(one: float, other: float) -> bool:
    """Return whether two numbers differ by more than rounding."""
    return not abs(one - other) <= tolerance() * max(1.0, abs(one), abs(other))


def json_differs(one: Any, other: Any) -> bool:
    """Return whether two JSON values differ, their numbers by more than rounding."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() != other.keys() or any(json_differs(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) != len(other) or any(json_differs(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, float | int) and isinstance(other, float | int):
        return one != other and numbers_differ(float(one), float(other))
    return bool(one != other)
