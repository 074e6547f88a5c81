"""One layer of an LSTM, computed direction by direction and, on several threads, by chunks of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqkit.contracts import Lookup
from seqkit.encoders.lstm.dispatch import KernelChoice
from seqkit.encoders.lstm.kernels import LSTMState, LSTMWeights, run_cudnn, run_recurrence, run_torch_kernel
from seqkit.layers.parallel import ParallelJob, run_parallel


class Direction(NamedTuple):
    """One direction of a layer.

    Attributes:
        cell: its LSTM.
        weights: the weights of the cell in torch's order, for one batch.
        state: the initial h and c, each (batch, width).
    """

    cell: nn.LSTM
    weights: list[Tensor]
    state: LSTMState


def run_cells(
    choice: KernelChoice, directions: Sequence[Direction], inputs: Tensor | Lookup, lengths: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute a layer, each direction and each chunk of the rows separately.

    Args:
        choice: the kernel.
        directions: the forward direction, and the backward one if there is one.
        inputs: vectors (batch, time, input_size), or a lookup of them.
        lengths: int64 (batch,), on the CPU.

    Returns:
        Outputs (batch, time, directions * width), and h and c, (batch, directions, width), after the time step that
        each direction reads last.
    """
    values, *table = inputs if isinstance(inputs, Lookup) else (inputs,)
    row_chunks = [_chunk_rows(tensor, choice.row_chunks) for tensor in (values, lengths)]
    jobs = []
    for number, direction in enumerate(directions):
        chunks = zip(*row_chunks, *(_chunk_rows(part, choice.row_chunks) for part in direction.state), strict=True)
        jobs += [_cell_job(choice, direction, number == 1, table, *chunk) for chunk in chunks]
    results = run_parallel(jobs) if choice.parallel else [job.work(*job.inputs) for job in jobs]
    if choice.row_chunks > 1:
        results = [
            tuple(map(torch.cat, zip(*results[first : first + choice.row_chunks], strict=True)))
            for first in range(0, len(results), choice.row_chunks)
        ]
    outputs, hidden_states, cell_states = zip(*results, strict=True)
    joined = outputs[0] if len(directions) == 1 else torch.cat(outputs, dim=2)
    return joined, torch.stack(hidden_states, dim=1), torch.stack(cell_states, dim=1)


def _cell_job(
    choice: KernelChoice,
    direction: Direction,
    reverse: bool,
    table: list[Tensor],
    values: Tensor,
    lengths: Tensor,
    *initial_state: Tensor,
) -> ParallelJob:
    """Return the job of one direction and some rows: its outputs, and h and c after the time step that it reads last.

    Args:
        choice: the kernel.
        direction: the direction. Its state is not used.
        reverse: whether it is the backward direction.
        table: empty, or the table of a lookup whose ids are `values`.
        values: vectors, or ids, of some rows.
        lengths: the lengths of these rows.
        initial_state: h and c of these rows.
    """
    cell = direction.cell

    def work(
        values: Tensor, hidden_state: Tensor, cell_state: Tensor, *others: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        state = hidden_state, cell_state
        if len(values) == 0:
            return hidden_state.new_zeros(0, values.shape[1], hidden_state.shape[1]), *state
        if values.is_cuda:
            return run_cudnn(cell, others[len(table) :], values, lengths, state, reverse)
        cell_weights = LSTMWeights.from_tensors(others[len(table) :], cell.bias, cell.proj_size > 0)
        if choice.uses_recurrence:
            inputs = Lookup(values, others[0]) if table else values
            return run_recurrence(cell_weights, inputs, lengths, state, reverse)
        return run_torch_kernel(cell_weights, values, lengths, state, reverse)

    return ParallelJob(work, [values, *initial_state, *table, *direction.weights])


def _chunk_rows(rows: Tensor, chunks: int) -> Sequence[Tensor]:
    """Divide a tensor by rows into chunks of nearly equal size."""
    if chunks == 1:
        return [rows]  # even the slice of a whole tensor would have its gradient copied
    ends = [len(rows) * number // chunks for number in range(chunks + 1)]
    return rows.split([end - start for start, end in zip(ends, ends[1:], strict=False)])
