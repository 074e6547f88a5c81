"""The contents of an explanation, as typed data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

ScoreUnit = Literal["log-odds", "value"]


_SHADES = (0.1, 0.35, 0.7)
"""The shares of the largest value from which a value is shown in each of the three shades."""


def shade(value: float, largest: float) -> int:
    """Return the shade of a value, 1 to 3; 0 for one that is too small for any, given the largest magnitude."""
    share = abs(value) / largest if largest else 0.0
    return sum(share >= limit for limit in _SHADES)


@dataclass(frozen=True, slots=True)
class LayerTrace:
    """What happens in one layer of an encoder.

    Attributes:
        name: the layer and its direction.
        time_steps: the token of each time step.
        values: by name (`input gate`), float (time, units).
    """

    name: str
    time_steps: tuple[str, ...]
    values: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class ExplanationContents:
    """What each token adds to the score of a label.

    The score is the log-odds of the label, ln(p / (1 - p)), or the predicted number. The baseline is the score of the
    model when it reads the zero vector in place of each token. Both methods explain the difference between the two, in
    the unit of the score:

    - `gradients`: integrated gradients (Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, 2017).
      They add up to the difference; `gradients_remainder` is the error of the numerical integration.
    - `occlusion`: by how much the score is lower without the token, whose vector is replaced by zero (Zeiler and
      Fergus, Visualizing and Understanding Convolutional Networks, 2014; Li, Monroe and Jurafsky, Understanding Neural
      Networks through Representation Erasure, 2016). `occlusion_remainder` is what it leaves unexplained, since
      tokens also work together.

    Attributes:
        text: the input; empty for features.
        tokens: the tokens as they are in the text, or the words if the head predicts one label per word.
        label: the label that is explained.
        predicted: the most probable label; for numbers, the label.
        unit: what the score is.
        score: the score of the label.
        baseline: its score without any token.
        probability: the probability of the label; None for a number.
        token: the number of the token whose prediction is explained, from 1; None if the text has one prediction.
        word: its text; empty if the text has one prediction.
        gradients: what each token adds, by integrated gradients; None if the encoder has no gradients.
        gradient_steps: the number of points of the numerical integration.
        occlusion: what each token adds, by occlusion.
        ended: the probability of the label (or the number) if the text ended after this token; None where the text does
            not contain the word whose label is explained.
        began: the same if the text began with this token.
        forward: what the forward half of the encoder's output knows when it has read this token: the same as `ended`,
            with zeros in place of the backward half. None if the encoder has no separate halves, or the head predicts a
            label for each word.
        backward: what the backward half, which reads from the end, knows when it has read this token: the same as
            `began`, with zeros in place of the forward half.
        pooling_weights: the weight of each token in the attention pooling of the head; None without.
        traces: the gates and states of each layer, if they were requested.
        notes: what a reader must know beside the numbers.
    """

    text: str
    tokens: tuple[str, ...]
    label: str
    predicted: str
    unit: ScoreUnit
    score: float
    baseline: float
    probability: float | None
    token: int | None
    word: str
    gradients: tuple[float, ...] | None
    gradient_steps: int
    occlusion: tuple[float, ...]
    ended: tuple[float | None, ...]
    began: tuple[float | None, ...]
    forward: tuple[float | None, ...] | None = None
    backward: tuple[float | None, ...] | None = None
    pooling_weights: tuple[float, ...] | None = None
    traces: tuple[LayerTrace, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def attributions(self) -> tuple[float, ...]:
        """What each token adds: by integrated gradients, or by occlusion where the encoder has no gradients."""
        return self.occlusion if self.gradients is None else self.gradients

    @property
    def difference(self) -> float:
        """The difference that is explained: the score minus the baseline."""
        return self.score - self.baseline

    @property
    def gradients_remainder(self) -> float | None:
        """The difference minus the sum of the integrated gradients."""
        return None if self.gradients is None else self.difference - sum(self.gradients)

    @property
    def occlusion_remainder(self) -> float:
        """The difference minus the sum of the occlusion values."""
        return self.difference - sum(self.occlusion)

    def columns(self) -> dict[str, tuple[float | None, ...]]:
        """Return the numbers of the tokens by name, without those that the explanation does not have."""
        columns: dict[str, tuple[float | None, ...] | None] = {
            "gradients": self.gradients,
            "occlusion": self.occlusion,
            "pooling_weights": self.pooling_weights,
            "ended": self.ended,
            "began": self.began,
            "forward": self.forward,
            "backward": self.backward,
        }
        return {name: values for name, values in columns.items() if values is not None}

    def as_json(self) -> dict[str, Any]:
        """Return the explanation as JSON types, one item of `tokens` per token."""
        columns = self.columns()
        data: dict[str, Any] = {
            "text": self.text,
            "label": self.label,
            "predicted": self.predicted,
            "probability": self.probability,
            "unit": self.unit,
            "score": self.score,
            "baseline": self.baseline,
            "difference": self.difference,
            "token": self.token,
            "word": self.word,
            "gradient_steps": self.gradient_steps,
            "gradients_remainder": self.gradients_remainder,
            "occlusion_remainder": self.occlusion_remainder,
            "tokens": [
                {"token": token} | {name: values[number] for name, values in columns.items()}
                for number, token in enumerate(self.tokens)
            ],
            "notes": list(self.notes),
        }
        if self.traces:
            data["traces"] = [
                {
                    "name": trace.name,
                    "time_steps": list(trace.time_steps),
                    "values": {name: values.tolist() for name, values in trace.values.items()},
                }
                for trace in self.traces
            ]
        return data
