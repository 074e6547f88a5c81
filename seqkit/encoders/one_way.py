"""One layer of LSTM in one direction over padded rows, by torch's kernel or by seqkit's own recurrence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqkit.encoders.recurrence import recur

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
    weights: Weights, inputs: Tensor, lengths: Tensor, start: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Runs torch's kernel.

    Where lengths differ, the input gets one more number, 1 at padded steps, whose weights close the input gate and open
    the forget gate: c_t = 1 * c_{t-1} + 0 * g_t.

    Args:
        inputs: (batch, time, input_size), padding last.
        lengths: int64 (batch,), each at least 1 and at most time.
        start: h (batch, output_size) and c (batch, hidden_size).

    Returns:
        Outputs (batch, time, output_size), of no meaning at padded steps, and h and c after each row's last real step.
    """
    given = [weights.input_weight, weights.hidden_weight, *weights.biases]
    padding = _padding(inputs, lengths)
    if padding is not None:
        hidden_size = weights.hidden_weight.shape[0] // 4
        held = torch.zeros(4, hidden_size, 1, dtype=inputs.dtype)
        held[0], held[1] = -_SATURATED, _SATURATED  # the input and the forget gate
        given[0] = torch.cat([given[0], held.flatten(0, 1)], dim=1)
        inputs = torch.cat([inputs.masked_fill(padding, 0), padding.to(inputs.dtype)], dim=2)
    state = tuple(part[None].contiguous() for part in start)
    # Arguments: input, state, weights, has_biases, num_layers, dropout, train, bidirectional, batch_first.
    outputs, hidden, memory = torch.lstm(inputs, state, given, bool(weights.biases), 1, 0.0, True, False, True)
    if padding is None:
        return outputs, hidden[0], memory[0]
    last = (lengths - 1)[:, None, None].expand(-1, 1, outputs.shape[2])
    return outputs, outputs.gather(1, last)[:, 0], memory[0]


def by_recurrence(
    weights: Weights, inputs: Tensor, lengths: Tensor, start: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Does the same by seqkit's own recurrence, with outputs that are zero at padded steps.

    Args:
        inputs: (batch, time, input_size); or ids, int64 (batch, time), whose one-hot vectors are the input.
    """
    bias = weights.biases[0] + weights.biases[1] if weights.biases else None
    order = None if bool((lengths[:-1] >= lengths[1:]).all()) else lengths.argsort(descending=True, stable=True)
    hidden, memory = start
    if order is not None:
        inputs, lengths, hidden, memory = inputs[order], lengths[order], hidden[order], memory[order]
    given = inputs.transpose(0, 1)  # (time, batch) or (time, batch, input_size)
    if inputs.is_floating_point():
        padding = _padding(inputs, lengths)
        given = given if padding is None else inputs.masked_fill(padding, 0).transpose(0, 1)
        pushed = nn.functional.linear(given, weights.input_weight, bias)
    else:
        # W times a one-hot vector is a column of W. The columns in use are gathered first: they are far fewer.
        used, places = given.unique(return_inverse=True)
        columns = weights.input_weight.index_select(1, used).t()  # (used, 4 * hidden_size)
        pushed = nn.functional.embedding(places, (columns if bias is None else columns + bias).contiguous())
    outputs, hidden, memory = recur(pushed, weights.hidden_weight, weights.projection, (hidden, memory), lengths)
    outputs = outputs.transpose(0, 1)
    if order is None:
        return outputs, hidden, memory
    restored = order.argsort()
    return outputs[restored], hidden[restored], memory[restored]


def _padding(inputs: Tensor, lengths: Tensor) -> Tensor | None:
    """Returns bool (batch, time, 1), True at padded steps, or None where there are none."""
    time = inputs.shape[1]
    return None if int(lengths.min()) == time else (torch.arange(time) >= lengths[:, None])[:, :, None]
