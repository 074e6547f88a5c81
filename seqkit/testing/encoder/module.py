"""Checks of an encoder as a module: gradients, weights, determinism, and no side effects."""

from __future__ import annotations

import torch
from torch import Tensor

from seqkit.contracts import State
from seqkit.messages import format_value, message
from seqkit.modeling.state import first_rows, leaves
from seqkit.recipe.parameters import is_integer, parameters
from seqkit.testing.assertions import (
    assert_global_rng_unchanged,
    assert_global_settings_unchanged,
    assert_gradient_flow,
    assert_gradients_match,
    assert_no_gradient_is_missing,
    assert_unchanged,
    copy_weights_as_saved,
)
from seqkit.testing.checks import CheckSuite, ContractViolation
from seqkit.testing.comparison import describe_difference
from seqkit.testing.encoder.case import LENGTHS, EncoderCase, encode, real_values

check = CheckSuite[EncoderCase]("encoder")


@check
def gradient_flow(case: EncoderCase) -> None:
    """A gradient reaches every trainable weight."""
    encoder = case.build()
    values = real_values(encode(encoder, case.inputs(), LENGTHS), LENGTHS)
    totals = [(values[name] * torch.randn_like(values[name])).sum() for name in ("outputs", "final")]
    assert_gradient_flow(encoder, torch.stack(totals).sum())


@check
def gradcheck(case: EncoderCase) -> None:
    """Gradients match finite differences."""
    encoder, inputs = case.build(), case.inputs().requires_grad_()
    values = real_values(encode(encoder, inputs, LENGTHS), LENGTHS)
    factors = {name: torch.randn_like(value) for name, value in values.items()}

    def total() -> Tensor:
        values = real_values(encode(encoder, inputs, LENGTHS), LENGTHS)
        return (values["outputs"] * factors["outputs"]).sum() + (values["final"] * factors["final"]).sum()

    weights = {name: weight for name, weight in encoder.named_parameters() if weight.requires_grad}
    assert_gradients_match(total, [inputs, *weights.values()])
    row = inputs[1:2].detach()

    def total_without_padding() -> Tensor:
        encoded = encode(encoder, row, LENGTHS[1:2])
        return (encoded.outputs[0] * factors["outputs"][:6]).sum() + (encoded.final[0] * factors["final"][1]).sum()

    assert_no_gradient_is_missing(total_without_padding, weights)


@check
def weights_round_trip(case: EncoderCase) -> None:
    """A new instance with the saved weights gives the same results."""
    encoder, other = case.build(), case.build(seed=1)
    copy_weights_as_saved(encoder, other)
    expected = real_values(encode(encoder, case.inputs(), LENGTHS), LENGTHS)
    if difference := describe_difference(expected, real_values(encode(other, case.inputs(), LENGTHS), LENGTHS)):
        raise ContractViolation(
            message(
                "{difference} after loading the saved weights: register all tensors that forward uses as parameters or "
                "buffers",
                difference=difference,
            )
        )


@check
def determinism(case: EncoderCase) -> None:
    """In evaluation mode results depend only on the inputs, and weights only on the seed."""
    encoder = case.build()
    expected = real_values(encode(encoder, case.inputs(), LENGTHS), LENGTHS)
    encode(encoder, case.inputs(batch=2, seed=1), torch.tensor([2, 6]))
    if difference := describe_difference(expected, real_values(encode(encoder, case.inputs(), LENGTHS), LENGTHS)):
        raise ContractViolation(
            message(
                "{difference} between two calls: store nothing on self in forward, and apply dropout only if "
                "self.training",
                difference=difference,
            )
        )
    reused = case.inputs(seed=1)
    encode(encoder, reused, LENGTHS)
    reused.copy_(case.inputs())
    if difference := describe_difference(expected, real_values(encode(encoder, reused, LENGTHS), LENGTHS)):
        raise ContractViolation(
            message("{difference} for a tensor whose values were replaced: cache no results", difference=difference)
        )
    rebuilt = case.build()
    if difference := describe_difference(expected, real_values(encode(rebuilt, case.inputs(), LENGTHS), LENGTHS)):
        raise ContractViolation(
            message(
                "{difference} between two instances built with the same seed: initialize weights from the global "
                "random generators",
                difference=difference,
            )
        )


@check
def training_mode(case: EncoderCase) -> None:
    """Shapes are the same in training mode, and a training step without an update does not change the results."""
    encoder = case.build()
    expected = real_values(encode(encoder, case.inputs(), LENGTHS), LENGTHS)
    values = real_values(encode(encoder.train(), case.inputs(), LENGTHS), LENGTHS)
    if any(values[name].shape != expected[name].shape for name in ("outputs", "final")):
        raise ContractViolation(
            message("outputs or final have another shape in training mode: return the same shapes in both modes")
        )
    total = values["outputs"].sum() + values["final"].sum()
    if total.requires_grad:
        total.backward()
    after = real_values(encode(encoder.eval(), case.inputs(), LENGTHS), LENGTHS)
    if difference := describe_difference(expected, after):
        raise ContractViolation(
            message(
                "{difference} in evaluation mode after a forward pass in training mode: do not update running "
                "statistics from padded batches",
                difference=difference,
            )
        )


@check
def width_parameters(case: EncoderCase) -> None:
    """The names of `width_parameters` are integer parameters of the constructor."""
    cls = type(case.build())
    found = parameters(cls)
    names = cls.width_parameters
    if not isinstance(names, tuple) or any(
        name not in found or not is_integer(found[name].annotation) for name in names
    ):
        raise ContractViolation(
            message(
                "width_parameters is {value}: set it to a tuple of the names of keyword-only integer parameters of the "
                'constructor, such as ("hidden_size",), or leave it out',
                value=format_value(names),
            )
        )


@check
def global_rng_unchanged(case: EncoderCase) -> None:
    """Global random generators are not seeded, nor used in evaluation mode."""
    assert_global_rng_unchanged(case.build_unseeded, lambda encoder: encode(encoder.eval(), case.inputs(), LENGTHS))


@check
def global_settings_unchanged(case: EncoderCase) -> None:
    """Process-wide settings do not change: default dtype, threads, gradient mode, environment."""
    assert_global_settings_unchanged(case.build, lambda encoder: encode(encoder.train(), case.inputs(), LENGTHS))


@check
def inputs_unchanged(case: EncoderCase) -> None:
    """Arguments are not modified in place."""
    encoder = case.build()
    inputs, lengths = case.inputs(), LENGTHS.clone()
    state: State = first_rows(encode(encoder, inputs, lengths).state, 5)
    arguments = {"inputs": inputs, "lengths": lengths}
    arguments |= {f"state[{number}]": tensor for number, tensor in enumerate(leaves(state))}
    before = {name: tensor.clone() for name, tensor in arguments.items()}
    with torch.no_grad():
        encode(encoder, inputs, lengths, state if encoder.causal else None)
    assert_unchanged(before, arguments)


@check
def dtype(case: EncoderCase) -> None:
    """Results have the dtype of the weights and inputs."""
    for dtype in (torch.float32, torch.float64):
        encoded = encode(case.build().to(dtype), case.inputs().to(dtype), LENGTHS)
        for name in ("outputs", "final"):
            if (result := getattr(encoded, name).dtype) != dtype:
                raise ContractViolation(
                    message(
                        "{name} is {result} for weights and inputs of {dtype}: create tensors with `inputs.new_zeros`, "
                        "and convert a result that is computed in another precision back",
                        name=name,
                        result=result,
                        dtype=dtype,
                    )
                )
