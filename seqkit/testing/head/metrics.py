"""Checks of a head's metrics and baseline."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from seqkit.contracts.capabilities import call_with_accepted
from seqkit.messages import message
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import json_differs
from seqkit.testing.head.case import HeadCase, MemorizedHead, as_text, json_round_trip, loss_values, predict

check = CheckSuite[HeadCase]("head")


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
def outcomes(case: HeadCase) -> None:
    """`outcomes` returns what `provides` says: a truth and a prediction for each item, with finite probabilities."""
    memorized = case.memorized
    head, provides = memorized.head, memorized.head.provides
    kinds = provides & {"labels", "texts", "values"}
    if not provides:
        raise DoesNotApply(message("provides is empty"))
    if len(kinds) != 1 or not provides <= {*kinds, *({"probabilities"} if "labels" in kinds else ())}:
        raise ContractViolation(
            message(
                "provides is {provides}: set it to frozenset({{...}}) of one of labels, texts, values; and "
                "probabilities, with labels",
                provides=sorted(provides),
            )
        )
    predictions = predict(head, memorized.encoded, memorized.batch)
    found = head.outcomes(predictions, case.examples, tokenizer=case.tokenizer)
    if len(found.truth) != len(found.predicted) or not len(found.truth):
        raise ContractViolation(
            message(
                "outcomes returns {truths} truths and {predictions} predictions: return one of each per item",
                truths=len(found.truth),
                predictions=len(found.predicted),
            )
        )
    if "values" in kinds:
        arrays = [np.asarray(found.truth), np.asarray(found.predicted)]
        if any(each.dtype.kind != "f" for each in arrays) or arrays[0].shape != arrays[1].shape:
            raise ContractViolation(
                message("outcomes returns other values than float arrays of one shape: return those")
            )
    elif not all(isinstance(item, str) for item in (*found.truth, *found.predicted)):
        raise ContractViolation(message("outcomes returns items that are not strings: convert them with str"))
    if "labels" in kinds and not {*found.predicted} <= {*found.labels}:
        raise ContractViolation(message("outcomes predicts a label that is not in its labels: return all labels"))
    if "probabilities" in provides:
        shape = (len(found.truth), len(found.labels))
        if np.shape(found.probabilities) != shape or not np.allclose(np.sum(found.probabilities, axis=1), 1):
            raise ContractViolation(
                message(
                    "the probabilities of outcomes are not those of {items} items and {labels} labels: return float "
                    "(items, labels), with a sum of 1 for each item",
                    items=shape[0],
                    labels=shape[1],
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
def perfect_metrics(case: HeadCase) -> None:
    """Accuracy and similar metrics are 1 if every prediction is right."""
    memorized = case.memorized
    found = predict(memorized.head, memorized.encoded, memorized.batch)
    targets = [as_text(example.target) for example in case.examples]
    if len(found) != len(targets) or not all(
        target in map(as_text, prediction.values()) for prediction, target in zip(found, targets, strict=True)
    ):
        raise DoesNotApply(message("the predictions are not in the form of the targets"))
    values = _compute_metrics(case, memorized, found, memorized.last_loss)
    for name in sorted({"accuracy", "f1", "macro_f1", "precision", "recall"} & values.keys()):
        if abs(values[name] - 1) > 1e-6:
            raise ContractViolation(
                message(
                    "{name} is {value:.4g} although every prediction is right: divide by the number of compared items",
                    name=name,
                    value=values[name],
                )
            )


@check
def metrics_use_order(case: HeadCase) -> None:
    """Metrics compare each prediction with the target of its own example, and modify neither."""
    memorized = case.memorized
    found = predict(memorized.head, memorized.encoded, memorized.batch)
    if len(found) != len(case.examples) or not memorized.head.metric_names:
        raise DoesNotApply(message("there is no prediction for each example, or no metric"))
    before = copy.deepcopy(found)
    right = _compute_metrics(case, memorized, found, 1.0)
    if json_differs(before, found):
        raise ContractViolation(message("metrics modifies the predictions: work on a copy"))
    rotated = [*found[1:], found[0]]
    untrained = _compute_metrics(case, memorized, memorized.predictions_before, 1.0)
    if not json_differs(right, untrained) or any(map(_same, found, rotated)):
        raise DoesNotApply(message("metrics do not depend on the predictions, or neighboring predictions are equal"))
    try:
        wrong = _compute_metrics(case, memorized, rotated, 1.0)
    except Exception:
        return  # a prediction may have another length than the target
    if not json_differs(right, wrong):
        raise ContractViolation(
            message(
                "the metrics do not change if predictions are assigned to other examples: compare each prediction with "
                "the target of its own example"
            )
        )


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two predictions are the same text."""
    return as_text(one) == as_text(other)


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


@check
def baseline_ignores_test_targets(case: HeadCase) -> None:
    """The baseline learns from the training examples alone."""
    torch.set_default_dtype(torch.float32)
    head = case.build()
    targets = [example.target for example in case.examples]
    if all(isinstance(target, str) for target in targets) and len(set(targets)) > 1:
        train = [example for example in case.examples if example.target == targets[0]]
        other = next(target for target in targets if target != targets[0])
        test = [example for example in case.examples if example.target == other]
    elif all(isinstance(target, int | float) for target in targets):
        train, test = ([replace(example, target=number) for example in case.examples] for number in (1.0, 5.0))
    else:
        raise DoesNotApply(message("the targets are neither labels nor numbers"))
    try:
        found = head.baseline(train, test, case.tokenizer)
    except Exception:
        found = None  # a single label may not suffice
    if found is None:
        raise DoesNotApply(message("baseline returns None for these examples"))
    for name in set(head.metric_names) & found.keys():
        # A score that is maximized is a fraction or, as BLEU, a percentage.
        perfect = 0.99 < found[name] <= 1 or found[name] > 99 if name in head.higher_is_better else found[name] < 0.01
        if perfect:
            raise ContractViolation(
                message(
                    "{name} of the baseline is {value:.4g} for test targets that do not occur in the training "
                    "examples: learn from the training examples only",
                    name=name,
                    value=found[name],
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
