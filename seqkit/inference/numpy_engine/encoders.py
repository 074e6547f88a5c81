"""The built-in encoders in NumPy, built from a recipe and its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from seqkit.contracts.parameters import NonNegativeInt, PositiveInt
from seqkit.inference.numpy_engine.recurrence import CellState, Recurrence
from seqkit.inference.numpy_engine.weights import (
    CellWeights,
    CheckedWeights,
    InvalidSetting,
    LayerWeights,
    LinearWeights,
    read_setting,
)
from seqkit.messages import format_value, message


class NumpyEncoded(NamedTuple):
    """The output of an encoder: `seqkit.contracts.Encoded` in NumPy.

    Attributes:
        outputs: (batch, time, output_size). Values at padded time steps are to be ignored. None if not requested.
        final: (batch, final_size).
        states: the state of each LSTM cell, in order, after the last real time step of each row.
    """

    outputs: np.ndarray | None
    final: np.ndarray
    states: list[CellState]


class NumpyEncoder(Protocol):
    """An encoder.

    Attributes:
        output_size: the width of `outputs`, and of `final`.
        causal: whether the output at each time step depends only on the inputs up to it.
    """

    output_size: int
    causal: bool

    def encode(self, inputs: np.ndarray, lengths: np.ndarray, *, outputs: bool = True) -> NumpyEncoded:
        """Encode a padded batch.

        Args:
            inputs: ids int64 (batch, time), in place of their one-hot vectors; or float (batch, time, input_size).
            lengths: (batch,), in descending order.
            outputs: whether `outputs` is requested.
        """

    def layers(self) -> list[LayerWeights]:
        """Return the weights of a causal encoder's cells and linear layers, in the order in which they are applied."""


def build_encoder(section: Mapping[str, Any], name: str, input_size: int, weights: CheckedWeights) -> NumpyEncoder:
    """Build an encoder from its section of the recipe.

    Args:
        section: the section, resolved, with a built-in `type`.
        name: the path of the section in the recipe, which is the prefix of its weights too: `encoder.layers.0`.
        input_size: the width of its input.
        weights: the weights of the run.

    Raises:
        InvalidSetting: a value of the section is invalid.
        DataError: a weight is missing or invalid.
    """
    if section["type"] == "stacked":
        return _build_stacked(section, name, input_size, weights)
    if section["type"] == "projected":
        if not isinstance(section.get("encoder"), dict):
            raise InvalidSetting(message("{name}.encoder is required", name=name))
        encoder = build_encoder(section["encoder"], f"{name}.encoder", input_size, weights)
        size = read_setting(section, "proj_size", name, PositiveInt)
        bias = read_setting(section, "bias", name, bool)
        return ProjectedEncoder(
            encoder, weights.take_linear(f"{name}.projection", size, encoder.output_size, bias=bias)
        )
    return _build_lstm(section, name, input_size, weights)


def _build_stacked(section: Mapping[str, Any], name: str, input_size: int, weights: CheckedWeights) -> StackedEncoder:
    sections = section.get("layers")
    if not isinstance(sections, list) or not sections:
        raise InvalidSetting(
            message(
                "{name}.layers: must be a list of at least one encoder, not {value}",
                name=name,
                value=format_value(sections),
            )
        )
    encoders: list[NumpyEncoder] = []
    for number, layer in enumerate(sections):
        encoders.append(build_encoder(layer, f"{name}.layers.{number}", input_size, weights))
        input_size = encoders[-1].output_size
    return StackedEncoder(encoders)


def _build_lstm(section: Mapping[str, Any], name: str, input_size: int, weights: CheckedWeights) -> LSTMEncoder:
    hidden_size = read_setting(section, "hidden_size", name, PositiveInt)
    proj_size = read_setting(section, "proj_size", name, NonNegativeInt)
    bias = read_setting(section, "bias", name, bool)
    output_size = proj_size or hidden_size
    directions = 2 if section["type"] == "bilstm" else 1
    cells = []
    for number in range(read_setting(section, "num_layers", name, PositiveInt) * directions):
        cell = f"{name}.layers.cells.{number}"
        width = input_size if number < directions else directions * output_size
        gates = 4 * hidden_size
        cells.append(
            CellWeights(
                weights.take(f"{cell}.weight_ih_l0", (gates, width)),
                weights.take(f"{cell}.weight_hh_l0", (gates, output_size)),
                weights.take(f"{cell}.bias_ih_l0", (gates,)) + weights.take(f"{cell}.bias_hh_l0", (gates,))
                if bias
                else None,
                weights.take(f"{cell}.weight_hr_l0", (proj_size, hidden_size)) if proj_size else None,
            )
        )
    return LSTMEncoder(cells, directions)


