"""The recurrence of one LSTM layer in one direction, as a single autograd function.

What an LSTM adds to each step's gates from its input does not depend on the steps before, so it comes here ready made:
p_t = W x_t + b for all steps at once. Where x_t is a one-hot vector that is a row of W^T looked up, and neither the
vector nor the product, nearly all of it multiplication by zero, is ever made. What is left goes step by step:

    i, f, g, o = split(p_t + U h_{t-1})
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
    h_t = sigmoid(o) tanh(c_t)                          and, projected, h_t = P sigmoid(o) tanh(c_t)

Backwards, s being sigmoid(o) tanh(c_t), dx the loss by x, and i, f, g, o the gates after their functions:

    ds_t = dh_t                                         projected, P^T dh_t
    dc_t = ds_t o (1 - tanh(c_t)^2) + dc_{t+1} f_{t+1}
    di = dc_t g i (1 - i),  df = dc_t c_{t-1} f (1 - f),  dg = dc_t i (1 - g^2),  do = ds_t tanh(c_t) o (1 - o)
    dh_{t-1} = U^T (di, df, dg, do)
    dU = sum over t of (di, df, dg, do) h_{t-1}^T       gathered into one product after the last step

Rows come in order of falling length. A step touches only the rows that are still running, so padding costs nothing and
a row's h and c stay as its last real step left them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def recur(
    pushed: Tensor, hidden_weight: Tensor, projection: Tensor | None, start: tuple[Tensor, Tensor], running: list[int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Runs the recurrence.

    Args:
        pushed: p, (time, batch, 4 * hidden_size), gates in torch's order i, f, g, o.
        hidden_weight: U, (4 * hidden_size, output_size).
        projection: P, (output_size, hidden_size), or None.
        start: h (batch, output_size) and c (batch, hidden_size) before the first step.
        running: how many rows, from the first on, are still running at each step; falling.

    Returns:
        Outputs (time, batch, output_size), zero at padded steps, and h and c after each row's last real step.
    """
    return _Recurrence.apply(pushed, hidden_weight, projection, *start, running)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pushed: Tensor,
        hidden_weight: Tensor,
        projection: Tensor | None,
        hidden: Tensor,
        memory: Tensor,
        running: list[int],
    ) -> tuple[Tensor, Tensor, Tensor]:
        time, batch, width = pushed.shape
        size = width // 4
        gates = torch.empty_like(pushed)
        memories = pushed.new_zeros(time + 1, batch, size)  # c before the first step, and after each
        squashed = pushed.new_zeros(time, batch, size)  # tanh(c_t)
        shown = squashed if projection is None else pushed.new_zeros(time, batch, size)  # sigmoid(o) tanh(c_t)
        outputs = pushed.new_zeros(time, batch, hidden.shape[1])
        start = hidden
        hidden, memory = hidden.clone(), memory.clone()
        memories[0] = memory
        hidden_weight_transposed = hidden_weight.t().contiguous()
        for step, rows in enumerate(running):
            gate = torch.addmm(pushed[step, :rows], hidden[:rows], hidden_weight_transposed, out=gates[step, :rows])
            gate[:, : 2 * size].sigmoid_()
            gate[:, 2 * size : 3 * size].tanh_()
            gate[:, 3 * size :].sigmoid_()
            entering, keeping, new, showing = gate.split(size, dim=1)
            cell = torch.mul(memory[:rows], keeping, out=memories[step + 1, :rows]).addcmul_(entering, new)
            squash = torch.tanh(cell, out=squashed[step, :rows])
            if projection is None:
                output = torch.mul(showing, squash, out=outputs[step, :rows])
            else:
                raw = torch.mul(showing, squash, out=shown[step, :rows])
                output = torch.mm(raw, projection.t(), out=outputs[step, :rows])
            hidden[:rows], memory[:rows] = output, cell
        ctx.save_for_backward(gates, memories, squashed, shown, outputs, start, hidden_weight, projection)
        ctx.running = running
        return outputs, hidden, memory

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, d_outputs: Tensor, d_last_hidden: Tensor, d_last_memory: Tensor
    ) -> tuple[Tensor | None, ...]:
        gates, memories, squashed, shown, outputs, start, hidden_weight, projection = ctx.saved_tensors
        size = gates.shape[2] // 4
        d_gates = torch.zeros_like(gates)
        # What has reached h and c from the right. A row that has ended waits here until the step at which it ran.
        d_hidden, d_memory = d_last_hidden.clone(), d_last_memory.clone()
        d_totals = None if projection is None else torch.zeros_like(outputs)
        for step in range(len(ctx.running) - 1, -1, -1):
            rows = ctx.running[step]
            entering, keeping, new, showing = gates[step, :rows].split(size, dim=1)
            squash = squashed[step, :rows]
            d_shown = d_hidden[:rows] + d_outputs[step, :rows]
            if d_totals is not None:
                d_totals[step, :rows] = d_shown
                d_shown = d_shown @ projection
            d_cell = torch.addcmul(d_memory[:rows], d_shown * showing, 1 - squash * squash)
            d_entering, d_keeping, d_new, d_showing = d_gates[step, :rows].split(size, dim=1)
            torch.mul(d_cell * new, entering * (1 - entering), out=d_entering)
            torch.mul(d_cell * memories[step, :rows], keeping * (1 - keeping), out=d_keeping)
            torch.mul(d_cell * entering, 1 - new * new, out=d_new)
            torch.mul(d_shown * squash, showing * (1 - showing), out=d_showing)
            torch.mm(d_gates[step, :rows], hidden_weight, out=d_hidden[:rows])
            torch.mul(d_cell, keeping, out=d_memory[:rows])
        before = torch.cat([start[None], outputs[:-1]])  # h_{t-1}
        d_hidden_weight = d_gates.flatten(0, 1).t() @ before.flatten(0, 1)
        d_projection = None if d_totals is None else d_totals.flatten(0, 1).t() @ shown.flatten(0, 1)
        return d_gates, d_hidden_weight, d_projection, d_hidden, d_memory, None
