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
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from seqkit.errors import DataError
from seqkit.tensor_files import read_tensors

Weights = Mapping[str, np.ndarray]

OWN = {
    "tokenizer": {"char", "byte", "word"},
    "embedding": {"one_hot", "learned"},
    "encoder": {"lstm", "bilstm", "stacked", "projected"},
    "head": {"next_char", "classify", "sentiment"},
}
"""The components that this engine knows. A plugin cannot take one of these names."""


def supports(recipe: Mapping[str, Any]) -> bool:
    """Returns whether every component of a resolved recipe is known here."""

    def own(kind: str, section: Any) -> bool:
        if not isinstance(section, dict) or section.get("type") not in OWN[kind]:
            return False
        nested = [*section.get("layers", []), *([section["encoder"]] if "encoder" in section else [])]
        return all(own(kind, inner) for inner in nested)

    return all(own(kind, recipe.get(kind)) for kind in OWN)


class Encoded(NamedTuple):
    """As in contracts, in NumPy: outputs (batch, time, output_size), final (batch, final_size), and the state."""

    outputs: np.ndarray
    final: np.ndarray
    state: Any


class NumpyEngine:
    """A trained model.

    Args:
        recipe: resolved.
        weights: by name.
        head_state: what the head learned from the data.

    Raises:
        DataError: the weights are not those of this recipe.
    """

    def __init__(self, recipe: Mapping[str, Any], weights: Weights, head_state: Mapping[str, Any]) -> None:
        self._weights = {name: np.asarray(tensor, dtype=np.float32) for name, tensor in weights.items()}
        learned = recipe["embedding"]["type"] == "learned"
        self.vectors = self._take("embedding.vectors.weight") if learned else None
        self.encoder = self._encoder(recipe["encoder"], "encoder.")
        self.output_weight, self.output_bias = self._take("head.output.weight").T, self._take("head.output.bias")
        head = recipe["head"]
        self.reads_final = head.get("objective", "step") == "prefix" or head["type"] != "next_char"
        self.carries = self.encoder.causal and not self.reads_final
        self.context = head.get("context", 0)
        self.pooling = head.get("pooling", "final")
        self.labels: list[str] = list(head_state.get("labels", []))

    def next_logits(self, ids: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """Reads ids, int64 (time,), on from a state.

        Returns:
            The logits (vocab_size,) of what comes next, and the state after them.
        """
        encoded = self.encoder.run(self._input(ids[None]), np.array([len(ids)]), state)
        features = encoded.final[0] if self.reads_final else encoded.outputs[0, -1]
        return features @ self.output_weight + self.output_bias, encoded.state

    def label_probabilities(self, texts: Sequence[np.ndarray]) -> np.ndarray:
        """Returns float64 (texts, labels) for texts given as ids."""
        logits = np.empty((len(texts), len(self.output_bias)), dtype=np.float64)
        order = np.argsort([-len(ids) for ids in texts], kind="stable")
        for first in range(0, len(order), 256):
            chosen = order[first : first + 256]
            lengths = np.array([len(texts[number]) for number in chosen])
            ids = np.zeros((len(chosen), lengths[0]), dtype=np.int64)
            for row, number in zip(ids, chosen, strict=True):
                row[: len(texts[number])] = texts[number]
            features = _pooled(self.encoder.run(self._input(ids), lengths, None), lengths, self.pooling)
            logits[chosen] = features @ self.output_weight + self.output_bias
        logits -= logits.max(axis=1, keepdims=True)
        exponentials = np.exp(logits)
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def _input(self, ids: np.ndarray) -> np.ndarray:
        """Ids int64 (batch, time) stay ids where they stand for one-hot vectors; else float32 (batch, time, dim)."""
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
            bias = self._take(f"{prefix}projection.bias") if section["bias"] else np.float32(0)
            return _Projected(inner, self._take(f"{prefix}projection.weight").T, bias)
        directions = 2 if section["type"] == "bilstm" else 1
        cells = []
        for number in range(section["num_layers"] * directions):
            name = f"{prefix}layers.cells.{number}."
            bias = (
                self._take(name + "bias_ih_l0") + self._take(name + "bias_hh_l0") if section["bias"] else np.float32(0)
            )
            projection = self._take(name + "weight_hr_l0") if section["proj_size"] else None
            cells.append(_Cell(self._take(name + "weight_ih_l0"), self._take(name + "weight_hh_l0"), bias, projection))
        return _Layers(cells, directions)


def _pooled(encoded: Encoded, lengths: np.ndarray, pooling: str) -> np.ndarray:
    """Returns (batch, size): what the head `classify` reads of a batch."""
    if pooling == "final":
        return encoded.final
    padded = np.arange(encoded.outputs.shape[1])[None, :, None] >= lengths[:, None, None]
    if pooling == "max":
        return np.where(padded, -np.inf, encoded.outputs).max(axis=1).astype(np.float32)
    return np.where(padded, 0, encoded.outputs).sum(axis=1) / lengths[:, None].astype(np.float32)


class _Cell:
    """One layer in one direction."""

    def __init__(self, weight_ih: np.ndarray, weight_hh: np.ndarray, bias: Any, projection: np.ndarray | None) -> None:
        self.hidden_size = weight_ih.shape[0] // 4
        self.output_size = weight_hh.shape[1]
        # sigmoid(x) = (tanh(x / 2) + 1) / 2: halving the weights of i, f and o here leaves one tanh for all four gates.
        scale = np.full((4, self.hidden_size, 1), 0.5, dtype=np.float32)
        scale[2] = 1
        scale = scale.reshape(-1, 1)
        self.input_weight = np.ascontiguousarray((weight_ih * scale).T)
        self.hidden_weight = np.ascontiguousarray((weight_hh * scale).T)
        self.bias = bias * scale[:, 0]
        self.projection = None if projection is None else np.ascontiguousarray(projection.T)

    def run(self, inputs: np.ndarray, lengths: np.ndarray, start: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Runs over rows in order of falling length.

        Args:
            inputs: ids (batch, time) or vectors (batch, time, input_size), padding last.
            lengths: (batch,), falling.
            start: h and c, or None.

        Returns:
            Outputs (batch, time, output_size), h (batch, output_size) and c (batch, hidden_size) after each last real
            step.
        """
        batch, time = inputs.shape[:2]
        size = self.hidden_size
        hidden = np.zeros((batch, self.output_size), np.float32) if start is None else start[0].copy()
        memory = np.zeros((batch, size), np.float32) if start is None else start[1].copy()
        outputs = np.zeros((batch, time, self.output_size), np.float32)
        pushed = self.input_weight[inputs] if inputs.ndim == 2 else inputs @ self.input_weight
        pushed += self.bias
        for step in range(time):
            rows = batch if lengths[-1] > step else int(np.searchsorted(-lengths, -step))
            gates = hidden[:rows] @ self.hidden_weight
            gates += pushed[:rows, step]
            np.tanh(gates, out=gates)
            halved = gates.reshape(rows, 4, size)
            entered = (halved[:, 0] + 1) * halved[:, 2]
            kept = memory[:rows]
            kept *= halved[:, 1] + 1
            kept += entered
            kept *= 0.5
            shown = (halved[:, 3] + 1) * np.tanh(kept)
            shown *= 0.5
            hidden[:rows] = shown if self.projection is None else shown @ self.projection
            outputs[:rows, step] = hidden[:rows]
        return outputs, hidden, memory


class _Layers:
    """lstm and bilstm."""

    def __init__(self, cells: list[_Cell], directions: int) -> None:
        self.cells = cells
        self.directions = directions
        self.causal = directions == 1

    def run(self, inputs: np.ndarray, lengths: np.ndarray, state: Any) -> Encoded:
        batch, time = inputs.shape[:2]
        steps = np.arange(time)[None]
        backwards = lengths[:, None] - 1 - steps
        order = np.where(backwards >= 0, backwards, steps) if self.directions == 2 else steps
        rows = np.arange(batch)[:, None]
        states: list[tuple[np.ndarray, np.ndarray]] = []
        for number in range(0, len(self.cells), self.directions):
            outputs = []
            for direction in range(self.directions):
                start = None if state is None else state[number + direction]
                given = inputs if direction == 0 else inputs[rows, order]
                output, hidden, memory = self.cells[number + direction].run(given, lengths, start)
                outputs.append(output if direction == 0 else output[rows, order])
                states.append((hidden, memory))
            inputs = outputs[0] if self.directions == 1 else np.concatenate(outputs, axis=2)
        final = np.concatenate([hidden for hidden, _ in states[-self.directions :]], axis=1)
        return Encoded(inputs, final, states)


class _Stacked:
    def __init__(self, layers: list[Any]) -> None:
        self.layers = layers
        self.causal = all(layer.causal for layer in layers)

    def run(self, inputs: np.ndarray, lengths: np.ndarray, state: Any) -> Encoded:
        states = []
        encoded = Encoded(inputs, inputs, None)
        for number, layer in enumerate(self.layers):
            encoded = layer.run(encoded.outputs, lengths, None if state is None else state[number])
            states.append(encoded.state)
        return encoded._replace(state=states)


class _Projected:
    def __init__(self, encoder: Any, weight: np.ndarray, bias: Any) -> None:
        self.encoder = encoder
        self.weight = weight
        self.bias = bias
        self.causal = encoder.causal

    def run(self, inputs: np.ndarray, lengths: np.ndarray, state: Any) -> Encoded:
        encoded = self.encoder.run(inputs, lengths, state)
        return Encoded(
            encoded.outputs @ self.weight + self.bias, encoded.final @ self.weight + self.bias, encoded.state
        )


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Reads a safetensors file.

    Raises:
        DataError: it is missing or damaged.
    """
    from safetensors.numpy import load

    return read_tensors(path, load)
