"""Checks of a head's predictions and metrics, and of whether it learns."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from seqkit.contracts import Batch, Encoded, Example
from seqkit.contracts.capabilities import call_with_accepted
from seqkit.messages import message
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import json_differs, shorten
from seqkit.testing.head.case import HeadCase, MemorizedHead, json_round_trip, loss_values, predict

check = CheckSuite[HeadCase]("head")


def _predict_all(case: HeadCase) -> tuple[Any, Encoded, Batch, list[dict[str, Any]]]:
    """Return a head, the encoder's result for all rows, their batch, and the predictions.

    Raises:
        DoesNotApply: the head makes no predictions.
    """
    head = case.build()
    encoded, batch = case.batch(head)
    found = predict(head, encoded, batch)
    if isinstance(found, list) and not found:
        raise DoesNotApply(message("predict returns no predictions"))
    return head, encoded, batch, found


@check
def predictions(case: HeadCase) -> None:
    """`predict` returns a JSON object per row, and `format_prediction` turns it into another JSON object."""
    head, _, batch, found = _predict_all(case)
    if not isinstance(found, list) or len(found) != len(batch.lengths):
        raise ContractViolation(
            message(
                "predict returns {count} predictions for {rows} rows: return a list with one prediction per row",
                count=len(found),
                rows=len(batch.lengths),
            )
        )
    for prediction in found:
        restored = json_round_trip(prediction, message("a prediction"))
        if not isinstance(restored, dict):
            raise ContractViolation(
                message(
                    "a prediction is {prediction}: return a mapping with string keys", prediction=shorten(prediction)
                )
            )
        if json_differs(restored, prediction):
            raise ContractViolation(message("a prediction changes when it is converted to JSON: use string keys"))
    formatted = head.format_prediction(found[0], case.examples[0].input)
    if not isinstance(json_round_trip(formatted, message("a formatted prediction")), dict):
        raise ContractViolation(
            message(
                "format_prediction returns {formatted}: return a mapping with string keys", formatted=shorten(formatted)
            )
        )


@check
def prediction_independence(case: HeadCase) -> None:
    """The prediction for a row does not depend on its padding, on other rows, or on their order."""
    head, _, _, found = _predict_all(case)
    rows = list(range(len(found)))
    batches = [
        (message("when outputs at padded time steps change"), rows, True),
        (message("when rows are permuted"), rows[::-1], False),
        *((message("when row {row} is predicted alone", row=row), [row], False) for row in rows),
    ]
    for condition, selected, padding_noise in batches:
        actual = predict(head, *case.batch(head, selected, padding_noise=padding_noise))
        if json_differs([found[row] for row in selected], actual):
            raise ContractViolation(
                message(
                    "a prediction changes {condition}: use real time steps only (`batch.mask`), predict each row "
                    "independently, and keep their order",
                    condition=condition,
                )
            )


@check
def predictions_ignore_targets(case: HeadCase) -> None:
    """Predictions are the same if the batch has targets, as in evaluation."""
    head, encoded, batch, found = _predict_all(case)
    with torch.no_grad():
        with_targets = head.predict(encoded, batch)
    if json_differs(found, with_targets):
        raise ContractViolation(
            message("predictions change if the batch has targets: do not read batch.targets in predict")
        )


@check
def predict_input(case: HeadCase) -> None:
    """`predict_input` returns a part of the input, of at least one time step."""
    head = case.build()
    for encoded_input in case.encoded_inputs:
        before = encoded_input.copy()
        part = head.predict_input(encoded_input)
        if not isinstance(part, np.ndarray) or not len(part) or part.shape[1:] != encoded_input.shape[1:]:
            raise ContractViolation(
                message(
                    "predict_input returns {part} for an input {shape}: return an array of some of its time steps",
                    part=shorten(part, 40),
                    shape=encoded_input.shape,
                )
            )
        if not np.array_equal(before, encoded_input):
            raise ContractViolation(message("predict_input modifies the input in place: work on a copy"))


@check
def empty_batch(case: HeadCase) -> None:
    """A batch without rows has no predictions."""
    head, encoded, batch, _ = _predict_all(case)
    found = predict(head, Encoded(encoded.outputs[:0], encoded.final[:0]), Batch(batch.inputs[:0], batch.lengths[:0]))
    if found:
        raise ContractViolation(
            message("predict returns {count} predictions for a batch without rows: return none", count=len(found))
        )


@check
def metrics(case: HeadCase) -> None:
    """Metrics are JSON, and those in metric_names are finite numbers."""
    head = case.build()
    if unknown := sorted(set(head.higher_is_better) - set(head.metric_names)):
        raise ContractViolation(
            message(
                "higher_is_better contains {name!r}, but metric_names does not: add it to metric_names", name=unknown[0]
            )
        )
    memorized = case.memorized
    found = [
        _compute_metrics(case, memorized, predict(head, *case.batch(head)), 1.0),
        _compute_metrics(case, memorized, predict(memorized.head, memorized.encoded, memorized.batch), 1.0),
    ]
    for name in head.metric_names:
        values = [each[name] for each in found if name in each]  # a metric that is undefined is left out
        if not values:
            raise ContractViolation(
                message(
                    "metric_names contains {name!r}, but metrics never returns it: check the name, or pass examples "
                    "for which it is defined",
                    name=name,
                )
            )
        for value in values:
            if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
                raise ContractViolation(
                    message(
                        "metrics returns {value!r} for {name!r}: return a finite number, or leave it out if it is "
                        "undefined",
                        name=name,
                        value=value,
                    )
                )


@check
def metric_direction(case: HeadCase) -> None:
    """No metric is worse after memorizing the examples: higher_is_better contains those that increase."""
    memorized = case.memorized
    head = memorized.head
    if not head.metric_names:
        raise DoesNotApply(message("metric_names is empty"))
    found = predict(head, memorized.encoded, memorized.batch)
    before = _compute_metrics(case, memorized, memorized.predictions_before, memorized.first_loss)
    after = _compute_metrics(case, memorized, found, memorized.last_loss)
    for name in before.keys() & after.keys() & set(head.metric_names):
        change = after[name] - before[name]
        if (change < -1e-9) if name in head.higher_is_better else (change > 1e-9):
            raise ContractViolation(
                message(
                    "{name} changes from {before:.4g} to {after:.4g} while {count} examples are memorized: check "
                    "higher_is_better, and that predictions have the order of the examples",
                    name=name,
                    before=before[name],
                    after=after[name],
                    count=len(case.examples),
                )
            )


@check
def memorizes(case: HeadCase) -> None:
    """The head memorizes a few examples when the encoder outputs are trained freely."""
    memorized = case.memorized
    if not memorized.last_loss < memorized.first_loss - 0.3 * abs(memorized.first_loss):
        raise ContractViolation(
            message(
                "the mean loss changes from {first:.4g} to {last:.4g} while {count} examples are memorized: check that "
                "the loss compares predictions with targets",
                first=memorized.first_loss,
                last=memorized.last_loss,
                count=len(case.examples),
            )
        )


@check
def predicts_targets(case: HeadCase) -> None:
    """After memorizing the examples the head predicts their targets."""
    head, encoded, batch, _, last_loss, _ = case.memorized
    found = predict(head, encoded, batch)
    targets = [example.target for example in case.examples]
    if not found or any(target is None for target in targets):
        raise DoesNotApply(message("predict returns no predictions, or the examples have no targets"))
    if len(found) != len(targets):
        raise DoesNotApply(message("an example has several rows"))
    for number, (example, prediction) in enumerate(zip(case.examples, found, strict=True), start=1):
        formatted = head.format_prediction(prediction, example.input)
        values = json_round_trip(prediction, message("a prediction")) | json_round_trip(
            formatted, message("a formatted prediction")
        )
        if not any(_matches(value, example.target) for value in values.values()):
            raise ContractViolation(
                message(
                    "the prediction for example {number} is {prediction}, but its target is {target} "
                    "after memorizing it (mean loss {loss:.2g}): check that targets are not shifted, and that loss and "
                    "predict use the same order of labels",
                    number=number,
                    prediction=shorten(values, 120),
                    target=shorten(example.target, 50),
                    loss=last_loss,
                )
            )


@check
def predicts_next_token(case: HeadCase) -> None:
    """If the head generates, the most likely id at each time step of a memorized text is the next one."""
    head = case.memorized.head
    if not head.generates:
        raise DoesNotApply(message("generates is False"))
    best = head.logits(case.memorized.encoded).argmax(dim=2)
    number = 0
    for ids in case.encoded_inputs:
        for row in head.rows(Example(case.examples[0].input), ids):
            predicted = best[number, : len(row.input)].tolist()
            if not any(predicted == following[-len(predicted) :] for following in _following(ids, row.input)):
                raise ContractViolation(
                    message(
                        "after the ids {input} of the text {text} it predicts {predicted}: the "
                        "target of a time step is the next id",
                        input=shorten(row.input.tolist()),
                        text=shorten(ids.tolist(), 80),
                        predicted=shorten(predicted),
                    )
                )
            number += 1


def _following(ids: np.ndarray, part: np.ndarray) -> Iterator[list[int]]:
    """Yield the ids that follow each time step of a part, for each place where it occurs in the text."""
    for start in range(len(ids) - len(part)):
        if np.array_equal(ids[start : start + len(part)], part):
            yield ids[start + 1 : start + len(part) + 1].tolist()


@check
def baseline(case: HeadCase) -> None:
    """The baseline is None, or a JSON object with the name of the method and metrics of the head."""
    torch.set_default_dtype(torch.float32)  # baselines are not part of the model and choose their own precision
    head = case.build()
    found = head.baseline(case.examples, case.examples, case.tokenizer)
    if found is None:
        raise DoesNotApply(message("baseline returns None for these examples"))
    json_round_trip(found, message("the baseline"))
    if not isinstance(found.get("name"), str):
        raise ContractViolation(
            message("the name of the baseline is {name!r}: set it to the name of the method", name=found.get("name"))
        )
    if head.metric_names and not {"loss", *head.metric_names} & found.keys():
        raise ContractViolation(
            message(
                "the baseline contains only {keys}: add at least one metric of the head, for comparison",
                keys=sorted(found),
            )
        )


def _compute_metrics(
    case: HeadCase, memorized: MemorizedHead, predictions: list[dict[str, Any]], loss: float
) -> dict[str, Any]:
    _, count = loss_values(memorized.head, memorized.encoded, memorized.batch)
    found = call_with_accepted(
        memorized.head.metrics, loss, predictions, case.examples, count=count, tokenizer=case.tokenizer
    )
    return json_round_trip(found, message("the metrics"))


def _matches(value: Any, target: Any) -> bool:
    """Return whether a value of a prediction is the target: as a text, as a list, or numerically within 5 %."""
    if _as_text(value) == _as_text(target):
        return True
    try:
        one, other = np.asarray(value, dtype=float), np.asarray(target, dtype=float)
    except (TypeError, ValueError):
        return False
    return one.shape == other.shape and bool(np.allclose(one, other, atol=0.05 * max(1.0, float(np.abs(other).max()))))


def _as_text(value: Any) -> str:
    """Return a text or nested lists of texts as one text without white space."""
    if isinstance(value, list | tuple | np.ndarray):
        return "".join(map(_as_text, value))
    return "".join(str(value).split())
