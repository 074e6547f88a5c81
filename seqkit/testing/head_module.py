"""What a head owes as a module: gradients, weights and state, and nothing else touched."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch

from seqkit.contracts import Row
from seqkit.testing.checks import Broken, Checks
from seqkit.testing.head_case import HeadCase, apart, as_json, differing, loss_of, sums
from seqkit.testing.modules import (
    draws_nothing,
    leaves_settings,
    slope_fault,
    stirred,
    through_safetensors,
    unchanged,
    unreached,
)

check = Checks("head")


@check
def gradients(case: HeadCase) -> None:
    """A gradient reaches every weight."""
    head = case.build()
    total = loss_of(head, *case.given(head)).total
    if total.requires_grad:
        total.backward()
    if names := unreached(head.named_parameters()):
        raise Broken(f"no gradient reaches {names}: use it, take it out, or take the detach away that cuts it off")


@check
def exact_gradients(case: HeadCase) -> None:
    """Gradients are those of what is computed, by finite differences."""
    head = case.build()
    encoded, batch = case.given(head)
    values = [weight for weight in head.parameters() if weight.requires_grad]
    values += [getattr(encoded, name).requires_grad_() for name in ("outputs", "final") if name in head.needs]
    if fault := slope_fault(lambda: loss_of(head, encoded, batch).total, values):
        raise Broken(f"{fault}: mend its backward, or take the detach or no_grad away that cuts a path off")


@check
def json_state(case: HeadCase) -> None:
    """What fit learned goes through JSON into another one built alike, which with its weights does the same."""
    head = case.build()
    other = case.factory()
    other.restore(as_json(head.state(), "its state"))
    other.build(case.output_size, case.final_size)
    stirred(other)
    through_safetensors(head, other)
    given = case.given(head)
    if differing(_plain(case.rows(head)), _plain(case.rows(other))):
        raise Broken("its rows are others once its state went through JSON: put into state what rows reads")
    if apart(sums(head, *given)[0], sums(other, *given)[0]):
        raise Broken("its loss is another once state and weights are loaded: put into state what fit learned")
    if differing(case.answers(head, *given), case.answers(other, *given)):
        raise Broken("its answers are others once state and weights are loaded: put into state what predict reads")


def _plain(made: list[Row]) -> list[Any]:
    return [
        [np.asarray(row.input).tolist(), None if row.target is None else np.asarray(row.target).tolist()]
        for row in made
    ]


@check
def fit_again(case: HeadCase) -> None:
    """fit begins anew, and changes no example."""
    head = case.factory()
    kept = copy.deepcopy(case.examples)
    head.fit(case.examples, case.tokenizer)
    once = as_json(head.state(), "its state")
    head.fit(case.examples, case.tokenizer)
    if differing(once, as_json(head.state(), "its state")):
        raise Broken("a second fit to the same examples gives another state: begin fit with nothing learned")
    for before, example in zip(kept, case.examples, strict=True):
        if not np.array_equal(np.asarray(before.input), np.asarray(example.input)):
            raise Broken("fit changes the examples that it is given: work on a copy")


@check
def determinism(case: HeadCase) -> None:
    """In evaluation the same batch gets the same loss and answers, also when it is built again from the same seed."""
    head = case.build()
    given = case.given(head)
    wanted, answered = sums(head, *given)[0], case.answers(head, *given)
    sums(head, *case.given(head, [0]))
    if apart(wanted, sums(head, *given)[0]) or differing(answered, case.answers(head, *given)):
        raise Broken(
            "loss or answers change from call to call: keep nothing in self, and drop only while self.training"
        )
    if apart(wanted, sums(case.build(), *given)[0]):
        raise Broken(
            "built again from the same seed it has another loss: draw from the global generators, which are seeded"
        )


@check
def random_state(case: HeadCase) -> None:
    """Global random generators are neither seeded nor, in evaluation, drawn from."""

    def use(head: Any) -> None:
        given = case.given(head.eval())
        sums(head, *given)
        case.answers(head, *given)

    draws_nothing(case.build_unseeded, use)


@check
def settings(case: HeadCase) -> None:
    """What the whole process shares is left alone: default dtype, threads, gradient mode, environment."""
    leaves_settings(
        case.build, lambda head: (loss_of(head.train(), *case.given(head)), case.answers(head, *case.given(head)))
    )


@check
def inputs_unchanged(case: HeadCase) -> None:
    """What it is given is not written into."""
    head = case.build()
    encoded, batch = case.given(head)
    given = {"outputs": encoded.outputs, "final": encoded.final, "inputs": batch.inputs, "lengths": batch.lengths}
    given |= {} if batch.targets is None else {"targets": batch.targets}
    before = {name: tensor.clone() for name, tensor in given.items()}
    with torch.no_grad():
        loss_of(head, encoded, batch)
    case.answers(head, encoded, batch)
    unchanged(before, given)
