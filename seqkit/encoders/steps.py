"""The part of the recurrence that has to go step by step; `recurrence.py` says what it computes.

These two loops are many small operations, and Python's own work between them takes about as long as they do, and holds
up the jobs on other threads. So they are written in the part of Python that TorchScript knows, which runs them without
Python. Where torch has no TorchScript they run as the Python that they are. `packing.py` says how steps are laid out.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any, List, Optional  # noqa: UP035 - TorchScript reads these forms alone

from torch import Tensor, add, addcmul, empty_like, jit, mm, mul, ones, ops, sigmoid, zeros


def forwards(
    gates: Tensor,
    memories: Tensor,
    squashed: Tensor,
    shown: Tensor,
    outputs: Tensor,
    weight: Tensor,
    projection: Optional[Tensor],  # noqa: UP045
    running: List[int],  # noqa: UP006
) -> None:
    """Fills in what each step computes, from the first to the last.

    Args:
        gates: (total, 4 * hidden_size); given what the inputs add to the gates, left with i, f, g' and o.
        memories: d, (batch + total, hidden_size), those before the first step given.
        squashed: s, (total, hidden_size).
        shown: z, (total, hidden_size).
        outputs: h, (batch + total, output_size), those before the first step given. Where nothing is projected, the
            rest of it is `shown`.
        weight: U^T, what makes g doubled, (output_size, 4 * hidden_size).
        projection: P^T, (hidden_size, output_size), or None.
        running: how many rows each step still has.
    """
    size = shown.shape[1]
    batch = memories.shape[0] - shown.shape[0]
    by_step = gates.split(running)
    entering, keeping = gates[:, :size].split(running), gates[:, size : 2 * size].split(running)
    new, showing = gates[:, 2 * size : 3 * size].split(running), gates[:, 3 * size :].split(running)
    cells, output = memories[batch:].split(running), outputs[batch:].split(running)
    squash, show = squashed.split(running), shown.split(running)
    before, held = outputs[:batch], memories[:batch]
    minus_one = -ones([], dtype=gates.dtype)
    for step in range(len(running)):
        rows = running[step]
        if rows < before.shape[0]:
            before, held = before[:rows], held[:rows]
        by_step[step].addmm_(before, weight).sigmoid_()
        held = mul(keeping[step], held, out=cells[step])
        held.addcmul_(entering[step], new[step], value=4.0).sub_(entering[step], alpha=2)
        add(minus_one, sigmoid(held, out=squash[step]), alpha=2, out=squash[step])
        mul(showing[step], squash[step], out=show[step])
        if projection is not None:
            mm(show[step], projection, out=output[step])
        before = output[step]


def backwards(
    gates: Tensor,
    d_totals: Optional[Tensor],  # noqa: UP045
    d_outputs: Tensor,
    d_hidden: Tensor,
    d_memory: Tensor,
    memories: Tensor,
    squashed: Tensor,
    weight: Tensor,
    projection: Optional[Tensor],  # noqa: UP045
    running: List[int],  # noqa: UP006
) -> None:
    """Carries gradients from the last step to the first.

    Args:
        gates: (total, 4 * hidden_size), as forwards left them; left with da.
        d_totals: (total, output_size), filled in with dh; None where nothing is projected.
        d_outputs: (total, output_size), what reaches each output from above.
        d_hidden: (batch, output_size), what reaches h from the right; left with dh before the first step.
        d_memory: (batch, hidden_size), the same of d.
        memories, squashed: as forwards left them.
        weight: U, what makes g doubled, (4 * hidden_size, output_size).
        projection: P, (output_size, hidden_size), or None.
        running: as forwards. A row that has ended waits until the step at which it ran.
    """
    batch, size = d_memory.shape
    by_step, d_output = gates.split(running), d_outputs.split(running)
    entering, keeping = gates[:, :size].split(running), gates[:, size : 2 * size].split(running)
    new, showing = gates[:, 2 * size : 3 * size].split(running), gates[:, 3 * size :].split(running)
    held = memories.split([batch] + running)  # noqa: RUF005
    squash = squashed.split(running)
    d_total = d_outputs.split(running) if d_totals is None else d_totals.split(running)
    all_reaching, all_through = d_memory.new_empty([batch, 4 * size]), empty_like(d_memory)  # scratch
    nothing = zeros([], dtype=gates.dtype)
    minus_two = nothing - 2
    d_before, d_held, reaching, through = d_hidden[:0], d_memory[:0], all_reaching[:0], all_through[:0]
    to_entering, to_keeping, to_new, to_showing = reaching.chunk(4, dim=1)
    for back in range(1, len(running) + 1):
        step = len(running) - back
        rows = running[step]
        if rows > d_before.shape[0]:
            d_before, d_held, through = d_hidden[:rows], d_memory[:rows], all_through[:rows]
            reaching = all_reaching[:rows]
            to_entering, to_keeping, to_new, to_showing = reaching.chunk(4, dim=1)
        if projection is None:
            d_shown = d_before.add_(d_output[step])
        else:
            d_shown = mm(add(d_before, d_output[step], out=d_total[step]), projection)
        mul(d_shown, showing[step], out=through)
        d_held.add_(ops.aten.tanh_backward(through, squash[step], grad_input=through), alpha=0.5)
        mul(add(minus_two, new[step], alpha=4, out=through), d_held, out=to_entering)
        before = held[step]
        mul(before if before.shape[0] == rows else before[:rows], d_held, out=to_keeping)
        addcmul(nothing, entering[step], d_held, value=4.0, out=to_new)
        mul(squash[step], d_shown, out=to_showing)
        d_held.mul_(keeping[step])
        ops.aten.sigmoid_backward(reaching, by_step[step], grad_input=by_step[step])
        mm(by_step[step], weight, out=d_before)


@cache
def fast(loop: Any) -> Any:
    """Returns one of these loops as TorchScript, or as it is where torch has none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its successor needs a compiler on the machine
        try:
            return jit.script(loop)
        except (AttributeError, RuntimeError, OSError):  # gone from torch, or there is no source to read
            return loop
