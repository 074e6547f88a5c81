"""seqkit's own components, forwards, in NumPy: importing torch takes longer than most of what a trained run is asked.

Equal to the torch modules up to rounding. Weights have the names that training gave them, and W, U, b below are
weight_ih, weight_hh, bias_ih + bias_hh of torch.nn.LSTM:

    i, f, g, o = split(x_t W^T + h_{t-1} U^T + b)
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
    h_t = sigmoid(o) tanh(c_t)                     and, projected, h_t = P h_t

The input of a one-hot vector times W^T is a row of W^T, and is looked up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqkit.errors import DataError
from seqkit.infer.cores import spread
from seqkit.infer.stepper import MAX_ROWS, Cell, Linear, Part, Stepper, StepWeights
from seqkit.tensor_files import read_tensors

Weights = Mapping[str, np.ndarray]

OWN = {
    "tokenizer": {"char", "byte", "word"},
    "embedding": {"one_hot", "learned"},
    "encoder": {"lstm", "bilstm", "stacked", "projected"},
    "head": {"next_char", "classify", "sentiment"},
}
"""The components that this engine knows. A plugin cannot take one of these names."""

_BLOCK = 512
"""Texts that are answered for at once: enough for the products, and few enough for a core's own cache."""


def supports(recipe: Mapping[str, Any]) -> bool:
    """Returns whether every component of a resolved recipe is known here."""

    def own(kind: str, section: Any) -> bool:
        if not isinstance(section, dict) or section.get("type") not in OWN[kind]:
            return False
        nested = [*section.get("layers", []), *([section["encoder"]] if "encoder" in section else [])]
        return all(own(kind, inner) for inner in nested)

    return all(own(kind, recipe.get(kind)) for kind in OWN)


class Encoded(NamedTuple):
    """As in contracts, in NumPy.

    Attributes:
        outputs: (batch, time, output_size), zero or a bias at padded steps; None where they were not asked for.
        final: (batch, final_size).
        states: for each cell in order, h (batch, output_size) and c (batch, hidden_size) after each last real step.
    """

    outputs: np.ndarray | None
    final: np.ndarray
    states: list[tuple[np.ndarray, np.ndarray]]


