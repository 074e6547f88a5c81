"""Layers of LSTM over padded rows: the arithmetic that `lstm` and `bilstm` share.

torch.nn.LSTM gives each row its own answer only for a PackedSequence, and on a CPU that path is several times slower
than the one for padded input. Here every layer and direction is a one-way LSTM over padded input, and two devices
keep a row's padding out of its answer:

- The backward direction reads each row reversed within its own length, so that padding comes last in both directions.
- Where lengths differ, the input gets one more number, 1 at padded steps, whose weights close the input gate and open
  the forget gate: c_t = 1 * c_{t-1} + 0 * g_t. The cell that stands at the last step of the batch is therefore
  exactly the one after the row's last real step, and the gradient that reaches it through the padding is exact too.

Input may also come as ids that stand for one-hot vectors. Where the vocabulary is large, nearly all of the time would
go into multiplying zeros; there the product is looked up, and `recurrence.py` does the rest. It also does what torch
has no fast kernel for, a projected LSTM on a CPU.

Reference: Hochreiter and Schmidhuber, 1997; gates and names as in torch.nn.LSTM; the projection is that of Sak et
al., 2014.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqkit.contracts import Encoded, State
from seqkit.encoders.recurrence import recur

LOOK_UP_FROM = 2
"""From so many ids a unit of the cell on, looking the input's product up beats dense one-hot input."""

_SATURATED = 1e4
"""A gate's input for which the logistic function is exactly 0 or 1, in every floating type."""


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
            warnings.warn("encoder dropout acts between layers: with one layer it does nothing", stacklevel=2)
        self.input_size = input_size
        self.hidden_size = hidden_size
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
            inputs: (batch, time, input_size); or ids, int64 (batch, time), in place of their one-hot vectors.
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
        padding_there = None if padding is None else padding.to(inputs.device)
        hidden, cell = [], []
        layer_input = inputs if inputs.is_floating_point() or self._looks_up(inputs) else self._one_hot(inputs)
        for layer in range(self.num_layers):
            if layer and self.dropout:
                layer_input = nn.functional.dropout(layer_input, self.dropout, self.training)
            outputs = []
            for direction in range(self.directions):
                number = layer * self.directions + direction
                start = None if state is None else (state[0][:, number], state[1][:, number])
                given = layer_input if direction == 0 else _reorder(layer_input, backward_order)
                output, last_hidden, last_cell = _one_way(self.cells[number], given, lengths, padding_there, start)
                outputs.append(output if direction == 0 else _reorder(output, backward_order))
                hidden.append(last_hidden)
                cell.append(last_cell)
            layer_input = outputs[0] if self.directions == 1 else torch.cat(outputs, dim=2)
        if padding_there is not None:
            layer_input = layer_input.masked_fill(padding_there[:, :, None], 0)
        final = torch.cat(hidden[-self.directions :], dim=1)
        return Encoded(layer_input, final, (torch.stack(hidden, dim=1), torch.stack(cell, dim=1)))

    def _looks_up(self, ids: Tensor) -> bool:
        return ids.device.type == "cpu" and len(ids) > 0 and self.input_size >= LOOK_UP_FROM * self.hidden_size

    def _one_hot(self, ids: Tensor) -> Tensor:
        weight = next(self.parameters())
        return weight.new_zeros(*ids.shape, self.input_size).scatter_(2, ids[:, :, None], 1.0)

    @staticmethod
    def _backward_order(lengths: Tensor, time: int) -> Tensor:
        """Returns int64 (batch, time): which step is t-th when a row is read backwards; padding stays in place."""
        steps = torch.arange(time).expand(len(lengths), time)
        backwards = lengths[:, None] - 1 - steps
        return torch.where(backwards >= 0, backwards, steps)


def _reorder(values: Tensor, order: Tensor) -> Tensor:
    """values: (batch, time) or (batch, time, width); order: int64 (batch, time)."""
    return values.gather(1, order if values.ndim == 2 else order[:, :, None].expand(-1, -1, values.shape[2]))


