"""The part of the recurrence that has to go step by step; `recurrence.py` says what it computes.

These two loops are many small operations, and Python's own work between them takes about as long as they do, and holds
up the jobs on other threads. So they are written in the part of Python that TorchScript knows, which runs them without
Python. Where torch has no TorchScript they run as the Python that they are. `packing.py` says how steps are laid out.
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
        gates: (total, 4 * hidden_size); given what the inputs add to the gates, left with i, f, g' and o.
        memories: d, (batch + total, hidden_size), those before the first step given.
        squashed: s', (total, hidden_size).
        shown: z, (total, hidden_size).
        outputs: h, (total, output_size): `shown` itself where nothing is projected.
        weight: U^T, (output_size, 4 * hidden_size), with what makes g doubled.
        projection: P^T, (hidden_size, output_size), or None.
        hidden: h before the first step, (batch, output_size).
        running: how many rows each step still has.
    """
    size = shown.shape[1]
    by_step = gates.split(running)
    entering, keeping = gates[:, :size].split(running), gates[:, size : 2 * size].split(running)
    new, showing = gates[:, 2 * size : 3 * size].split(running), gates[:, 3 * size :].split(running)
    cells = memories[hidden.shape[0] :].split(running)
    squash, show, output = squashed.split(running), shown.split(running), outputs.split(running)
    before, held = hidden, memories[: hidden.shape[0]]
    for step in range(len(running)):
        rows = running[step]
        if rows < before.shape[0]:
            before, held = before[:rows], held[:rows]
        by_step[step].addmm_(before, weight).sigmoid_()
        mul(keeping[step], held, out=cells[step])
        cells[step].addcmul_(entering[step], new[step], value=4.0).sub_(entering[step], alpha=2)
        mul(showing[step], sigmoid(cells[step], out=squash[step]), out=show[step]).mul_(2).sub_(showing[step])
        if projection is not None:
            mm(show[step], projection, out=output[step])
        before, held = output[step], cells[step]


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
        d_gates: (total, 4, hidden_size); given the factors, left with di, df, dg and do.
        d_totals: (total, output_size), filled in with dh; None where nothing is projected.
        d_outputs: (total, output_size), what reaches each output from above.
        d_hidden: (batch, output_size), what reaches h from the right; left with dh before the first step.
        d_memory: (batch, hidden_size), the same of c.
        reaching: (total, hidden_size), from dz to dc.
        keeping: f, (total, hidden_size).
        weight: U, (4 * hidden_size, output_size).
        projection: P, (output_size, hidden_size), or None.
        running: as forwards. A row that has ended waits until the step at which it ran.
    """
    by_step = d_gates.flatten(1).split(running)
    d_first, d_showing = d_gates[:, :3].split(running), d_gates[:, 3].split(running)
    d_output, reach, keep = d_outputs.split(running), reaching.split(running), keeping.split(running)
    d_total = d_outputs.split(running) if d_totals is None else d_totals.split(running)
    d_before, d_held = d_hidden[:0], d_memory[:0]
    for back in range(1, len(running) + 1):
        step = len(running) - back
        rows = running[step]
        if rows > d_before.shape[0]:
            d_before, d_held = d_hidden[:rows], d_memory[:rows]
        d_before.add_(d_output[step])
        d_shown = d_before
        if projection is not None:
            d_total[step].copy_(d_before)
            d_shown = mm(d_before, projection)
        d_held.addcmul_(d_shown, reach[step])
        d_first[step].mul_(d_held.unsqueeze(1))
        d_showing[step].mul_(d_shown)
        mm(by_step[step], weight, out=d_before)
        d_held.mul_(keep[step])


@cache
def fast(loop: Any) -> Any:
    """Returns one of these loops as TorchScript, or as it is where torch has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its successor needs a compiler on the machine
        try:
            return jit.script(loop)
        except (AttributeError, RuntimeError, OSError):  # gone from torch, or there is no source to read
            return loop
