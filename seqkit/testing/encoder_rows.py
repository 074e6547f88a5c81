"""What an encoder owes each row: an answer of its own, of the stated size, that sees what it says it sees."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqkit.batches import carried
from seqkit.claims import stands_by
from seqkit.contracts import Encoded, Encoder, Lookup
from seqkit.testing.checks import Broken, Checks, DoesNotApply
from seqkit.testing.encoder_case import LENGTHS, READ_LENGTHS, EncoderCase, encode, parts, rows_of
from seqkit.testing.modules import (
    TOLERANCE,
    differs,
    gap,
    is_component,
    is_size,
    tensors_of,
)

check = Checks("encoder")


@check
def contract(case: EncoderCase) -> None:
    """It is a torch.nn.Module and a seqkit.contracts.Encoder, and says its sizes and whether it is causal."""
    encoder = case.build()
    is_component(encoder, Encoder, module=True)
    is_size(encoder, "output_size")
    is_size(encoder, "final_size")
    if not isinstance(getattr(encoder, "causal", None), bool):
        raise Broken("causal is not said: True where the output at a step depends on nothing after it, else False")


@check
def shapes(case: EncoderCase) -> None:
    """Outputs are (batch, time, output_size), final is (batch, final_size), and the state has the batch first."""
    encoder = case.build()
    encoded = encode(encoder, case.inputs(), LENGTHS)
    for name, size in (("outputs", "output_size"), ("final", "final_size")):
        tensor = getattr(encoded, name)
        wanted = (5, 6, encoder.output_size) if name == "outputs" else (5, encoder.final_size)
        shape = tuple(tensor.shape) if isinstance(tensor, Tensor) else type(tensor).__name__
        if shape != wanted:
            raise Broken(
                f"{name} is {shape} for a batch of 5 rows of 6 steps, not {wanted}: make {size} say what it gives"
            )
    for part in tensors_of(encoded.state):
        if not isinstance(part, Tensor) or part.shape[:1] != (5,):
            shape = tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__
            raise Broken(
                f"the state holds {shape}: put the batch first, (5, …): torch's recurrent layers put it second"
            )


@check
def padding(case: EncoderCase) -> None:
    """A row's answer does not depend on its padding, whatever stands there."""
    encoder, inputs = case.build(), case.inputs()
    real = (torch.arange(6) < LENGTHS[:, None])[:, :, None]
    whole = parts(encode(encoder, inputs * real, LENGTHS), LENGTHS)
    noise = case.inputs(time=9, seed=1)
    longer = torch.cat([inputs * real, torch.zeros(5, 3, case.input_size)], dim=1)
    for what, padded in (
        ("where a batch is padded by three steps more", longer),
        ("with what stands in its padding", torch.where(torch.cat([real, real[:, :3] & False], dim=1), longer, noise)),
    ):
        if fault := differs(whole, parts(encode(encoder, padded, LENGTHS), LENGTHS)):
            raise Broken(f"{fault} {what}: {READ_LENGTHS}; read backwards within each row's own length")


