"""The two loops over time steps of the recurrence; `recurrence.py` gives the formulas and the meaning of the letters.

The loops consist of many small operations. In Python, the interpreter would take about as long as the operations, and
its lock would hold up the parallel jobs. They are therefore written in the subset of Python that TorchScript compiles.
Without TorchScript they run as ordinary Python, with the same results.

Shapes: batch is the number of rows, total the number of packed time steps (`packing.py`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from typing import List, Optional  # noqa: UP035 - TorchScript reads these forms alone

from torch import Tensor, add, addcmul, empty_like, jit, mm, mul, ones, ops, sigmoid, zeros


def forward_loop(
    gates: Tensor,
    doubled_cells: Tensor,
    tanh_cell: Tensor,
    unprojected: Tensor,
    outputs: Tensor,
    weight: Tensor,
    projection: Optional[Tensor],  # noqa: UP045
    batch_sizes: List[int],  # noqa: UP006
) -> None:
    """Compute the time steps from the first to the last, in place.

    Args:
        gates: (total, 4 * hidden_size). In: the scaled input products p. Out: i, f, g' and o.
        doubled_cells: d, (batch + total, hidden_size). In: the first batch rows, the initial ones. Out: all.
        tanh_cell: s, (total, hidden_size). Out.
        unprojected: z, (total, hidden_size). Out.
        outputs: h, (batch + total, output_size). In: the first batch rows, the initial ones. Out: all. Without a
            projection, the rows after the first batch share the memory of `unprojected`.
        weight: U^T, scaled, (output_size, 4 * hidden_size); in bfloat16, to which h and the product are then rounded,
            or as the gates.
        projection: P^T, (hidden_size, output_size), or None.
        batch_sizes: the number of rows of each time step.
    """
    size = unprojected.shape[1]
    batch = doubled_cells.shape[0] - unprojected.shape[0]
    all_gates = gates.split(batch_sizes)
    i, f = gates[:, :size].split(batch_sizes), gates[:, size : 2 * size].split(batch_sizes)
    g, o = gates[:, 2 * size : 3 * size].split(batch_sizes), gates[:, 3 * size :].split(batch_sizes)
    d, h = doubled_cells[batch:].split(batch_sizes), outputs[batch:].split(batch_sizes)
    s, z = tanh_cell.split(batch_sizes), unprojected.split(batch_sizes)
    h_before, d_now = outputs[:batch], doubled_cells[:batch]
    minus_one = -ones([], dtype=gates.dtype)
    for t in range(len(batch_sizes)):
        rows = batch_sizes[t]
        if rows < h_before.shape[0]:
            h_before, d_now = h_before[:rows], d_now[:rows]
        if weight.dtype == gates.dtype:
            all_gates[t].addmm_(h_before, weight).sigmoid_()
        else:
            all_gates[t].add_(mm(h_before.to(weight.dtype), weight)).sigmoid_()
        d_now = mul(f[t], d_now, out=d[t])
        d_now.addcmul_(i[t], g[t], value=4.0).sub_(i[t], alpha=2)
        add(minus_one, sigmoid(d_now, out=s[t]), alpha=2, out=s[t])
        mul(o[t], s[t], out=z[t])
        if projection is not None:
            mm(z[t], projection, out=h[t])
        h_before = h[t]


def backward_loop(
    gates: Tensor,
    d_totals: Optional[Tensor],  # noqa: UP045
    d_outputs: Tensor,
    d_hidden: Tensor,
    d_cell: Tensor,
    doubled_cells: Tensor,
    tanh_cell: Tensor,
    weight: Tensor,
    projection: Optional[Tensor],  # noqa: UP045
    batch_sizes: List[int],  # noqa: UP006
) -> None:
    """Compute the gradients from the last time step to the first, in place.

    Args:
        gates: (total, 4 * hidden_size). In: i, f, g' and o, as the forward loop leaves them. Out: da.
        d_totals: (total, output_size). Out: dh. None without a projection.
        d_outputs: (total, output_size), the gradient that each output receives from the layers above.
        d_hidden: (batch, output_size). In: the gradient of the final h. Out: that of the initial h.
        d_cell: (batch, hidden_size). In: the gradient of the final d. Out: that of the initial d.
        doubled_cells: d, as the forward loop leaves it.
        tanh_cell: s, as the forward loop leaves it.
        weight: U, scaled, (4 * hidden_size, output_size); in bfloat16, to which da and the product are then rounded,
            or as the gates.
        projection: P, (output_size, hidden_size), or None.
        batch_sizes: the number of rows of each time step. A shorter row joins at its own last time step.
    """
    batch, size = d_cell.shape
    all_gates, d_output = gates.split(batch_sizes), d_outputs.split(batch_sizes)
    i, f = gates[:, :size].split(batch_sizes), gates[:, size : 2 * size].split(batch_sizes)
    g, o = gates[:, 2 * size : 3 * size].split(batch_sizes), gates[:, 3 * size :].split(batch_sizes)
    cells_before = doubled_cells.split([batch] + batch_sizes)  # noqa: RUF005
    s = tanh_cell.split(batch_sizes)
    d_total = d_outputs.split(batch_sizes) if d_totals is None else d_totals.split(batch_sizes)
    all_scratch, all_through = d_cell.new_empty([batch, 4 * size]), empty_like(d_cell)
    nothing = zeros([], dtype=gates.dtype)
    minus_two = nothing - 2
    # dh and dd, then scratch memory, each for the rows that have reached the time step
    dh, dd, scratch, through = d_hidden[:0], d_cell[:0], all_scratch[:0], all_through[:0]
    di, df, dg, do = scratch.chunk(4, dim=1)
    for back in range(1, len(batch_sizes) + 1):
        t = len(batch_sizes) - back
        rows = batch_sizes[t]
        if rows > dh.shape[0]:
            dh, dd, through = d_hidden[:rows], d_cell[:rows], all_through[:rows]
            scratch = all_scratch[:rows]
            di, df, dg, do = scratch.chunk(4, dim=1)
        if projection is None:
            d_unprojected = dh.add_(d_output[t])
        else:
            d_unprojected = mm(add(dh, d_output[t], out=d_total[t]), projection)
        mul(d_unprojected, o[t], out=through)
        dd.add_(ops.aten.tanh_backward(through, s[t], grad_input=through), alpha=0.5)
        mul(add(minus_two, g[t], alpha=4, out=through), dd, out=di)
        before = cells_before[t]
        mul(before if before.shape[0] == rows else before[:rows], dd, out=df)
        addcmul(nothing, i[t], dd, value=4.0, out=dg)
        mul(s[t], d_unprojected, out=do)
        dd.mul_(f[t])
        ops.aten.sigmoid_backward(scratch, all_gates[t], grad_input=all_gates[t])
        if weight.dtype == gates.dtype:
            mm(all_gates[t], weight, out=dh)
        else:
            dh.copy_(mm(all_gates[t].to(weight.dtype), weight))


@cache
def scripted(loop: Callable[..., None]) -> Callable[..., None]:
    """Return a function compiled by TorchScript, or the function itself if this torch cannot compile it."""
    with warnings.catch_warnings():
        # torch recommends torch.compile instead, which needs a C++ compiler on the machine.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return jit.script(loop)
        except (AttributeError, RuntimeError, OSError):  # removed from torch, or the source is not available
            return loop
