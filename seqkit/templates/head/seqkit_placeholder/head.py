"""Regression: one number per text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Head, Loss, Row, Scores, Table, Tokenizer
from seqkit.errors import DataError


class Placeholder(nn.Module, Head):
    """Regression by least squares: one number per text, a linear function of the encoder's final vector.

    The loss is the squared error divided by the variance of the training numbers, so that a good learning rate does not
    depend on their scale.
    """

    needs = frozenset({"final", "targets"})
    metric_names = ("rmse",)
    explains = "row"
    score_kind = "number"

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        numbers = np.array([_number(example) for example in examples])
        self.mean, self.deviation = float(numbers.mean()), float(numbers.std()) or 1.0

    def state(self) -> dict[str, Any]:
        return {"mean": self.mean, "deviation": self.deviation}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.mean, self.deviation = float(state["mean"]), float(state["deviation"])

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(final_size, 1)

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        yield Row(encoded_input, _number(example))

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        errors = (self._numbers(encoded) - batch.targets) / self.deviation  # (batch,)
        return Loss(errors.square().sum(), len(errors))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        return [{"number": number} for number in self._numbers(encoded).tolist()]

    def score_names(self) -> list[str]:
        return ["number"]

    def scores(self, encoded: Encoded, batch: Batch) -> Scores:
        return Scores(self._numbers(encoded)[:, None])

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        return {"rmse": self.deviation * math.sqrt(loss)}

    def exhibits(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> list[Table]:
        pairs = zip(predictions, examples, strict=True)
        rows = [(str(example.input), _number(example), prediction["number"]) for prediction, example in pairs]
        rows.sort(key=lambda row: -abs(row[1] - row[2]))
        return [Table("Largest errors", ("text", "number", "predicted"), tuple(rows[:20]))]

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict:
        mean = np.mean([_number(example) for example in train])
        errors = np.array([_number(example) for example in test]) - mean
        return {"name": "the mean of the training numbers", "rmse": float(np.sqrt(np.mean(errors**2)))}

    def _numbers(self, encoded: Encoded) -> Tensor:
        return self.mean + self.deviation * self.output(encoded.final)[:, 0]


def _number(example: Example) -> float:
    try:
        number = float(example.target)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{example.location}: '{example.target}' is not a number")
    return number
