"""One time step of a causal encoder and its head, for one or many rows at once, in few passes over memory.

Everything that is carried from one time step to the next is in one array, `activations`, with one column per row of
text. It contains what each layer reads and what it writes, each followed by a 1 for the bias:

    activations = (x, 1, h_1, 1, h_2, 1, ...)          x: the embedding of the token; h_n: the output of layer n

What a cell reads is then contiguous, and one matrix product gives all its gates, biases included:

    gates = [W_n | b_n | U_n] (h_{n-1}, 1, h_n)

The first layer has no x if the embedding is one-hot: `gates = U_1 h_1 + row`, with the token's row of W_1^T + b_1.

The logistic function is (tanh(x / 2) + 1) / 2. With the weights of i, f and o halved, one tanh serves all four gates.
With a = 2 i, b = 2 f and d = 2 o,

    i', f', o', g = tanh(gates);  a, b, d = (i', f', o') + 1
    c = (a g + b c) / 2
    h = d tanh(c)                               twice the output: the weights that read it are halved

Halving is exact. The gates are in the order i, f, o, g, followed by c, which makes (a g, b c) one product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from seqkit.inference.numpy_engine.embeddings import NumpyEmbedding
from seqkit.inference.numpy_engine.recurrence import CellState
from seqkit.inference.numpy_engine.weights import CellWeights, LayerWeights, LinearWeights

MAX_ROWS = 32
"""The maximum number of rows in a batch: more do not make products faster, and leave fewer batches for the cores."""

_ROW_PADDING = 16
"""Unused numbers between rows of a lookup table. With a distance that is a power of two, many rows share a few cache
lines when they are transposed, which was measured to take three times as long."""

_Step: TypeAlias = Callable[[np.ndarray | None], None]
"""One time step of a layer. Takes what is added to the gates, (4 * hidden_size,) or (4 * hidden_size, rows), if the
layer is the first and the embedding is one-hot; else None."""


class PackedLayer(NamedTuple):
    """A layer of `PackedWeights`.

    Attributes:
        weight: (4 * hidden_size, or output_size; number of activations that are read).
        reads: the activations that it reads.
        writes: the activations that it writes.
        hidden_size: the width of the cell; 0 for a linear layer.
        projection: the halved projection, (output_size, hidden_size); or None.
        writes_double: whether it writes twice its output.
    """

    weight: np.ndarray
    reads: slice
    writes: slice
    hidden_size: int
    projection: np.ndarray | None
    writes_double: bool


class PackedWeights:
    """The weights of a causal encoder and its head, rearranged for time steps.

    Args:
        layers: the layers of the encoder, in the order in which they are applied; the first is a cell.
        embedding: the embedding; None if it is one-hot.
        output: the output layer of the head.
        column_major: whether matrices are stored by columns, which is faster for products with a single row of text.
    """

    def __init__(
        self,
        layers: Sequence[LayerWeights],
        embedding: NumpyEmbedding | None,
        output: LinearWeights,
        *,
        column_major: bool,
    ) -> None:
        self.dtype = output.weight.dtype
        self.embedding = embedding
        self.id_gates: np.ndarray | None = None
        self.layers: list[PackedLayer] = []
        order: Literal["F", "C"] = "F" if column_major else "C"
        start, end = 0, 0 if embedding is None else embedding.width + 1  # what the next layer reads
        is_double = False  # whether that is twice the output of the previous layer
        for number, layer in enumerate(layers):
            writes = slice(end, end + layer.output_size)
            if isinstance(layer, LinearWeights):
                weight = self._with_bias(layer.weight, layer.bias, is_double)
                packed = PackedLayer(
                    np.array(weight, self.dtype, order=order), slice(start, end), writes, 0, None, False
                )
            else:
                cell, writes_double = _with_halved_gates(layer), layer.projection is None
                blocks = [self._with_bias(cell.weight_ih, cell.bias, is_double)]
                if number == 0 and embedding is None:
                    self.num_gates = 4 * cell.hidden_size
                    self.id_gates = self._lookup_table(blocks.pop())
                blocks.append(cell.weight_hh * (0.5 if writes_double else 1))
                packed = PackedLayer(
                    np.array(np.concatenate(blocks, axis=1), self.dtype, order=order),
                    slice(start, writes.stop),
                    writes,
                    cell.hidden_size,
                    None if cell.projection is None else np.array(cell.projection * 0.5, self.dtype, order=order),
                    writes_double,
                )
            self.layers.append(packed)
            is_double = packed.writes_double
            start, end = writes.start, writes.stop + 1
        self.num_activations = end
        self.output = np.array(self._with_bias(output.weight, output.bias, is_double), self.dtype, order=order)
        self.output_reads = slice(start, end)

    @staticmethod
    def _lookup_table(weight: np.ndarray) -> np.ndarray:
        """Return (vocab_size, 4 * hidden_size + padding): the column of each id of [W | b], with b added."""
        table = np.zeros((weight.shape[1] - 1, len(weight) + _ROW_PADDING), weight.dtype)
        np.add(weight[:, :-1].T, weight[:, -1], out=table[:, : len(weight)])
        return table

    @staticmethod
    def _with_bias(weight: np.ndarray, bias: np.ndarray | None, reads_double: bool) -> np.ndarray:
        """Return [W | b], with W halved if its input is twice what it should be."""
        column = np.zeros(len(weight), weight.dtype) if bias is None else bias
        return np.concatenate([weight * 0.5 if reads_double else weight, column[:, None]], axis=1)


def _with_halved_gates(cell: CellWeights) -> CellWeights:
    """Return a cell with its gates in the order i, f, o, g, the first three halved."""
    size = cell.hidden_size
    order = np.arange(4 * size).reshape(4, size)[[0, 1, 3, 2]].ravel()
    scale = np.ones(4 * size, cell.weight_ih.dtype)
    scale[: 3 * size] = 0.5
    return CellWeights(
        cell.weight_ih[order] * scale[:, None],
        cell.weight_hh[order] * scale[:, None],
        None if cell.bias is None else cell.bias[order] * scale,
        cell.projection,
    )


class Stepper:
    """The state of some rows of text, and the computation of their next time step.

    Args:
        weights: the weights, stored by columns if there is one row.
        states: the state of each cell in order, h (rows, output_size) and c (rows, hidden_size).
        previous: int64 (rows,), the last token of each row.
    """

    def __init__(self, weights: PackedWeights, states: Sequence[CellState], previous: np.ndarray) -> None:
        self.rows = len(states[0][0])
        self._weights = weights
        self._previous = previous
        # A single row gets arrays of one axis, for which matrix-vector products are fastest.
        columns = () if self.rows == 1 else (self.rows,)
        self._activations = np.ones((weights.num_activations, *columns), weights.dtype)
        self._cell_states: list[np.ndarray] = []
        self._steps: list[_Step] = []
        remaining = iter(states)
        for layer in weights.layers:
            reads, writes = self._activations[layer.reads], self._activations[layer.writes]
            if not layer.hidden_size:
                self._steps.append(_linear_step(layer, reads, writes))
                continue
            hidden, cell_state = next(remaining)
            gates = np.empty((5 * layer.hidden_size, *columns), weights.dtype)
            self._cell_states.append(gates[4 * layer.hidden_size :])
            self._cell_states[-1][...] = cell_state.T.reshape(-1, *columns)
            writes[...] = hidden.T.reshape(-1, *columns) * (2 if layer.writes_double else 1)
            self._steps.append(_cell_step(layer, reads, gates, writes))
        self._read_by_head = self._activations[weights.output_reads]

    def step(self, ids: np.ndarray) -> np.ndarray:
        """Read one id per row, int64 (rows,). Return the logits of the next one, (rows, vocab_size)."""
        weights = self._weights
        index: int | np.ndarray = int(ids[0]) if self.rows == 1 else ids
        id_gates = None
        if weights.id_gates is not None:
            id_gates = weights.id_gates[index].T[: weights.num_gates]
        elif weights.embedding is not None and weights.embedding.table is not None:
            self._activations[: weights.embedding.width] = weights.embedding.table[index].T
        elif weights.embedding is not None:
            vectors = weights.embedding.embed(ids[:, None], np.ones(self.rows, dtype=np.int64), self._previous)[:, 0]
            self._activations[: weights.embedding.width] = vectors[0] if self.rows == 1 else vectors.T
            self._previous = ids
        for step in self._steps:
            step(id_gates)
            id_gates = None
        logits = weights.output.dot(self._read_by_head)
        return logits[None] if self.rows == 1 else logits.T

    def select(self, rows: np.ndarray, weights: PackedWeights) -> Stepper:
        """Return a stepper for some of the rows.

        Args:
            rows: their indices, int64 (rows,).
            weights: the same weights, stored by columns if one row is selected.
        """
        states = []
        cell_states = iter(self._cell_states)
        for layer in self._weights.layers:
            if layer.hidden_size:
                scale = 0.5 if layer.writes_double else 1
                hidden = self._activations[layer.writes].reshape(-1, self.rows).T[rows] * scale
                states.append((hidden, next(cell_states).reshape(-1, self.rows).T[rows]))
        return Stepper(weights, states, self._previous[rows])


def _linear_step(layer: PackedLayer, reads: np.ndarray, writes: np.ndarray) -> _Step:
    weight = layer.weight

    def step(id_gates: np.ndarray | None) -> None:
        weight.dot(reads, writes)

    return step


def _cell_step(layer: PackedLayer, reads: np.ndarray, gates: np.ndarray, writes: np.ndarray) -> _Step:
    """Return the time step of a cell.

    Args:
        layer: the cell.
        reads, writes: its activations.
        gates: (5 * hidden_size,) or (5 * hidden_size, rows): i, f, o, g, and c below them.
    """
    size, weight, project = layer.hidden_size, layer.weight, layer.projection
    ifog, ifo, i_and_f = (gates[: number * size] for number in (4, 3, 2))
    o, g_and_c, c = gates[2 * size : 3 * size], gates[3 * size :], gates[4 * size :]
    products = np.empty_like(i_and_f)
    # c = halves . (a g, b c), as one product of a vector and a matrix; tanh(c) takes the place of a g.
    ag_and_bc, tanh_c = products.reshape(2, -1), products[:size]
    unprojected = writes if project is None else np.empty_like(c)
    one, halves, flat_c = np.ones((), gates.dtype), np.full(2, 0.5, gates.dtype), c.reshape(-1)
    add, multiply, tanh = np.add, np.multiply, np.tanh

    def step(id_gates: np.ndarray | None) -> None:
        weight.dot(reads, ifog)
        if id_gates is not None:
            add(ifog, id_gates, ifog)
        tanh(ifog, ifog)
        add(ifo, one, ifo)
        multiply(i_and_f, g_and_c, products)
        halves.dot(ag_and_bc, flat_c)
        tanh(c, tanh_c)
        multiply(o, tanh_c, unprojected)
        if project is not None:
            project.dot(unprojected, writes)

    return step