class NumpyEngine:
    """A trained model, which computes in the floating type of its weights, float32 at least.

    Args:
        recipe: resolved.
        weights: by name.
        head_state: what the head learned from the data.

    Raises:
        DataError: the weights are not those of this recipe.
    """

    max_rows = MAX_ROWS

    def __init__(self, recipe: Mapping[str, Any], weights: Weights, head_state: Mapping[str, Any]) -> None:
        self.dtype = np.result_type(np.float32, *(tensor.dtype for tensor in weights.values()))
        self._weights = {name: np.asarray(tensor, dtype=self.dtype) for name, tensor in weights.items()}
        learned = recipe["embedding"]["type"] == "learned"
        self.vectors = self._take("embedding.vectors.weight") if learned else None
        self.encoder = self._encoder(recipe["encoder"], "encoder.")
        self.output = Linear(self._take("head.output.weight"), self._take("head.output.bias"))
        head = recipe["head"]
        self.reads_final = head.get("objective", "step") == "prefix" or head["type"] != "next_char"
        self.carries = self.encoder.causal and not self.reads_final
        self.context = head.get("context", 0)
        self.pooling = head.get("pooling", "final")
        self.labels: list[str] = list(head_state.get("labels", []))
        self._step_weights: dict[bool, StepWeights] = {}

    def read(self, texts: Sequence[np.ndarray]) -> tuple[np.ndarray, Stepper | None]:
        """Reads texts, each ids, int64 (time,); the last `context` ids of each where no state is carried.

        Returns:
            The logits (texts, vocab_size) of what comes next, and the state after them, None where none is carried.
        """
        if not self.carries:
            texts = [ids[-self.context :] for ids in texts]
        order = np.argsort([-len(ids) for ids in texts], kind="stable")
        ids, lengths = _padded([texts[number] for number in order])
        at_end = self.reads_final or self.encoder.causal  # where the final vector is the last step's output
        encoded = self.encoder.run(self._input(ids), lengths, outputs=not at_end)
        features = encoded.final if at_end else encoded.outputs[np.arange(len(texts)), lengths - 1]
        back = np.argsort(order)
        logits = (features @ self.output.weight.T + self.output.bias)[back]
        if not self.carries:
            return logits, None
        states = [(hidden[back], memory[back]) for hidden, memory in encoded.states]
        return logits, Stepper(self._weights_for(len(texts)), states)

    def step(self, ids: np.ndarray, state: Stepper) -> tuple[np.ndarray, Stepper]:
        """Reads an id a row, int64 (rows,), on from a state, which is used up; returns as `read` does."""
        return state.step(ids), state

    def select(self, state: Stepper, rows: np.ndarray) -> Stepper:
        """Returns the state of some of its rows, by their numbers."""
        return state.select(rows, self._weights_for(len(rows)))

    def _weights_for(self, rows: int) -> StepWeights:
        one = rows == 1
        if one not in self._step_weights:
            self._step_weights[one] = StepWeights(self.encoder.parts(), self.vectors, self.output, columns=one)
        return self._step_weights[one]

    def label_probabilities(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """Returns float64 (texts, labels) for texts given as ids."""
        order = np.argsort([-len(ids) for ids in texts], kind="stable")
        blocks = [order[first : first + _BLOCK] for first in range(0, len(order), _BLOCK)]
        logits = np.empty((len(texts), len(self.output.weight)), dtype=np.float64)

        def answer(block: np.ndarray, ended: object) -> None:
            ids, lengths = _padded([texts[number] for number in block])
            encoded = self.encoder.run(self._input(ids), lengths, outputs=self.pooling != "final")
            logits[block] = _pooled(encoded, lengths, self.pooling) @ self.output.weight.T + self.output.bias

        spread(answer, blocks)
        logits -= logits.max(axis=1, keepdims=True)
        exponentials = np.exp(logits)
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def _input(self, ids: np.ndarray) -> np.ndarray:
        """Ids int64 (batch, time) stay ids where they stand for one-hot vectors; else float (batch, time, dim)."""
        return ids if self.vectors is None else self.vectors[ids]

    def _take(self, name: str) -> np.ndarray:
        try:
            return self._weights[name]
        except KeyError:
            raise DataError(f"the weights hold no '{name}': they are not those of this recipe") from None

    def _encoder(self, section: Mapping[str, Any], prefix: str) -> Any:
        if section["type"] == "stacked":
            layers = section["layers"]
            return _Stacked([self._encoder(layer, f"{prefix}layers.{n}.") for n, layer in enumerate(layers)])
        if section["type"] == "projected":
            inner = self._encoder(section["encoder"], f"{prefix}encoder.")
            bias = self._take(f"{prefix}projection.bias") if section["bias"] else None
            return _Projected(inner, Linear(self._take(f"{prefix}projection.weight"), bias))
        directions = 2 if section["type"] == "bilstm" else 1
        cells = []
        for number in range(section["num_layers"] * directions):
            name = f"{prefix}layers.cells.{number}."
            bias = self._take(name + "bias_ih_l0") + self._take(name + "bias_hh_l0") if section["bias"] else None
            projection = self._take(name + "weight_hr_l0") if section["proj_size"] else None
            cells.append(Cell(self._take(name + "weight_ih_l0"), self._take(name + "weight_hh_l0"), bias, projection))
        return _Layers(cells, directions)


def _padded(texts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns texts of falling length as ids, int64 (texts, time), and their lengths."""
    lengths = np.array([len(ids) for ids in texts])
    ids = np.zeros((len(texts), lengths[0]), dtype=np.int64)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = text
    return ids, lengths


def _pooled(encoded: Encoded, lengths: np.ndarray, pooling: str) -> np.ndarray:
    """Returns (batch, size): what the head `classify` reads of a batch."""
    if pooling == "final":
        return encoded.final
    outputs = encoded.outputs
    assert outputs is not None
    padded = np.arange(outputs.shape[1])[None, :, None] >= lengths[:, None, None]
    if pooling == "max":
        return np.where(padded, outputs.dtype.type(-np.inf), outputs).max(axis=1)
    return np.where(padded, outputs.dtype.type(0), outputs).sum(axis=1) / lengths[:, None].astype(outputs.dtype)


class _Recurrence:
    """One cell over whole rows."""

    def __init__(self, cell: Cell) -> None:
        self.hidden_size, self.output_size = cell.hidden_size, cell.output_size
        # sigmoid(x) = (tanh(x / 2) + 1) / 2: halving the weights of i, f and o here leaves one tanh for all four gates.
        scale = np.full((4, self.hidden_size, 1), 0.5, dtype=cell.weight_ih.dtype)
        scale[2] = 1
        scale = scale.reshape(-1, 1)
        self.input_weight = np.ascontiguousarray((cell.weight_ih * scale).T)
        self.hidden_weight = np.ascontiguousarray((cell.weight_hh * scale).T)
        self.bias = 0 if cell.bias is None else cell.bias * scale[:, 0]
        self.projection = None if cell.projection is None else np.ascontiguousarray(cell.projection.T)

    @cached_property
    def looked_up(self) -> np.ndarray:
        """(input_size, 4 * hidden_size): what an id that stands for a one-hot vector adds to the gates."""
        return self.input_weight + self.bias

    def run(
        self, inputs: np.ndarray, lengths: np.ndarray, outputs: np.ndarray | None, *, backwards: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Runs over rows in order of falling length, of which the first so many are there at a step.

        A row that is read backwards joins them at its own last step, with the state that it begins with: zeros.

        Args:
            inputs: ids (batch, time) or vectors (batch, time, input_size), padding last.
            lengths: (batch,), falling.
            outputs: (batch, time, output_size), to be filled where steps are real; None where they are not wanted.
            backwards: read each row from its end.

        Returns:
            h (batch, output_size) and c (batch, hidden_size) after each row's last step.
        """
        batch, time = inputs.shape[:2]
        size, dtype = self.hidden_size, self.hidden_weight.dtype
        hidden, memory = np.zeros((batch, self.output_size), dtype), np.zeros((batch, size), dtype)
        running = (lengths > np.arange(time)[:, None]).sum(axis=1).tolist()
        pushed = None if inputs.ndim == 2 else inputs @ self.input_weight + self.bias
        for step in range(time - 1, -1, -1) if backwards else range(time):
            rows = running[step]
            gates = hidden[:rows] @ self.hidden_weight
            gates += self.looked_up[inputs[:rows, step]] if pushed is None else pushed[:rows, step]
            np.tanh(gates, out=gates)
            entering, keeping, new, showing = (gates[:, first : first + size] for first in range(0, 4 * size, size))
            entering += 1
            entering *= new
            keeping += 1
            kept = memory[:rows]
            kept *= keeping
            kept += entering
            kept *= 0.5
            showing += 1
            showing *= 0.5
            if self.projection is None:
                np.multiply(showing, np.tanh(kept, out=entering), out=hidden[:rows])
            else:
                showing *= np.tanh(kept, out=entering)
                np.matmul(showing, self.projection, out=hidden[:rows])
            if outputs is not None:
                outputs[:rows, step] = hidden[:rows]
        return hidden, memory


class _Layers:
    """lstm and bilstm."""

    def __init__(self, cells: list[Cell], directions: int) -> None:
        self.cells = cells
        self.directions = directions
        self.causal = directions == 1
        self._recurrences = [_Recurrence(cell) for cell in cells]

    def parts(self) -> list[Part]:
        return list(self.cells)

    def run(self, inputs: np.ndarray, lengths: np.ndarray, *, outputs: bool = True) -> Encoded:
        batch, time = inputs.shape[:2]
        width, dtype = self.cells[0].output_size, self.cells[0].weight_hh.dtype
        states: list[tuple[np.ndarray, np.ndarray]] = []
        given, made = inputs, None
        for number, recurrence in enumerate(self._recurrences):
            layer, direction = divmod(number, self.directions)
            if direction == 0:
                last = (layer + 1) * self.directions == len(self.cells)
                made = np.zeros((batch, time, self.directions * width), dtype) if outputs or not last else None
            here = None if made is None else made[:, :, direction * width : (direction + 1) * width]
            states.append(recurrence.run(given, lengths, here, backwards=direction == 1))
            if direction == self.directions - 1 and made is not None:
                given = made
        return Encoded(made, np.concatenate([hidden for hidden, _ in states[-self.directions :]], axis=1), states)


class _Stacked:
    def __init__(self, layers: list[Any]) -> None:
        self.layers = layers
        self.causal = all(layer.causal for layer in layers)

    def parts(self) -> list[Part]:
        return [part for layer in self.layers for part in layer.parts()]

    def run(self, inputs: np.ndarray, lengths: np.ndarray, *, outputs: bool = True) -> Encoded:
        states = []
        encoded = Encoded(inputs, inputs, [])
        for layer in self.layers:
            encoded = layer.run(encoded.outputs, lengths, outputs=outputs or layer is not self.layers[-1])
            states += encoded.states
        return encoded._replace(states=states)


class _Projected:
    def __init__(self, encoder: Any, projection: Linear) -> None:
        self.encoder = encoder
        self.projection = projection
        self.causal = encoder.causal

    def parts(self) -> list[Part]:
        return [*self.encoder.parts(), self.projection]

    def run(self, inputs: np.ndarray, lengths: np.ndarray, *, outputs: bool = True) -> Encoded:
        encoded = self.encoder.run(inputs, lengths, outputs=outputs)
        weight, bias = self.projection.weight.T, 0 if self.projection.bias is None else self.projection.bias
        projected = None if encoded.outputs is None else encoded.outputs @ weight + bias
        return Encoded(projected, encoded.final @ weight + bias, encoded.states)


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Reads a safetensors file.

    Raises:
        DataError: it is missing or damaged.
    """
    from safetensors.numpy import load

    return read_tensors(path, load)
