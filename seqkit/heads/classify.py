"""A label for the whole sequence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Fraction, Head, Loss, PositiveFloat, Row, Tokenizer
from seqkit.errors import DataError, suggest


class Classify(nn.Module, Head):
    """A label for the whole sequence: softmax over a linear map of one vector of it.

    That vector is the encoder's final one: for an encoder that reads both ways, the forward direction's state after the
    last step beside the backward direction's after the first. Long texts are often better judged by what any of their
    steps has shown, pooled over the outputs.

    Args:
        pooling: `final`; or `mean` or `max` of each output over the row's real steps.
        class_weights: what an example of each label counts for in training: a number a label (1 where none is given),
            or `balanced`, which makes all labels count alike.
        label_smoothing: the share of the target spread evenly over all labels in training (Szegedy et al., 2016).
        dropout: the share of the final vector dropped in training.
    """

    metric_names = ("accuracy", "macro_f1")
    higher_is_better = frozenset({"accuracy", "macro_f1"})

    def __init__(
        self,
        *,
        pooling: Literal["final", "mean", "max"] = "final",
        class_weights: dict[str, PositiveFloat] | Literal["balanced"] | None = None,
        label_smoothing: Fraction = 0.0,
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        self.pooling = pooling
        self.needs = frozenset({"final" if pooling == "final" else "outputs", "targets"})
        self.class_weights = class_weights
        self.label_smoothing = label_smoothing
        self.dropout = nn.Dropout(dropout)
        self.labels: list[str] = []
        self.weights: list[float] | None = None

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        counts = Counter(str(example.target) for example in examples)
        self._set_labels(sorted(counts))
        if len(self.labels) < 2:
            raise DataError(
                f"all {len(examples)} training examples are labelled '{self.labels[0]}': two labels are needed"
            )
        if self.class_weights == "balanced":
            self.weights = [len(examples) / (len(counts) * counts[label]) for label in self.labels]
        elif self.class_weights:
            for label in self.class_weights:
                if label not in self.labels:
                    raise ValueError(
                        f"class_weights names '{label}', which no training example has{suggest(label, self.labels)}"
                    )
            self.weights = [self.class_weights.get(label, 1.0) for label in self.labels]

    def state(self) -> dict[str, Any]:
        return {"labels": self.labels, "weights": self.weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._set_labels([str(label) for label in state["labels"]])
        self.weights = None if state["weights"] is None else [float(weight) for weight in state["weights"]]

    def _set_labels(self, labels: list[str]) -> None:
        self.labels = labels
        self._numbers = {label: number for number, label in enumerate(labels)}

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(final_size if self.pooling == "final" else output_size, len(self.labels))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        if example.target is None:
            raise DataError("there is no label")
        number = self._numbers.get(str(example.target))
        if number is None:
            raise DataError(f"the label '{example.target}' is not among the training data's: {', '.join(self.labels)}")
        yield Row(encoded_input, number)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        logits = self._logits(encoded, batch)
        # Weights and smoothing shape what is learned; what is reported is the plain likelihood.
        weights = None if self.weights is None or not self.training else logits.new_tensor(self.weights)
        total = nn.functional.cross_entropy(
            logits,
            batch.targets,
            weight=weights,
            label_smoothing=self.label_smoothing if self.training else 0.0,
            reduction="sum",
        )
        return Loss(total, len(batch.targets) if weights is None else float(weights[batch.targets].sum()))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        probabilities = torch.softmax(self._logits(encoded, batch).detach().double(), dim=1)
        return [answer(row, self.labels) for row in probabilities.cpu().numpy()]

    def _logits(self, encoded: Encoded, batch: Batch) -> Tensor:
        """Returns float (batch, labels)."""
        return self.output(self.dropout(self._pooled(encoded, batch)))

    def _pooled(self, encoded: Encoded, batch: Batch) -> Tensor:
        if self.pooling == "final":
            return encoded.final  # (batch, final_size)
        padded = ~batch.mask[:, :, None]  # (batch, time, 1)
        if self.pooling == "max":
            return encoded.outputs.masked_fill(padded, -torch.inf).amax(dim=1)  # (batch, output_size)
        lengths = batch.lengths.to(encoded.outputs.device)[:, None]
        return encoded.outputs.masked_fill(padded, 0).sum(dim=1) / lengths

    def metrics(
        self, loss: float, predictions: Sequence[Mapping[str, Any]], examples: Sequence[Example]
    ) -> dict[str, Any]:
        from seqkit.baselines import label_metrics

        return label_metrics(
            [str(example.target) for example in examples], [item["label"] for item in predictions], self.labels
        )

    def baseline(self, train: Sequence[Example], test: Sequence[Example], tokenizer: Tokenizer | None) -> dict | None:
        from seqkit.baselines import tfidf_baseline

        if tokenizer is None or not all(isinstance(example.input, str) for example in train):
            return None
        return tfidf_baseline(
            [example.input for example in train],
            [example.target for example in train],
            [example.input for example in test],
            [example.target for example in test],
            self.labels,
        )


def answer(probabilities: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """Returns one prediction as `seqkit predict` prints it; probabilities (labels,)."""
    return {
        "label": labels[int(probabilities.argmax())],
        "probabilities": {label: float(value) for label, value in zip(labels, probabilities, strict=True)},
    }
