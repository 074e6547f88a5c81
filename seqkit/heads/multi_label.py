"""Sequence classification with several labels per sequence."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from seqkit.contracts import (
    Batch,
    DataNote,
    Encoded,
    Example,
    Exhibit,
    Fraction,
    Judgment,
    Loss,
    NonEmptyText,
    Outcomes,
    PositiveInt,
    Probability,
    Row,
    Tokenizer,
)
from seqkit.errors import DataError
from seqkit.heads.label_set_exhibits import decisions, label_set_exhibits
from seqkit.heads.label_sets import average_label_sets, label_matrix, label_set_metrics, label_set_predictions
from seqkit.heads.pooled import NgramLength, NgramRatios, NgramScale, PooledHead, TooLong, parse_targets, texts_of
from seqkit.layers.pooling import PoolingName
from seqkit.messages import format_object, message


class MultiLabel(PooledHead):
    """Sequence classification with any number of labels per text: a linear layer and a sigmoid for each label.

    The target is a list of labels in JSON Lines, of which an empty one means none, or the labels of one field with a
    separator between them. The loss is the mean binary cross-entropy of the labels. A label that does not occur in the
    training data counts as missed in the metrics; an example that has only such labels is left out of the loss.

    The metrics that a recipe adds score the decisions on the labels of the training data, `yes` or `no` for each label
    of each text.

    Args:
        pooling: what the linear layer reads, as for `classify`.
        threshold: the smallest probability of a predicted label.
        separator: what separates the labels of one field.
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
            and fewer for many labels.
        ngram_scale: what the logits of the n-grams are multiplied by.
        ngram_ratios: weight each n-gram also by how much it distinguishes the labels: the square root of its log-count
            ratio (Wang and Manning, Baselines and Bigrams, 2012). N-grams that are as frequent with each label then
            count little, however rare they are. It suits reviews and questions, not texts whose single words mislead.
    """

    metric_names = ("micro_f1", "macro_f1", "exact_match")
    higher_is_better = frozenset(metric_names)
    provides = frozenset({"labels", "probabilities"})
    explains = "row"
    stratifies = False
    score_kind = "sigmoid"

    def __init__(
        self,
        *,
        pooling: PoolingName | list[PoolingName] = "final",
        threshold: Probability = 0.5,
        separator: NonEmptyText = ",",
        dropout: Fraction = 0.0,
        max_length: PositiveInt | None = None,
        too_long: TooLong = "cut",
        crop: PositiveInt | None = None,
        noise: Fraction = 0.0,
        mask: Fraction = 0.0,
        ngrams: NgramLength = 0,
        ngram_scale: NgramScale = 10.0,
        ngram_ratios: NgramRatios = False,
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
            ngram_ratios=ngram_ratios,
        )
        self.threshold = threshold
        self.separator = separator
        self.labels: list[str] = []

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        self.labels = sorted({label for labels in parse_targets(examples, self.labels_of) for label in labels})
        if not self.labels:
            raise DataError(message("no training example has a label"))
        places = {label: place for place, label in enumerate(self.labels)}
        numbers = ([places[label] for label in self.labels_of(example)] for example in examples)
        self.fit_inputs(examples, tokenizer, len(self.labels), numbers if self.ngram_ratios else None)

    def state(self) -> dict[str, Any]:
        return super().state() | {"labels": self.labels}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.labels = [str(label) for label in state["labels"]]

    def build(self, output_size: int, final_size: int) -> None:
        self.build_layers(output_size, final_size, len(self.labels))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        if example.target is None:
            raise DataError(message("the labels are missing"))
        for label in self.labels_of(example):
            if label not in self.labels:
                text = message(
                    "the label '{label}' does not occur in the training data: counted as missed", label=label
                )
                warnings.warn(DataNote(text, example.location), stacklevel=2)
        yield Row(encoded_input, self._targets([example])[0])

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        is_known = ~batch.targets.isnan().any(dim=1)
        logits = self.outputs(encoded, batch)[is_known]
        total = nn.functional.binary_cross_entropy_with_logits(logits, batch.targets[is_known], reduction="sum")
        return Loss(total / len(self.labels), is_known.sum())

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        probabilities = torch.sigmoid(self.outputs(encoded, batch).detach().double())
        return label_set_predictions(probabilities.cpu().numpy(), self.labels, self.threshold)

    def score_names(self) -> list[str]:
        return self.labels

    def combine(self, predictions: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        return average_label_sets(predictions, self.threshold)

    def loss_of_predictions(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> Loss:
        targets = self._targets(examples)
        is_known = ~np.isnan(targets).any(axis=1)
        found = self._probabilities(predictions)
        likelihoods = torch.from_numpy(np.where(targets == 1, found, 1 - found)[is_known])
        return Loss(-likelihoods.log().mean(dim=1).sum(), int(is_known.sum()))

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        truth = [self.labels_of(example) for example in examples]
        return label_set_metrics(truth, [item["labels"] for item in predictions], self.labels)

    def judge(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Iterator[Judgment]:
        """Yield a judgment per text, with the probability of its surest wrong decision on a label.

        That of a text without errors is the probability of its least sure decision. It is None for a text of which only
        labels that do not occur in the training data are missed.
        """
        for number, (prediction, example) in enumerate(zip(predictions, examples, strict=True)):
            truth, found = sorted(self.labels_of(example)), prediction["labels"]
            missed = [label for label in truth if label not in found]
            spurious = [label for label in found if label not in truth]
            wrong = {*missed, *spurious}
            made = decisions(found, prediction["probabilities"])
            chosen = [each.probability for each in made if each.label in wrong] if wrong else [made[-1].probability]
            yield Judgment(
                example=number,
                truth=truth,
                prediction=found,
                is_error=bool(wrong),
                order=max(chosen, default=0.0),
                probability=max(chosen, default=None),
                facts={"missed": missed, "spurious": spurious},
            )

    def exhibits(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> list[Exhibit]:
        truth = [self.labels_of(example) for example in examples]
        predicted, probabilities = ([item[name] for item in predictions] for name in ("labels", "probabilities"))
        return list(label_set_exhibits(truth, predicted, probabilities, self.labels, examples))

    def outcomes(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Outcomes:
        truth, predicted = (
            np.where(label_matrix(sets, self.labels).ravel() == 1, "yes", "no").tolist()
            for sets in ([self.labels_of(example) for example in examples], [item["labels"] for item in predictions])
        )
        found = self._probabilities(predictions).ravel()
        return Outcomes(truth, predicted, ["no", "yes"], np.stack([1 - found, found], axis=1))

    def baseline(
        self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None
    ) -> dict[str, Any] | None:
        from seqkit.heads.baselines import tfidf_label_sets_baseline

        texts, test_texts = texts_of(train), texts_of(test)
        if texts is None or test_texts is None:
            return None
        return tfidf_label_sets_baseline(
            texts,
            [self.labels_of(example) for example in train],
            test_texts,
            [self.labels_of(example) for example in test],
            self.labels,
        )

    def labels_of(self, example: Example) -> list[str]:
        """Return the different labels of an example.

        Raises:
            DataError: the target is neither a list of labels nor a text.
        """
        target = example.target
        labels = target.split(self.separator) if isinstance(target, str) else target
        if not isinstance(labels, list | tuple) or not all(isinstance(label, str | int | float) for label in labels):
            raise DataError(message("the target must be a list of labels, not {value}", value=format_object(target)))
        return list(dict.fromkeys(text for label in labels if (text := str(label).strip())))

    def _targets(self, examples: Sequence[Example]) -> np.ndarray:
        """Return float32 (examples, labels): 1 for each label of an example; NaN if all of its labels are unknown."""
        sets = [self.labels_of(example) for example in examples]
        targets = label_matrix(sets, self.labels).astype(np.float32)
        targets[[bool(labels) and not row.any() for labels, row in zip(sets, targets, strict=True)]] = np.nan
        return targets

    def _probabilities(self, predictions: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return float64 (predictions, labels)."""
        return np.array([[item["probabilities"][label] for label in self.labels] for item in predictions])
