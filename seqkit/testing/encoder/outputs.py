"""Checks of an encoder's results: shapes, kinds of input, states, and comparison with a reference."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, Lookup, State
from seqkit.messages import message
from seqkit.modeling.state import first_rows, leaves
from seqkit.testing.assertions import assert_component, assert_size, gradients
from seqkit.testing.checks import CheckSuite, ContractViolation, DoesNotApply
from seqkit.testing.comparison import describe_difference, describe_shape, max_difference
from seqkit.testing.encoder.case import LENGTHS, EncoderCase, carries_state, encode, real_values
from seqkit.testing.precision import tolerance

check = CheckSuite[EncoderCase]("encoder")


@check
def contract(case: EncoderCase) -> None:
    """The encoder inherits from torch.nn.Module and seqkit.contracts.Encoder, and sets its sizes and `causal`."""
    encoder = case.build()
    assert_component(encoder, Encoder, is_module=True)
    assert_size(encoder, "output_size")
    assert_size(encoder, "final_size")
    if not isinstance(getattr(encoder, "causal", None), bool):
        raise ContractViolation(
            message("causal is not set: set it to True if no output depends on later time steps, otherwise to False")
        )


@check
def shapes(case: EncoderCase) -> None:
    """Outputs are (batch, time, output_size), final is (batch, final_size), states have the batch dimension first."""
    encoder = case.build()
    encoded = encode(encoder, case.inputs(), LENGTHS)
    for name, size, expected in (
        ("outputs", "output_size", (5, 6, encoder.output_size)),
        ("final", "final_size", (5, encoder.final_size)),
    ):
        if (shape := describe_shape(getattr(encoded, name))) != expected:
            raise ContractViolation(
                message(
                    "{name} is {shape} for a batch of 5 rows of 6 time steps, not {expected}: set {size} to its width",
                    name=name,
                    shape=shape,
                    expected=expected,
                    size=size,
                )
            )
    for part in leaves(encoded.state):
        if not isinstance(part, Tensor) or part.shape[:1] != (5,):
            raise ContractViolation(
                message(
                    "the state contains {shape} for a batch of 5 rows: put the batch dimension first, (5, ...); in the "
                    "states of torch's recurrent layers it is the second",
                    shape=describe_shape(part),
                )
            )


@check
def single_time_step(case: EncoderCase) -> None:
    """A batch of one row of one time step has a finite result with all dimensions."""
    encoder = case.build()
    encoded = encode(encoder, case.inputs(batch=1, time=1), torch.tensor([1]))
    if encoded.outputs.shape != (1, 1, encoder.output_size) or encoded.final.shape != (1, encoder.final_size):
        raise ContractViolation(
            message(
                "outputs are {outputs} and final is {final} for one row of one time step: pass a dimension to squeeze, "
                "or index it",
                outputs=tuple(encoded.outputs.shape),
                final=tuple(encoded.final.shape),
            )
        )
    if not (encoded.outputs.isfinite().all() and encoded.final.isfinite().all()):
        raise ContractViolation(
            message("the result for a row of one time step is not finite: do not divide by `lengths - 1`")
        )


@check
def ids_match_one_hot(case: EncoderCase) -> None:
    """If accepts_ids is True, the result and the gradients for ids are those for their one-hot vectors."""
    encoder = case.build()
    if not encoder.accepts_ids:
        raise DoesNotApply(message("accepts_ids is False"))
    ids = torch.randint(0, case.input_size, (5, 6))
    vectors = nn.functional.one_hot(ids, case.input_size).double()
    weights = {name: weight for name, weight in encoder.named_parameters() if weight.requires_grad}
    results: list[dict[str, Tensor]] = []
    for inputs in (vectors, ids):
        values = real_values(encode(encoder, inputs, LENGTHS), LENGTHS)
        total = torch.cat([value.flatten() ** 2 for value in values.values()]).sum()
        names = [f"the gradient of {name}" for name in weights]
        results.append(values | dict(zip(names, gradients(total, [*weights.values()]), strict=True)))
    if difference := describe_difference(*results):
        raise ContractViolation(
            message(
                "{difference} between ids and their one-hot vectors: look up columns of the weight, without a "
                "padding_idx, or set accepts_ids = False",
                difference=difference,
            )
        )


@check
def lookup_matches_vectors(case: EncoderCase) -> None:
    """If accepts_lookup is True, the result and the gradient for a lookup are those for its vectors."""
    encoder = case.build()
    if not encoder.accepts_lookup:
        raise DoesNotApply(message("accepts_lookup is False"))
    ids = torch.randint(0, 9, (5, 6))
    table = torch.randn(9, case.input_size).double().requires_grad_()
    results: list[dict[str, Tensor]] = []
    for inputs in (table[ids], Lookup(ids, table)):
        values = real_values(encode(encoder, inputs, LENGTHS), LENGTHS)
        total = torch.cat([value.flatten() ** 2 for value in values.values()]).sum()
        (gradient,) = torch.autograd.grad(total, table)
        results.append(values | {"the gradient of the table": gradient})
    if difference := describe_difference(*results):
        raise ContractViolation(
            message(
                "{difference} between a lookup and its vectors: use table[id] as the vector of an id, or set "
                "accepts_lookup = False",
                difference=difference,
            )
        )


@check
def carried_state(case: EncoderCase) -> None:
    """Encoding a row in windows, with the state carried between them, gives the result for the whole row."""
    encoder = _build_stateful(case)
    inputs, lengths = case.inputs(batch=2, time=7), torch.tensor([7, 7])
    expected = real_values(encode(encoder, inputs, lengths), lengths)
    for windows in ([1] * 7, [3, 3, 1], [5, 2]):
        outputs: list[Tensor] = []
        state: State = None
        for window in inputs.split(windows, dim=1):
            encoded = encode(encoder, window, torch.full((2,), window.shape[1]), state)
            outputs.append(encoded.outputs)
            state = first_rows(encoded.state, 2)
        joined = Encoded(torch.cat(outputs, dim=1), encoded.final)
        if difference := describe_difference(expected, real_values(joined, lengths)):
            raise ContractViolation(
                message(
                    "{difference} when a row is encoded in windows of lengths {windows}: start from `state` if it "
                    "is given, and return all that the next time step needs, or None if the encoder cannot continue",
                    difference=difference,
                    windows=windows,
                )
            )


@check
def state_ignores_padding(case: EncoderCase) -> None:
    """The state is the one after each row's last real time step, also after a continuation."""
    encoder = _build_stateful(case)
    state: State = None
    rows = [case.inputs(batch=1, time=0)] * 2
    for seed, lengths in enumerate(([7, 4, 5], [3, 2], [2, 3])):
        inputs = case.inputs(batch=len(lengths), time=max(lengths), seed=seed)
        encoded = encode(encoder, inputs, torch.tensor(lengths), state)
        state = first_rows(encoded.state, 2)
        for row, length in enumerate(lengths[:2]):
            before = rows[row].shape[1]
            rows[row] = torch.cat([rows[row], inputs[row : row + 1, :length]], dim=1)
            whole = encode(encoder, rows[row], torch.tensor([before + length]))
            expected = {"final": whole.final[0], "outputs": whole.outputs[0, -1]}
            actual = {"final": encoded.final[row], "outputs": encoded.outputs[row, length - 1]}
            if before and (difference := describe_difference(expected, actual)):
                raise ContractViolation(
                    message(
                        "{difference} when a row of length {length} is continued after a padded batch: return the "
                        "state after each row's last real time step, with the batch dimension first, and continue each "
                        "row from its own",
                        difference=difference,
                        length=before,
                    )
                )


def _build_stateful(case: EncoderCase) -> Any:
    encoder = case.build()
    if not encoder.causal:
        raise DoesNotApply(message("causal is False, so no state is carried"))
    if not carries_state(encoder, encode(encoder, case.inputs(), LENGTHS)):
        raise DoesNotApply(message("forward returns no state"))
    return encoder


@check
def matches_reference(case: EncoderCase) -> None:
    """The outputs are those of the reference, if one was given."""
    if case.reference is None:
        raise DoesNotApply(message("no reference was given"))
    encoder, inputs = case.build(), case.inputs(batch=4, time=7)
    outputs = encode(encoder, inputs, torch.full((4,), 7)).outputs
    if (gap := max_difference(outputs, case.reference(encoder, inputs))) > tolerance():
        raise ContractViolation(
            message(
                "outputs differ from the reference by {gap:.2g}: check the order of gates, layers and biases", gap=gap
            )
        )
