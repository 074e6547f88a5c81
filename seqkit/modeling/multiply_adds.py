"""Count the multiply-adds of a model's matrix products, module by module."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

_FLOPS_PER_MULTIPLY_ADD = 2


def multiply_adds(model: nn.Module, compute: Callable[[], Any]) -> dict[str, int]:
    """Return the multiply-adds of each module that computes matrix products, its submodules included.

    Element-wise operations are not counted, as in torchinfo and in papers. What is looked up instead of computed (the
    input product of one-hot vectors) is counted only if the model computes it for this input.

    Args:
        model: the model.
        compute: calls it.

    Returns:
        The counts by the names of `named_modules`; "" is the model.
    """
    counts: dict[str, int] = {}
    hooks = []
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=_MORE_OPERATIONS) as counter:
        for name, module in model.named_modules():
            starts: list[int] = []

            def start(module: nn.Module, args: Any, starts: list[int] = starts) -> None:
                starts.append(counter.get_total_flops())

            def end(module: nn.Module, args: Any, output: Any, name: str = name, starts: list[int] = starts) -> None:
                flops = counter.get_total_flops() - starts.pop()
                counts[name] = counts.get(name, 0) + flops // _FLOPS_PER_MULTIPLY_ADD

            hooks += [module.register_forward_pre_hook(start), module.register_forward_hook(end)]
        try:
            compute()
        finally:
            for hook in hooks:
                hook.remove()
        counts[""] = counter.get_total_flops() // _FLOPS_PER_MULTIPLY_ADD
    return {name: count for name, count in counts.items() if count}


def _lstm_flops(
    inputs: Sequence[int], input_weight: Sequence[int], hidden_weight: Sequence[int], *args: Any, **kwargs: Any
) -> int:
    """Return the operations of oneDNN's LSTM layer: inputs are (time, batch, size)."""
    weights = math.prod(input_weight) + math.prod(hidden_weight)
    return _FLOPS_PER_MULTIPLY_ADD * inputs[0] * inputs[1] * weights


def _product_flops(added: Sequence[int], left: Sequence[int], right: Sequence[int], **kwargs: Any) -> int:
    """Return the operations of a matrix product (rows, inner) times (inner, columns)."""
    return _FLOPS_PER_MULTIPLY_ADD * math.prod(left) * right[1]


_MORE_OPERATIONS = {
    torch.ops.aten.addmm_: _product_flops,
    torch.ops.aten.mkldnn_rnn_layer: _lstm_flops,
}
"""Operations that torch does not count: in place, and its LSTM on a CPU."""
