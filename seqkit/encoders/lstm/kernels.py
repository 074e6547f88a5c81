"""The kernels that compute one LSTM layer in one direction over padded rows: torch's, and seqkit's own recurrence."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqkit.contracts import Lookup
from seqkit.encoders.lstm.packing import PackedLayout
from seqkit.encoders.lstm.recurrence import gate_scale, lstm_recurrence

_SATURATED = 1e4
"""A gate's input for which the logistic function is exactly 0 or 1, in every floating type."""

LSTMState = tuple[Tensor, Tensor]
"""h (batch, output_size) and c (batch, hidden_size)."""


class LSTMWeights(NamedTuple):
    """The weights of one layer and direction, as in torch.nn.LSTM.

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
    def from_tensors(cls, tensors: Sequence[Tensor], bias: bool, projected: bool) -> LSTMWeights:
        """Create from tensors in torch's order: the two weights, the biases if any, the projection if any."""
        return cls(tensors[0], tensors[1], tensors[2:4] if bias else (), tensors[-1] if projected else None)


def run_torch_kernel(
    weights: LSTMWeights, inputs: Tensor, lengths: Tensor, initial_state: LSTMState, reverse: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute a layer with torch's kernel.

    If lengths differ, the input gets one more feature, 1 at padded time steps and 0 elsewhere. Its weights close the
    input gate and open the forget gate, so that a padded time step leaves the cell as it is: c_t = 1 c_{t-1} + 0 g_t.

    Args:
        weights: the weights, without a projection.
        inputs: (batch, time, input_size), padding last.
        lengths: int64 (batch,), each at least 1 and at most time.
        initial_state: h and c before the first time step.
        reverse: whether each row is read from its last real time step to its first.

    Returns:
        Outputs (batch, time, output_size), undefined at padded time steps; and h and c after the real time step that
        is read last.
    """
    time = inputs.shape[1]
    padding = None if int(lengths.min()) == time else (torch.arange(time) >= lengths[:, None])[:, :, None]
    order = _reverse_order(lengths, time) if reverse else None
    parameters = [weights.input_weight, weights.hidden_weight, *weights.biases]
    inputs = inputs if order is None else _reorder(inputs, order)
    if padding is not None:
        hidden_size = weights.hidden_weight.shape[0] // 4
        padding_weight = torch.zeros(4, hidden_size, 1, dtype=inputs.dtype)
        padding_weight[0], padding_weight[1] = -_SATURATED, _SATURATED  # the input and the forget gate
        parameters[0] = torch.cat([parameters[0], padding_weight.flatten(0, 1)], dim=1)
        inputs = torch.cat([inputs.masked_fill(padding, 0), padding.to(inputs.dtype)], dim=2)
    state = tuple(part[None].contiguous() for part in initial_state)
    # Arguments: input, state, weights, has_biases, num_layers, dropout, train, bidirectional, batch_first.
    outputs, hidden_state, cell_state = torch.lstm(
        inputs, state, parameters, bool(weights.biases), 1, 0.0, True, False, True
    )
    last_hidden = hidden_state[0]
    if padding is not None:
        last = (lengths - 1)[:, None, None].expand(-1, 1, outputs.shape[2])
        last_hidden = outputs.gather(1, last)[:, 0]
    return outputs if order is None else _reorder(outputs, order), last_hidden, cell_state[0]


def run_bidirectional_kernel(
    forward: LSTMWeights, backward: LSTMWeights, inputs: Tensor, initial_state: LSTMState
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute both directions of a layer with one call of torch's kernel, for rows without padding.

    Args:
        forward: the weights of the forward direction.
        backward: the weights of the backward direction.
        inputs: (batch, time, input_size).
        initial_state: h (batch, 2, output_size) and c (batch, 2, hidden_size).

    Returns:
        The outputs of both directions, concatenated, (batch, time, 2 * output_size); and h and c after the time step
        that each direction reads last, shaped as `initial_state`.
    """
    parameters = [
        tensor for each in (forward, backward) for tensor in (each.input_weight, each.hidden_weight, *each.biases)
    ]
    state = tuple(part.transpose(0, 1).contiguous() for part in initial_state)
    outputs, hidden_state, cell_state = torch.lstm(
        inputs, state, parameters, bool(forward.biases), 1, 0.0, True, True, True
    )
    return outputs, hidden_state.transpose(0, 1), cell_state.transpose(0, 1)


def run_recurrence(
    weights: LSTMWeights, inputs: Tensor | Lookup, lengths: Tensor, initial_state: LSTMState, reverse: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute a layer with seqkit's recurrence.

    Args:
        weights: the weights.
        inputs: (batch, time, input_size); or a lookup; or the ids, int64 (batch, time), of one-hot vectors.
        lengths: int64 (batch,), each at least 1 and at most time.
        initial_state: h and c before the first time step.
        reverse: whether each row is read from its last real time step to its first.

    Returns:
        As `run_torch_kernel`, with outputs that are 0 at padded time steps.
    """
    padded = inputs.ids if isinstance(inputs, Lookup) else inputs
    time = padded.shape[1]
    layout = PackedLayout.from_lengths(lengths, time, reverse)
    packed = layout.pack(padded)  # (total,) or (total, input_size)
    scale = gate_scale(weights.hidden_weight)
    bias = (weights.biases[0] + weights.biases[1]) * scale if weights.biases else None
    if isinstance(inputs, Lookup):
        products = nn.functional.linear(inputs.table, weights.input_weight * scale[:, None], bias)
        gate_inputs = nn.functional.embedding(packed, products)
    elif packed.is_floating_point():
        gate_inputs = nn.functional.linear(packed, weights.input_weight * scale[:, None], bias)
    else:
        # W times a one-hot vector is a column of W. Only the columns in use are scaled: they are far fewer.
        used, columns = packed.unique(return_inverse=True)
        products = weights.input_weight.index_select(1, used).t() * scale  # (used, 4 * hidden_size)
        gate_inputs = nn.functional.embedding(columns, products if bias is None else products + bias)
    initial_state = (initial_state[0][layout.sorted_indices], initial_state[1][layout.sorted_indices])
    hidden_weight = weights.hidden_weight * scale[:, None]
    outputs, hidden_state, cell_state = lstm_recurrence(
        gate_inputs, hidden_weight, weights.projection, initial_state, layout
    )
    unsorted = layout.sorted_indices.argsort()
    return layout.unpack(outputs, time), hidden_state[unsorted], cell_state[unsorted]


def run_cudnn(
    layer: nn.LSTM,
    weights: Sequence[Tensor],
    inputs: Tensor,
    lengths: Tensor,
    initial_state: LSTMState,
    reverse: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute a layer on a GPU, where torch's kernel (cuDNN's) takes packed sequences without loss of speed.

    Args:
        layer: one layer and direction.
        weights: its weights in torch's order, or others to use in their place.
        inputs: (batch, time, input_size), padding last.
        lengths: int64 (batch,), on the CPU.
        initial_state: h and c before the first time step.
        reverse: whether each row is read from its last real time step to its first.

    Returns:
        As `run_torch_kernel`.
    """
    time = inputs.shape[1]
    order = _reverse_order(lengths, time).to(inputs.device) if reverse else None
    ordered = inputs if order is None else _reorder(inputs, order)
    packed = pack_padded_sequence(ordered, lengths, batch_first=True, enforce_sorted=False)
    assert packed.sorted_indices is not None  # enforce_sorted=False
    state = tuple(part.index_select(0, packed.sorted_indices)[None].contiguous() for part in initial_state)
    with warnings.catch_warnings():
        # Other weights than the layer's are copied to one block of memory for each batch, which costs little.
        warnings.filterwarnings("ignore", "RNN module weights are not part of single contiguous chunk of memory")
        # Arguments: input, batch_sizes, state, weights, has_biases, num_layers, dropout, train, bidirectional.
        data, hidden_state, cell_state = torch.lstm(
            packed.data, packed.batch_sizes, state, list(weights), layer.bias, 1, 0.0, layer.training, False
        )
    outputs, _ = pad_packed_sequence(packed._replace(data=data), batch_first=True, total_length=time)
    outputs = outputs if order is None else _reorder(outputs, order)
    return outputs, hidden_state[0, packed.unsorted_indices], cell_state[0, packed.unsorted_indices]


def _reverse_order(lengths: Tensor, time: int) -> Tensor:
    """Return int64 (batch, time): the time step that is read t-th in reverse. Padding is not moved."""
    time_steps = torch.arange(time).expand(len(lengths), time)
    reverse = lengths[:, None] - 1 - time_steps
    return torch.where(reverse >= 0, reverse, time_steps)


def _reorder(values: Tensor, order: Tensor) -> Tensor:
    """Return (batch, time, width) with the time steps of each row in another order, int64 (batch, time)."""
    return values.gather(1, order[:, :, None].expand(-1, -1, values.shape[2]))
