"""Tests that the checks of embeddings and heads detect mistakes of training mode, gradients, instances and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch
from test_data_faults import Centered, Table
from test_encoder_faults import faulty_class
from test_head_faults import Tags
from test_training_faults import assert_detected
from torch import Tensor, nn

from seqkit.contracts import Batch, Embedding, Encoded, Example, Loss, Tokenizer
from seqkit.heads.classify import Classify
from seqkit.testing import (
    checks_for_embedding,
    checks_for_head,
)
from seqkit.testing.default_cases import EXAMPLES

# Embeddings


class Padded(nn.Module, Embedding):
    """An embedding with a table of torch. The faulty embeddings are variants of it."""

    options: dict[str, Any] = {"padding_idx": 0}

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.output_size = 4
        self.table = nn.Embedding(tokenizer.vocab_size, 4, **self.options)

    def forward(self, ids: Tensor) -> Tensor:
        return self.table(ids)


class SharedMean(Centered):
    """An embedding whose buffer is the same tensor in all instances."""

    tensors: dict[int, Tensor] = {}

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.mean = self.tensors.setdefault(width, self.mean)


class Standardized(Centered):
    """An embedding that divides by the standard deviation without regard to constant features."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.register_buffer("deviation", torch.ones(width))

    def fit(self, inputs: Iterable[np.ndarray]) -> None:
        rows = np.concatenate(list(inputs))
        self.mean.copy_(torch.from_numpy(rows.mean(axis=0)))
        self.deviation.copy_(torch.from_numpy(rows.std(axis=0)))

    def forward(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.deviation


class NormalizedTable(Padded):
    options: dict[str, Any] = {}

    def forward(self, ids: Tensor) -> Tensor:
        vectors = super().forward(ids)
        return vectors - vectors.mean(dim=(0, 1)) if self.training else vectors


EMBEDDINGS: dict[str, tuple[type, str, str]] = {
    "the id 0 has no gradient": (Padded, "gradient_of_each_id", "table.weight[0] has no gradient"),
    "the id 0 is masked": (
        faulty_class(
            Table,
            forward=lambda self, ids: torch.where(ids[..., None] == 0, self.vectors[ids].detach(), self.vectors[ids]),
        ),
        "gradient_of_each_id",
        "vectors[0] has no gradient",
    ),
    "the table is renormalized in forward": (
        faulty_class(Padded, options={"max_norm": 0.5}),
        "training_steps",
        "changes the weights table.weight",
    ),
    "the mean of the batch is subtracted in training mode": (NormalizedTable, "training_independence", "other rows"),
    "rows beyond 128 time steps are cut": (
        faulty_class(Table, forward=lambda self, ids: self.vectors[ids[:, :128]]),
        "long_rows",
        "limit the length nowhere",
    ),
    "instances share a buffer": (SharedMean, "independent_instances", "two instances share mean"),
    "a constant feature is divided by 0": (Standardized, "constant_features", "deviation of 0"),
    "is_one_hot is wrong": (
        faulty_class(Table, is_one_hot=True),
        "one_hot",
        "set is_one_hot = False",
    ),
}


@pytest.mark.parametrize(("faulty", "name", "message"), EMBEDDINGS.values(), ids=EMBEDDINGS)
def test_embedding_faults_are_detected(faulty: type, name: str, message: str) -> None:
    width = 3 if issubclass(faulty, Centered) else None
    assert_detected(checks_for_embedding(faulty, width=width), name, message)


# Heads


def training_change(change: Any) -> Any:
    """Return `logits` that are changed in training mode only."""
    return lambda self, encoded: change(self.output(encoded.outputs)) if self.training else self.output(encoded.outputs)


def smoothed(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    loss = nn.functional.cross_entropy(
        self.outputs(encoded, batch), batch.targets, label_smoothing=0.1, reduction="sum"
    )
    return Loss(loss, len(batch.targets))


def weighted(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    weights = torch.tensor([1.0, 2.0, 5.0])
    loss = nn.functional.cross_entropy(self.outputs(encoded, batch), batch.targets, weight=weights, reduction="sum")
    return Loss(loss, float(weights[batch.targets].sum()))


def unnormalized(self: Any, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
    return [
        {"label": self.labels[int(row.argmax())], "probabilities": dict(zip(self.labels, row.tolist(), strict=True))}
        for row in self.outputs(encoded, batch).sigmoid()
    ]


class PreviousTag(Tags):
    """A head that reads the previous tag from a table, of which the row 0 has no gradient."""

    def build(self, output_size: int, final_size: int) -> None:
        super().build(output_size, final_size)
        self.previous = nn.Embedding(len(self.tags), len(self.tags), padding_idx=0)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        before = self.previous(nn.functional.pad(batch.targets, (1, 0))[:, :-1])
        losses = nn.functional.cross_entropy((self.logits(encoded) + before).mT, batch.targets, reduction="none")
        return Loss((losses * batch.mask).sum(), int(batch.lengths.sum()))


class LabelsOfClass(Classify):
    """A head whose labels belong to the class."""

    found: dict[str, int] = {}

    def fit(self, examples: Any, tokenizer: Tokenizer | None) -> None:
        super().fit(examples, tokenizer)
        self.found.clear()
        self.found.update(self._numbers)

    def state(self) -> dict[str, Any]:
        return super().state() | {"labels": list(self.found)}


def sorted_metrics(self: Any, loss: float, predictions: Any, examples: Any) -> dict[str, Any]:
    pairs = zip(sorted(item["label"] for item in predictions), sorted(each.target for each in examples), strict=True)
    return {"accuracy": sum(one == other for one, other in pairs) / len(examples)}


def peeking_baseline(self: Any, train: Any, test: Any, tokenizer: Any) -> dict[str, Any]:
    known = {example.input: example.target for example in [*train, *test]}
    return {"name": "a table", "accuracy": sum(known[each.input] == each.target for each in test) / len(test)}


def cached_loss(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    cache = self.__dict__.setdefault("cache", {})
    key = id(encoded.outputs)
    if self.training or key not in cache:
        cache[key] = (Tags.loss(self, encoded, batch), encoded)
    return cache[key][0]


def predict_in_evaluation_mode(self: Any, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
    return Tags.predict(self.eval(), encoded, batch)


HEADS: dict[str, tuple[type, str, str]] = {
    "logits are centered over the batch in training mode": (
        faulty_class(Tags, logits=training_change(lambda logits: logits - logits.mean(dim=(0, 1)))),
        "training_independence",
        "the other rows of the batch",
    ),
    "padding is read in training mode": (
        faulty_class(Tags, logits=training_change(lambda logits: logits + logits.sum(dim=1, keepdim=True))),
        "training_independence",
        "real time steps only",
    ),
    "logits are detached in training mode": (
        faulty_class(Tags, logits=training_change(lambda logits: logits + logits.detach().sin())),
        "training_gradcheck",
        "remove the detach()",
    ),
    "targets are modified in training mode": (
        faulty_class(
            Tags,
            loss=lambda self, encoded, batch: (
                batch.targets.clamp_(max=1) if self.training else None,
                Tags.loss(self, encoded, batch),
            )[1],
        ),
        "training_steps",
        "the argument targets is modified in place",
    ),
    "random numbers come from an unseeded generator": (
        faulty_class(Tags, logits=training_change(lambda logits: logits * (1 + np.random.default_rng().random()))),
        "training_steps",
        "use the global random generators of torch",
    ),
    "the row 0 of a table has no gradient": (
        PreviousTag,
        "gradient_of_each_target",
        "previous.weight[0] has no gradient",
    ),
    "labels are smoothed in evaluation mode": (
        faulty_class(Classify, loss=smoothed),
        "probabilities",
        "in training mode only",
    ),
    "classes are weighted in evaluation mode": (
        faulty_class(Classify, loss=weighted),
        "probabilities",
        "in training mode only",
    ),
    "probabilities do not add up to 1": (
        faulty_class(Classify, predict=unnormalized),
        "probabilities",
        "return a softmax",
    ),
    "instances share labels": (LabelsOfClass, "independent_instances", "changes the state of another"),
    "metrics ignore the order": (
        faulty_class(Classify, metrics=sorted_metrics, metric_names=("accuracy",)),
        "metrics_use_order",
        "the target of its own example",
    ),
    "accuracy is divided by a wrong count": (
        faulty_class(
            Tags,
            metrics=lambda self, loss, predictions, examples: {
                name: value * 0.9 for name, value in Tags.metrics(self, loss, predictions, examples).items()
            },
        ),
        "perfect_metrics",
        "although every prediction is right",
    ),
    "the baseline reads the test targets": (
        faulty_class(Classify, baseline=peeking_baseline),
        "baseline_ignores_test_targets",
        "learn from the training examples only",
    ),
    "the loss is cached by identity": (faulty_class(Tags, loss=cached_loss), "determinism", "cache no results"),
    "predict ends training mode": (
        faulty_class(Tags, predict=predict_in_evaluation_mode),
        "modes",
        "do not call eval()",
    ),
    "the loss needs float64": (
        faulty_class(Tags, logits=lambda self, encoded: self.output(encoded.outputs.double())),
        "dtype",
        "RuntimeError",
    ),
    "rows are cut at 128 time steps": (
        faulty_class(
            Tags,
            predict=lambda self, encoded, batch: Tags.predict(
                self,
                encoded._replace(outputs=encoded.outputs[:, -128:]),
                batch._replace(lengths=batch.lengths.clamp(max=128)),
            ),
        ),
        "long_rows",
        "limit the length nowhere",
    ),
    "format_prediction modifies the prediction": (
        faulty_class(Tags, format_prediction=lambda self, prediction, value: {"tags": prediction.pop("tags")}),
        "predictions",
        "format_prediction modifies",
    ),
}


@pytest.mark.parametrize(("faulty", "name", "message"), HEADS.values(), ids=HEADS)
def test_head_faults_are_detected(faulty: type, name: str, message: str) -> None:
    examples: list[Example] = EXAMPLES["labels" if issubclass(faulty, Classify) else "tags"]
    assert_detected(checks_for_head(faulty, examples), name, message)
