"""Tests that the checks of heads detect common mistakes, each inserted into a correct head."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqkit.contracts import Batch, Encoded, Example, Head, Judgment, Loss, Outcomes, Row, Table, Tokenizer
from seqkit.errors import DataError
from seqkit.heads.classify import Classify
from seqkit.heads.next_char import NextChar
from seqkit.testing import ContractViolation, check_head, checks_for_head
from seqkit.testing.default_cases import EXAMPLES

COUNTER = itertools.count()


class Tags(nn.Module, Head):
    """A head that predicts a tag per word with a softmax. Most faulty heads are variants of it."""

    needs = frozenset({"outputs", "targets"})
    per_time_step = True
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
            raise DataError("the example has no tags")
        if len(example.target) != len(encoded_input):
            raise DataError(f"the example has {len(example.target)} tags for {len(encoded_input)} words")
        if unknown := set(example.target) - set(self.tags):
            raise DataError(f"the tag {min(unknown)!r} does not occur in the training data")
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


class WithoutEnds(Tags):
    """A head that generates and claims to do so from the beginning of a text to its end."""

    needs = frozenset({"outputs", "causal"})
    generates = True
    whole_texts = True

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        assert tokenizer is not None
        self.tags = list(range(tokenizer.vocab_size))

    def rows(self, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
        yield Row(encoded_input[:-1], encoded_input[1:])


def faulty_class(base: type, **attributes: Any) -> type:
    """Return a subclass with some attributes replaced."""
    return type("Faulty", (base,), attributes)


def mean_loss(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    loss = Tags.loss(self, encoded, batch)
    return Loss(loss.total / loss.count, loss.count)


def loss_with_padding(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    logits = self.logits(encoded)
    return Loss(
        nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten(), reduction="sum"),
        batch.targets.numel(),
    )


def loss_with_neighbors(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    """Add a term for each pair of neighboring time steps, as a CRF does."""
    loss = Tags.loss(self, encoded, batch)
    steps = self.logits(encoded)[:, :, 0]
    both_real = batch.mask[:, 1:] & batch.mask[:, :-1]
    return Loss(loss.total + ((steps[:, 1:] - steps[:, :-1]).square() * both_real).sum(), loss.count)


def rows_with_shifted_targets(self: Any, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
    for row in Tags.rows(self, example, encoded_input):
        yield Row(row.input, np.roll(row.target, 1))


def predict_from_targets(self: Any, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
    predictions = Tags.predict(self, encoded, batch)
    if batch.targets is not None:
        predictions[0]["tags"][0] = self.tags[int(batch.targets[0, 0])]
    return predictions


def predict_with_reversed_labels(self: Any, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
    return [{"tags": [self.tags[::-1][self.tags.index(tag)] for tag in prediction["tags"]]} for prediction in
            Tags.predict(self, encoded, batch)]  # fmt: skip


def predict_padding(self: Any, encoded: Encoded, batch: Batch) -> list[dict[str, Any]]:
    return [{"tags": [self.tags[number] for number in row]} for row in self.logits(encoded).argmax(dim=2).tolist()]


def judge_with(**changes: Any) -> Any:
    """Return the method `judge` of a classifier whose judgments have some wrong values."""

    def judge(self: Any, *arguments: Any, **keywords: Any) -> Iterator[Judgment]:
        return (dataclasses.replace(judgment, **changes) for judgment in Classify.judge(self, *arguments, **keywords))

    return judge


def rows_without_target_check(self: Any, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
    yield Row(encoded_input, np.array([self.tags.index(tag) for tag in example.target]))


def rows_with_skipped_target(self: Any, example: Example, encoded_input: np.ndarray) -> Iterator[Row]:
    yield Row(encoded_input[:-2], encoded_input[2:])


def loss_with_shifted_targets(self: Any, encoded: Encoded, batch: Batch) -> Loss:
    logits = self.logits(encoded)[:, :-1]
    mask = batch.mask[:, 1:]
    return Loss(nn.functional.cross_entropy(logits[mask], batch.targets[:, 1:][mask], reduction="sum"), int(mask.sum()))


class Accumulating(Tags):
    """A head whose fit adds tags to those of earlier fits."""

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        self.tags = [*getattr(self, "tags", []), *sorted({tag for example in examples for tag in example.target})]


class DropoutInEvaluation(Tags):
    def logits(self, encoded: Encoded) -> Tensor:
        return self.output(nn.functional.dropout(encoded.outputs, 0.5))


class Undeclared(Tags):
    """A head that reads the final vector, which `needs` does not contain."""

    def build(self, output_size: int, final_size: int) -> None:
        super().build(output_size, final_size)
        self.extra = nn.Linear(final_size, len(self.tags))

    def logits(self, encoded: Encoded) -> Tensor:
        return super().logits(encoded) + self.extra(encoded.final)[:, None]


class Unused(Tags):
    def build(self, output_size: int, final_size: int) -> None:
        super().build(output_size, final_size)
        self.extra = nn.Linear(final_size, 2)


class Exhibits(Tags):
    """A head that shows what its class attribute `shown` returns for the predictions."""

    shown: Callable[[Any], Any]

    def exhibits(self, predictions: Any, examples: Any) -> Any:
        return [type(self).shown(predictions)]


def exhibit_of(shown: Callable[[Any], Any]) -> type:
    """Return a head that shows one exhibit."""
    return type("Exhibits", (Exhibits,), {"shown": staticmethod(shown)})


def modify(predictions: Any) -> Table:
    predictions[0]["tags"] = []
    return Table("x", ("a",), ())


FAULTS: dict[str, tuple[type, str, str]] = {
    "an exhibit is HTML": (exhibit_of(lambda _: "<table>"), "exhibits", "return instances of Table, Matrix, Series"),
    "an exhibit has a number of NumPy": (
        exhibit_of(lambda _: Table("Errors", ("a",), ((np.int64(1),),))),
        "exhibits",
        "the exhibit 'Errors' is not JSON",
    ),
    "an exhibit has lists": (
        exhibit_of(lambda _: Table("Errors", ("a",), [[1]])),  # type: ignore[arg-type]
        "exhibits",
        "use tuples instead of lists",
    ),
    "an exhibit modifies predictions": (exhibit_of(modify), "exhibits", "exhibits modifies the predictions"),
    "exhibits are random": (
        exhibit_of(lambda _: Table("Errors", ("a",), ((float(np.random.rand()),),))),
        "exhibits",
        "something else for the same predictions",
    ),
    "a target is the id after the next": (
        faulty_class(NextChar, rows=rows_with_skipped_target),
        "predicts_next_token",
        "the next id",
    ),
    "targets are shifted in the loss too": (
        faulty_class(NextChar, loss=loss_with_shifted_targets),
        "loss_matches_logits",
        "with the target of the same time step",
    ),
    "the encoder need not be causal": (
        faulty_class(NextChar, needs=property(lambda self: frozenset({"outputs"}), lambda self, value: None)),
        "needs_causal",
        "add 'causal' to needs",
    ),
    "targets are a time step late": (
        faulty_class(Tags, rows=rows_with_shifted_targets),
        "predicts_targets",
        "targets are not shifted",
    ),
    "labels have another order in predict": (
        faulty_class(Tags, predict=predict_with_reversed_labels),
        "predicts_targets",
        "the same order of labels",
    ),
    "a metric has the wrong direction": (
        faulty_class(Tags, higher_is_better=frozenset()),
        "metric_direction",
        "check higher_is_better",
    ),
    "the loss is a mean": (faulty_class(Tags, loss=mean_loss), "loss_is_additive", "return the sum, not the mean"),
    "padding is counted": (
        faulty_class(Tags, loss=loss_with_padding),
        "loss_is_additive",
        "sum over real time steps only",
    ),
    "padding has a loss": (
        faulty_class(Tags, loss=loss_with_padding),
        "padding_independence",
        "sum over real time steps only",
    ),
    "neighboring time steps are scored together": (
        faulty_class(Tags, loss=loss_with_neighbors),
        "loss_over_windows",
        "set per_time_step = False",
    ),
    "whole texts without ends": (
        faulty_class(WithoutEnds, special_tokens=frozenset({"begin", "end"})),
        "whole_texts",
        "begin with that of the special token `begin`",
    ),
    "whole texts without special tokens": (
        WithoutEnds,
        "whole_texts",
        "special_tokens lacks 'begin'",
    ),
    "whole texts of a head that predicts": (
        faulty_class(Tags, whole_texts=True),
        "whole_texts",
        "but generates is False",
    ),
    "a cut input lacks targets": (
        faulty_class(Tags, accepts_cut=True),
        "rows",
        "set accepts_cut to False",
    ),
    "predict reads the targets": (
        faulty_class(Tags, predict=predict_from_targets),
        "predictions_ignore_targets",
        "do not read batch.targets",
    ),
    "padding is predicted": (
        faulty_class(Tags, predict=predict_padding),
        "prediction_independence",
        "use real time steps only",
    ),
    "combined predictions are those of all members": (
        faulty_class(Classify, combine=lambda self, predictions: [row for member in predictions for row in member]),
        "combined_predictions",
        "return a prediction per row, in the form of predict",
    ),
    "the loss of predictions is a sum of probabilities": (
        faulty_class(
            Classify,
            loss_of_predictions=lambda self, predictions, examples: Loss(torch.tensor(1.0), len(examples)),
        ),
        "combined_predictions",
        "but loss_of_predictions returns",
    ),
    "probabilities are declared and missing": (
        faulty_class(Tags, label_probabilities=True),
        "probabilities",
        "label_probabilities is True, but a prediction has no",
    ),
    "fields of time steps have other lengths": (
        faulty_class(
            Tags,
            time_step_fields=frozenset({"date", "tags"}),
            format_prediction=lambda self, prediction, value: {"date": ["2024"], "tags": {"a": ["x", "y"]}},
        ),
        "time_step_fields",
        "return lists of one length, or mappings of such lists",
    ),
    "fields of time steps are missing with dates": (
        faulty_class(
            Tags,
            time_step_fields=frozenset({"tags"}),
            format_prediction=lambda self, prediction, value, next_dates=None: {} if next_dates else {"tags": [1]},
        ),
        "time_step_fields",
        "time_step_fields is ['tags'], but format_prediction returns {} for them",
    ),
    "judgments have no example": (
        faulty_class(Classify, judge=judge_with(example=9)),
        "judgments",
        "example is the index of an example",
    ),
    "an order is not a number": (
        faulty_class(Classify, judge=judge_with(order=float("nan"))),
        "judgments",
        "order is a finite number",
    ),
    "a probability is a percentage": (
        faulty_class(Classify, judge=judge_with(probability=80.0)),
        "judgments",
        "probability is a number from 0 to 1",
    ),
    "an error is not marked": (
        faulty_class(Classify, judge=judge_with(truth="other", is_error=False)),
        "judgments",
        "truth and prediction are equal unless it is an error",
    ),
    "padding is included in a mean": (
        faulty_class(
            Classify,
            outputs=lambda self, encoded, batch: self.output(encoded.outputs.mean(dim=1)),
            needs=frozenset({"outputs"}),
            build=lambda self, output_size, final_size: Classify.build(self, output_size, output_size),
        ),
        "prediction_independence",
        "when outputs at padded time steps change",
    ),
    "predictions contain arrays": (
        faulty_class(Tags, predict=lambda self, encoded, batch: [{"tags": np.zeros(2)} for _ in batch.lengths]),
        "predictions",
        "a prediction is not JSON",
    ),
    "a row has no prediction": (
        faulty_class(Tags, predict=lambda self, encoded, batch: Tags.predict(self, encoded, batch)[1:]),
        "predictions",
        "predict returns 2 predictions for 3 rows",
    ),
    "needs lacks a part": (Undeclared, "needs", "the head reads final, which needs does not contain"),
    "needs contains a part that is not read": (
        faulty_class(Tags, needs=frozenset({"outputs", "final", "targets"})),
        "needs",
        "needs contains 'final', but no gradient reaches it",
    ),
    "needs is misspelt": (faulty_class(Tags, needs=frozenset({"output"})), "contract", "needs contains 'output'"),
    "needs is a text": (
        faulty_class(Tags, needs="outputs"),
        "contract",
        "needs is 'outputs': set it to frozenset({'outputs'})",
    ),
    "needs is a list": (
        faulty_class(Tags, needs=["outputs", "targets"]),
        "contract",
        "needs is ['outputs', 'targets']: set it to frozenset({'outputs', 'targets'})",
    ),
    "metric_names is a text": (
        faulty_class(Tags, metric_names="accuracy"),
        "contract",
        "metric_names is 'accuracy': set it to ('accuracy',)",
    ),
    "the state lacks what fit learned": (
        faulty_class(Tags, state=lambda self: {"tags": [*"XYZ"]}),
        "state_round_trip",
        "raises",
    ),
    "the state is a set": (
        faulty_class(Tags, state=lambda self: {"tags": {"A"}}),
        "state_round_trip",
        "the state is not JSON",
    ),
    "fit adds to an earlier fit": (Accumulating, "refit", "discard the earlier state in fit"),
    "a missing target raises TypeError": (
        faulty_class(Tags, rows=rows_without_target_check),
        "missing_target",
        "raises TypeError: raise a DataError",
    ),
    "outputs are detached": (
        faulty_class(Tags, logits=lambda self, encoded: self.output(encoded.outputs.detach())),
        "needs",
        "do not detach it",
    ),
    "a layer is never used": (Unused, "gradient_flow", "no gradient reaches the weights extra.weight, extra.bias"),
    "the loss is a constant": (
        faulty_class(
            Tags, loss=lambda self, encoded, batch: Loss(self.logits(encoded).sum() * 0 + 1, len(batch.lengths))
        ),
        "memorizes",
        "check that the loss compares predictions with targets",
    ),
    "dropout is applied in evaluation mode": (
        DropoutInEvaluation,
        "determinism",
        "apply dropout only if self.training",
    ),
    "the loss has a dimension": (
        faulty_class(Tags, loss=lambda self, encoded, batch: Loss(Tags.loss(self, encoded, batch).total[None], 1)),
        "loss",
        "return a scalar tensor",
    ),
    "outputs are modified in place": (
        faulty_class(Tags, logits=lambda self, encoded: self.output(encoded.outputs.mul_(2))),
        "inputs_unchanged",
        "the argument outputs is modified in place",
    ),
    "renewed rows depend on earlier calls": (
        faulty_class(
            Tags, renews_rows=True, renew=lambda self, row, generator: Row(row.input + next(COUNTER), row.target)
        ),
        "renewed_rows",
        "returns two rows for the same random numbers",
    ),
    "renewed rows are modified in place": (
        faulty_class(Tags, renews_rows=True, renew=lambda self, row, generator: Row(row.input.__iadd__(1), row.target)),
        "renewed_rows",
        "read-only",
    ),
    "renewed rows are empty": (
        faulty_class(Tags, renews_rows=True, renew=lambda self, row, generator: Row(row.input[:0], row.target)),
        "renewed_rows",
        "return at least one",
    ),
    "a window is cut": (
        faulty_class(Tags, renews_rows=True, renew=lambda self, row, generator: Row(row.input[:1], row.target)),
        "renewed_rows",
        "changes the length of a row, which can be a window",
    ),
    "rows are never renewed": (
        faulty_class(Tags, renews_rows=True),
        "renewed_rows",
        "set renews_rows to False",
    ),
    "renewed rows have another type": (
        faulty_class(Tags, renews_rows=True, renew=lambda self, row, generator: Row(row.input + 0.5, row.target)),
        "renewed_rows",
        "of float64",
    ),
    "renewed rows use the global generator": (
        faulty_class(
            Tags,
            renews_rows=True,
            renew=lambda self, row, generator: Row(
                row.input + generator.integers(9) + 0 * int(np.random.random()),
                row.target,  # noqa: NPY002
            ),
        ),
        "renewed_rows",
        "uses the global random generator of",
    ),
    "outcomes have no labels": (
        faulty_class(
            Tags, provides=frozenset({"labels"}), outcomes=lambda self, predictions, *_, **__: Outcomes("a", "b")
        ),
        "outcomes",
        "predicts a label that is not in its labels",
    ),
    "fewer outcomes than predictions": (
        faulty_class(Tags, provides=frozenset({"labels"}), outcomes=lambda self, *_, **__: Outcomes("ab", "a", "ab")),
        "outcomes",
        "returns 2 truths and 1 predictions",
    ),
    "probabilities are missing": (
        faulty_class(
            Tags,
            provides=frozenset({"labels", "probabilities"}),
            outcomes=lambda self, *_, **__: Outcomes("ab", "ab", "ab"),
        ),
        "outcomes",
        "are not those of 2 items and 2 labels",
    ),
    "outcomes are unknown": (
        faulty_class(Tags, provides=frozenset({"spans"})),
        "outcomes",
        "provides is ['spans']",
    ),
    "a metric is missing": (
        faulty_class(Tags, metric_names=("accuracy", "f1")),
        "metrics",
        "metric_names contains 'f1', but metrics never returns it",
    ),
    "the baseline has no name": (
        faulty_class(Tags, baseline=lambda self, train, test, tokenizer: {"accuracy": 1.0}),
        "baseline",
        "set it to the name of the method",
    ),
}


def examples_for(head: type) -> list[Example]:
    kind = "texts" if issubclass(head, NextChar) else "labels" if issubclass(head, Classify) else "tags"
    return EXAMPLES[kind]


def test_correct_head_passes() -> None:
    check_head(Tags, EXAMPLES["tags"])


@pytest.mark.parametrize(("faulty", "name", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_are_detected(faulty: Any, name: str, message: str) -> None:
    torch.manual_seed(0)
    (check,) = [each for each in checks_for_head(faulty, examples_for(faulty)) if each.name == name]
    with pytest.raises(ContractViolation) as caught:
        check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
