"""Checks of a head's loss."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from seqkit.contracts import Batch, Encoded, Row
from seqkit.data.batching import collate
from seqkit.messages import message
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import describe_shape, json_differs, numbers_differ
from seqkit.testing.head.case import HeadCase, compute_loss, loss_values, predict

check = CheckSuite[HeadCase]("head")

_HINT = message("sum over real time steps only (`batch.mask`) and count these")


@check
def loss(case: HeadCase) -> None:
    """The loss has a finite scalar total and a positive count."""
    head = case.build()
    total, count = compute_loss(head, *case.batch(head))
    if describe_shape(total) != ():
        raise ContractViolation(
            message("the total of the loss is {shape}: return a scalar tensor", shape=describe_shape(total))
        )
    if not total.isfinite():
        raise ContractViolation(message("the total of the loss is {total}: return a finite total", total=total.item()))
    if not float(count) > 0:
        raise ContractViolation(message("the count of the loss is {count}: count the summed items", count=float(count)))


@check
def loss_is_additive(case: HeadCase) -> None:
    """The totals and counts of single rows add up to those of their batch."""
    head = case.build()
    together = loss_values(head, *case.batch(head))
    single = [loss_values(head, *case.batch(head, [number])) for number in range(len(case.rows(head)))]
    for name, one, other in zip(("total", "count"), together, map(sum, zip(*single, strict=True)), strict=True):
        if numbers_differ(one, other):
            raise ContractViolation(
                message(
                    "the {name} of the loss is {batch:.6g} for a batch but {rows:.6g} over its single rows: return the "
                    "sum, not the mean; {hint}",
                    name=name,
                    batch=one,
                    rows=other,
                    hint=_HINT,
                )
            )


@check
def row_order(case: HeadCase) -> None:
    """The loss does not depend on the order of the rows."""
    head = case.build()
    rows = range(len(case.rows(head)))
    one, other = loss_values(head, *case.batch(head)), loss_values(head, *case.batch(head, rows[::-1]))
    if numbers_differ(one[0], other[0]) or numbers_differ(one[1], other[1]):
        raise ContractViolation(
            message(
                "the loss is {one:.6g}, but {other:.6g} when rows are permuted: compute the loss of each row "
                "independently",
                one=one[0],
                other=other[0],
            )
        )


@check
def padding_independence(case: HeadCase) -> None:
    """Padded time steps contribute neither to the loss nor to its gradient."""
    head = case.build()
    without, (encoded, batch) = loss_values(head, *case.batch(head)), case.batch(head, padding_noise=True)
    if batch.mask.all():
        raise DoesNotApply(message("all rows have the same length"))
    encoded.outputs.requires_grad_()
    total, count = compute_loss(head, encoded, batch)
    for name, one, other in zip(("total", "count"), without, (total.item(), float(count)), strict=True):
        if numbers_differ(one, other):
            raise ContractViolation(
                message(
                    "the {name} of the loss changes from {one:.6g} to {other:.6g} with the outputs at padded time "
                    "steps: {hint}",
                    name=name,
                    one=one,
                    other=other,
                    hint=_HINT,
                )
            )
    if total.requires_grad and "outputs" in head.needs:
        (gradient,) = torch.autograd.grad(total, encoded.outputs, allow_unused=True)
        if gradient is not None and gradient[~batch.mask].any():
            raise ContractViolation(
                message("the gradient of the loss is not zero at padded time steps: {hint}", hint=_HINT)
            )


@check
def needs(case: HeadCase) -> None:
    """`needs` names exactly the parts of `Encoded` that the loss and the predictions depend on."""
    head = case.build()
    encoded, batch = case.batch(head)
    hidden = Encoded(
        encoded.outputs if "outputs" in head.needs else torch.full_like(encoded.outputs, torch.nan),
        encoded.final if "final" in head.needs else torch.full_like(encoded.final, torch.nan),
    )
    if numbers_differ(loss_values(head, hidden, batch)[0], loss_values(head, encoded, batch)[0]) or json_differs(
        predict(head, hidden, batch), predict(head, encoded, batch)
    ):
        undeclared = "outputs" if "outputs" not in head.needs else "final"
        raise ContractViolation(
            message("the head reads {name}, which needs does not contain: add {name!r} to needs", name=undeclared)
        )
    for name in ("outputs", "final"):
        if name in head.needs:
            value = getattr(encoded, name).clone().requires_grad_()
            total = compute_loss(head, encoded._replace(**{name: value}), batch).total
            gradient = torch.autograd.grad(total, value, allow_unused=True)[0] if total.requires_grad else None
            if gradient is None or not gradient.any():
                raise ContractViolation(
                    message(
                        "needs contains {name!r}, but no gradient reaches it: do not detach it, or remove it "
                        "from needs",
                        name=name,
                    )
                )


@check
def needs_causal(case: HeadCase) -> None:
    """A head that predicts the next token needs a causal encoder, which does not see that token."""
    head = case.build()
    if not (head.generates and head.per_time_step):
        raise DoesNotApply(message("it does not predict the next token at each time step"))
    if "causal" not in head.needs and not head.allow_leak:
        raise ContractViolation(
            message("generates and per_time_step are True, but the encoder need not be causal: add 'causal' to needs")
        )


@check
def loss_over_windows(case: HeadCase) -> None:
    """If per_time_step is True, the losses of the windows of a row add up to the loss of the row."""
    head = case.build()
    if not head.per_time_step:
        raise DoesNotApply(message("per_time_step is False"))
    encoded, batch = case.batch(head)
    assert batch.targets is not None
    for row, length in enumerate(batch.lengths.tolist()):
        if length < 2:
            continue
        losses = []
        for start, end in ((0, length), (0, length // 2), (length // 2, length)):
            size, window = torch.tensor([end - start]), (slice(row, row + 1), slice(start, end))
            inputs = Batch(batch.inputs[window], size, batch.targets[window], size)
            losses.append(loss_values(head, Encoded(encoded.outputs[window], encoded.final[row : row + 1]), inputs))
        whole, first, second = losses
        if any(numbers_differ(whole[part], first[part] + second[part]) for part in (0, 1)):
            raise ContractViolation(
                message(
                    "the loss of a row is {total:.6g} for {count:g} items, but {halves:.6g} for {items:g} over its "
                    "two halves: count time steps, or set per_time_step = False if they are not scored independently",
                    total=whole[0],
                    count=whole[1],
                    halves=first[0] + second[0],
                    items=first[1] + second[1],
                )
            )


@check
def loss_matches_logits(case: HeadCase) -> None:
    """If the head generates, its loss is the negative log-likelihood of the targets under its logits."""
    head = case.build()
    if not head.generates:
        raise DoesNotApply(message("generates is False"))
    encoded, batch = case.batch(head)
    logits, targets = head.logits(encoded), batch.targets
    if targets is None or targets.is_floating_point():
        raise DoesNotApply(message("its targets are not ids"))
    if case.tokenizer is None:
        raise ContractViolation(message("generates is True, but the examples contain features: set generates = False"))
    targets = targets if targets.ndim == 2 else targets[:, None]
    if (shape := tuple(logits.shape)) != (*targets.shape, case.tokenizer.vocab_size):
        raise ContractViolation(
            message(
                "logits are {shape}, not {expected}: return (batch, time, vocab_size)",
                shape=shape,
                expected=(*targets.shape, case.tokenizer.vocab_size),
            )
        )
    real = batch.mask if targets.shape[1] > 1 else torch.ones_like(targets, dtype=torch.bool)
    expected = nn.functional.cross_entropy(logits[real], targets[real], reduction="sum").item()
    total, count = loss_values(head, encoded, batch)
    if numbers_differ(total, expected) or numbers_differ(count, int(real.sum())):
        raise ContractViolation(
            message(
                "the loss is {total:.6g} over {count:.6g} items, but the negative log-likelihood of the targets is "
                "{expected:.6g} over {expected_count}: score the logits of each time step with the target of the same "
                "time step",
                total=total,
                count=count,
                expected=expected,
                expected_count=int(real.sum()),
            )
        )


@check
def single_row(case: HeadCase) -> None:
    """A batch of one row, of one time step where possible, has a finite loss and a positive count."""
    head = case.build()
    rows = case.rows(head)
    if head.per_time_step:
        rows = [Row(rows[0].input[:1], rows[0].target[:1])]
    elif all(np.ndim(row.target) == 0 for row in rows):
        rows = [Row(rows[0].input[:1], rows[0].target)]
    else:
        rows = rows[:1]
    batch = collate(rows)
    encoded = Encoded(torch.randn(1, batch.inputs.shape[1], case.output_size), torch.randn(1, case.final_size))
    total, count = loss_values(head, encoded, batch)
    if not np.isfinite(total) or not count > 0:
        raise ContractViolation(
            message(
                "the loss of a batch of one row is {total} over {count} items: pass a dimension to squeeze, or "
                "index it",
                total=total,
                count=count,
            )
        )
