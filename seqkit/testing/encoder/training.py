"""Checks of an encoder in training mode, and on long rows."""

from __future__ import annotations

import torch
from torch import Tensor

from seqkit.contracts import State
from seqkit.messages import message
from seqkit.modeling.state import first_rows
from seqkit.testing.assertions import assert_gradients_match, assert_unchanged, gradients
from seqkit.testing.checks import CheckSuite, ContractViolation
from seqkit.testing.comparison import describe_difference
from seqkit.testing.encoder.case import LENGTHS, EncoderCase, carries_state, encode, real_values, select_encoded
from seqkit.testing.training import (
    LONG,
    assert_instances_independent,
    assert_modes_agree,
    assert_training_steps,
    seeded,
)

check = CheckSuite[EncoderCase]("encoder")

LONG_LENGTHS = torch.tensor([LONG, 70, 129])


@check
def training_independence(case: EncoderCase) -> None:
    """In training mode too, the result for a row depends on it alone, and causal outputs on no later step."""
    encoder, inputs = case.build().train(), case.inputs().requires_grad_()
    encoded = encode(encoder, inputs, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        values = torch.cat([encoded.outputs[row, :length].flatten(), encoded.final[row]])
        gradient = _gradient(values, inputs)
        if gradient[torch.arange(len(LENGTHS)) != row].any():
            raise ContractViolation(
                message(
                    "in training mode the result for a row depends on other rows: do not normalize or average over the "
                    "batch (BatchNorm does)"
                )
            )
        if gradient[row, length:].any():
            raise ContractViolation(
                message("in training mode the result for a row depends on its padding: mask by `lengths`")
            )
    for time_step in range(5 if encoder.causal else 0):
        if _gradient(encoded.outputs[1, time_step], inputs)[1, time_step + 1 :].any():
            raise ContractViolation(
                message(
                    "causal is True, but in training mode the output at time step {time_step} depends on later time "
                    "steps: set causal = False, or remove the dependence",
                    time_step=time_step,
                )
            )


def _gradient(values: Tensor, inputs: Tensor) -> Tensor:
    """Return the gradient of a random combination of values with respect to the inputs."""
    if not values.requires_grad:
        return torch.zeros_like(inputs)
    return torch.autograd.grad((values * torch.randn_like(values)).sum(), inputs, retain_graph=True)[0]


@check
def zero_inputs(case: EncoderCase) -> None:
    """Vectors of zeros, which padding consists of too, have finite results and gradients."""
    encoder, inputs = case.build().train(), torch.zeros_like(case.inputs()).requires_grad_()
    values = real_values(encode(encoder, inputs, LENGTHS), LENGTHS)
    total = torch.stack([value.sum() for value in values.values()]).sum()
    weights = [weight for weight in encoder.parameters() if weight.requires_grad]
    if not all(each.isfinite().all() for each in (total, *gradients(total, [inputs, *weights]))):
        raise ContractViolation(
            message(
                "the result or a gradient for vectors of zeros is not finite: divide by no norm that can be 0, add an "
                "epsilon inside the square root"
            )
        )


@check
def modes_agree(case: EncoderCase) -> None:
    """Without dropout, the result in training mode is that in evaluation mode."""
    assert_modes_agree(case.build, lambda encoder: real_values(encode(encoder, case.inputs(), LENGTHS), LENGTHS))


@check
def training_steps(case: EncoderCase) -> None:
    """Training steps, with the state carried between windows, change only gradients and depend on no earlier step."""

    def step(encoder: EncoderCase, batch: int) -> Tensor:
        inputs = case.inputs(time=12, seed=batch)
        before = inputs.clone()
        losses, state = [], None
        for window in inputs.split(6, dim=1):
            encoded = encode(encoder, window, LENGTHS, state)
            values = torch.cat([each.flatten() for each in real_values(encoded, LENGTHS).values()])
            losses.append(values.square().sum())
            state = first_rows(encoded.state, len(LENGTHS)) if carries_state(encoder, encoded) else None
        assert_unchanged({"inputs": before}, {"inputs": inputs})
        return torch.stack(losses).sum()

    assert_training_steps(case.build, step)


@check
def training_gradcheck(case: EncoderCase) -> None:
    """In training mode too, gradients match finite differences."""
    encoder, inputs = case.build().train(), case.inputs().requires_grad_()

    @seeded
    def total(module: EncoderCase, batch: int) -> Tensor:
        values = real_values(encode(module, inputs, LENGTHS), LENGTHS)
        return torch.stack([each.sin().sum() for each in values.values()]).sum()

    weights = [weight for weight in encoder.parameters() if weight.requires_grad]
    assert_gradients_match(lambda: total(encoder, 0), [inputs, *weights])


@check
def independent_instances(case: EncoderCase) -> None:
    """Instances have equal weights if they are built with the same seed, and share none."""
    assert_instances_independent(case.build)


@check
def long_rows(case: EncoderCase) -> None:
    """Long rows are encoded like short ones: alone, in a batch, and in windows with the state carried between them."""
    encoder, inputs = case.build(), case.inputs(batch=len(LONG_LENGTHS), time=LONG)
    with torch.no_grad():
        together = encode(encoder, inputs, LONG_LENGTHS)
        for row, length in enumerate(LONG_LENGTHS.tolist()):
            own_length = LONG_LENGTHS[row : row + 1]
            alone = real_values(encode(encoder, inputs[row : row + 1, :length], own_length), own_length)
            expected = real_values(select_encoded(together, torch.tensor([row])), own_length)
            if difference := describe_difference(expected, alone):
                raise ContractViolation(
                    message(
                        "{difference} when a row of {length} time steps is encoded alone: mask by `lengths`, and limit "
                        "the length nowhere",
                        difference=difference,
                        length=length,
                    )
                )
        if not carries_state(encoder, together):
            return
        outputs: list[Tensor] = []
        state: State = None
        for window in inputs[:1].split(37, dim=1):
            encoded = encode(encoder, window, torch.tensor([window.shape[1]]), state)
            outputs.append(encoded.outputs)
            state = encoded.state
        joined = {"outputs": torch.cat(outputs, dim=1)[0], "final": encoded.final}
        expected = {"outputs": together.outputs[0], "final": together.final[:1]}
        if difference := describe_difference(expected, joined):
            raise ContractViolation(
                message(
                    "{difference} when a row of {length} time steps is encoded in windows of 37: carry the state "
                    "through all time steps of a window, and limit the length nowhere",
                    difference=difference,
                    length=LONG,
                )
            )
