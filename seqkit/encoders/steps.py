"""The part of the recurrence that has to go step by step; `recurrence.py` says what it computes.

These two loops are many small operations, and Python's own work between them takes about as long as they do, and one
thread at a time. So they are written in the part of Python that TorchScript knows, which runs them without Python: a
fifth faster on one thread, twice as fast on two. Where torch has no TorchScript they run as the Python that they are.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any, List, Optional  # noqa: UP035 - TorchScript reads these forms alone

from torch import Tensor, jit, mm, mul, sigmoid


def forwards(
    gates: Tensor,
    memories: Tensor,
    squashed: Tensor,
    shown: Tensor,
    outputs: Tensor,
    weight: Tensor,
    projection: Optional[Tensor],  # noqa: UP045
    hidden: Tensor,
    running: List[int],  # noqa: UP006
) -> None:
    """Fills in what each step computes, from the first to the last.

    Args:
        gates: (time, batch, 4 * hidden_size); given what the inputs add to the gates, left with i, f, g' and o.
        memories: d, (time + 1, batch, hidden_size), the first of them given.
        squashed: s', (time, batch, hidden_size).
        shown: z, (time, batch, hidden_size).
        outputs: h, (time, batch, output_size): `shown` itself where nothing is projected.
        weight: U^T, (output_size, 4 * hidden_size), with what makes g doubled.
        projection: P^T, (hidden_size, output_size), or None.
        hidden: h before the first step, (batch, output_size).
        running: how many rows each step still has.
    """
    size = shown.shape[2]
    before = hidden
    for step in range(len(running)):
        rows = running[step]
        gate, cell, show = gates[step, :rows], memories[step + 1, :rows], shown[step, :rows]
        gate.addmm_(before[:rows], weight).sigmoid_()
        entering, keeping = gate[:, :size], gate[:, size : 2 * size]
        new, showing = gate[:, 2 * size : 3 * size], gate[:, 3 * size :]
        mul(keeping, memories[step, :rows], out=cell).addcmul_(entering, new, value=4.0).sub_(entering, alpha=2)
        mul(showing, sigmoid(cell, out=squashed[step, :rows]), out=show).mul_(2).sub_(showing)
        if projection is not None:
            mm(show, projection, out=outputs[step, :rows])
        before = outputs[step]


def backwards(
    d_gates: Tensor,
    d_totals: Optional[Tensor],  # noqa: UP045
    d_outputs: Tensor,
    d_hidden: Tensor,
    d_memory: Tensor,
    reaching: Tensor,
    keeping: Tensor,
    weight: Tensor,
    projection: Optional[Tensor],  # noqa: UP045
    running: List[int],  # noqa: UP006
) -> None:
    """Carries gradients from the last step to the first.

    Args:
        d_gates: (time, batch, 4, hidden_size); given the factors, left with di, df, dg and do.
        d_totals: (time, batch, output_size), filled in with dh; None where nothing is projected.
        d_outputs: (time, batch, output_size), what reaches each output from above.
        d_hidden: (batch, output_size), what reaches h from the right; left with dh before the first step.
        d_memory: (batch, hidden_size), the same of c.
        reaching: (time, batch, hidden_size), from dz to dc.
        keeping: f, (time, batch, hidden_size).
        weight: U, (4 * hidden_size, output_size).
        projection: P, (output_size, hidden_size), or None.
        running: as forwards. A row that has ended waits until the step at which it ran.
    """
    width = weight.shape[0]
    for back in range(1, len(running) + 1):
        step = len(running) - back
        rows = running[step]
        d_before, d_held, d_gate = d_hidden[:rows], d_memory[:rows], d_gates[step, :rows]
        d_before.add_(d_outputs[step, :rows])
        d_shown = d_before
        if d_totals is not None and projection is not None:
            d_totals[step, :rows].copy_(d_before)
            d_shown = mm(d_before, projection)
        d_held.addcmul_(d_shown, reaching[step, :rows])
        d_gate[:, :3].mul_(d_held[:, None])
        d_gate[:, 3].mul_(d_shown)
        mm(d_gate.view(rows, width), weight, out=d_before)
        d_held.mul_(keeping[step, :rows])


@cache
def fast(loop: Any) -> Any:
    """Returns one of these loops as TorchScript, or as it is where torch has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its successor needs a compiler on the machine
        try:
            return jit.script(loop)
        except (AttributeError, RuntimeError, OSError):  # gone from torch, or there is no source to read
            return loop
