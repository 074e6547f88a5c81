"""A step of a causal encoder and its head for one or many rows at once, in as few passes over memory as NumPy allows.

All that is carried from step to step stands in one array, `line`, with a column a row of text:

    line = (x, 1, h_1, 1, h_2, 1, ...)          x where ids have vectors; h_n what part n of the encoder gives out

What a part reads stands side by side in it, so that one product gives all that its gates need, biases included:

    gates = [W_n | b_n | U_n] (h_{n-1}, 1, h_n)

and of a first part whose ids stand for one-hot vectors, `gates = U_1 h_1 + row`, where the row of W_1^T + b_1 is looked
up. The logistic function is (tanh(x / 2) + 1) / 2. With halved weights of i, f and o one tanh serves all four gates.
With a = 2 i, b = 2 f, d = 2 o, and m the memory c,

    i', f', o', g = tanh(gates);  a, b, d = (i', f', o') + 1
    m = (a g + b m) / 2
    h = d tanh(m)                               twice what it should be: the weights that read it are halved

Halving is exact. The gates stand in the order i, f, o, g with m below them, which makes (a g, b m) one product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

MAX_ROWS = 32
"""Rows that go through a step together: more make the product no faster, and fewer can't be spread over cores."""

_APART = 16
"""Numbers between rows that are looked up. A power of two apart, they would fall into the same few lines of the cache
when many are transposed, which was measured to take three times as long."""


class Cell(NamedTuple):
    """One layer of LSTM, its weights as torch.nn.LSTM names them: gates in the order i, f, g, o."""

    weight_ih: np.ndarray
    weight_hh: np.ndarray
    bias: np.ndarray | None
    projection: np.ndarray | None

    @property
    def hidden_size(self) -> int:
        return self.weight_ih.shape[0] // 4

    @property
    def output_size(self) -> int:
        return self.weight_hh.shape[1]


class Linear(NamedTuple):
    """A linear map between layers: weight (output_size, input_size)."""

    weight: np.ndarray
    bias: np.ndarray | None

    @property
    def output_size(self) -> int:
        return self.weight.shape[0]


Part = Cell | Linear


class _Packed(NamedTuple):
    """What a part does to `line`.

    Attributes:
        weight: (4 * hidden_size or output_size, what it reads).
        reads: where in `line` it reads.
        writes: where it writes.
        hidden_size: of a cell; 0 for a linear map.
        projection: halved, (output_size, hidden_size), or None.
        doubles: whether what it writes is twice the output.
    """

    weight: np.ndarray
    reads: slice
    writes: slice
    hidden_size: int
    projection: np.ndarray | None
    doubles: bool


class StepWeights:
    """The weights of a causal encoder and of the head upon it, put together for steps.

    Args:
        parts: the encoder's, in the order in which they act; the first is a cell.
        vectors: of the ids, (vocab_size, dim); None where they stand for one-hot vectors.
        output: the head's.
        columns: lay matrices out by columns, which products with one row of text are faster with.
    """

    def __init__(self, parts: Sequence[Part], vectors: np.ndarray | None, output: Linear, *, columns: bool) -> None:
        self.dtype = output.weight.dtype
        self.vectors = vectors
        self.looked_up: np.ndarray | None = None
        self.parts: list[_Packed] = []
        order: Any = "F" if columns else "C"
        start, end = 0, 0 if vectors is None else vectors.shape[1] + 1  # of what the next part reads
        doubled = False  # whether that is twice what it should be
        for number, part in enumerate(parts):
            writes = slice(end, end + part.output_size)
            reads, projection, size = slice(start, end), None, 0
            if isinstance(part, Linear):
                weight, doubled = self._beside(part, doubled), False
            else:
                gates, size, reads = _gates(part), part.hidden_size, slice(start, writes.stop)
                given = [self._beside(gates, doubled)]
                if number == 0 and vectors is None:
                    self.gates = 4 * size
                    self.looked_up = self._rows(given.pop())
                doubled = part.projection is None
                weight = np.concatenate([*given, gates.weight_hh * (0.5 if doubled else 1)], axis=1)
                if part.projection is not None:
                    projection = np.array(part.projection * 0.5, self.dtype, order=order)
            weight = np.array(weight, self.dtype, order=order)
            self.parts.append(_Packed(weight, reads, writes, size, projection, doubled))
            start, end = writes.start, writes.stop + 1
        self.height = end
        self.output = np.array(self._beside(output, doubled), self.dtype, order=order)
        self.output_reads = slice(start, end)

    @staticmethod
    def _rows(weight: np.ndarray) -> np.ndarray:
        """Returns (vocab_size, 4 * hidden_size and more): for each id its column of the weights, with the bias."""
        rows = np.zeros((weight.shape[1] - 1, len(weight) + _APART), weight.dtype)
        np.add(weight[:, :-1].T, weight[:, -1], out=rows[:, : len(weight)])
        return rows

    @staticmethod
    def _beside(part: Part, doubled: bool) -> np.ndarray:
        """Returns the weights that read what came before, and the bias, which reads the 1, beside them."""
        weight = part.weight if isinstance(part, Linear) else part.weight_ih
        bias = np.zeros(len(weight), weight.dtype) if part.bias is None else part.bias
        return np.concatenate([weight * 0.5 if doubled else weight, bias[:, None]], axis=1)


