"""Checks of what an encoder's results depend on: the row alone, and not its padding or, if causal, its future."""

from __future__ import annotations

import torch
from torch import Tensor

from seqkit.messages import message
from seqkit.testing.checks import CheckSuite, ContractViolation
from seqkit.testing.comparison import describe_difference, max_difference
from seqkit.testing.encoder.case import LENGTHS, EncoderCase, encode, real_values, select_encoded
from seqkit.testing.precision import tolerance

check = CheckSuite[EncoderCase]("encoder")

_HINT = message("mask by `lengths` and take final at `lengths - 1`")


@check
def padding_independence(case: EncoderCase) -> None:
    """The result for a row does not depend on its padding."""
    encoder, inputs = case.build(), case.inputs()
    real = (torch.arange(6) < LENGTHS[:, None])[:, :, None]
    expected = real_values(encode(encoder, inputs * real, LENGTHS), LENGTHS)
    noise = case.inputs(time=9, seed=1)
    longer = torch.cat([inputs * real, torch.zeros(5, 3, case.input_size)], dim=1)
    for condition, padded in (
        (message("when the batch is padded by 3 more time steps"), longer),
        (
            message("when values at padded time steps change"),
            torch.where(torch.cat([real, real[:, :3] & False], dim=1), longer, noise),
        ),
    ):
        if difference := describe_difference(expected, real_values(encode(encoder, padded, LENGTHS), LENGTHS)):
            raise ContractViolation(
                message(
                    "{difference} {condition}: {hint}; reverse each row within its own length",
                    difference=difference,
                    condition=condition,
                    hint=_HINT,
                )
            )


