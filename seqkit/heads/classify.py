"""Sequence classification."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from seqkit.contracts import (
    Batch,
    DataNote,
    Encoded,
    Example,
    Fraction,
    Head,
    Judgment,
    Loss,
    PositiveFloat,
    Row,
    Tokenizer,
)
from seqkit.errors import DataError, suggest
from seqkit.heads.label_predictions import average_probabilities, label_predictions
from seqkit.layers.cross_entropy import IGNORED, cross_entropy
from seqkit.layers.ngram_counts import inverse_document_frequencies
from seqkit.layers.ngrams import NgramLinear
from seqkit.layers.pooling import Pooling, PoolingName, check_names
from seqkit.messages import message


class Classify(nn.Module, Head):
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
            `balanced`, inversely proportional to the label's frequency as in scikit-learn.
        label_smoothing: the fraction of the target that is spread evenly over all labels in training (Szegedy et al.,
            Rethinking the Inception Architecture for Computer Vision, 2016).
        dropout: the dropout probability of the vector that the linear layer reads.
        ngrams: the length, in tokens, of the longest n-grams of the linear model beside the encoder; 0 for no such
            model.
        ngram_buckets: the number of buckets that n-grams are hashed to: weights per label.
        ngram_scale: what the logits of the n-grams are multiplied by. With Adam, it is the learning rate of their model
            as a multiple of that of the others.
    """

    metric_names = ("accuracy", "macro_f1")
    higher_is_better = frozenset({"accuracy", "macro_f1"})
    label_probabilities = True

    def __init__(
        self,
        *,
        pooling: PoolingName | list[PoolingName] = "final",
        class_weights: dict[str, PositiveFloat] | Literal["balanced"] | None = None,
        label_smoothing: Fraction = 0.0,
        dropout: Fraction = 0.0,
        ngrams: Annotated[int, Ge(0), Le(10)] = 0,
        ngram_buckets: Annotated[int, Ge(1), Le(2**26)] = 2**18,
        ngram_scale: PositiveFloat = 10.0,
    ) -> None:
        super().__init__()
        self.pooling = check_names([pooling] if isinstance(pooling, str) else pooling)
        self.needs = frozenset({"final" if name == "final" else "outputs" for name in self.pooling} | {"targets"})
        self.class_weights = class_weights
        self.label_smoothing = label_smoothing
        self.dropout = nn.Dropout(dropout)
        self.ngrams = ngrams
        self.ngram_buckets = ngram_buckets
        self.ngram_scale = ngram_scale
        self.idf: np.ndarray | None = None
        self.labels: list[str] = []
        self.weights: list[float] | None = None

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        counts = Counter(str(example.target) for example in examples)
        self._set_labels(sorted(counts))
        if len(self.labels) < 2:
            raise DataError(
                message(
                    "all {count} training examples have the label '{label}': provide examples of at least two labels",
                    count=len(examples),
                    label=self.labels[0],
                )
            )
        if self.class_weights == "balanced":
            self.weights = [len(examples) / (len(counts) * counts[label]) for label in self.labels]
        elif self.class_weights:
            for label in self.class_weights:
                if label not in self.labels:
                    raise ValueError(
                        message(
                            "class_weights contains '{label}', which is not a label of the training data{suggestion}",
                            label=label,
                            suggestion=suggest(label, self.labels),
                        )
                    )
            self.weights = [self.class_weights.get(label, 1.0) for label in self.labels]
        if self.ngrams:
            if tokenizer is None:
                raise ValueError(message("ngrams must be 0 for a reader of features, which have no tokens"))
            texts = (tokenizer.encode(example.input) for example in examples)
            self.idf = inverse_document_frequencies(texts, self.ngrams, self.ngram_buckets)

    def state(self) -> dict[str, Any]:
        return {"labels": self.labels, "weights": self.weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._set_labels([str(label) for label in state["labels"]])
        self.weights = None if state["weights"] is None else [float(weight) for weight in state["weights"]]

    def _set_labels(self, labels: list[str]) -> None:
        self.labels = labels
        self._numbers = {label: number for number, label in enumerate(labels)}

    def build(self, output_size: int, final_size: int) -> None:
        self.pool = Pooling(self.pooling, output_size, final_size)
        self.output = nn.Linear(self.pool.output_size, len(self.labels))
        self.wide: NgramLinear | None = None
        if self.ngrams:
            self.wide = NgramLinear(len(self.labels), n=self.ngrams, buckets=self.ngram_buckets, scale=self.ngram_scale)
            if self.idf is not None:  # else the weights of a run are loaded
                self.wide.set_idf(self.idf)

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        if example.target is None:
            raise DataError(message("the label is missing"))
        number = self._numbers.get(str(example.target), IGNORED)
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
            self._logits(encoded, batch),
            batch.targets,
            training=self.training,
            label_smoothing=self.label_smoothing,
            weights=self.weights,
        )

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        probabilities = torch.softmax(self._logits(encoded, batch).detach().double(), dim=1)
        return label_predictions(probabilities.cpu().numpy(), self.labels)

    def task(self) -> dict[str, Any]:
        return {"labels": self.labels}

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

    def _logits(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Return float (batch, number of labels)."""
        logits = self.output(self.dropout(self.pool(encoded, batch.mask)))
        return logits if self.wide is None else logits + self.wide(batch.inputs, batch.lengths)

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

    def baseline(
        self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None
    ) -> dict[str, Any] | None:
        from seqkit.heads.baselines import tfidf_baseline

        if tokenizer is None or not all(isinstance(example.input, str) for example in train):
            return None
        return tfidf_baseline(
            [example.input for example in train],
            [str(example.target) for example in train],
            [example.input for example in test],
            [str(example.target) for example in test],
            self.labels,
        )
