"""Sequence regression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import (
    Batch,
    Encoded,
    Example,
    Exhibit,
    Fraction,
    Judgment,
    Loss,
    NonEmptyText,
    Outcomes,
    PositiveFloat,
    PositiveInt,
    Requires,
    Row,
    Scores,
    Tokenizer,
)
from seqkit.errors import DataError
from seqkit.heads.number_exhibits import number_distances, number_exhibits
from seqkit.heads.numbers import average_numbers, number_metrics, number_predictions, number_table, varies
from seqkit.heads.pooled import NgramLength, NgramScale, PooledHead, TooLong, parse_targets, texts_of
from seqkit.layers.pooling import PoolingName
from seqkit.messages import format_object, message

LARGEST, SMALLEST_DEVIATION = 1e100, 1e-100
"""The largest absolute target, and the smallest positive standard deviation: the squares of others are not numbers."""


class Regress(PooledHead):
    """Sequence regression: one number per text, or several, by a linear layer.

    The target is a number, a list of numbers in JSON Lines, or the numbers of one field with a separator between them.
    The model is trained on numbers that are standardized by the mean and the standard deviation of the training data,
    so that a good learning rate does not depend on their scale; the loss is computed from these. Predictions and
    metrics are in the units of the data.

    Args:
        pooling: what the linear layer reads, as for `classify`.
        loss: `mse`, the squared error; or `huber`, which is linear for errors beyond `delta`, so that outliers count
            less (Huber, Robust Estimation of a Location Parameter, 1964).
        delta: the error, in standard deviations, at which `huber` becomes linear.
        separator: what separates the numbers of one field.
        dropout: the dropout probability of the vector that the linear layer reads.
        max_length: the longest text, in tokens, or in time steps of features; null for any.
        too_long: whether a longer text is cut to its beginning, in training and prediction, or is an error.
        crop: train on a part of each longer text, of this length in tokens, which begins at another token in each
            epoch; predict from whole texts.
        noise: the probability that a token is replaced in training by another one of the same text, drawn anew in each
            epoch (Xie et al., Data Noising as Smoothing in Neural Network Language Models, 2017).
        mask: the probability that a token is replaced in training by the mask token, anew in each epoch: blanking noise
            (Xie et al., 2017). Its vector is learned, and no text has it in prediction.
        ngrams: the length, in tokens, of the longest n-grams of the linear model beside the encoder; 0 for no such
            model. N-grams that occur in two training texts (in one, of fewer than 50) have weights: at most a million,
            and fewer for many numbers.
        ngram_scale: what the outputs of the n-grams are multiplied by.
    """

    metric_names = ("mse", "mae", "r2")
    higher_is_better = frozenset({"r2"})
    provides = frozenset({"values"})
    explains = "row"
    stratifies = False
    score_kind = "number"

    def __init__(
        self,
        *,
        pooling: PoolingName | list[PoolingName] = "final",
        loss: Literal["mse", "huber"] = "mse",
        delta: Annotated[PositiveFloat, Requires("loss", "huber")] = 1.0,
        separator: NonEmptyText = ",",
        dropout: Fraction = 0.0,
        max_length: PositiveInt | None = None,
        too_long: TooLong = "cut",
        crop: PositiveInt | None = None,
        noise: Fraction = 0.0,
        mask: Fraction = 0.0,
        ngrams: NgramLength = 0,
        ngram_scale: NgramScale = 1.0,
    ) -> None:
        super().__init__(
            pooling=pooling,
            dropout=dropout,
            max_length=max_length,
            too_long=too_long,
            crop=crop,
            noise=noise,
            mask=mask,
            ngrams=ngrams,
            ngram_scale=ngram_scale,
        )
        self.loss_name = loss
        self.delta = delta
        self.separator = separator

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        self.mean = next(parse_targets(examples, self._numbers_of))
        numbers = np.array(list(parse_targets(examples, self._numbers)))
        self.mean, deviation = numbers.mean(axis=0), numbers.std(axis=0)
        if (varies(numbers) & (deviation < SMALLEST_DEVIATION)).any():
            raise DataError(
                message(
                    "the targets differ, but have a standard deviation of less than {smallest:g}: rescale them",
                    smallest=SMALLEST_DEVIATION,
                )
            )
        self.deviation = np.where(varies(numbers), deviation, 1.0)
        self.fit_inputs(examples, tokenizer, len(self.mean))

    def state(self) -> dict[str, Any]:
        return super().state() | {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.mean, self.deviation = np.array(state["mean"], float), np.array(state["deviation"], float)

    def build(self, output_size: int, final_size: int) -> None:
        self.build_layers(output_size, final_size, len(self.mean))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        numbers = (self._numbers(example) - self.mean) / self.deviation
        yield Row(encoded_input, float(numbers[0]) if len(numbers) == 1 else numbers)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        outputs = self.outputs(encoded, batch)
        return self._loss(outputs, batch.targets.reshape(outputs.shape))

    def _loss(self, outputs: Tensor, targets: Tensor) -> Loss:
        """Return the loss of standardized numbers, float (rows, numbers)."""
        if self.loss_name == "huber":
            total = nn.functional.huber_loss(outputs, targets, delta=self.delta, reduction="sum")
        else:
            total = nn.functional.mse_loss(outputs, targets, reduction="sum")
        return Loss(total / outputs.shape[1], len(outputs))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        outputs = self.outputs(encoded, batch).detach().double().cpu().numpy()
        return number_predictions(self.mean + self.deviation * outputs)

    def score_names(self) -> list[str]:
        count = len(self.mean)
        return ["value"] if count == 1 else [f"value {number}" for number in range(1, count + 1)]

    def scores(self, encoded: Encoded, batch: Batch) -> Scores:
        values, by_token = super().scores(encoded, batch)
        mean, deviation = (torch.from_numpy(each).to(values) for each in (self.mean, self.deviation))
        return Scores(mean + deviation * values, None if by_token is None else deviation * by_token)

    def task(self) -> dict[str, Any]:
        return {message("number of targets"): len(self.mean)}

    def combine(self, predictions: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        return average_numbers(predictions)

    def loss_of_predictions(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> Loss:
        both = [(values - self.mean) / self.deviation for values in (number_table(predictions), self._truth(examples))]
        return self._loss(*map(torch.from_numpy, both))

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        return number_metrics(self._truth(examples), number_table(predictions))

    def judge(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Iterator[Judgment]:
        """Yield a judgment per text, in the order of its absolute error; of several numbers, in standard deviations."""
        truth, predicted = self._truth(examples), number_table(predictions)
        distances = number_distances(truth, predicted, self.deviation).tolist()
        shown = [[item["value"] for item in number_predictions(each)] for each in (truth, np.abs(predicted - truth))]
        for number, (true, error, prediction) in enumerate(zip(*shown, predictions, strict=True)):
            yield Judgment(
                example=number,
                truth=true,
                prediction=prediction["value"],
                is_error=distances[number] > 0,
                order=distances[number],
                facts={"absolute_error": error},
            )

    def numbers_of(self, example: Example) -> np.ndarray:
        return self._numbers(example)[np.newaxis]

    def exhibits(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> list[Exhibit]:
        return list(number_exhibits(self._truth(examples), number_table(predictions), self.deviation, examples))

    def outcomes(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Outcomes:
        return Outcomes(self._truth(examples), number_table(predictions))

    def baseline(
        self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None
    ) -> dict[str, Any] | None:
        from seqkit.heads.baselines import mean_baseline, tfidf_ridge_baseline

        numbers = [self._truth(split) for split in (train, test)]
        texts, test_texts = texts_of(train), texts_of(test)
        if texts is None or test_texts is None:
            return mean_baseline(*numbers)
        return tfidf_ridge_baseline(texts, numbers[0], test_texts, numbers[1])

    def _truth(self, examples: Sequence[Example]) -> np.ndarray:
        """Return the targets, float64 (examples, numbers). Raises as `_numbers` does."""
        return np.array([self._numbers(example) for example in examples])

    def _numbers(self, example: Example) -> np.ndarray:
        """Return the numbers of an example, as many as the first training example has.

        Raises:
            DataError: it has others.
        """
        numbers = self._numbers_of(example)
        if len(numbers) != len(self.mean):
            raise DataError(
                message(
                    "the number of targets is {count}, but that of the first training example is {expected}",
                    count=len(numbers),
                    expected=len(self.mean),
                )
            )
        return numbers

    def _numbers_of(self, example: Example) -> np.ndarray:
        target = example.target
        if target is None:
            raise DataError(message("the target is missing"))
        parts = target.split(self.separator) if isinstance(target, str) else target
        try:
            numbers = np.array([float(part) for part in np.atleast_1d(np.asarray(parts, dtype=object))])
        except (TypeError, ValueError):
            numbers = np.array([np.nan])
        if not len(numbers) or not np.isfinite(numbers).all():
            raise DataError(message("the target is {value}: it must be a finite number", value=format_object(target)))
        if np.abs(numbers).max() > LARGEST:  # the squares of larger ones overflow
            raise DataError(
                message(
                    "the target is {value}: it must be at most {largest:g}: correct it, or rescale all targets",
                    value=format_object(target),
                    largest=LARGEST,
                )
            )
        return numbers