class LSTMEncoder:
    """The encoders `lstm` and `bilstm`.

    Args:
        cells: layer by layer; of a bidirectional layer the forward cell, then the backward one.
        directions: 1 or 2.
    """

    def __init__(self, cells: Sequence[CellWeights], directions: int) -> None:
        self.cells = list(cells)
        self.directions = directions
        self.causal = directions == 1
        self.output_size = directions * self.cells[0].output_size
        self._recurrences = [Recurrence(cell) for cell in self.cells]

    def layers(self) -> list[LayerWeights]:
        return list(self.cells)

    def encode(self, inputs: np.ndarray, lengths: np.ndarray, *, outputs: bool = True) -> NumpyEncoded:
        batch, time = inputs.shape[:2]
        width, dtype = self.cells[0].output_size, self.cells[0].weight_hh.dtype
        states: list[CellState] = []
        layer_inputs, layer_outputs = inputs, None
        for number, recurrence in enumerate(self._recurrences):
            layer, direction = divmod(number, self.directions)
            if direction == 0:
                is_last = (layer + 1) * self.directions == len(self.cells)
                needed = outputs or not is_last
                layer_outputs = np.zeros((batch, time, self.directions * width), dtype) if needed else None
            own_columns = slice(direction * width, (direction + 1) * width)
            own_outputs = None if layer_outputs is None else layer_outputs[:, :, own_columns]
            states.append(recurrence.run(layer_inputs, lengths, own_outputs, backward=direction == 1))
            if direction == self.directions - 1 and layer_outputs is not None:
                layer_inputs = layer_outputs
        final = np.concatenate([hidden for hidden, _ in states[-self.directions :]], axis=1)
        return NumpyEncoded(layer_outputs, final, states)


class StackedEncoder:
    """The encoder `stacked`: encoders one after another."""

    def __init__(self, encoders: Sequence[NumpyEncoder]) -> None:
        self.encoders = list(encoders)
        self.causal = all(encoder.causal for encoder in self.encoders)
        self.output_size = self.encoders[-1].output_size

    def layers(self) -> list[LayerWeights]:
        return [layer for encoder in self.encoders for layer in encoder.layers()]

    def encode(self, inputs: np.ndarray, lengths: np.ndarray, *, outputs: bool = True) -> NumpyEncoded:
        *lower, top = self.encoders
        states: list[CellState] = []
        for encoder in lower:
            encoded = encoder.encode(inputs, lengths)
            assert encoded.outputs is not None  # requested
            inputs = encoded.outputs
            states += encoded.states
        encoded = top.encode(inputs, lengths, outputs=outputs)
        return encoded._replace(states=states + encoded.states)


class ProjectedEncoder:
    """The encoder `projected`: a linear layer on an encoder's output."""

    def __init__(self, encoder: NumpyEncoder, projection: LinearWeights) -> None:
        self.encoder = encoder
        self.projection = projection
        self.causal = encoder.causal
        self.output_size = projection.output_size

    def layers(self) -> list[LayerWeights]:
        return [*self.encoder.layers(), self.projection]

    def encode(self, inputs: np.ndarray, lengths: np.ndarray, *, outputs: bool = True) -> NumpyEncoded:
        encoded = self.encoder.encode(inputs, lengths, outputs=outputs)
        weight, bias = self.projection.weight.T, 0 if self.projection.bias is None else self.projection.bias
        projected = None if encoded.outputs is None else encoded.outputs @ weight + bias
        return NumpyEncoded(projected, encoded.final @ weight + bias, encoded.states)