@check
def batch_independence(case: EncoderCase) -> None:
    """The result for a row does not depend on the other rows of the batch."""
    encoder, inputs = case.build(), case.inputs()
    together = encode(encoder, inputs, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        own_length = LENGTHS[row : row + 1]
        alone = encode(encoder, inputs[row : row + 1, :length], own_length)
        expected = real_values(select_encoded(together, torch.tensor([row])), own_length)
        if difference := describe_difference(expected, real_values(alone, own_length)):
            raise ContractViolation(
                message(
                    "{difference} when a row is encoded alone: {hint}, and do not average over the batch",
                    difference=difference,
                    hint=_HINT,
                )
            )


@check
def row_order(case: EncoderCase) -> None:
    """Permuting the rows of a batch permutes the results."""
    encoder, inputs = case.build(), case.inputs()
    order = torch.tensor([3, 0, 4, 1, 2])
    expected = real_values(select_encoded(encode(encoder, inputs, LENGTHS), order), LENGTHS[order])
    permuted = real_values(encode(encoder, inputs[order], LENGTHS[order]), LENGTHS[order])
    if difference := describe_difference(expected, permuted):
        raise ContractViolation(
            message(
                "{difference} when rows are permuted: after sorting rows by length, restore their order",
                difference=difference,
            )
        )


@check
def gradient_isolation(case: EncoderCase) -> None:
    """The gradient of a row's final vector is zero for the inputs of other rows and for padding."""
    encoder, inputs = case.build(), case.inputs().requires_grad_()
    encoded = encode(encoder, inputs, LENGTHS)
    (gradient,) = torch.autograd.grad((encoded.final[0] * torch.randn_like(encoded.final[0])).sum(), inputs)
    if gradient[1:].any():
        raise ContractViolation(message("the gradient of a row's final vector reaches other rows: {hint}", hint=_HINT))
    if gradient[0, LENGTHS[0] :].any():
        raise ContractViolation(message("the gradient of a row's final vector reaches its padding: {hint}", hint=_HINT))


@check
def causality(case: EncoderCase) -> None:
    """If causal is True, no output depends on later time steps; if it is False, some output does."""
    encoder, inputs = case.build(), case.inputs(batch=2, time=6).requires_grad_()
    lengths = torch.tensor([6, 6])
    outputs = encode(encoder, inputs, lengths).outputs
    depends_on_later = False
    for time_step in range(5):
        total = (outputs[:, time_step] * torch.randn_like(outputs[:, time_step])).sum()
        (gradient,) = torch.autograd.grad(total, inputs, retain_graph=True)
        later = gradient[:, time_step + 1 :]
        other = torch.cat(
            [inputs[:, : time_step + 1], case.inputs(batch=2, seed=9)[:, time_step + 1 :]], dim=1
        ).detach()
        gap = max_difference(outputs[:, time_step], encode(encoder, other, lengths).outputs[:, time_step])
        if encoder.causal and later.any():
            raise ContractViolation(
                message(
                    "causal is True, but the output at time step {time_step} depends on the input at time step "
                    "{later}: set causal = False, or remove the dependence on later time steps",
                    time_step=time_step,
                    later=time_step + 1 + int(later.abs().sum(dim=(0, 2)).nonzero()[0]),
                )
            )
        if encoder.causal and gap > tolerance():
            raise ContractViolation(
                message(
                    "causal is True, but the output at time step {time_step} changes by {gap:.2g} with later inputs, "
                    "although its gradient with respect to them is zero: set causal = False, or remove the dependence "
                    "on later time steps",
                    time_step=time_step,
                    gap=gap,
                )
            )
        depends_on_later = depends_on_later or bool(later.any()) or gap > tolerance()
    if not encoder.causal and not depends_on_later:
        raise ContractViolation(message("causal is False, but no output depends on later inputs: set causal = True"))


@check
def uses_own_time_step(case: EncoderCase) -> None:
    """Each output depends on the input at its own time step."""
    encoder, inputs = case.build(), case.inputs(batch=2).requires_grad_()
    outputs = encode(encoder, inputs, torch.tensor([6, 4])).outputs
    for time_step in range(4):
        total = (outputs[:, time_step] * torch.randn_like(outputs[:, time_step])).sum()
        (gradient,) = torch.autograd.grad(total, inputs, retain_graph=True)
        if not gradient[:, time_step].any():
            raise ContractViolation(
                message(
                    "the output at time step {time_step} does not depend on the input at time step {time_step}: do not "
                    "shift the outputs",
                    time_step=time_step,
                )
            )


@check
def final(case: EncoderCase) -> None:
    """`final` is a causal encoder's output at the last real time step; otherwise it depends on all real time steps."""
    # Many rows: if final is a maximum over time steps, each row shows the dependence on a few of them.
    encoder, inputs, lengths = case.build(), case.inputs(batch=40).requires_grad_(), torch.tensor([6, 4] * 20)
    encoded = encode(encoder, inputs, lengths)
    total = (encoded.final * torch.randn_like(encoded.final)).sum()
    (gradient,) = torch.autograd.grad(total, inputs, retain_graph=True)
    last = encoded.outputs[torch.arange(40), lengths - 1]
    same_size = encoder.final_size == encoder.output_size
    if encoder.causal and same_size and (gap := max_difference(encoded.final, last)) > tolerance():
        raise ContractViolation(
            message(
                "final differs by {gap:.2g} from the output at the last real time step: take the output at "
                "`lengths - 1`",
                gap=gap,
            )
        )
    for length in (6, 4):
        depends = gradient[lengths == length].abs().sum(dim=(0, 2)) > 0
        if not depends[length - 1]:
            raise ContractViolation(
                message(
                    "final does not depend on the last time step of rows of length {length}: take the output at "
                    "`lengths - 1`",
                    length=length,
                )
            )
        if not encoder.causal and not depends[:length].all():
            raise ContractViolation(
                message(
                    "final does not depend on time step {time_step} of rows of length {length}: concatenate the "
                    "forward output at the last real time step and the backward output at the first time step",
                    time_step=depends.tolist().index(False),
                    length=length,
                )
            )
    if same_size and not encoder.causal:
        _check_direction_order(encoded.final.T, encoded.outputs[:, 0].T, last.T)


def _check_direction_order(final: Tensor, first: Tensor, last: Tensor) -> None:
    """Check that final and outputs concatenate the directions in the same order.

    Args:
        final: (width, batch), as the other arguments.
        first: the outputs at the first time step.
        last: the outputs at the last real time step.
    """
    equal = [[max_difference(unit, other) <= tolerance() for other in (*first, *last)] for unit in final]
    if not all(map(any, equal)):
        return  # final is not made of outputs: it may be pooled
    width = len(final)
    for unit, matches in enumerate(equal):
        if not (matches[unit] or matches[width + unit]):
            raise ContractViolation(
                message(
                    "unit {unit} of final equals unit {other} of outputs: concatenate the forward direction before the "
                    "backward direction in both",
                    unit=unit,
                    other=matches.index(True) % width,
                )
            )
