"""What an encoder owes as a module: gradients, weights, and nothing else touched."""

from __future__ import annotations

import torch
from torch import Tensor

from seqkit.batches import carried
from seqkit.testing.checks import Broken, Checks
from seqkit.testing.encoder_case import LENGTHS, EncoderCase, encode, parts
from seqkit.testing.modules import (
    differs,
    draws_nothing,
    leaves_settings,
    slope_fault,
    tensors_of,
    through_safetensors,
    unchanged,
    unreached,
)

check = Checks("encoder")


@check
def gradients(case: EncoderCase) -> None:
    """A gradient reaches every weight."""
    encoder = case.build()
    encoded = encode(encoder, case.inputs(), LENGTHS)
    found = parts(encoded, LENGTHS)
    both = [(found[name] * torch.randn_like(found[name])).sum() for name in ("outputs", "final")]
    total = torch.stack(both).sum()
    if total.requires_grad:
        total.backward()
    if names := unreached(encoder.named_parameters()):
        raise Broken(f"no gradient reaches {names}: use it, take it out, or take the detach away that cuts it off")


@check
def exact_gradients(case: EncoderCase) -> None:
    """Gradients are those of what is computed, by finite differences."""
    encoder, inputs = case.build(), case.inputs().requires_grad_()
    by = {name: torch.randn_like(part) for name, part in parts(encode(encoder, inputs, LENGTHS), LENGTHS).items()}

    def total() -> Tensor:
        found = parts(encode(encoder, inputs, LENGTHS), LENGTHS)
        return (found["outputs"] * by["outputs"]).sum() + (found["final"] * by["final"]).sum()

    values = [inputs, *(weight for weight in encoder.parameters() if weight.requires_grad)]
    if fault := slope_fault(total, values):
        raise Broken(f"{fault}: mend its backward, or take the detach or no_grad away that cuts a path off")


@check
def weights(case: EncoderCase) -> None:
    """Its weights go through safetensors into another one built alike, which then answers the same."""
    encoder, other = case.build(), case.build(seed=1)
    through_safetensors(encoder, other)
    wanted = parts(encode(encoder, case.inputs(), LENGTHS), LENGTHS)
    if fault := differs(wanted, parts(encode(other, case.inputs(), LENGTHS), LENGTHS)):
        raise Broken(f"{fault} once its weights are loaded: register what it computes with as Parameter or buffer")


@check
def determinism(case: EncoderCase) -> None:
    """In evaluation the same inputs get the same answer, and a call leaves nothing behind for the next."""
    encoder = case.build()
    wanted = parts(encode(encoder, case.inputs(), LENGTHS), LENGTHS)
    encode(encoder, case.inputs(batch=2, seed=1), torch.tensor([2, 6]))
    if fault := differs(wanted, parts(encode(encoder, case.inputs(), LENGTHS), LENGTHS)):
        raise Broken(f"{fault} from call to call: keep nothing in self, and drop only while self.training")
    again = case.build()
    if fault := differs(wanted, parts(encode(again, case.inputs(), LENGTHS), LENGTHS)):
        raise Broken(
            f"{fault} when it is built again from the same seed: draw from the global generators, which are seeded"
        )


@check
def training(case: EncoderCase) -> None:
    """It trains: in training mode too the shapes are as stated, and evaluation afterwards is as before."""
    encoder = case.build()
    before = parts(encode(encoder, case.inputs(), LENGTHS), LENGTHS)
    encoded = encode(encoder.train(), case.inputs(), LENGTHS)
    found = parts(encoded, LENGTHS)
    if found["outputs"].shape != before["outputs"].shape or found["final"].shape != before["final"].shape:
        raise Broken("outputs or final have another shape in training: return the same from both modes")
    total = found["outputs"].sum() + found["final"].sum()
    if total.requires_grad:
        total.backward()
    if fault := differs(before, parts(encode(encoder.eval(), case.inputs(), LENGTHS), LENGTHS)):
        raise Broken(
            f"{fault} in evaluation after one pass in training: keep no running statistics over padded batches"
        )


@check
def random_state(case: EncoderCase) -> None:
    """Global random generators are neither seeded nor, in evaluation, drawn from."""
    draws_nothing(case.build_unseeded, lambda encoder: encode(encoder.eval(), case.inputs(), LENGTHS))


@check
def settings(case: EncoderCase) -> None:
    """What the whole process shares is left alone: default dtype, threads, gradient mode, environment."""
    leaves_settings(case.build, lambda encoder: encode(encoder.train(), case.inputs(), LENGTHS))


@check
def inputs_unchanged(case: EncoderCase) -> None:
    """What it is given is not written into."""
    encoder = case.build()
    inputs, lengths = case.inputs(), LENGTHS.clone()
    held = carried(encode(encoder, inputs, lengths).state, 5)
    given = {"inputs": inputs, "lengths": lengths}
    given |= {f"state, part {number}": part for number, part in enumerate(tensors_of(held), start=1)}
    before = {name: tensor.clone() for name, tensor in given.items()}
    with torch.no_grad():
        encode(encoder, inputs, lengths, held if encoder.causal else None)
    unchanged(before, given)


@check
def dtype(case: EncoderCase) -> None:
    """It computes in the type of its weights and inputs, on their device."""
    encoder = case.build().to(torch.float32)
    encoded = encode(encoder, case.inputs().float(), LENGTHS)
    for name in ("outputs", "final"):
        if (kind := getattr(encoded, name).dtype) != torch.float32:
            raise Broken(f"{name} is {kind} for float32 weights and inputs: make new tensors with `inputs.new_zeros`")
