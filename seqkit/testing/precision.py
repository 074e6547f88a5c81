"""The precision in which a component computes, and with it the differences that count as rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

FLOAT64 = torch.finfo(torch.float64).eps

_epsilon: ContextVar[float] = ContextVar("_epsilon", default=FLOAT64)


def tolerance() -> float:
    """Return the relative difference that counts as rounding.

    Checks compute in float64, where rounding errors are far smaller than 1e-6 and the effects of mistakes are larger. A
    component that computes a part in lower precision (a normalization in float32, for instance) has larger errors.
    """
    return min(max(1e-6, 1e3 * epsilon()), 0.05)


def epsilon() -> float:
    """Return the machine epsilon of the lowest precision in which the component under test computes."""
    return _epsilon.get()


@contextmanager
def set_epsilon(value: float) -> Iterator[None]:
    """Compare results with the tolerance for this machine epsilon."""
    token = _epsilon.set(value)
    try:
        yield
    finally:
        _epsilon.reset(token)


class _LargestEpsilon(TorchDispatchMode):
    """Records the largest machine epsilon of the results of all operations."""

    epsilon = FLOAT64

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from importing its compiler, only to exclude `__torch_dispatch__` from compilation."""
        return False

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        result = function(*arguments, **(options or {}))
        for value in result if isinstance(result, tuple | list) else [result]:
            if isinstance(value, Tensor) and value.is_floating_point():
                self.epsilon = max(self.epsilon, torch.finfo(value.dtype).eps)
        return result


def largest_epsilon(function: Callable[[], object]) -> float:
    """Return the machine epsilon of the lowest precision in which a function computes; that of float64 if it fails."""
    mode = _LargestEpsilon()
    try:
        with mode:
            function()
    except Exception:
        return FLOAT64  # a check reports the error
    return mode.epsilon
