"""Mistakes that heads are written with, each planted into one that passes, and the check that finds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Head, Loss, Row, Tokenizer
from seqkit.errors import DataError
from seqkit.heads.classify import Classify
from seqkit.heads.next_char import NextChar
from seqkit.testing import Broken, check_head, checks_for_head
from seqkit.testing.guesses import EXAMPLES


class Tags(nn.Module, Head):
    """A tag a word, by softmax: what most faults are planted into."""

    needs = frozenset({"outputs", "targets"})
    per_step = True
    metric_names = ("accuracy",)
    higher_is_better = frozenset({"accuracy"})

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        self.tags = sorted({tag for example in examples for tag in example.target})

    def state(self) -> dict[str, Any]:
        return {"tags": self.tags}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.tags = list(state["tags"])

    def build(self, output_size: int, final_size: int) -> None:
        self.output = nn.Linear(output_size, len(self.tags))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        if example.target is None:
            raise DataError("there are no tags")
        yield Row(encoded_input, np.array([self.tags.index(tag) for tag in example.target]))

    def logits(self, encoded: Encoded) -> Tensor:
        return self.output(encoded.outputs)

    def loss(self, encoded: Encoded, batch: Batch) -> Loss:
        assert batch.targets is not None
        losses = nn.functional.cross_entropy(self.logits(encoded).transpose(1, 2), batch.targets, reduction="none")
        return Loss((losses * batch.mask).sum(), int(batch.lengths.sum()))

    def predict(self, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
        best = self.logits(encoded).argmax(dim=2)
        return [
            {"tags": [self.tags[number] for number in row[:length]]}
            for row, length in zip(best.tolist(), batch.lengths.tolist(), strict=True)
        ]

    def metrics(self, loss: float, predictions: Sequence[Any], examples: Sequence[Example]) -> dict[str, Any]:
        pairs = [
            pair
            for prediction, example in zip(predictions, examples, strict=True)
            for pair in zip(prediction["tags"], example.target, strict=False)
        ]
        return {"accuracy": sum(one == other for one, other in pairs) / max(1, len(pairs))}


def planted(base: type, **attributes: Any) -> type:
    """Returns the class with something of it replaced."""
    return type("Planted", (base,), attributes)


def by_mean(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    loss = Tags.loss(self, encoded, batch)
    return Loss(loss.total / loss.count, loss.count)


def padding_too(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    logits = self.logits(encoded)
    return Loss(
        nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="sum"),
        batch.targets.numel(),
    )


def with_neighbours(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    """Adds a term that a step and the one after it share, as a CRF does."""
    loss = Tags.loss(self, encoded, batch)
    steps = self.logits(encoded)[:, :, 0]
    both = batch.mask[:, 1:] & batch.mask[:, :-1]
    return Loss(loss.total + ((steps[:, 1:] - steps[:, :-1]).square() * both).sum(), loss.count)


def one_late(self: Any, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
    for row in Tags.rows(self, example, encoded_input):
        yield Row(row.input, np.roll(row.target, 1))


def peeking(self: Any, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
    answers = Tags.predict(self, encoded, batch)
    if batch.targets is not None:
        answers[0]["tags"][0] = self.tags[int(batch.targets[0, 0])]
    return answers


def backwards(self: Any, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
    return [{"tags": [self.tags[::-1][self.tags.index(tag)] for tag in answer["tags"]]} for answer in
            Tags.predict(self, encoded, batch)]  # fmt: skip


def to_the_end(self: Any, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
    return [{"tags": [self.tags[number] for number in row]} for row in self.logits(encoded).argmax(dim=2).tolist()]


def unchecked(self: Any, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
    yield Row(encoded_input, np.array([self.tags.index(tag) for tag in example.target]))


def skipping(self: Any, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
    yield Row(encoded_input[:-2], encoded_input[2:])


def shifted_again(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    logits = self.logits(encoded)[:, :-1]
    mask = batch.mask[:, 1:]
    return Loss(nn.functional.cross_entropy(logits[mask], batch.targets[:, 1:][mask], reduction="sum"), int(mask.sum()))


class Adding(Tags):
    """Adds up what several fits show."""

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        self.tags = [*getattr(self, "tags", []), *sorted({tag for example in examples for tag in example.target})]


class Dropping(Tags):
    def logits(self, encoded: Encoded) -> Tensor:
        return self.output(nn.functional.dropout(encoded.outputs, 0.5))


class Sneaking(Tags):
    """Reads the final vector too, and does not say so."""

    def build(self, output_size: int, final_size: int) -> None:
        super().build(output_size, final_size)
        self.more = nn.Linear(final_size, len(self.tags))

    def logits(self, encoded: Encoded) -> Tensor:
        return super().logits(encoded) + self.more(encoded.final)[:, None]


class Idle(Tags):
    def build(self, output_size: int, final_size: int) -> None:
        super().build(output_size, final_size)
        self.more = nn.Linear(final_size, 2)


FAULTS: dict[str, tuple[type, str, str]] = {
    "a target is the id after the next": (planted(NextChar, rows=skipping), "writes", "is it off by one?"),
    "targets are shifted in the loss again": (
        planted(NextChar, loss=shifted_again),
        "likelihood",
        "shifted by nothing",
    ),
    "a leak is let in": (
        planted(NextChar, needs=property(lambda self: frozenset({"outputs"}), lambda self, value: None)),
        "needs_causal",
        "put 'causal' into needs",
    ),
    "tags are one late": (planted(Tags, rows=one_late), "answers", "are targets off by one"),
    "labels have another order in predict": (planted(Tags, predict=backwards), "answers", "in another order"),
    "a worse score is said to be better": (
        planted(Tags, higher_is_better=frozenset()),
        "metrics_direction",
        "see higher_is_better",
    ),
    "the loss is a mean": (planted(Tags, loss=by_mean), "loss_adds_up", "return the sum, not the mean"),
    "padding is counted": (planted(Tags, loss=padding_too), "loss_adds_up", "sum over real steps alone"),
    "padding has a loss": (planted(Tags, loss=padding_too), "padding", "sum over real steps alone"),
    "neighbours are scored together": (planted(Tags, loss=with_neighbours), "windows", "say per_step = False"),
    "predict peeks at the targets": (planted(Tags, predict=peeking), "predictions_blind", "never read batch.targets"),
    "padding is answered": (planted(Tags, predict=to_the_end), "predictions_alone", "read real steps alone"),
    "a mean over padding is labelled": (
        planted(
            Classify,
            _pooled=lambda self, encoded, batch: encoded.outputs.mean(dim=1),
            needs=frozenset({"outputs"}),
            build=lambda self, output_size, final_size: Classify.build(self, output_size, output_size),
        ),
        "predictions_alone",
        "with what stands at padded steps",
    ),
    "answers are numpy's": (
        planted(Tags, predict=lambda self, encoded, batch: [{"tags": np.zeros(2)} for _ in batch.lengths]),
        "predictions",
        "a prediction is not JSON",
    ),
    "a row is left without an answer": (
        planted(Tags, predict=lambda self, encoded, batch: Tags.predict(self, encoded, batch)[1:]),
        "predictions",
        "predict gives 2 objects for 3 rows",
    ),
    "it reads what it does not say": (Sneaking, "needs", "it reads `final`, which needs does not name"),
    "it needs what it does not read": (
        planted(Tags, needs=frozenset({"outputs", "final", "targets"})),
        "needs",
        "needs names `final`, and no gradient reaches it",
    ),
    "needs is misspelt": (planted(Tags, needs=frozenset({"output"})), "contract", "needs holds 'output'"),
    "what fit learned is in no state": (planted(Tags, state=lambda self: {"tags": [*"XYZ"]}), "json_state", "raises"),
    "its state is a set": (planted(Tags, state=lambda self: {"tags": {"A"}}), "json_state", "its state is not JSON"),
    "fit adds on": (Adding, "fit_again", "begin fit with nothing learned"),
    "no label is a TypeError": (planted(Tags, rows=unchecked), "unlabelled", "raises TypeError: raise a DataError"),
    "outputs are detached": (
        planted(Tags, logits=lambda self, encoded: self.output(encoded.outputs.detach())),
        "needs",
        "detach nothing",
    ),
    "a layer is never used": (Idle, "gradients", "no gradient reaches more.weight, more.bias"),
    "the loss is a constant": (
        planted(Tags, loss=lambda self, encoded, batch: Loss(self.logits(encoded).sum() * 0 + 1, len(batch.lengths))),
        "learns",
        "does the loss depend on what predicts the target?",
    ),
    "it drops in evaluation": (Dropping, "determinism", "drop only while self.training"),
    "the loss has a dimension": (
        planted(Tags, loss=lambda self, encoded, batch: Loss(Tags.loss(self, encoded, batch).total[None], 1)),
        "loss",
        "sum it up to a scalar tensor",
    ),
    "it writes into the outputs": (
        planted(Tags, logits=lambda self, encoded: self.output(encoded.outputs.mul_(2))),
        "inputs_unchanged",
        "it writes into the outputs",
    ),
    "a metric is missing": (planted(Tags, metric_names=("accuracy", "f1")), "metrics", "metrics gives None for it"),
    "the floor has no name": (
        planted(Tags, baseline=lambda self, train, test, tokenizer: {"accuracy": 1.0}),
        "baseline",
        "say which method it is",
    ),
}


def examples_for(head: type) -> list[Example]:
    kind = "texts" if issubclass(head, NextChar) else "labels" if issubclass(head, Classify) else "tags"
    return EXAMPLES[kind]


def test_the_head_that_faults_are_planted_into_passes() -> None:
    check_head(Tags, EXAMPLES["tags"])


@pytest.mark.parametrize(("faulty", "name", "message"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_caught_by_its_check(faulty: Any, name: str, message: str) -> None:
    torch.manual_seed(0)
    (check,) = [each for each in checks_for_head(faulty, examples_for(faulty)) if each.name == name]
    with pytest.raises(Broken) as caught:
        check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