def _gates(cell: Cell) -> Cell:
    """Returns a cell with its gates in the order i, f, o, g, the first three halved."""
    size = cell.hidden_size
    order = np.arange(4 * size).reshape(4, size)[[0, 1, 3, 2]].ravel()
    scale = np.ones(4 * size, cell.weight_ih.dtype)
    scale[: 3 * size] = 0.5
    return Cell(
        cell.weight_ih[order] * scale[:, None],
        cell.weight_hh[order] * scale[:, None],
        None if cell.bias is None else cell.bias[order] * scale,
        cell.projection,
    )


class Stepper:
    """Rows of text, as far as they are read.

    Args:
        states: of each cell in order, h (rows, output_size) and c (rows, hidden_size).
    """

    def __init__(self, weights: StepWeights, states: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        self.rows = len(states[0][0])
        self._weights = weights
        # One row gets arrays of one axis, with which products of matrix and vector are fastest.
        columns = () if self.rows == 1 else (self.rows,)
        self._line = np.ones((weights.height, *columns), weights.dtype)
        self._memories: list[np.ndarray] = []
        self._steps: list[Callable[[Any], None]] = []
        given = iter(states)
        for part in weights.parts:
            reads, writes = self._line[part.reads], self._line[part.writes]
            if not part.hidden_size:
                self._steps.append(_linear_step(part, reads, writes))
                continue
            hidden, memory = next(given)
            gates = np.empty((5 * part.hidden_size, *columns), weights.dtype)
            self._memories.append(gates[4 * part.hidden_size :])
            self._memories[-1][...] = memory.T.reshape(-1, *columns)
            writes[...] = hidden.T.reshape(-1, *columns) * (2 if part.doubles else 1)
            self._steps.append(_cell_step(part, reads, gates, writes))
        self._read_by_head = self._line[weights.output_reads]

    def step(self, ids: np.ndarray) -> np.ndarray:
        """Reads an id in each row, int64 (rows,); returns the logits (rows, vocab_size) of what comes next."""
        weights = self._weights
        chosen: Any = int(ids[0]) if self.rows == 1 else ids
        row = None
        if weights.looked_up is not None:
            row = weights.looked_up[chosen].T[: weights.gates]
        elif weights.vectors is not None:
            self._line[: weights.vectors.shape[1]] = weights.vectors[chosen].T
        for step in self._steps:
            step(row)
            row = None
        logits = weights.output.dot(self._read_by_head)
        return logits[None] if self.rows == 1 else logits.T

    def select(self, rows: np.ndarray, weights: StepWeights) -> Stepper:
        """Returns some of the rows, by their numbers.

        Args:
            weights: the same, laid out for so many rows.
        """
        states = []
        memories = iter(self._memories)
        for part in self._weights.parts:
            if part.hidden_size:
                hidden = self._line[part.writes].reshape(-1, self.rows).T[rows] * (0.5 if part.doubles else 1)
                states.append((hidden, next(memories).reshape(-1, self.rows).T[rows]))
        return Stepper(weights, states)


def _linear_step(part: _Packed, reads: np.ndarray, writes: np.ndarray) -> Callable[[Any], None]:
    weight = part.weight

    def step(row: Any) -> None:
        weight.dot(reads, writes)

    return step


def _cell_step(part: _Packed, reads: np.ndarray, gates: np.ndarray, writes: np.ndarray) -> Callable[[Any], None]:
    """Returns the step of a cell.

    Args:
        reads, writes: its parts of `line`.
        gates: (5 * hidden_size,) or (5 * hidden_size, rows): the gates i, f, o, g, and below them the memory.
    """
    size, weight, project = part.hidden_size, part.weight, part.projection
    all_four, i_f_and_o, i_and_f = (gates[: number * size] for number in (4, 3, 2))
    g_and_memory, memory, showing = gates[3 * size :], gates[4 * size :], gates[2 * size : 3 * size]
    products = np.empty_like(i_and_f)
    two, squashed = products.reshape(2, -1), products[:size]
    shown = writes if project is None else np.empty_like(memory)
    one, halves, into_memory = np.ones((), gates.dtype), np.full(2, 0.5, gates.dtype), memory.reshape(-1)
    add, multiply, tanh = np.add, np.multiply, np.tanh

    def step(row: Any) -> None:
        """row: what is looked up for the ids of a first part, (4 * hidden_size,) or (…, rows); or None."""
        weight.dot(reads, all_four)
        if row is not None:
            add(all_four, row, all_four)
        tanh(all_four, all_four)
        add(i_f_and_o, one, i_f_and_o)
        multiply(i_and_f, g_and_memory, products)
        halves.dot(two, into_memory)
        tanh(memory, squashed)
        multiply(showing, squashed, shown)
        if project is not None:
            project.dot(shown, writes)

    return step
