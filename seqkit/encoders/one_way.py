"""One layer of LSTM in one direction over padded rows, by torch's kernel or by seqkit's own recurrence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqkit.contracts import Lookup
from seqkit.encoders.packing import Packing
from seqkit.encoders.recurrence import recur, twice_new

_SATURATED = 1e4
"""A gate's input for which the logistic function is exactly 0 or 1, in every floating type."""


class Weights(NamedTuple):
    """The weights of a layer and direction, as in torch.nn.LSTM.

    Attributes:
        input_weight: (4 * hidden_size, input_size).
        hidden_weight: (4 * hidden_size, output_size).
        biases: none, or two of (4 * hidden_size,).
        projection: (output_size, hidden_size), or None.
    """

    input_weight: Tensor
    hidden_weight: Tensor
    biases: Sequence[Tensor]
    projection: Tensor | None

    @classmethod
    def of(cls, tensors: Sequence[Tensor], bias: bool, projected: bool) -> Weights:
        """Takes tensors in torch's order: the two weights, the biases where there are any, the projection."""
        return cls(tensors[0], tensors[1], tensors[2:4] if bias else (), tensors[-1] if projected else None)


def by_kernel(
    weights: Weights, inputs: Tensor, lengths: Tensor, start: tuple[Tensor, Tensor], backwards: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Runs torch's kernel.

    Where lengths differ, the input gets one more number, 1 at padded steps, whose weights close the input gate and open
    the forget gate: c_t = 1 * c_{t-1} + 0 * g_t.

    Args:
        inputs: (batch, time, input_size), padding last.
        lengths: int64 (batch,), each at least 1 and at most time.
        start: h (batch, output_size) and c (batch, hidden_size).
        backwards: whether each row is read from its last real step to its first.

    Returns:
        Outputs (batch, time, output_size), each in its step's place and of no meaning at padded steps; and h and c
        after the real step that is read last.
    """
    time = inputs.shape[1]
    padding = None if int(lengths.min()) == time else (torch.arange(time) >= lengths[:, None])[:, :, None]
    order = _backward_order(lengths, time) if backwards else None
    given = [weights.input_weight, weights.hidden_weight, *weights.biases]
    inputs = inputs if order is None else _reorder(inputs, order)
    if padding is not None:
        hidden_size = weights.hidden_weight.shape[0] // 4
        held = torch.zeros(4, hidden_size, 1, dtype=inputs.dtype)
        held[0], held[1] = -_SATURATED, _SATURATED  # the input and the forget gate
        given[0] = torch.cat([given[0], held.flatten(0, 1)], dim=1)
        inputs = torch.cat([inputs.masked_fill(padding, 0), padding.to(inputs.dtype)], dim=2)
    state = tuple(part[None].contiguous() for part in start)
    # Arguments: input, state, weights, has_biases, num_layers, dropout, train, bidirectional, batch_first.
    outputs, hidden, memory = torch.lstm(inputs, state, given, bool(weights.biases), 1, 0.0, True, False, True)
    last_hidden = hidden[0]
    if padding is not None:
        last = (lengths - 1)[:, None, None].expand(-1, 1, outputs.shape[2])
        last_hidden = outputs.gather(1, last)[:, 0]
    return outputs if order is None else _reorder(outputs, order), last_hidden, memory[0]


def both_by_kernel(
    forwards: Weights, backwards: Weights, inputs: Tensor, start: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Runs torch's kernel in both directions at once, over rows without padding.

    Args:
        inputs: (batch, time, input_size).
        start: h (batch, 2, output_size) and c (batch, 2, hidden_size).

    Returns:
        The outputs of both side by side, (batch, time, 2 * output_size), and h and c after the step that each reads
        last, as `start`.
    """
    given = [part for each in (forwards, backwards) for part in (each.input_weight, each.hidden_weight, *each.biases)]
    state = tuple(part.transpose(0, 1).contiguous() for part in start)
    outputs, hidden, memory = torch.lstm(inputs, state, given, bool(forwards.biases), 1, 0.0, True, True, True)
    return outputs, hidden.transpose(0, 1), memory.transpose(0, 1)


def by_recurrence(
    weights: Weights, inputs: Tensor | Lookup, lengths: Tensor, start: tuple[Tensor, Tensor], backwards: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Does the same by seqkit's own recurrence, with outputs that are zero at padded steps.

    Args:
        inputs: (batch, time, input_size); or a lookup; or the ids, int64 (batch, time), of one-hot vectors.
    """
    steps = inputs.ids if isinstance(inputs, Lookup) else inputs
    batch, time = steps.shape[:2]
    packing = Packing.of(lengths, time, backwards)
    given = steps.flatten(0, 1).index_select(0, packing.places)  # (total,) or (total, input_size)
    twice = twice_new(weights.hidden_weight)
    bias = (weights.biases[0] + weights.biases[1]) * twice if weights.biases else None
    if isinstance(inputs, Lookup):
        products = nn.functional.linear(inputs.table, weights.input_weight * twice[:, None], bias)
        pushed = nn.functional.embedding(given, products)
    elif given.is_floating_point():
        pushed = nn.functional.linear(given, weights.input_weight * twice[:, None], bias)
    else:
        # W times a one-hot vector is a column of W. The columns in use are gathered first: they are far fewer.
        used, places = given.unique(return_inverse=True)
        products = weights.input_weight.index_select(1, used).t() * twice  # (used, 4 * hidden_size)
        pushed = nn.functional.embedding(places, products if bias is None else products + bias)
    start = (start[0][packing.order], start[1][packing.order])
    weight = weights.hidden_weight * twice[:, None]
    outputs, hidden, memory = recur(pushed, weight, weights.projection, start, packing)
    padded = outputs.new_zeros(batch * time, outputs.shape[1]).index_copy(0, packing.places, outputs)
    restored = packing.order.argsort()
    return padded.view(batch, time, -1), hidden[restored], memory[restored]


def by_cudnn(
    cell: Any, inputs: Tensor, lengths: Tensor, start: tuple[Tensor, Tensor], backwards: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Does what `by_kernel` does on a GPU, whose kernel takes a packed sequence at no loss.

    Args:
        cell: a torch.nn.LSTM of one layer and one direction.
    """
    time = inputs.shape[1]
    order = _backward_order(lengths, time).to(inputs.device) if backwards else None
    state = tuple(part[None].contiguous() for part in start)
    given = inputs if order is None else _reorder(inputs, order)
    packed = pack_padded_sequence(given, lengths, batch_first=True, enforce_sorted=False)
    packed_outputs, (hidden, memory) = cell(packed, state)
    outputs, _ = pad_packed_sequence(packed_outputs, batch_first=True, total_length=time)
    return outputs if order is None else _reorder(outputs, order), hidden[0], memory[0]


def _backward_order(lengths: Tensor, time: int) -> Tensor:
    """Returns int64 (batch, time): which step is t-th when a row is read backwards; padding stays in place."""
    steps = torch.arange(time).expand(len(lengths), time)
    backwards = lengths[:, None] - 1 - steps
    return torch.where(backwards >= 0, backwards, steps)


def _reorder(values: Tensor, order: Tensor) -> Tensor:
    """values: (batch, time, width); order: int64 (batch, time)."""
    return values.gather(1, order[:, :, None].expand(-1, -1, values.shape[2]))
