"""The recurrence of one LSTM layer in one direction, as a single autograd function.

What an LSTM adds to each step's gates from its input does not depend on the steps before, so it comes here ready made:
p_t = W x_t + b for all steps at once. Where x_t is a one-hot vector that is a row of W^T looked up, and neither the
vector nor the product, nearly all of it multiplication by zero, is ever made. What is left goes step by step:

    i, f, g, o = split(p_t + U h_{t-1}), then the logistic function on i, f and o, and tanh on g
    c_t = f c_{t-1} + i g
    h_t = o tanh(c_t)                   and, projected, h_t = P o tanh(c_t)

A logistic function costs torch a third of what tanh does, and tanh(x) = 2 sigma(2x) - 1. So the rows of p and U that
make g come doubled (`twice_new`), one call of sigma serves all four gates, and c is kept doubled too. With g' = sigma
of what makes g, d_t = 2 c_t, s_t = tanh(c_t) and z_t = o s_t, what is computed is

    d_t = f d_{t-1} + 4 i g' - 2 i
    s_t = 2 sigma(d_t) - 1
    h_t = z_t                           and, projected, h_t = P z_t

Backwards, dx being the gradient of the loss by x, and da that by what goes into sigma:

    dz_t = dh_t                         projected, P^T dh_t
    dd_t = f_{t+1} dd_{t+1} + o dz_t (1 - s_t^2) / 2
    di = (4 g' - 2) dd_t,  df = d_{t-1} dd_t,  dg' = 4 i dd_t,  do = s_t dz_t
    da = (di, df, dg', do) sigma (1 - sigma)
    dh_{t-1} = U^T da
    dU = sum over t of da h_{t-1}^T

dU is one product after the last step; what has to go step by step is in `steps.py`. Memory costs as much as arithmetic
here: the gates are written over p, which is given up, and their gradients, most often, over the gates.

Steps are laid out as `packing.py` says: padding costs nothing, and h and c of a row are those after its last real step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqkit.encoders.packing import Packing
from seqkit.encoders.steps import backwards, fast, forwards
from seqkit.graphs import retained


def twice_new(weight: Tensor) -> Tensor:
    """Returns (4 * hidden_size,), 2 for the rows that make g and else 1, like a weight (4 * hidden_size, any)."""
    factors = weight.new_ones(4, len(weight) // 4)
    factors[2] = 2
    return factors.flatten()


def recur(
    pushed: Tensor, hidden_weight: Tensor, projection: Tensor | None, start: tuple[Tensor, Tensor], packing: Packing
) -> tuple[Tensor, Tensor, Tensor]:
    """Runs the recurrence.

    Args:
        pushed: p times `twice_new`, (total, 4 * hidden_size), gates in torch's order i, f, g, o. It is written over.
        hidden_weight: U, its rows times `twice_new`, (4 * hidden_size, output_size).
        projection: P, (output_size, hidden_size), or None.
        start: h (batch, output_size) and c (batch, hidden_size) before the first step, rows by falling length.
        packing: where each of the total steps stands.

    Returns:
        Outputs (total, output_size), and h and c after each row's last step, rows by falling length.
    """
    return _Recurrence.apply(pushed, hidden_weight, projection, *start, packing)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pushed: Tensor,
        hidden_weight: Tensor,
        projection: Tensor | None,
        hidden: Tensor,
        memory: Tensor,
        packing: Packing,
    ) -> tuple[Tensor, Tensor, Tensor]:
        total, batch, size = len(pushed), len(hidden), pushed.shape[1] // 4
        memories = pushed.new_empty(batch + total, size)  # d before the first step, and after each
        outputs = pushed.new_empty(batch + total, hidden.shape[1])  # h, so too
        squashed = pushed.new_empty(total, size)  # s
        shown = outputs[batch:] if projection is None else torch.empty_like(squashed)  # z
        torch.mul(memory, 2, out=memories[:batch])
        outputs[:batch] = hidden
        weight = hidden_weight.t().contiguous()
        projected = None if projection is None else projection.t().contiguous()
        fast(forwards)(pushed, memories, squashed, shown, outputs, weight, projected, packing.running)
        ctx.save_for_backward(pushed, memories, squashed, shown, outputs, hidden_weight, projection)
        ctx.packing = packing
        return outputs[batch:], outputs[packing.last], memories[packing.last] / 2

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, d_outputs: Tensor, d_last_hidden: Tensor, d_last_memory: Tensor
    ) -> tuple[Tensor | None, ...]:
        packing: Packing = ctx.packing
        gates, memories, squashed, shown, outputs, hidden_weight, projection = ctx.saved_tensors
        d_gates = gates.clone() if retained() else gates  # the gates at first, and written over
        d_hidden, d_memory = d_last_hidden.clone(), d_last_memory / 2
        d_totals = None if projection is None else torch.empty_like(d_outputs)
        arriving = (d_outputs, d_hidden, d_memory)
        fast(backwards)(d_gates, d_totals, *arriving, memories, squashed, hidden_weight, projection, packing.running)
        before = outputs[: len(gates)] if packing.even else outputs.index_select(0, packing.before)  # h_{t-1}
        d_projection = None if d_totals is None else d_totals.t() @ shown
        return d_gates, d_gates.t() @ before, d_projection, d_hidden, d_memory * 2, None
