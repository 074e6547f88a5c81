"""Checks of a head in training mode, and on long rows."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqkit.contracts import Batch, Encoded, Example
from seqkit.data.batching import collate
from seqkit.errors import DataError
from seqkit.messages import message
from seqkit.testing.assertions import assert_gradients_match, assert_no_gradient_is_missing, assert_unchanged
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import json_differs, max_difference, numbers_differ
from seqkit.testing.head.case import HeadCase, compute_loss, loss_values, predict
from seqkit.testing.precision import tolerance
from seqkit.testing.training import LONG, assert_instances_independent, assert_training_steps, seeded

check = CheckSuite[HeadCase]("head")


@check
def training_independence(case: HeadCase) -> None:
    """In training mode too, the loss of a row depends neither on other rows nor on padding."""
    head = case.build().train()
    encoded, batch = case.batch(head)
    parts = [name for name in ("outputs", "final") if name in head.needs]
    other_rows = torch.arange(len(batch.lengths)) > 0
    padding = ~batch.mask & ~other_rows[:, None]

    def gradients(encoded: Encoded) -> list[Tensor]:
        """Return the gradient of the loss for the first row, and for its padding."""
        leaves = {name: getattr(encoded, name).clone().requires_grad_() for name in parts}
        total = loss(encoded._replace(**leaves), 0)
        if not total.requires_grad:
            return []
        found = torch.autograd.grad(total, [*leaves.values()], allow_unused=True)
        return [torch.zeros(1) if each is None else each[0] for each in found]

    loss = seeded(lambda encoded, _: compute_loss(head, encoded, batch).total)
    changed = encoded._replace(
        outputs=torch.where(other_rows[:, None, None], encoded.outputs.flip(2), encoded.outputs),
        final=torch.where(other_rows[:, None], encoded.final.flip(1), encoded.final),
    )
    expected = gradients(encoded)
    if any(max_difference(*pair) > tolerance() for pair in zip(expected, gradients(changed), strict=True)):
        raise ContractViolation(
            message(
                "in training mode the gradient of a row depends on the other rows of the batch: do not normalize or "
                "average over the batch (BatchNorm does)"
            )
        )
    noisy = encoded._replace(outputs=torch.where(padding[:, :, None], 30.0, encoded.outputs))
    if any(max_difference(*pair) > tolerance() for pair in zip(expected, gradients(noisy), strict=True)):
        raise ContractViolation(
            message("in training mode the gradient of a row depends on its padding: use real time steps only")
        )


@check
def training_steps(case: HeadCase) -> None:
    """Training steps change only gradients and do not depend on earlier ones."""

    def step(head: Any, number: int) -> Tensor:
        encoded, batch = case.batch(head)
        if number:
            encoded = Encoded(encoded.outputs.flip(2), encoded.final.flip(1))
        arguments = {"outputs": encoded.outputs, "final": encoded.final, "lengths": batch.lengths}
        arguments |= {} if batch.targets is None else {"targets": batch.targets}
        before = {name: tensor.clone() for name, tensor in arguments.items()}
        total = compute_loss(head, encoded, batch).total
        assert_unchanged(before, arguments)
        return total

    assert_training_steps(case.build, step)


@check
def training_gradcheck(case: HeadCase) -> None:
    """In training mode too, gradients match finite differences."""
    head = case.build().train()
    encoded, batch = case.batch(head)
    total = seeded(lambda module, _: compute_loss(module, encoded, batch).total)
    leaves = [weight for weight in head.parameters() if weight.requires_grad]
    leaves += [getattr(encoded, name).requires_grad_() for name in ("outputs", "final") if name in head.needs]
    assert_gradients_match(lambda: total(head, 0), leaves)


@check
def gradient_of_each_target(case: HeadCase) -> None:
    """All weights that the loss of a row depends on have a gradient, those of the target 0 too."""
    head = case.build()
    weights = {name: weight for name, weight in head.named_parameters() if weight.requires_grad}
    for number in range(len(case.rows(head))):
        encoded, batch = case.batch(head, [number])
        assert_no_gradient_is_missing(partial(_total, head, encoded, batch), weights)


def _total(head: Any, encoded: Encoded, batch: Batch) -> Tensor:
    return compute_loss(head, encoded, batch).total


@check
def modes(case: HeadCase) -> None:
    """Neither `loss` nor `predict` switches between training and evaluation mode."""
    head = case.build()
    encoded, batch = case.batch(head)
    for training in (True, False):
        head.train(training)
        compute_loss(head, encoded, batch)
        predict(head, encoded, batch)
        if any(part.training != training for part in head.modules()):
            raise ContractViolation(
                message("loss or predict changes the mode of the head: do not call eval() or train() in it")
            )


@check
def independent_instances(case: HeadCase) -> None:
    """Instances have equal weights if they are built with the same seed, and share neither weights nor a state."""
    assert_instances_independent(case.build)
    head = case.build()
    state = head.state()
    for examples in (case.examples[:1], case.more_examples()):
        other: Any = case.factory()
        with suppress(Exception):  # the examples may not suffice, or their targets be no labels
            other.fit(examples, case.tokenizer)
    if json_differs(state, head.state()):
        raise ContractViolation(
            message("fitting one instance changes the state of another: set attributes of self, not of the class")
        )


@check
def dtype(case: HeadCase) -> None:
    """The loss has the dtype of the weights and encoder outputs, or a higher precision."""
    torch.set_default_dtype(torch.float32)  # of the embedding too, if the head takes one
    head = case.build().to(torch.float32)
    torch.set_default_dtype(torch.float64)
    encoded, batch = case.batch(head)
    targets = batch.targets
    if targets is not None and targets.is_floating_point():
        targets = targets.float()
    inputs = batch.inputs.float() if batch.inputs.is_floating_point() else batch.inputs
    batch = batch._replace(inputs=inputs, targets=targets)
    encoded = Encoded(encoded.outputs.float(), encoded.final.float())
    compute_loss(head, encoded, batch).total.backward()
    predict(head, encoded, batch)


@check
def long_rows(case: HeadCase) -> None:
    """The loss and the predictions of long rows are finite and do not depend on the batch."""
    head = case.build()
    examples = zip(case.examples, case.encoded_inputs, strict=True)
    longer = [repeated(*pair, length) for pair, length in zip(examples, (LONG, LONG // 2), strict=False)]
    try:
        rows = [row for example, encoded_input in longer for row in islice(head.rows(example, encoded_input), 2)]
    except DataError as error:
        raise DoesNotApply(message("rows rejects long examples: {error}", error=error)) from None
    batch = collate(rows)
    outputs = torch.randn(*batch.inputs.shape[:2], case.output_size)
    encoded = Encoded(outputs, torch.randn(len(rows), case.final_size))
    together, found = loss_values(head, encoded, batch), predict(head, encoded, batch)
    losses = []
    for number, row in enumerate(rows):
        alone = collate([row])
        part = Encoded(outputs[number : number + 1, : len(row.input)], encoded.final[number : number + 1])
        losses.append(loss_values(head, part, alone))
        if found and json_differs(found[number : number + 1], predict(head, part, alone)):
            raise ContractViolation(
                message(
                    "the prediction for a row of {length} time steps changes when it is predicted alone: use real time "
                    "steps only, and limit the length nowhere",
                    length=len(row.input),
                )
            )
    if not np.isfinite(together[0]) or any(
        numbers_differ(one, sum(many)) for one, many in zip(together, zip(*losses, strict=True), strict=True)
    ):
        raise ContractViolation(
            message(
                "the loss of rows of up to {length} time steps is {loss:.6g}, but {alone:.6g} over single rows: sum "
                "over real time steps only, and limit the length nowhere",
                length=len(rows[0].input),
                loss=together[0],
                alone=sum(one for one, _ in losses),
            )
        )


def repeated(example: Example, encoded_input: np.ndarray, length: int) -> tuple[Example, np.ndarray]:
    """Return an example that is repeated until it has a length, and its encoded input.

    The target is repeated too if there is one per time step.
    """
    count = length // len(encoded_input) + 1
    target = example.target
    if not isinstance(target, str) and np.ndim(target) and len(target) == len(encoded_input):
        target = _repeat(target, count)
    return replace(example, input=_repeat(example.input, count), target=target), _repeat(encoded_input, count)


def _repeat(value: Any, count: int) -> Any:
    return np.concatenate([value] * count) if isinstance(value, np.ndarray) else value * count
