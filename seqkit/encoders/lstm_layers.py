"""Layers of LSTM over padded rows: the arithmetic that `lstm` and `bilstm` share.

torch.nn.LSTM gives each row its own answer only for a PackedSequence, and on a CPU that path is several times slower
than the one for padded input. Here every layer and direction is a one-way LSTM over padded input, and two devices
keep a row's padding out of its answer:

- The backward direction reads each row reversed within its own length, so that padding comes last in both directions.
- Where lengths differ, the input gets one more number, 1 at padded steps, whose weights close the input gate and open
  the forget gate: c_t = 1 * c_{t-1} + 0 * g_t. The cell that stands at the last step of the batch is therefore
  exactly the one after the row's last real step, and the gradient that reaches it through the padding is exact too.

Reference: Hochreiter and Schmidhuber, 1997; gates and names as in torch.nn.LSTM; the projection is that of Sak et
al., 2014.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import cast

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, State

_SATURATED = 1e4
"""A gate's input for which the logistic function is exactly 0 or 1 in every floating type, half precision included."""


class LSTMLayers(nn.Module):
    """`num_layers` LSTM layers in one or two directions.

    Weights are drawn in torch.nn.LSTM's order, so that a seed gives both the same ones.

    Args:
        input_size: the width of the inputs.
        hidden_size: the width of the cell.
        num_layers: how many layers, each reading the outputs of the one below.
        bias: whether gates have biases (two, as in torch).
        dropout: the share of a layer's outputs dropped in training before the next layer reads them.
        proj_size: when above 0, the outputs are the cell's outputs projected to this width.
        directions: 1 or 2.

    Raises:
        ValueError: `proj_size` is not below `hidden_size`.
    """

    def __init__(
        self,
        input_size: int,
        *,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        dropout: float,
        proj_size: int,
        directions: int,
    ) -> None:
        super().__init__()
        if proj_size >= hidden_size:
            raise ValueError(f"proj_size must be below hidden_size, {hidden_size}, not {proj_size}")
        if dropout and num_layers == 1:
            import warnings

            warnings.warn("encoder dropout acts between layers: with one layer it does nothing", stacklevel=2)
        self.directions = directions
        self.num_layers = num_layers
        self.dropout = dropout
        width = proj_size or hidden_size
        self.output_size = directions * width
        self.cells = nn.ModuleList(
            nn.LSTM(
                input_size if layer == 0 else self.output_size,
                hidden_size,
                bias=bias,
                batch_first=True,
                proj_size=proj_size,
            )
            for layer in range(num_layers)
            for _ in range(directions)
        )

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        """Runs every layer.

        Args:
            inputs: (batch, time, input_size).
            lengths: int64 (batch,), on the CPU.
            state: (h, c) as returned, or None for zeros.

        Returns:
            Outputs (batch, time, output_size), zero at padded steps; final (batch, output_size); and the state (h,
            c), each (batch, num_layers * directions, width), layer by layer and the forward direction first, as torch
            orders them.
        """
        batch, time = inputs.shape[:2]
        padding = None
        if batch and int(lengths.min()) < time:
            padding = torch.arange(time) >= lengths[:, None]  # (batch, time)
        backward_order = self._backward_order(lengths, time).to(inputs.device)
        lengths_there = lengths.to(inputs.device)
        padding_there = None if padding is None else padding.to(inputs.device)
        hidden, cell = [], []
        layer_input = inputs
        for layer in range(self.num_layers):
            if layer and self.dropout:
                layer_input = nn.functional.dropout(layer_input, self.dropout, self.training)
            outputs = []
            for direction in range(self.directions):
                number = layer * self.directions + direction
                start = None if state is None else (state[0][:, number], state[1][:, number])
                given = layer_input if direction == 0 else _reorder(layer_input, backward_order)
                output, last_hidden, last_cell = _one_way(
                    cast(nn.LSTM, self.cells[number]), given, lengths_there, padding_there, start
                )
                outputs.append(output if direction == 0 else _reorder(output, backward_order))
                hidden.append(last_hidden)
                cell.append(last_cell)
            layer_input = outputs[0] if self.directions == 1 else torch.cat(outputs, dim=2)
        if padding_there is not None:
            layer_input = layer_input.masked_fill(padding_there[:, :, None], 0)
        final = torch.cat(hidden[-self.directions :], dim=1)
        return Encoded(layer_input, final, (torch.stack(hidden, dim=1), torch.stack(cell, dim=1)))

    @staticmethod
    def _backward_order(lengths: Tensor, time: int) -> Tensor:
        """Returns int64 (batch, time): which step comes t-th when a row is read backwards; padding stays in place."""
        steps = torch.arange(time).expand(len(lengths), time)
        backwards = lengths[:, None] - 1 - steps
        return torch.where(backwards >= 0, backwards, steps)


def _reorder(values: Tensor, order: Tensor) -> Tensor:
    return values.gather(1, order[:, :, None].expand(-1, -1, values.shape[2]))


def _one_way(
    cell: nn.LSTM, inputs: Tensor, lengths: Tensor, padding: Tensor | None, start: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Runs one layer in the order of its input.

    Args:
        inputs: (batch, time, input_size), padding last.
        padding: bool (batch, time), True at padded steps; None where every row is as long as the batch.
        start: h (batch, output_size) and c (batch, hidden_size).

    Returns:
        The outputs (batch, time, output_size), and h and c after each row's last real step.
    """
    batch = inputs.shape[0]
    if start is None:
        hidden = inputs.new_zeros(1, batch, cell.proj_size or cell.hidden_size)
        memory = inputs.new_zeros(1, batch, cell.hidden_size)
    else:
        hidden, memory = (part[None].contiguous() for part in start)
    if batch == 0:
        return inputs.new_zeros(0, inputs.shape[1], hidden.shape[2]), hidden[0], memory[0]
    if padding is None:
        with _without_unusable_kernel(cell):
            outputs, (hidden, memory) = cell(inputs, (hidden, memory))
        return outputs, hidden[0], memory[0]
    weights = [weight for weight in cell._flat_weights if weight is not None]
    held = torch.zeros(4, cell.hidden_size, 1, dtype=inputs.dtype, device=inputs.device)
    held[0], held[1] = -_SATURATED, _SATURATED  # the input and the forget gate
    weights[0] = torch.cat([weights[0], held.flatten(0, 1)], dim=1)
    flagged = torch.cat([inputs.masked_fill(padding[:, :, None], 0), padding[:, :, None].to(inputs.dtype)], dim=2)
    with _without_unusable_kernel(cell):
        # Arguments: input, state, weights, has_biases, num_layers, dropout, train, bidirectional, batch_first.
        outputs, _, memory = torch.lstm(
            flagged, (hidden, memory), weights, cell.bias, 1, 0.0, cell.training, False, True
        )
    last = (lengths - 1)[:, None, None].expand(-1, 1, outputs.shape[2])
    return outputs, outputs.gather(1, last)[:, 0], memory[0]


def _without_unusable_kernel(cell: nn.LSTM) -> AbstractContextManager[None]:
    """oneDNN has no kernel for a projected LSTM: asked for one, torch warns and takes the path that this asks for."""
    return torch.backends.mkldnn.flags(enabled=False) if cell.proj_size else nullcontext()
