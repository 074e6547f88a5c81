"""Checks of a head as a module: gradients, weights, state, determinism, and no side effects."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from seqkit.contracts import Encoded, Row
from seqkit.messages import message
from seqkit.testing.assertions import (
    assert_global_rng_unchanged,
    assert_global_settings_unchanged,
    assert_gradient_flow,
    assert_gradients_match,
    assert_unchanged,
    copy_weights_as_saved,
    perturb,
)
from seqkit.testing.checks import CheckSuite, ContractViolation
from seqkit.testing.comparison import json_differs, numbers_differ
from seqkit.testing.head.case import HeadCase, compute_loss, json_round_trip, loss_values, predict

check = CheckSuite[HeadCase]("head")


@check
def gradient_flow(case: HeadCase) -> None:
    """A gradient reaches every trainable weight."""
    head = case.build()
    assert_gradient_flow(head, compute_loss(head, *case.batch(head)).total)


@check
def gradcheck(case: HeadCase) -> None:
    """Gradients match finite differences."""
    head = case.build()
    encoded, batch = case.batch(head)
    leaves = [weight for weight in head.parameters() if weight.requires_grad]
    leaves += [getattr(encoded, name).requires_grad_() for name in ("outputs", "final") if name in head.needs]
    assert_gradients_match(lambda: compute_loss(head, encoded, batch).total, leaves)


@check
def state_round_trip(case: HeadCase) -> None:
    """A new instance that restores the saved state and weights has the same rows, loss and predictions."""
    head = case.build()
    other: Any = case.factory()
    other.restore(json_round_trip(head.state(), message("the state")))
    case.build_layers(other)
    perturb(other)
    copy_weights_as_saved(head, other)
    batch = case.batch(head)
    if json_differs(_as_lists(case.rows(head)), _as_lists(case.rows(other))):
        raise ContractViolation(message("rows differ after restoring the saved state: store all that rows uses"))
    if numbers_differ(loss_values(head, *batch)[0], loss_values(other, *batch)[0]):
        raise ContractViolation(
            message("the loss differs after restoring the saved state and weights: store all that fit learns")
        )
    if json_differs(predict(head, *batch), predict(other, *batch)):
        raise ContractViolation(
            message("predictions differ after restoring the saved state and weights: store all that predict uses")
        )


def _as_lists(rows: list[Row]) -> list[Any]:
    """Return rows as JSON values."""
    return [
        [np.asarray(row.input).tolist(), None if row.target is None else np.asarray(row.target).tolist()]
        for row in rows
    ]


@check
def refit(case: HeadCase) -> None:
    """`fit` replaces what an earlier fit learned, and does not modify the examples."""
    head = case.factory()
    examples = copy.deepcopy(case.examples)
    head.fit(case.examples, case.tokenizer)
    state = json_round_trip(head.state(), message("the state"))
    head.fit(case.examples, case.tokenizer)
    if json_differs(state, json_round_trip(head.state(), message("the state"))):
        raise ContractViolation(
            message("the state changes after fitting again to the same examples: discard the earlier state in fit")
        )
    for before, example in zip(examples, case.examples, strict=True):
        if not np.array_equal(np.asarray(before.input), np.asarray(example.input)):
            raise ContractViolation(message("fit modifies the examples in place: work on a copy"))


@check
def determinism(case: HeadCase) -> None:
    """In evaluation mode loss and predictions depend only on the batch, and weights only on the seed."""
    head = case.build()
    batch = case.batch(head)
    loss, predictions = loss_values(head, *batch)[0], predict(head, *batch)
    loss_values(head, *case.batch(head, [0]))
    if numbers_differ(loss, loss_values(head, *batch)[0]) or json_differs(predictions, predict(head, *batch)):
        raise ContractViolation(
            message(
                "loss or predictions differ between two calls: store nothing on self, and apply dropout only if "
                "self.training"
            )
        )
    reused = Encoded(batch[0].outputs.flip(2), batch[0].final.flip(1))
    loss_values(head, reused, batch[1])
    predict(head, reused, batch[1])
    for one, other in zip((reused.outputs, reused.final), batch[0], strict=False):
        one.copy_(other)
    if numbers_differ(loss, loss_values(head, reused, batch[1])[0]):
        raise ContractViolation(message("the loss differs for a tensor whose values were replaced: cache no results"))
    if numbers_differ(loss, loss_values(case.build(), *batch)[0]):
        raise ContractViolation(
            message(
                "the loss differs between two instances built with the same seed: initialize weights from the global "
                "random generators"
            )
        )


@check
def global_rng_unchanged(case: HeadCase) -> None:
    """Global random generators are not seeded, nor used in evaluation mode."""

    def use(head: Any) -> None:
        batch = case.batch(head.eval())
        loss_values(head, *batch)
        predict(head, *batch)

    assert_global_rng_unchanged(case.build_unseeded, use)


@check
def global_settings_unchanged(case: HeadCase) -> None:
    """Process-wide settings do not change: default dtype, threads, gradient mode, environment."""

    def use(head: Any) -> None:
        batch = case.batch(head.train())
        compute_loss(head, *batch)
        predict(head, *batch)

    assert_global_settings_unchanged(case.build, use)


@check
def inputs_unchanged(case: HeadCase) -> None:
    """Arguments of loss and predict are not modified in place."""
    head = case.build()
    encoded, batch = case.batch(head)
    arguments = {"outputs": encoded.outputs, "final": encoded.final, "inputs": batch.inputs, "lengths": batch.lengths}
    arguments |= {} if batch.targets is None else {"targets": batch.targets}
    before = {name: tensor.clone() for name, tensor in arguments.items()}
    with torch.no_grad():
        compute_loss(head, encoded, batch)
    predict(head, encoded, batch)
    assert_unchanged(before, arguments)
