"""LSTM layers over padded rows: the computation that `lstm` and `bilstm` share.

torch.nn.LSTM computes each row independently of the padding only for a PackedSequence, which on a CPU is several times
slower than padded input. Here, every layer and direction is a separate LSTM over padded input, and the result for a row
is kept independent of its padding as follows:

- The backward direction reads each row reversed within its own length, so that padding comes last in both directions.
- If lengths differ, torch's kernel gets one more input feature at padded time steps, which leaves the cell as it is
  (`kernels.run_torch_kernel`). The cell state at the last time step of the batch is then exactly the one after the
  row's last real time step, and the gradient that reaches it through the padding is exact too.

Inputs may be ids. For one-hot vectors of a large vocabulary, nearly all of the time would be spent on multiplying by
zeros; for vectors of a table, the same few vectors would be multiplied again and again. There, each vector is
multiplied once, its product is looked up, and seqkit's own recurrence does the rest (`recurrence.py`). The recurrence
also computes projected layers on a CPU, for which torch has no fast kernel. `dispatch.py` chooses the kernel.

Reference: Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; gates and names as in torch.nn.LSTM; the projection
is that of Sak, Senior and Beaufays, 2014.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Lookup, State
from seqkit.encoders.lstm import dispatch
from seqkit.encoders.lstm.cells import Direction, run_cells
from seqkit.encoders.lstm.dispatch import KernelChoice, choose_kernel
from seqkit.encoders.lstm.dropout import LSTMDropout
from seqkit.encoders.lstm.kernels import LSTMState, LSTMWeights, run_bidirectional_kernel
from seqkit.layers.penalties import ActivationPenalties
from seqkit.layers.precision import product_dtype
from seqkit.messages import message


class LSTMLayers(nn.Module):
    """`num_layers` LSTM layers in one or two directions.

    Weights are initialized in torch.nn.LSTM's order, so that a seed gives both the same ones.

    Args:
        input_size: the width of the inputs.
        hidden_size: the width of the cell.
        num_layers: the number of layers, each reading the outputs of the one below.
        bias: whether gates have biases (two, as in torch).
        proj_size: the width that outputs are projected to; 0 for no projection.
        directions: 1 or 2.
        dropout: the dropout of inputs, outputs and recurrent weights, if there is any.
        penalties: the penalties of the outputs.

    Attributes:
        choices: the kernel of each layer in the last batch, from the bottom up.

    Raises:
        ValueError: `proj_size` is not less than `hidden_size`.
    """

    def __init__(
        self,
        input_size: int,
        *,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        proj_size: int,
        directions: int,
        dropout: LSTMDropout | None,
        penalties: ActivationPenalties,
    ) -> None:
        super().__init__()
        if proj_size >= hidden_size:
            raise ValueError(
                message(
                    "proj_size must be less than hidden_size ({hidden_size}), not {proj_size}",
                    hidden_size=hidden_size,
                    proj_size=proj_size,
                )
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.directions = directions
        self.num_layers = num_layers
        self.dropout = dropout
        self.penalties = penalties
        self.proj_size = proj_size
        self.choices: list[KernelChoice] = []
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

    def forward(self, inputs: Tensor | Lookup, lengths: Tensor, state: State = None) -> Encoded:
        """Compute all layers.

        Args:
            inputs: (batch, time, input_size); or a lookup of such vectors; or the ids, int64 (batch, time), of one-hot
                vectors.
            lengths: int64 (batch,), on the CPU.
            state: (h, c) as returned, or None for zeros.

        Returns:
            Outputs (batch, time, output_size), 0 at padded time steps; final (batch, output_size); and the state (h,
            c), each (batch, num_layers * directions, width), ordered by layer and then by direction, as in torch.
        """
        if self.dropout is not None and self.dropout.drops_inputs:  # the vectors of an id then differ between rows
            inputs = self.dropout.inputs(self._as_vectors(inputs))
        inputs = self._compact_table(inputs) if isinstance(inputs, Lookup) else inputs
        batch, time = (inputs.ids if isinstance(inputs, Lookup) else inputs).shape[:2]
        is_padded = batch > 0 and int(lengths.min()) < time
        self.choices = self._choose_kernels(inputs, lengths)
        layer_inputs = inputs if self.choices[0].uses_lookup else self._as_vectors(inputs)
        hidden_states, cell_states = [], []
        for layer, choice in enumerate(self.choices):
            if layer and self.dropout is not None:
                layer_inputs = self.dropout.between(layer_inputs)
            if choice.bidirectional_call and not is_padded:
                outputs, hidden, cell = self._run_bidirectional(layer, cast(Tensor, layer_inputs), state)
            else:
                outputs, hidden, cell = self._run_cells(choice, layer, layer_inputs, lengths, state)
            layer_inputs = outputs
            hidden_states.append(hidden)
            cell_states.append(cell)
        if is_padded and not self.choices[-1].uses_recurrence:
            padding = torch.arange(time) >= lengths[:, None]  # (batch, time)
            outputs = outputs.masked_fill(padding.to(outputs.device)[:, :, None], 0)
        last_state = torch.cat(hidden_states, dim=1), torch.cat(cell_states, dim=1)
        final = hidden_states[-1].flatten(1)
        undropped = outputs
        if self.dropout is not None:
            outputs, final = self.dropout.of_results(outputs, final)
        return Encoded(outputs, final, last_state, self.penalties(undropped, outputs, lengths))

    def kernels(self) -> list[str]:
        """Describe the kernel of each layer in the last batch, one line per layer."""
        widths = [self.input_size, *[self.output_size] * self.num_layers]
        return [
            message(
                "layer {number}, {input_size:,} -> {output_size:,}: {kernel}",
                number=number,
                input_size=input_size,
                output_size=self.output_size,
                kernel=str(choice),
            )
            for number, (input_size, choice) in enumerate(zip(widths, self.choices, strict=False), start=1)
        ]

    def parallel_weights(self) -> int:
        """Return the number of weights that the last batch used in parallel jobs."""
        return sum(
            weight.numel()
            for layer, choice in enumerate(self.choices)
            if choice.parallel
            for cell in self.cells[layer * self.directions : (layer + 1) * self.directions]
            for weight in cell.parameters()
        )

    def _compact_table(self, lookup: Lookup) -> Lookup:
        """Return an equivalent lookup in a table of only the vectors in use, if a kernel with lookup may be chosen."""
        ids, table = lookup
        most = dispatch.saved_work(3, len(ids), 1.0, self.input_size, self.hidden_size)
        if ids.is_cuda or most < dispatch.MIN_LOOKUP_WORK:
            return lookup
        used, compact_ids = ids.unique(return_inverse=True)
        return Lookup(compact_ids, table.index_select(0, used))

    def _as_vectors(self, inputs: Tensor | Lookup) -> Tensor:
        """Return the input vectors, (batch, time, input_size)."""
        if isinstance(inputs, Lookup):
            return nn.functional.embedding(inputs.ids, inputs.table)
        if inputs.is_floating_point():
            return inputs
        weight = next(self.parameters())
        return weight.new_zeros(*inputs.shape, self.input_size).scatter_(2, inputs[:, :, None], 1.0)

    def _choose_kernels(self, inputs: Tensor | Lookup, lengths: Tensor) -> list[KernelChoice]:
        """Return the kernel of each layer."""
        ids = inputs.ids if isinstance(inputs, Lookup) else inputs
        rows, time = ids.shape[:2]
        real_time_steps = int(lengths.sum())
        if isinstance(inputs, Lookup):
            distinct_vectors = len(inputs.table)
        else:
            distinct_vectors = real_time_steps if inputs.is_floating_point() else 0
        return [
            choose_kernel(
                distinct_vectors=real_time_steps if layer else distinct_vectors,
                rows=rows,
                time=time,
                real_time_steps=real_time_steps,
                input_size=self.output_size if layer else self.input_size,
                hidden_size=self.hidden_size,
                proj_size=self.proj_size,
                directions=self.directions,
                device=ids.device.type,
                bf16=product_dtype(next(self.parameters())) == torch.bfloat16,
            )
            for layer in range(self.num_layers)
        ]

    def _run_bidirectional(self, layer: int, inputs: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor]:
        """Compute both directions of a layer in one call. Returns the same as `_run_cells`."""
        forward, backward = (
            LSTMWeights.from_tensors(self._weights(number), self._cell(number).bias, projected=False)
            for number in (2 * layer, 2 * layer + 1)
        )
        if state is None:
            zeros = forward.hidden_weight.new_zeros(len(inputs), 2, self.hidden_size)
            return run_bidirectional_kernel(forward, backward, inputs, (zeros, zeros))
        hidden_state, cell_state = (part[:, 2 * layer : 2 * layer + 2] for part in state)
        return run_bidirectional_kernel(forward, backward, inputs, (hidden_state, cell_state))

    def _run_cells(
        self, choice: KernelChoice, layer: int, inputs: Tensor | Lookup, lengths: Tensor, state: State
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Compute a layer, each direction separately. Returns the same as `run_cells`."""
        directions = [
            Direction(self._cell(number), self._weights(number), self._initial_state(number, len(lengths), state))
            for number in range(layer * self.directions, (layer + 1) * self.directions)
        ]
        return run_cells(choice, directions, inputs, lengths)

    def _cell(self, number: int) -> nn.LSTM:
        """Return the LSTM of one layer and direction, numbered layer by layer."""
        return cast(nn.LSTM, self.cells[number])

    def _weights(self, number: int) -> list[Tensor]:
        """Return the weights of a cell in torch's order, for one batch: some recurrent ones may be dropped."""
        weights = [weight for weight in self._cell(number)._flat_weights if weight is not None]
        if self.dropout is not None:
            weights[1] = self.dropout.recurrent_weights(weights[1])
        return weights

    def _initial_state(self, number: int, rows: int, state: State) -> LSTMState:
        """Return the initial h and c of a cell, for a number of rows."""
        if state is not None:
            hidden_states, cell_states = state
            return hidden_states[:, number], cell_states[:, number]
        weight = next(self.parameters())
        return weight.new_zeros(rows, self.proj_size or self.hidden_size), weight.new_zeros(rows, self.hidden_size)
