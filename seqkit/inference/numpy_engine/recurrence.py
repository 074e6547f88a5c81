"""An LSTM cell over padded rows. See `model` for the equations."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from seqkit.inference.numpy_engine.weights import CellWeights

CellState = tuple[np.ndarray, np.ndarray]
"""h (batch, output_size) and c (batch, hidden_size) of one LSTM cell."""


class Recurrence:
    """One LSTM cell, run over whole rows.

    sigmoid(x) = (tanh(x / 2) + 1) / 2: the weights of i, f and o are halved here, and one tanh serves all four gates.

    Args:
        cell: the weights of the cell.
    """

    def __init__(self, cell: CellWeights) -> None:
        self.hidden_size, self.output_size = cell.hidden_size, cell.output_size
        scale = np.full((4, self.hidden_size, 1), 0.5, dtype=cell.weight_ih.dtype)
        scale[2] = 1
        scale = scale.reshape(-1, 1)
        self.input_weight = np.ascontiguousarray((cell.weight_ih * scale).T)
        self.hidden_weight = np.ascontiguousarray((cell.weight_hh * scale).T)
        self.bias = 0 if cell.bias is None else cell.bias * scale[:, 0]
        self.projection = None if cell.projection is None else np.ascontiguousarray(cell.projection.T)

    @cached_property
    def id_gates(self) -> np.ndarray:
        """(input_size, 4 * hidden_size): what the one-hot vector of each id adds to the gates, with the bias."""
        return self.input_weight + self.bias

    def run(self, inputs: np.ndarray, lengths: np.ndarray, outputs: np.ndarray | None, *, backward: bool) -> CellState:
        """Run over rows, the longest first, so that the rows that are still running are always the first ones.

        In the backward direction a row starts at its own last real time step, with a state of zeros.

        Args:
            inputs: ids (batch, time) or vectors (batch, time, input_size), padded on the right.
            lengths: (batch,), in descending order.
            outputs: (batch, time, output_size), filled in at real time steps; or None.
            backward: whether each row is read from its end.

        Returns:
            The state after the time step of each row that is read last.
        """
        batch, time = inputs.shape[:2]
        size, dtype = self.hidden_size, self.hidden_weight.dtype
        hidden, cell_state = np.zeros((batch, self.output_size), dtype), np.zeros((batch, size), dtype)
        running = (lengths > np.arange(time)[:, None]).sum(axis=1).tolist()
        input_gates = None if inputs.ndim == 2 else inputs @ self.input_weight + self.bias
        for t in range(time - 1, -1, -1) if backward else range(time):
            rows = running[t]
            gates = hidden[:rows] @ self.hidden_weight
            gates += self.id_gates[inputs[:rows, t]] if input_gates is None else input_gates[:rows, t]
            np.tanh(gates, out=gates)
            i, f, g, o = (gates[:, first : first + size] for first in range(0, 4 * size, size))
            i += 1
            i *= g
            f += 1
            c = cell_state[:rows]
            c *= f
            c += i
            c *= 0.5
            o += 1
            o *= 0.5
            tanh_c = np.tanh(c, out=i)
            if self.projection is None:
                np.multiply(o, tanh_c, out=hidden[:rows])
            else:
                o *= tanh_c
                np.matmul(o, self.projection, out=hidden[:rows])
            if outputs is not None:
                outputs[:rows, t] = hidden[:rows]
        return hidden, cell_state
