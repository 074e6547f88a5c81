"""The gates and states of LSTM layers at each time step, computed by the formulas of torch.nn.LSTM.

    i, f, g, o = W x_t + b + U h_{t-1} + b', then the logistic function on i, f and o, and tanh on g
    c_t = f c_{t-1} + i g
    h_t = o tanh(c_t)                   with a projection: h_t = P (o tanh(c_t))

The kernels of training do not store these values. Reference: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997;
a heat map of them over a text as in Karpathy, Johnson and Fei-Fei, Visualizing and Understanding Recurrent Networks,
2015.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from seqkit.contracts import Trace
from seqkit.messages import message

NAMES = (
    message("input gate"),
    message("forget gate"),
    message("cell candidate"),
    message("output gate"),
    message("cell"),
    message("hidden state"),
)


def trace_layers(cells: Sequence[nn.LSTM], directions: int, inputs: Tensor, lengths: Tensor) -> list[Trace]:
    """Return the gates and states of each layer and direction.

    Args:
        cells: one LSTM per layer and direction, in this order.
        directions: 1 or 2.
        inputs: float (batch, time, input_size).
        lengths: int64 (batch,).
    """
    traces: list[Trace] = []
    for first in range(0, len(cells), directions):
        outputs = []
        for direction, cell in enumerate(cells[first : first + directions]):
            values = _trace_cell(cell, inputs, lengths, reverse=direction == 1)
            outputs.append(values[-1])
            name = message("layer {number}", number=first // directions + 1)
            if directions == 2:
                name += message(", backward") if direction else message(", forward")
            traces.append(Trace(name, dict(zip(NAMES, values, strict=True))))
        inputs = torch.cat(outputs, dim=2)
    return traces


def _trace_cell(cell: nn.LSTM, inputs: Tensor, lengths: Tensor, *, reverse: bool) -> list[Tensor]:
    """Return the values of one layer in one direction, in the order of `NAMES`, each (batch, time, units)."""
    batch, time = inputs.shape[:2]
    hidden = inputs.new_zeros(batch, cell.proj_size or cell.hidden_size)
    state = inputs.new_zeros(batch, cell.hidden_size)
    found: list[list[Tensor]] = [[] for _ in NAMES]
    input_weight, hidden_weight, *others = (weight for weight in cell._flat_weights if weight is not None)
    projection = others.pop() if cell.proj_size else None
    is_real = torch.arange(time)[:, None] < lengths  # (time, batch)
    for step in reversed(range(time)) if reverse else range(time):
        sums = inputs[:, step] @ input_weight.t() + hidden @ hidden_weight.t()
        for bias in others:
            sums = sums + bias
        entry, forget, candidate, output = sums.chunk(4, dim=1)
        entry, forget, output, candidate = entry.sigmoid(), forget.sigmoid(), output.sigmoid(), candidate.tanh()
        next_state = forget * state + entry * candidate
        next_hidden = output * next_state.tanh()
        if projection is not None:
            next_hidden = next_hidden @ projection.t()
        real = is_real[step].to(inputs.device)[:, None]
        state, hidden = torch.where(real, next_state, state), torch.where(real, next_hidden, hidden)
        for values, value in zip(found, (entry, forget, candidate, output, state, hidden), strict=True):
            values.append(value)
    return [torch.stack(values[::-1] if reverse else values, dim=1) for values in found]
