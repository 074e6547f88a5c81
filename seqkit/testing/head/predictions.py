"""Checks of a head's predictions, and of whether it learns."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from seqkit.contracts import Batch, Encoded, Example, Head
from seqkit.contracts.capabilities import call_with_accepted
from seqkit.messages import message
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import json_differs, numbers_differ, shorten
from seqkit.testing.head.case import HeadCase, as_text, json_round_trip, loss_values, predict

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
    before = copy.deepcopy(found[0])
    formatted = head.format_prediction(found[0], case.examples[0].input)
    if json_differs(before, found[0]):
        raise ContractViolation(message("format_prediction modifies the prediction: work on a copy"))
    if not isinstance(json_round_trip(formatted, message("a formatted prediction")), dict):
        raise ContractViolation(
            message(
                "format_prediction returns {formatted}: return a mapping with string keys", formatted=shorten(formatted)
            )
        )


@check
def time_step_fields(case: HeadCase) -> None:
    """The fields that the head declares have a value per time step: lists, or mappings of lists, of one length."""
    head, _, _, found = _predict_all(case)
    if not head.time_step_fields:
        raise DoesNotApply(message("time_step_fields is empty"))
    dates: Sequence[Callable[[int], list[str]] | None] = (
        None,
        lambda count: [f"2024-{n + 1:02}" for n in range(count)],
    )
    for next_dates in dates:
        value = case.examples[0].input
        formatted = call_with_accepted(head.format_prediction, found[0], value, next_dates=next_dates)
        fields = {name: value for name, value in formatted.items() if name in head.time_step_fields}
        leaves = list(_leaves(fields))
        if not leaves or not all(isinstance(leaf, list) and len(leaf) == len(leaves[0]) for leaf in leaves):
            raise ContractViolation(
                message(
                    "time_step_fields is {declared}, but format_prediction returns {fields} for them: return lists of "
                    "one length, or mappings of such lists",
                    declared=shorten(sorted(head.time_step_fields)),
                    fields=shorten(fields),
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
def probabilities(case: HeadCase) -> None:
    """The probabilities of a predicted label add up to 1, and their negative log-likelihood is the evaluation loss."""
    head, encoded, batch, found = _predict_all(case)
    targets = [example.target for example in case.examples]
    if len(found) != len(targets) or not all({"label", "probabilities"} <= each.keys() for each in found):
        if head.label_probabilities:
            raise ContractViolation(
                message("label_probabilities is True, but a prediction has no `label` and `probabilities`: add them")
            )
        raise DoesNotApply(message("a prediction has no `label` and `probabilities`"))
    rows = [(str(each["label"]), {str(key): value for key, value in each["probabilities"].items()}) for each in found]
    for label, values in rows:
        if abs(sum(values.values()) - 1) > 1e-3 or label != max(values, key=lambda key: values[key]):
            raise ContractViolation(
                message(
                    "the label is {label!r} and the probabilities are {values}: return a softmax over the labels, and "
                    "the most probable label",
                    label=label,
                    values=shorten(values),
                )
            )
    if any(str(target) not in values for target, (_, values) in zip(targets, rows, strict=True)):
        raise DoesNotApply(message("a target is not among the labels"))
    expected = -sum(math.log(values[str(target)]) for target, (_, values) in zip(targets, rows, strict=True))
    total, count = loss_values(head, encoded, batch)
    if numbers_differ(total / count, expected / len(rows)):
        raise ContractViolation(
            message(
                "the mean loss in evaluation mode is {loss:.6g}, but the negative log-likelihood of the targets under "
                "the predicted probabilities is {expected:.6g}: smooth labels and weight classes in training mode only",
                loss=total / count,
                expected=expected / len(rows),
            )
        )


@check
def combined_predictions(case: HeadCase) -> None:
    """The predictions of equal members of an ensemble combine to those of one member, with the same loss."""
    head, encoded, batch, found = _predict_all(case)
    if type(head).combine is Head.combine:
        raise DoesNotApply(message("the head has no `combine`"))
    json_round_trip(head.task(), message("task"))
    before = copy.deepcopy(found)
    combined = head.combine([found, copy.deepcopy(found)])
    if json_differs(before, found):
        raise ContractViolation(message("combine modifies the predictions: work on a copy"))
    if json_differs(found, combined):
        raise ContractViolation(
            message(
                "combine returns {combined} for two members that predict {prediction}: return a prediction per row, in "
                "the form of predict",
                combined=shorten(combined),
                prediction=shorten(found),
            )
        )
    loss = head.loss_of_predictions(combined, case.examples)
    total, count = loss_values(head, encoded, batch)
    if loss is not None and numbers_differ(float(loss.total) / float(loss.count), total / count):
        raise ContractViolation(
            message(
                "the mean loss in evaluation mode is {loss:.6g}, but loss_of_predictions returns {other:.6g}",
                loss=total / count,
                other=float(loss.total) / float(loss.count),
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
    head, encoded, batch, first_loss, last_loss, predictions_before = case.memorized
    found = predict(head, encoded, batch)
    targets = [example.target for example in case.examples]
    if not found or any(target is None for target in targets):
        raise DoesNotApply(message("predict returns no predictions, or the examples have no targets"))
    if len(found) != len(targets):
        raise DoesNotApply(message("an example has several rows"))
    # The errors of a regression shrink like the square root of its loss.
    shrunk = math.sqrt(max(0.0, last_loss / first_loss))
    allowed = 2 * shrunk * max(map(_largest_error, predictions_before, targets))
    spread = max(_largest_error({"other": other}, target) for target in targets for other in targets)
    allowed = max(allowed, 0.05 * spread)
    for number, (example, prediction) in enumerate(zip(case.examples, found, strict=True), start=1):
        formatted = head.format_prediction(prediction, example.input)
        values = json_round_trip(prediction, message("a prediction")) | json_round_trip(
            formatted, message("a formatted prediction")
        )
        if not any(_matches(value, example.target, allowed) for value in values.values()):
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
        text = ids
        if head.whole_texts and case.tokenizer is not None:
            special = case.tokenizer.special_ids
            text = np.array([special["begin"], *ids, special["end"]])
        for row in head.rows(Example(case.examples[0].input), ids):
            predicted = best[number, : len(row.input)].tolist()
            if not any(predicted == following[-len(predicted) :] for following in _following(text, row.input)):
                raise ContractViolation(
                    message(
                        "after the ids {input} of the text {text} it predicts {predicted}: the "
                        "target of a time step is the next id",
                        input=shorten(row.input.tolist()),
                        text=shorten(text.tolist(), 80),
                        predicted=shorten(predicted),
                    )
                )
            number += 1


def _leaves(value: Any) -> Iterator[Any]:
    """Yield the values in mappings of mappings."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    else:
        yield value


def _following(ids: np.ndarray, part: np.ndarray) -> Iterator[list[int]]:
    """Yield the ids that follow each time step of a part, for each place where it occurs in the text."""
    for start in range(len(ids) - len(part)):
        if np.array_equal(ids[start : start + len(part)], part):
            yield ids[start + 1 : start + len(part) + 1].tolist()


def _matches(value: Any, target: Any, allowed: float) -> bool:
    """Return whether a value of a prediction is the target: as a text, as a list, or up to an allowed error."""
    return as_text(value) == as_text(target) or _error(value, target) <= allowed


def _largest_error(prediction: dict[str, Any], target: Any) -> float:
    """Return the largest finite error of the numbers of a prediction; 0 if it has none in the form of the target."""
    return max((error for value in prediction.values() if math.isfinite(error := _error(value, target))), default=0.0)


def _error(value: Any, target: Any) -> float:
    """Return the largest difference between the numbers of a value and a target; infinity if they differ in form."""
    try:
        one, other = np.asarray(value, dtype=float), np.asarray(target, dtype=float)
    except (TypeError, ValueError):
        return math.inf
    return float(np.abs(one - other).max(initial=0.0)) if one.shape == other.shape else math.inf