def _one_way(
    cell: Any, inputs: Tensor, lengths: Tensor, padding: Tensor | None, start: tuple[Tensor, Tensor] | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Runs one layer in the order of its input, by the way that is fastest for it.

    Args:
        cell: a torch.nn.LSTM of one layer and one direction.
        inputs: (batch, time, input_size) or ids, int64 (batch, time); padding last.
        lengths: int64 (batch,), on the CPU.
        padding: bool (batch, time), True at padded steps; None where every row is as long as the batch.
        start: h (batch, output_size) and c (batch, hidden_size).

    Returns:
        The outputs (batch, time, output_size), and h and c after each row's last real step.
    """
    batch, time = inputs.shape[:2]
    if start is None:
        hidden = cell.weight_hh_l0.new_zeros(1, batch, cell.proj_size or cell.hidden_size)
        memory = cell.weight_hh_l0.new_zeros(1, batch, cell.hidden_size)
    else:
        hidden, memory = (part[None].contiguous() for part in start)
    ids = not inputs.is_floating_point()
    if batch == 0:
        return hidden.new_zeros(0, time, hidden.shape[2]), hidden[0], memory[0]
    if padding is not None and not ids:
        inputs = inputs.masked_fill(padding[:, :, None], 0)
    if ids or (cell.proj_size and inputs.device.type == "cpu"):  # for which torch has no kernel
        return _recurred(cell, inputs, lengths, hidden[0], memory[0])
    if padding is None:
        outputs, (hidden, memory) = cell(inputs, (hidden, memory))
        return outputs, hidden[0], memory[0]
    if inputs.device.type == "cuda":  # whose kernel takes a packed sequence at no loss
        packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        packed_outputs, (hidden, memory) = cell(packed, (hidden, memory))
        return pad_packed_sequence(packed_outputs, True, total_length=time)[0], hidden[0], memory[0]
    weights = [weight for weight in cell._flat_weights if weight is not None]
    held = torch.zeros(4, cell.hidden_size, 1, dtype=inputs.dtype, device=inputs.device)
    held[0], held[1] = -_SATURATED, _SATURATED  # the input and the forget gate
    weights[0] = torch.cat([weights[0], held.flatten(0, 1)], dim=1)
    flagged = torch.cat([inputs, padding[:, :, None].to(inputs.dtype)], dim=2)
    # Arguments: input, state, weights, has_biases, num_layers, dropout, train, bidirectional, batch_first.
    outputs, _, memory = torch.lstm(flagged, (hidden, memory), weights, cell.bias, 1, 0.0, cell.training, False, True)
    last = (lengths - 1).to(inputs.device)[:, None, None].expand(-1, 1, outputs.shape[2])
    return outputs, outputs.gather(1, last)[:, 0], memory[0]


def _recurred(
    cell: Any, inputs: Tensor, lengths: Tensor, hidden: Tensor, memory: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Does `_one_way` with seqkit's own recurrence."""
    order = lengths.argsort(descending=True, stable=True)
    bias = cell.bias_ih_l0 + cell.bias_hh_l0 if cell.bias else None
    given = inputs[order].transpose(0, 1)  # (time, batch) or (time, batch, input_size)
    if inputs.is_floating_point():
        pushed = nn.functional.linear(given, cell.weight_ih_l0, bias)
    else:
        # W times a one-hot vector is a column of W. The columns in use are gathered first: they are far fewer.
        used, places = given.unique(return_inverse=True)
        columns = cell.weight_ih_l0.index_select(1, used).t()  # (used, 4 * hidden_size)
        pushed = nn.functional.embedding(places, (columns if bias is None else columns + bias).contiguous())
    projection = cell.weight_hr_l0 if cell.proj_size else None
    start = (hidden[order], memory[order])
    outputs, hidden, memory = recur(pushed, cell.weight_hh_l0, projection, start, lengths[order])
    restored = order.argsort()
    return outputs.transpose(0, 1)[restored], hidden[restored], memory[restored]
