"""Layers of LSTM over padded rows: the arithmetic that `lstm` and `bilstm` share.

torch.nn.LSTM gives each row its own answer only for a PackedSequence, and on a CPU that path is several times slower
than the one for padded input. Here every layer and direction is a one-way LSTM over padded input, and two devices
keep a row's padding out of its answer:

- The backward direction reads each row reversed within its own length, so that padding comes last in both directions.
- Where lengths differ, torch's kernel is told of padded steps by one more input, which holds the cell as it is
  (`one_way.by_kernel`). The cell that stands at the last step of the batch is therefore exactly the one after the
  row's last real step, and the gradient that reaches it through the padding is exact too.

Input may also come as ids. Where they stand for one-hot vectors of a large vocabulary nearly all of the time would go
into multiplying zeros, and where they stand for the rows of a table the same few rows are multiplied again and again.
There each row is multiplied once and its product looked up, and `recurrence.py` does the rest. It also does what torch
has no fast kernel for, a projected LSTM on a CPU. `paths.py` chooses, and says what is done side by side.

Reference: Hochreiter and Schmidhuber, 1997; gates and names as in torch.nn.LSTM; the projection is that of Sak et
al., 2014.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Lookup, State
from seqkit.encoders import paths
from seqkit.encoders.one_way import Weights, both_by_kernel, by_cudnn, by_kernel, by_recurrence
from seqkit.encoders.paths import Path, choose_path
from seqkit.workers import Job, side_by_side


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

    Attributes:
        paths: how each layer of the last batch was computed, from the bottom up.

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
        self.proj_size = proj_size
        self.paths: list[Path] = []
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
        """Runs every layer.

        Args:
            inputs: (batch, time, input_size); or what stands for it: a lookup, or the ids, int64 (batch, time), of
                one-hot vectors.
            lengths: int64 (batch,), on the CPU.
            state: (h, c) as returned, or None for zeros.

        Returns:
            Outputs (batch, time, output_size), zero at padded steps; final (batch, output_size); and the state (h,
            c), each (batch, num_layers * directions, width), layer by layer and the forward direction first, as torch
            orders them.
        """
        given: Any = self._with_rows_in_use(inputs) if isinstance(inputs, Lookup) else inputs
        ids = given.ids if isinstance(given, Lookup) else given
        batch, time = ids.shape[:2]
        padded = batch > 0 and int(lengths.min()) < time
        self.paths = self._paths(given, lengths)
        if not self.paths[0].looks_up:
            given = self._vectors(given)
        hidden, cell = [], []
        for layer, path in enumerate(self.paths):
            if layer and self.dropout:
                given = nn.functional.dropout(given, self.dropout, self.training)
            if path.at_once and not padded:
                given, layer_hidden, layer_cell = self._at_once(layer, given, state)
            else:
                given, layer_hidden, layer_cell = self._by_jobs(path, layer, given, lengths, state)
            hidden.append(layer_hidden)
            cell.append(layer_cell)
        if padded and not self.paths[-1].recurs:
            padding = torch.arange(time) >= lengths[:, None]  # (batch, time)
            given = given.masked_fill(padding.to(given.device)[:, :, None], 0)
        return Encoded(given, hidden[-1].flatten(1), (torch.cat(hidden, dim=1), torch.cat(cell, dim=1)))

    def _with_rows_in_use(self, lookup: Lookup) -> Lookup:
        """Leaves out what the batch does not look up, where looking up may be the way to go."""
        ids, table = lookup
        if ids.is_cuda or paths.spared(3, len(ids), 1.0, self.input_size, self.hidden_size) < paths.LOOK_UP_FROM:
            return lookup
        used, places = ids.unique(return_inverse=True)
        return Lookup(places, table.index_select(0, used))

    def _vectors(self, inputs: Tensor | Lookup) -> Tensor:
        """Returns (batch, time, input_size)."""
        if isinstance(inputs, Lookup):
            return nn.functional.embedding(inputs.ids, inputs.table)
        if inputs.is_floating_point():
            return inputs
        weight = next(self.parameters())
        return weight.new_zeros(*inputs.shape, self.input_size).scatter_(2, inputs[:, :, None], 1.0)

    def _paths(self, inputs: Tensor | Lookup, lengths: Tensor) -> list[Path]:
        ids = inputs.ids if isinstance(inputs, Lookup) else inputs
        batch, time = ids.shape[:2]
        real = int(lengths.sum())
        multiplied = real if ids.is_floating_point() else 0
        if isinstance(inputs, Lookup):
            multiplied = len(inputs.table)
        return [
            choose_path(
                multiplied=real if layer else multiplied,
                rows=batch,
                time=time,
                real=real,
                input_size=self.output_size if layer else self.input_size,
                hidden_size=self.hidden_size,
                proj_size=self.proj_size,
                directions=self.directions,
                device=ids.device.type,
            )
            for layer in range(self.num_layers)
        ]

    def _at_once(self, layer: int, inputs: Tensor, state: State) -> tuple[Tensor, Tensor, Tensor]:
        """Runs both directions of a layer in one call; returns as `_by_jobs` does."""
        cells: Any = self.cells[2 * layer : 2 * layer + 2]
        forwards, backwards = (Weights.of(cell._flat_weights, cell.bias, projected=False) for cell in cells)
        if state is None:
            zeros = forwards.hidden_weight.new_zeros(len(inputs), 2, self.hidden_size)
            return both_by_kernel(forwards, backwards, inputs, (zeros, zeros))
        hidden, memory = (part[:, 2 * layer : 2 * layer + 2] for part in state)
        return both_by_kernel(forwards, backwards, inputs, (hidden, memory))

    def _by_jobs(
        self, path: Path, layer: int, inputs: Tensor | Lookup, lengths: Tensor, state: State
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Runs a layer, each direction and each part of the rows by itself.

        Returns:
            Outputs (batch, time, output_size), and h and c, (batch, directions, width), after the step that each
            direction reads last.
        """
        given, *table = inputs if isinstance(inputs, Lookup) else (inputs,)
        rows = [_cut(tensor, path.parts) for tensor in (given, lengths)]
        jobs = []
        for number in range(layer * self.directions, (layer + 1) * self.directions):
            start = self._start(number, given, state)
            cut = zip(*rows, *(_cut(tensor, path.parts) for tensor in start), strict=True)
            jobs += [self._job(path, number, table, *parts) for parts in cut]
        done = side_by_side(jobs) if path.together else [job.work(*job.inputs) for job in jobs]
        if path.parts > 1:
            done = [
                tuple(map(torch.cat, zip(*done[first : first + path.parts], strict=True)))
                for first in range(0, len(done), path.parts)
            ]
        outputs, hidden, memory = zip(*done, strict=True)
        joined = outputs[0] if self.directions == 1 else torch.cat(outputs, dim=2)
        return joined, torch.stack(hidden, dim=1), torch.stack(memory, dim=1)

    def _start(self, number: int, given: Tensor, state: State) -> list[Tensor]:
        """Returns h (batch, width) and c (batch, hidden_size) with which the cell of this number begins."""
        if state is not None:
            return [part[:, number] for part in state]
        weight = next(self.parameters())
        return [weight.new_zeros(len(given), size) for size in (self.proj_size or self.hidden_size, self.hidden_size)]

    def _job(self, path: Path, number: int, table: list[Tensor], given: Tensor, lengths: Tensor, *start: Tensor) -> Job:
        """Returns the work of one cell on some rows: outputs, and h and c after the last step it reads.

        Args:
            table: empty, or the table of a lookup whose ids are `given`.
            start: h and c.
        """
        cell: Any = self.cells[number]
        backwards = number % self.directions == 1

        def work(given: Tensor, hidden: Tensor, memory: Tensor, *others: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            if len(given) == 0:
                return hidden.new_zeros(0, given.shape[1], hidden.shape[1]), hidden, memory
            if given.is_cuda:
                return by_cudnn(cell, given, lengths, (hidden, memory), backwards)
            weights = Weights.of(others[len(table) :], cell.bias, self.proj_size > 0)
            if path.recurs:
                read = Lookup(given, others[0]) if table else given
                return by_recurrence(weights, read, lengths, (hidden, memory), backwards)
            return by_kernel(weights, given, lengths, (hidden, memory), backwards)

        return Job(work, [given, *start, *table, *(weight for weight in cell._flat_weights if weight is not None)])


def _cut(rows: Tensor, parts: int) -> Sequence[Tensor]:
    """Cuts a tensor, rows first, into parts as even as can be."""
    if parts == 1:
        return [rows]  # even the slice of all of a tensor would have its gradient copied
    ends = [len(rows) * part // parts for part in range(parts + 1)]
    return rows.split([end - begin for begin, end in zip(ends, ends[1:], strict=False)])
