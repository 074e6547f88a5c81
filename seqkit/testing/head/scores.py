"""Checks of what a head declares for an explanation: its scores, and the weights with which it pools time steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqkit.contracts import Batch, Encoded, Head, Scores
from seqkit.contracts.capabilities import call_with_accepted
from seqkit.messages import message
from seqkit.testing.assertions import gradients
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import describe_shape
from seqkit.testing.head.case import HeadCase, predict
from seqkit.testing.precision import tolerance

check = CheckSuite[HeadCase]("head")


def _scores(case: HeadCase) -> tuple[Any, Encoded, Batch, Scores, list[str]]:
    """Return a head, the encoder's result, the batch, the scores of the head, and their names.

    Raises:
        DoesNotApply: the head explains nothing.
        ContractViolation: the shapes of the scores do not fit.
    """
    head = case.build()
    if head.explains is None:
        raise DoesNotApply(message("the head has no scores: `explains` is None"))
    encoded, batch = case.batch(head)
    encoded = encoded._replace(outputs=encoded.outputs.requires_grad_(), final=encoded.final.requires_grad_())
    names = list(call_with_accepted(head.score_names, tokenizer=case.tokenizer))
    if not names or not all(isinstance(name, str) for name in names):
        raise ContractViolation(message("score_names must return a string per score"))
    found = head.scores(encoded, batch)
    if not isinstance(found, Scores):
        raise ContractViolation(
            message("scores returns a {type}: return seqkit.contracts.Scores", type=type(found).__name__)
        )
    rows, time = len(batch.lengths), batch.inputs.shape[1]
    by_step = (rows, time, len(names))
    expected = by_step if head.explains == "time_step" else (rows, len(names))
    if describe_shape(found.values) != expected:
        raise ContractViolation(
            message(
                "the values of the scores are {shape}, not {expected}, for {names} names",
                shape=describe_shape(found.values),
                expected=expected,
                names=len(names),
            )
        )
    if found.token_values is not None and describe_shape(found.token_values) != by_step:
        raise ContractViolation(
            message(
                "token_values are {shape}, not (batch, time, names), {expected}",
                shape=describe_shape(found.token_values),
                expected=by_step,
            )
        )
    return head, encoded, batch, found, names


@check
def scores(case: HeadCase) -> None:
    """If the head `explains`, it has a score per name, and gradients reach what the encoder computed."""
    _, encoded, batch, found, _ = _scores(case)
    real = found.values[batch.mask] if found.values.dim() == 3 else found.values
    if not real.isfinite().all():
        raise ContractViolation(message("a score is not finite"))
    if not real.requires_grad or not any(
        each.any() for each in gradients(real.sum(), [encoded.outputs, encoded.final])
    ):
        raise ContractViolation(
            message("no gradient of the scores reaches the outputs or the final vector: do not detach them")
        )
    if found.token_values is not None and found.token_values[~batch.mask].any():
        raise ContractViolation(message("token_values are not 0 at padding: mask by `lengths`"))


@check
def scores_match_predictions(case: HeadCase) -> None:
    """The probabilities of the scores are those of the predictions, where these contain `probabilities` by name."""
    head, encoded, batch, found, names = _scores(case)
    predictions = predict(head, encoded, batch)
    tables: list[Any] = [item.get("probabilities") for item in predictions]
    if head.explains != "row" or not tables or not all(isinstance(table, dict) for table in tables):
        raise DoesNotApply(message("predictions contain no probabilities by name"))
    values = found.values if found.token_values is None else found.values + found.token_values.sum(dim=1)
    actual = values.softmax(dim=1) if head.score_kind == "softmax" else values.sigmoid()
    expected = torch.tensor([[table[name] for name in names] for table in tables]).to(actual)
    if (gap := float((actual - expected).abs().max().detach())) > tolerance():
        raise ContractViolation(
            message(
                "the probabilities of the scores differ from those of the predictions by {gap:.2g}: return what "
                "`predict` computes them from, and its `score_kind`",
                gap=gap,
            )
        )


@check
def pooling_weights(case: HeadCase) -> None:
    """`pooling_weights` is (batch, time), 0 at padding, with a sum of 1 for each row."""
    head = case.build()
    if type(head).pooling_weights is Head.pooling_weights:
        raise DoesNotApply(message("the head has no `pooling_weights`"))
    encoded, batch = case.batch(head)
    weights: Tensor | None = head.pooling_weights(encoded, batch)
    if weights is None:
        raise DoesNotApply(message("pooling_weights returns None"))
    if describe_shape(weights) != tuple(batch.inputs.shape[:2]):
        raise ContractViolation(
            message(
                "pooling_weights are {shape}, not (batch, time), {expected}",
                shape=describe_shape(weights),
                expected=tuple(batch.inputs.shape[:2]),
            )
        )
    if weights[~batch.mask].any() or (weights.sum(dim=1) - 1).abs().max() > tolerance():
        raise ContractViolation(message("pooling_weights must be 0 at padding, and have a sum of 1 for each row"))
