"""Sequence classification."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from seqkit.contracts import (
    Batch,
    DataNote,
    Encoded,
    Example,
    Exhibit,
    Fraction,
    Judgment,
    Loss,
    Outcomes,
    PositiveInt,
    Row,
    Tokenizer,
)
from seqkit.errors import DataError
from seqkit.heads.label_exhibits import label_exhibits
from seqkit.heads.label_predictions import average_probabilities, label_predictions
from seqkit.heads.pooled import NgramLength, NgramRatios, NgramScale, PooledHead, TooLong, parse_targets, texts_of
from seqkit.layers.cross_entropy import IGNORED, ClassWeights, class_weights, cross_entropy
from seqkit.layers.pooling import PoolingName
from seqkit.messages import counted, message


class Classify(PooledHead):
    """Sequence classification: one label per text, by a linear layer and a softmax.

    The linear layer reads the encoder's final vector (for a bidirectional encoder, the final output of both directions)
    or, often better for long texts, its outputs pooled over time. With `ngrams`, a linear model of the TF-IDF of
    n-grams is trained beside the encoder, and the logits of both are added (Cheng et al., Wide & Deep Learning for
    Recommender Systems, 2016): with a few thousand texts, n-grams alone are hard to beat.

    An example whose label does not occur in the training data counts as an error in the metrics, and is left out of the
    loss: the model gives its label no probability.

    Args:
        pooling: `final` for the final vector; `mean` or `max` of the outputs over the time steps of the text;
            `attention` for their mean with learned weights (Yang et al., Hierarchical Attention Networks for Document
            Classification, 2016); or a list of these, which are concatenated.
        class_weights: the weight of each label's examples in the training loss: a number per label, 1 if not given; or
            `balanced`, inversely proportional to the label's frequency as in scikit-learn; or `square_root`, the square
            root of that: rare labels count for more than without weights, but a few examples do not outweigh the rest.
        label_smoothing: the fraction of the target that is spread evenly over all labels in training (Szegedy et al.,
            Rethinking the Inception Architecture for Computer Vision, 2016).
        dropout: the dropout probability of the vector that the linear layer reads.
        max_length: the longest text, in tokens, or in time steps of features; null for any. The `max_length` of a
            tokenizer cuts texts too, before the head reads them.
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
        ngram_scale: what the logits of the n-grams are multiplied by. With Adam, it is the learning rate of their model
            as a multiple of that of the others.
        ngram_ratios: weight each n-gram also by how much it distinguishes the labels: the square root of its log-count
            ratio (Wang and Manning, Baselines and Bigrams, 2012). N-grams that are as frequent with each label then
            count little, however rare they are. It suits reviews and questions, not texts whose single words mislead.
    """

    metric_names = ("accuracy", "macro_f1")
    higher_is_better = frozenset({"accuracy", "macro_f1"})
    label_probabilities = True
    provides = frozenset({"labels", "probabilities"})
    explains = "row"

    def __init__(
        self,
        *,
        pooling: PoolingName | list[PoolingName] = "final",
        class_weights: ClassWeights = None,
        label_smoothing: Fraction = 0.0,
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
        self.class_weights = class_weights
        self.label_smoothing = label_smoothing
        self.labels: list[str] = []
        self.weights: list[float] | None = None

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        counts = Counter(parse_targets(examples, _label_of))
        self._set_labels(sorted(counts))
        if len(self.labels) < 2:
            raise DataError(
                counted(
                    len(examples),
                    "the only training example has the label '{label}': provide examples of at least two labels",
                    "all {count} training examples have the label '{label}': provide examples of at least two labels",
                    label=self.labels[0],
                )
            )
        self.weights = class_weights(self.class_weights, counts)
        numbers = ([self._numbers[_label_of(example)]] for example in examples) if self.ngram_ratios else None
        self.fit_inputs(examples, tokenizer, len(self.labels), numbers)

    def state(self) -> dict[str, Any]:
        return super().state() | {"labels": self.labels, "weights": self.weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._set_labels([str(label) for label in state["labels"]])
        self.weights = None if state["weights"] is None else [float(weight) for weight in state["weights"]]

    def _set_labels(self, labels: list[str]) -> None:
        self.labels = labels
        self._numbers = {label: number for number, label in enumerate(labels)}

    def build(self, output_size: int, final_size: int) -> None:
        self.build_layers(output_size, final_size, len(self.labels))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        if example.target is None:
            raise DataError(message("the label is missing"))
        number = self._numbers.get(_label_of(example), IGNORED)
        if number == IGNORED:
            text = message(
                "the label '{label}' does not occur in the training data: counted as an error, left out of the loss",
                label=example.target,
            )
            warnings.warn(DataNote(text, example.location), stacklevel=2)
        yield Row(encoded_input, number)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        return cross_entropy(
            self.outputs(encoded, batch),
            batch.targets,
            training=self.training,
            label_smoothing=self.label_smoothing,
            weights=self.weights,
        )

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        probabilities = torch.softmax(self.outputs(encoded, batch).detach().double(), dim=1)
        return label_predictions(probabilities.cpu().numpy(), self.labels)

    def score_names(self) -> list[str]:
        return self.labels

    def task(self) -> dict[str, Any]:
        return {message("labels"): self.labels}

    def combine(self, predictions: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
        return average_probabilities(predictions)

    def loss_of_predictions(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> Loss:
        targets = [str(example.target) for example in examples]
        known = [
            item["probabilities"][target]
            for item, target in zip(predictions, targets, strict=True)
            if target in self._numbers
        ]
        probabilities = torch.tensor(known, dtype=torch.float64).clamp(min=torch.finfo(torch.float64).tiny)
        return Loss(-probabilities.log().sum(), len(known))

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        from seqkit.heads.metrics import label_metrics

        return label_metrics(
            [str(example.target) for example in examples], [item["label"] for item in predictions], self.labels
        )

    def judge(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Iterator[Judgment]:
        """Yield a judgment per text, with the probability of its true label too: None if that label is unknown."""
        for number, (prediction, example) in enumerate(zip(predictions, examples, strict=True)):
            truth, label, probabilities = str(example.target), prediction["label"], prediction["probabilities"]
            yield Judgment(
                example=number,
                truth=truth,
                prediction=label,
                is_error=truth != label,
                order=probabilities[label],
                probability=probabilities[label],
                facts={"probability_of_truth": probabilities.get(truth)},
            )

    def exhibits(self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]) -> list[Exhibit]:
        return list(label_exhibits(predictions, examples))

    def outcomes(
        self, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example], *, tokenizer: Tokenizer | None
    ) -> Outcomes:
        return Outcomes(
            [str(example.target) for example in examples],
            [item["label"] for item in predictions],
            self.labels,
            np.array([[item["probabilities"][label] for label in self.labels] for item in predictions]),
        )

    def baseline(
        self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None
    ) -> dict[str, Any] | None:
        from seqkit.heads.baselines import tfidf_baseline

        texts, test_texts = texts_of(train), texts_of(test)
        if texts is None or test_texts is None:
            return None
        return tfidf_baseline(
            texts,
            [str(example.target) for example in train],
            test_texts,
            [str(example.target) for example in test],
            self.labels,
        )


def _label_of(example: Example) -> str:
    """Return the label of an example.

    Raises:
        DataError: it has several.
    """
    if isinstance(example.target, list):
        raise DataError(message("the label is a list: use the head `multi_label`, or one label per example"))
    return str(example.target)
