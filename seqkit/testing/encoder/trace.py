"""Checks of what an encoder shows of its gates and states."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqkit.contracts import Encoder, Trace
from seqkit.messages import message
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import describe_difference, describe_shape
from seqkit.testing.encoder.case import LENGTHS, EncoderCase

check = CheckSuite[EncoderCase]("encoder")


@check
def trace(case: EncoderCase) -> None:
    """`trace` returns finite values (batch, time, units) by name for each layer, each row independent of all others."""
    encoder: Any = case.build()
    if type(encoder).trace is Encoder.trace:
        raise DoesNotApply(message("the encoder has no `trace`"))
    inputs = case.inputs()
    with torch.no_grad():
        together = _values(encoder.trace(inputs, LENGTHS), inputs)
        if not together:
            raise DoesNotApply(message("trace returns nothing"))
        for row, length in enumerate(LENGTHS.tolist()):
            alone = inputs[row : row + 1, :length]
            expected = _values(encoder.trace(alone, LENGTHS[row : row + 1]), alone)
            actual = {name: values[row : row + 1, :length] for name, values in together.items()}
            if difference := describe_difference(expected, actual):
                raise ContractViolation(
                    message(
                        "{difference} in the trace of a row that is traced alone: mask by `lengths`, and reverse each "
                        "row within its own length",
                        difference=difference,
                    )
                )


def _values(traces: Any, inputs: Tensor) -> dict[str, Tensor]:
    """Return the values of all layers by layer and name.

    Raises:
        ContractViolation: they violate the contract.
    """
    found: dict[str, Tensor] = {}
    for each in traces:
        if not isinstance(each, Trace) or not isinstance(each.name, str) or not each.values:
            raise ContractViolation(
                message("trace returns {value:.60}: return seqkit.contracts.Trace(name, values)", value=repr(each))
            )
        for name, values in each.values.items():
            key = message("'{name}' of {layer}", name=name, layer=each.name)
            if key in found:
                raise ContractViolation(message("the trace has {key} twice: give each layer its own name", key=key))
            is_tensor = isinstance(values, Tensor) and values.is_floating_point() and values.dim() == 3
            if not is_tensor or values.shape[:2] != inputs.shape[:2] or not values.shape[2]:
                raise ContractViolation(
                    message(
                        "{key} is {shape} for a batch of {rows} rows of {time} time steps: return floats (batch, time, "
                        "units)",
                        key=key,
                        shape=describe_shape(values),
                        rows=inputs.shape[0],
                        time=inputs.shape[1],
                    )
                )
            if not values.isfinite().all():
                raise ContractViolation(message("{key} is not finite", key=key))
            found[key] = values
    return found