@check
def company(case: EncoderCase) -> None:
    """A row's answer does not depend on what it is batched with."""
    encoder, inputs = case.build(), case.inputs()
    together = encode(encoder, inputs, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = encode(encoder, inputs[row : row + 1, :length], LENGTHS[row : row + 1])
        there = parts(rows_of(together, slice(row, row + 1)), LENGTHS[row : row + 1])
        if fault := differs(there, parts(alone, LENGTHS[row : row + 1])):
            raise Broken(f"{fault} when a row stands alone: {READ_LENGTHS}, and take no mean over the batch")


@check
def order(case: EncoderCase) -> None:
    """The order of the rows orders the answers and changes nothing else."""
    encoder, inputs = case.build(), case.inputs()
    shuffled = torch.tensor([3, 0, 4, 1, 2])
    wanted = parts(rows_of(encode(encoder, inputs, LENGTHS), shuffled), LENGTHS[shuffled])
    if fault := differs(wanted, parts(encode(encoder, inputs[shuffled], LENGTHS[shuffled]), LENGTHS[shuffled])):
        raise Broken(f"{fault} when rows change places: bring rows that were sorted by length back into their order")


@check
def row_gradient(case: EncoderCase) -> None:
    """The gradient of a row's answer by the inputs stays within that row and its real steps."""
    encoder, inputs = case.build(), case.inputs().requires_grad_()
    encoded = encode(encoder, inputs, LENGTHS)
    (gradient,) = torch.autograd.grad((encoded.final[0] * torch.randn_like(encoded.final[0])).sum(), inputs)
    if gradient[1:].any():
        raise Broken(f"the gradient of a row's final vector reaches other rows: {READ_LENGTHS}")
    if gradient[0, LENGTHS[0] :].any():
        raise Broken(f"the gradient of a row's final vector reaches its padding: {READ_LENGTHS}")


@check
def causal(case: EncoderCase) -> None:
    """Where causal is True, the gradient of each output by what comes after it is exactly zero; else it is not."""
    encoder, inputs = case.build(), case.inputs(batch=2, time=6).requires_grad_()
    lengths = torch.tensor([6, 6])
    outputs = encode(encoder, inputs, lengths).outputs
    sees = False
    for step in range(5):
        asked = (outputs[:, step] * torch.randn_like(outputs[:, step])).sum()
        (gradient,) = torch.autograd.grad(asked, inputs, retain_graph=True)
        later = gradient[:, step + 1 :]
        other = torch.cat([inputs[:, : step + 1], case.inputs(batch=2, seed=9)[:, step + 1 :]], dim=1).detach()
        moved = gap(outputs[:, step], encode(encoder, other, lengths).outputs[:, step])
        if encoder.causal and later.any():
            first = step + 1 + int(later.abs().sum(dim=(0, 2)).nonzero()[0])
            raise Broken(
                f"it says that it is causal, and the output at step {step} depends on the input at step {first}: set "
                "causal = False, or let no step see what comes after it"
            )
        if encoder.causal and moved > TOLERANCE:
            raise Broken(
                f"it says that it is causal, and the output at step {step} moves by {moved:.2g} with what comes after "
                "it, where no gradient tells: set causal = False, or let no step see what comes after it"
            )
        sees = sees or bool(later.any()) or moved > TOLERANCE
    if not encoder.causal and not sees:
        raise Broken("it says that it is not causal, and no output depends on what comes after it: set causal = True")


@check
def reach(case: EncoderCase) -> None:
    """Each output depends on the input at its own step."""
    encoder, inputs = case.build(), case.inputs(batch=2).requires_grad_()
    outputs = encode(encoder, inputs, torch.tensor([6, 4])).outputs
    for step in range(4):
        asked = (outputs[:, step] * torch.randn_like(outputs[:, step])).sum()
        (gradient,) = torch.autograd.grad(asked, inputs, retain_graph=True)
        if not gradient[:, step].any():
            raise Broken(f"the output at step {step} does not depend on the input at step {step}: do not shift steps")


@check
def final(case: EncoderCase) -> None:
    """final is the output at the last real step of a causal encoder; one that reads both ways sums up the whole row."""
    # Many rows, since of a vector that is a maximum over the steps each row shows a few steps.
    encoder, inputs, lengths = case.build(), case.inputs(batch=40).requires_grad_(), torch.tensor([6, 4] * 20)
    encoded = encode(encoder, inputs, lengths)
    asked = (encoded.final * torch.randn_like(encoded.final)).sum()
    (gradient,) = torch.autograd.grad(asked, inputs, retain_graph=True)
    reached = {length: gradient[lengths == length].abs().sum(dim=(0, 2)) > 0 for length in (6, 4)}
    last = encoded.outputs[torch.arange(40), lengths - 1]
    same_size = encoder.final_size == encoder.output_size
    if encoder.causal and same_size and (apart := gap(encoded.final, last)) > TOLERANCE:
        raise Broken(f"final is {apart:.2g} away from the output at the last real step: gather it at `lengths - 1`")
    for length, steps in reached.items():
        if not steps[length - 1]:
            raise Broken(f"final does not depend on the last step of rows of {length}: gather it at `lengths - 1`")
        if not encoder.causal and not steps[:length].all():
            step = steps.tolist().index(False)
            raise Broken(
                f"final does not depend on step {step} of rows of {length}: of an encoder that reads both ways it is "
                "the forward reader's output at the last real step beside the backward reader's at the first"
            )
    if same_size and not encoder.causal:
        _halves_in_place(encoded.final.T, encoded.outputs[:, 0].T, last.T)


def _halves_in_place(final: Tensor, first: Tensor, last: Tensor) -> None:
    """Raises Broken where the halves of final stand in another order than in the outputs; each is (width, batch)."""
    stands = [[gap(unit, other) <= TOLERANCE for other in (*first, *last)] for unit in final]
    if not all(map(any, stands)):
        return  # it is not made of the two readers' outputs: pooled, perhaps
    width = len(final)
    for unit, places in enumerate(stands):
        if not (places[unit] or places[width + unit]):
            place = places.index(True) % width
            raise Broken(
                f"unit {unit} of final is unit {place} of the outputs: keep the forward reader's half before the "
                "backward one's in both, so that one projection fits both"
            )


@check
def state(case: EncoderCase) -> None:
    """Windows with the state carried between them give what one long pass gives."""
    encoder = _that_goes_on(case)
    inputs, lengths = case.inputs(batch=2, time=7), torch.tensor([7, 7])
    whole = encode(encoder, inputs, lengths)
    for windows in ([1] * 7, [3, 3, 1], [5, 2]):
        outputs, at = [], None
        for window in inputs.split(windows, dim=1):
            encoded = encode(encoder, window, torch.full((2,), window.shape[1]), at)
            outputs.append(encoded.outputs)
            at = carried(encoded.state, 2)
        got = parts(Encoded(torch.cat(outputs, dim=1), encoded.final, encoded.state), lengths)
        if fault := differs(parts(whole, lengths), got):
            raise Broken(
                f"{fault} when a row is read in windows of {windows} steps: begin from `state` where one is given, and "
                "return all that the next step needs, or None where it cannot go on"
            )


@check
def state_at_the_end(case: EncoderCase) -> None:
    """The state is the one after each row's last real step, and is carried row by row."""
    encoder = _that_goes_on(case)
    inputs, lengths = case.inputs(batch=3, time=7), torch.tensor([7, 4, 5])
    first = encode(encoder, inputs, lengths)
    more = case.inputs(batch=2, time=3, seed=1)
    second = encode(encoder, more, torch.tensor([3, 2]), carried(first.state, 2))
    for row, (length, further) in enumerate([(7, 3), (4, 2)]):
        joined = torch.cat([inputs[row : row + 1, :length], more[row : row + 1, :further]], dim=1)
        whole = encode(encoder, joined, torch.tensor([length + further]))
        for name, one, other in (
            ("final", whole.final[0], second.final[row]),
            ("the last output", whole.outputs[0, -1], second.outputs[row, further - 1]),
        ):
            if (apart := gap(one, other)) > TOLERANCE:
                raise Broken(
                    f"{name} moves by {apart:.2g} when a row of {length} steps in a batch of 7 is gone on with: return "
                    "the state after each row's last real step, the batch first, and use each row's own"
                )


def _that_goes_on(case: EncoderCase) -> Any:
    encoder = case.build()
    if not encoder.causal:
        raise DoesNotApply("it is not causal, so seqkit carries no state")
    held = encode(encoder, case.inputs(), LENGTHS).state
    if held is None or not tensors_of(held):
        raise DoesNotApply("it returns no state")
    return encoder


@check
def ids(case: EncoderCase) -> None:
    """Where accepts_ids is True, ids are answered as their one-hot vectors are."""
    encoder = case.build()
    if not stands_by(encoder, "accepts_ids", "forward"):
        raise DoesNotApply("it takes no ids")
    numbers = torch.randint(0, case.input_size, (5, 6))
    wanted = parts(encode(encoder, nn.functional.one_hot(numbers, case.input_size).double(), LENGTHS), LENGTHS)
    if fault := differs(wanted, parts(encode(encoder, numbers, LENGTHS), LENGTHS)):
        raise Broken(f"{fault} between ids and their one-hot vectors: look up columns of the weight, or say False")


@check
def lookup(case: EncoderCase) -> None:
    """Where accepts_lookup is True, a lookup is answered as its vectors are, and its table gets their gradient."""
    encoder = case.build()
    if not stands_by(encoder, "accepts_lookup", "forward"):
        raise DoesNotApply("it takes no lookup")
    ids = torch.randint(0, 9, (5, 6))
    table = torch.randn(9, case.input_size).double().requires_grad_()
    found: list[dict[str, Tensor]] = []
    for given in (table[ids], Lookup(ids, table)):
        answer = parts(encode(encoder, given, LENGTHS), LENGTHS)
        total = torch.cat([part.flatten() ** 2 for part in answer.values()]).sum()
        (gradient,) = torch.autograd.grad(total, table)
        found.append(answer | {"the gradient of the table": gradient})
    if fault := differs(*found):
        raise Broken(f"{fault} between a lookup's vectors and the lookup: the vector of an id is table[id]")


@check
def empty_batch(case: EncoderCase) -> None:
    """No rows give no rows."""
    encoder = case.build()
    encoded = encode(encoder, case.inputs(batch=0, time=4), LENGTHS[:0])
    if encoded.outputs.shape != (0, 4, encoder.output_size) or encoded.final.shape != (0, encoder.final_size):
        raise Broken("a batch of no rows does not give no rows: keep the batch dimension through every step")


@check
def length_one(case: EncoderCase) -> None:
    """A row of one step is a row."""
    encoder = case.build()
    encoded = encode(encoder, case.inputs(batch=1, time=1), torch.tensor([1]))
    if encoded.outputs.shape != (1, 1, encoder.output_size) or encoded.final.shape != (1, encoder.final_size):
        raise Broken("a batch of one row of one step loses a dimension: name the dimension in squeeze, or index it")
    if not (encoded.outputs.isfinite().all() and encoded.final.isfinite().all()):
        raise Broken("a row of one step gets numbers that are not finite: divide by no `length - 1`")


@check
def against_reference(case: EncoderCase) -> None:
    """Its outputs are those of the reference that was given with it."""
    if case.reference is None:
        raise DoesNotApply("no reference was given with it")
    encoder, inputs = case.build(), case.inputs(batch=4, time=7)
    outputs = encode(encoder, inputs, torch.full((4,), 7)).outputs
    if (apart := gap(outputs, case.reference(encoder, inputs))) > TOLERANCE:
        raise Broken(f"outputs are {apart:.2g} away from the reference: are gates, layers or biases in another order?")
