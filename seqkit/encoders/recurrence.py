"""The recurrence of one LSTM layer in one direction, as a single autograd function.

What an LSTM adds to each step's gates from its input does not depend on the steps before, so it comes here ready made:
p_t = W x_t + b for all steps at once. Where x_t is a one-hot vector that is a row of W^T looked up, and neither the
vector nor the product, nearly all of it multiplication by zero, is ever made. What is left goes step by step:

    i, f, g, o = split(p_t + U h_{t-1}), then the logistic function on i, f and o, and tanh on g
    c_t = f c_{t-1} + i g
    h_t = o tanh(c_t)                   and, projected, h_t = P o tanh(c_t)

A logistic function costs torch a third of what tanh does, and tanh(x) = 2 sigma(2x) - 1. So the rows of p and U that
make g are doubled, one call of sigma serves all four gates, and c is kept doubled too. With g' = sigma(2 g's input),
d_t = 2 c_t and s'_t = sigma(d_t), what is computed is

    d_t = f d_{t-1} + 4 i g' - 2 i
    o tanh(c_t) = 2 o s'_t - o

Backwards, dx being the gradient of the loss by x, s_t = tanh(c_t) and z_t = o s_t:

    dz_t = dh_t                         projected, P^T dh_t
    dc_t = f_{t+1} dc_{t+1} + o (1 - s_t^2) dz_t
    di = g i (1 - i) dc_t,  df = c_{t-1} f (1 - f) dc_t,  dg = i (1 - g^2) dc_t,  do = s_t o (1 - o) dz_t
    dh_{t-1} = U^T (di, df, dg, do)
    dU = sum over t of (di, df, dg, do) h_{t-1}^T

All factors of dc_t and dz_t are known before the first step backwards and are made for all steps at once, and so is dU
after the last; what has to go step by step is in `steps.py`.

Steps are laid out as `packing.py` says: padding costs nothing, and h and c of a row are those after its last real step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqkit.encoders.packing import Packing
from seqkit.encoders.steps import backwards, fast, forwards


def recur(
    pushed: Tensor, hidden_weight: Tensor, projection: Tensor | None, start: tuple[Tensor, Tensor], packing: Packing
) -> tuple[Tensor, Tensor, Tensor]:
    """Runs the recurrence.

    Args:
        pushed: p, (total, 4 * hidden_size), gates in torch's order i, f, g, o.
        hidden_weight: U, (4 * hidden_size, output_size).
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
        scale = pushed.new_ones(4, size)
        scale[2] = 2
        gates = pushed * scale.flatten()
        weight = (hidden_weight * scale.view(-1, 1)).t().contiguous()
        memories = pushed.new_empty(batch + total, size)  # d before the first step, and after each
        squashed, shown = pushed.new_empty(2, total, size)  # s' and z
        outputs = shown if projection is None else pushed.new_empty(total, hidden.shape[1])
        torch.mul(memory, 2, out=memories[:batch])
        projected = None if projection is None else projection.t().contiguous()
        fast(forwards)(gates, memories, squashed, shown, outputs, weight, projected, hidden, packing.running)
        ctx.save_for_backward(gates, memories, squashed, shown, outputs, hidden, hidden_weight, projection)
        ctx.packing = packing
        return outputs, outputs[packing.last - batch], memories[packing.last] / 2

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, d_outputs: Tensor, d_last_hidden: Tensor, d_last_memory: Tensor
    ) -> tuple[Tensor | None, ...]:
        gates, memories, squashed, shown, outputs, hidden, hidden_weight, projection = ctx.saved_tensors
        packing: Packing = ctx.packing
        total, size = shown.shape
        entering, keeping, new, showing = gates.view(total, 4, size).unbind(dim=1)
        # The factors of dc_t (for i, f, g) and of dz_t (for o), which in the loop become the gradients of the gates.
        new, squashed = new * 2 - 1, squashed * 2 - 1  # g and s
        d_gates = torch.empty_like(gates).view(total, 4, size)
        torch.mul(new * entering, 1 - entering, out=d_gates[:, 0])
        torch.mul(memories[packing.before] * keeping, 1 - keeping, out=d_gates[:, 1]).mul_(0.5)
        torch.mul(entering, 1 - new * new, out=d_gates[:, 2])
        torch.mul(squashed * showing, 1 - showing, out=d_gates[:, 3])
        reaching = showing * (1 - squashed * squashed)  # from dz_t to dc_t
        d_hidden, d_memory = d_last_hidden.clone(), d_last_memory.clone()
        d_totals = None if projection is None else torch.empty_like(outputs)
        carried = (d_outputs, d_hidden, d_memory, reaching, keeping)
        fast(backwards)(d_gates, d_totals, *carried, hidden_weight, projection, packing.running)
        d_pushed = d_gates.flatten(1)
        before = torch.cat([hidden, outputs])[packing.before]  # h_{t-1}
        d_projection = None if d_totals is None else d_totals.t() @ shown
        return d_pushed, d_pushed.t() @ before, d_projection, d_hidden, d_memory, None
