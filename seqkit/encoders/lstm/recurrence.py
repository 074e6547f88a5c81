"""The recurrence of one LSTM layer in one direction, as a single autograd function.

The part of each gate that comes from the input does not depend on the time steps before, so the caller computes it for
all time steps at once: p_t = W x_t + b. For a one-hot x_t this is a lookup of a row of W^T. The rest goes time step by
time step:

    i, f, g, o = split(p_t + U h_{t-1}), then the logistic function on i, f and o, and tanh on g
    c_t = f c_{t-1} + i g
    h_t = o tanh(c_t)                   with a projection: h_t = P (o tanh(c_t))

torch computes a logistic function in a third of the time of tanh, and tanh(x) = 2 sigma(2x) - 1. The rows of p and U
that make g are therefore given doubled (`gate_scale`), so that one call of sigma serves all four gates, and c is stored
doubled too. With g' = sigma of the doubled input of g, d_t = 2 c_t, s_t = tanh(c_t) and z_t = o s_t, the computation is

    d_t = f d_{t-1} + 4 i g' - 2 i
    s_t = 2 sigma(d_t) - 1
    h_t = z_t                           with a projection: h_t = P z_t

The backward pass, where dx is the gradient of the loss with respect to x, and da the one with respect to the arguments
of sigma:

    dz_t = dh_t                         with a projection: P^T dh_t
    dd_t = f_{t+1} dd_{t+1} + o dz_t (1 - s_t^2) / 2
    di = (4 g' - 2) dd_t,  df = d_{t-1} dd_t,  dg' = 4 i dd_t,  do = s_t dz_t
    da = (di, df, dg', do) sigma (1 - sigma)
    dh_{t-1} = U^T da
    dU = sum over t of da h_{t-1}^T

dU is one product after the last time step. The loops over time steps are in `recurrence_loops.py`. Memory traffic costs
as much as arithmetic here, so the gates overwrite p, and their gradients usually overwrite the gates.

Time steps are packed (`packing.py`): padding costs nothing, and the final h and c of a row are those after its last
real time step.

Reference: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; the projection: Sak, Senior and Beaufays, Long
Short-Term Memory Recurrent Neural Network Architectures for Large Scale Acoustic Modeling, 2014.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqkit.encoders.lstm.packing import PackedLayout
from seqkit.encoders.lstm.recurrence_loops import backward_loop, forward_loop, scripted
from seqkit.layers.parallel import graph_is_retained
from seqkit.layers.precision import product_dtype


def gate_scale(weight: Tensor) -> Tensor:
    """Return the factor of each gate row, (4 * hidden_size,): 2 for the rows that make g, 1 for the others.

    Args:
        weight: (4 * hidden_size, any), which determines the size, floating type and device.
    """
    factors = weight.new_ones(4, len(weight) // 4)
    factors[2] = 2
    return factors.flatten()


def lstm_recurrence(
    gate_inputs: Tensor,
    hidden_weight: Tensor,
    projection: Tensor | None,
    initial_state: tuple[Tensor, Tensor],
    layout: PackedLayout,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute an LSTM layer from its input products.

    Args:
        gate_inputs: p times `gate_scale`, (total, 4 * hidden_size), gates in torch's order i, f, g, o. Overwritten.
        hidden_weight: U, its rows times `gate_scale`, (4 * hidden_size, output_size).
        projection: P, (output_size, hidden_size), or None.
        initial_state: h (batch, output_size) and c (batch, hidden_size), rows sorted by decreasing length.
        layout: the positions of the packed time steps.

    Returns:
        Outputs (total, output_size), and h and c after each row's last time step, rows sorted by decreasing length.
    """
    return _Recurrence.apply(gate_inputs, hidden_weight, projection, *initial_state, layout)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        gate_inputs: Tensor,
        hidden_weight: Tensor,
        projection: Tensor | None,
        hidden_state: Tensor,
        cell_state: Tensor,
        layout: PackedLayout,
    ) -> tuple[Tensor, Tensor, Tensor]:
        total, batch, size = len(gate_inputs), len(hidden_state), gate_inputs.shape[1] // 4
        doubled_cells = gate_inputs.new_empty(batch + total, size)  # d: the initial one, then after each time step
        outputs = gate_inputs.new_empty(batch + total, hidden_state.shape[1])  # h, likewise
        tanh_cell = gate_inputs.new_empty(total, size)  # s
        unprojected = outputs[batch:] if projection is None else torch.empty_like(tanh_cell)  # z
        torch.mul(cell_state, 2, out=doubled_cells[:batch])
        outputs[:batch] = hidden_state
        ctx.product_dtype = product_dtype(hidden_weight)
        weight = hidden_weight.t().to(ctx.product_dtype).contiguous()
        transposed = None if projection is None else projection.t().contiguous()
        scripted(forward_loop)(
            gate_inputs, doubled_cells, tanh_cell, unprojected, outputs, weight, transposed, layout.batch_sizes
        )
        ctx.save_for_backward(gate_inputs, doubled_cells, tanh_cell, unprojected, outputs, hidden_weight, projection)
        ctx.layout = layout
        return outputs[batch:], outputs[layout.last], doubled_cells[layout.last] / 2

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, d_last_hidden: Tensor, d_last_cell: Tensor) -> tuple[Tensor | None, ...]:
        layout: PackedLayout = ctx.layout
        gates, doubled_cells, tanh_cell, unprojected, outputs, hidden_weight, projection = ctx.saved_tensors
        d_gates = gates.clone() if graph_is_retained() else gates  # the loop replaces the gates by their gradients
        d_hidden, d_cell = d_last_hidden.clone(), d_last_cell / 2
        d_totals = None if projection is None else torch.empty_like(d_outputs)
        scripted(backward_loop)(
            d_gates,
            d_totals,
            d_outputs,
            d_hidden,
            d_cell,
            doubled_cells,
            tanh_cell,
            hidden_weight.to(ctx.product_dtype),
            projection,
            layout.batch_sizes,
        )
        # h_{t-1} of each packed time step
        previous = outputs[: len(gates)] if layout.equal_lengths else outputs.index_select(0, layout.previous)
        d_projection = None if d_totals is None else d_totals.t() @ unprojected
        return d_gates, d_gates.t() @ previous, d_projection, d_hidden, d_cell * 2, None
