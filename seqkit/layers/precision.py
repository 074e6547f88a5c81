"""Matrix products in bfloat16, with everything else in float32 (`train.precision: bf16`).

Within `products_in("bf16")`, torch rounds both factors of a float32 matrix product on the CPU to bfloat16 and adds in
float32. A layer that multiplies with torch's operations needs nothing more. One that multiplies the same weights again
and again rounds them once, to the type that `product_dtype` returns, as the LSTM's recurrence does. It also rounds the
result of each product, since torch returns the type of the factors.

Reference: Kalamkar et al., A Study of BFLOAT16 for Deep Learning Training, 2019.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor

Precision = Literal["float32", "bf16"]

_lock = threading.Lock()
_blocks = 0
"""The number of blocks in bfloat16 that have begun and not ended, in all threads."""

_CACHE_VARIABLES = "ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"
_CACHED_SHAPES = 64
"""The number of shapes of a product for which oneDNN, and torch's interface to it, cache what they prepare."""

_setting_before = "highest"
"""torch's setting before the first of these blocks."""


def supports_bf16(device: torch.device) -> bool:
    """Return whether a device is a CPU that multiplies in bfloat16: with AMX or AVX512_BF16, or BF16 of ARM."""
    instructions = torch.cpu.get_capabilities()
    has_instructions = any("bf16" in name and present is True for name, present in instructions.items())
    return device.type == "cpu" and has_instructions and torch.backends.mkldnn.is_available()


@contextmanager
def products_in(precision: Precision) -> Iterator[None]:
    """Compute the matrix products of float32 values on the CPU in a precision, in all threads, until the block ends.

    Blocks of several threads may overlap: the last one to end restores torch's setting. The first one limits
    what torch and oneDNN store for each shape of a product, by environment variables that they read at the first
    product, unless these are set: 1,024 shapes, at 0.6 MB each, would also divide the free memory into pieces too
    small for the next batch.

    Args:
        precision: `float32` does not touch torch's setting.
    """
    global _blocks, _setting_before
    if precision == "float32":
        yield
        return
    for variable in _CACHE_VARIABLES:
        os.environ.setdefault(variable, str(_CACHED_SHAPES))
    with _lock:
        if _blocks == 0:
            _setting_before = torch.get_float32_matmul_precision()
            torch.set_float32_matmul_precision("medium")
        _blocks += 1
    try:
        yield
    finally:
        with _lock:
            _blocks -= 1
            if _blocks == 0:
                torch.set_float32_matmul_precision(_setting_before)


def product_dtype(values: Tensor) -> torch.dtype:
    """Return the type that the factors of a matrix product are rounded to: bfloat16, or that of the values."""
    is_reduced = _blocks > 0 and values.dtype == torch.float32 and values.device.type == "cpu"
    return torch.bfloat16 if is_reduced else values.dtype
