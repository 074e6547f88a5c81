"""Mistakes that encoders are written with, each planted into one that passes, and the check that finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, Lookup, PositiveInt
from seqkit.encoders.bilstm import BiLSTM
from seqkit.encoders.lstm import LSTM
from seqkit.testing import Broken, check_encoder, checks_for_encoder
from seqkit.testing.builtin import torch_lstm

WIDTH = 4


class Recurrent(nn.Module, Encoder):
    """A plain recurrence with memory beside it, written step by step: what faults are planted into.

    c_t = c_{t-1} / 2 + x_t A,  h_t = tanh(h_{t-1} B + c_t)
    """

    causal = True

    def __init__(self, input_size: int, *, hidden_size: PositiveInt = WIDTH) -> None:
        super().__init__()
        self.reads = nn.Linear(input_size, hidden_size)
        self.keeps = nn.Linear(hidden_size, hidden_size, bias=False)
        self.output_size = self.final_size = hidden_size

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        hidden, memory = self.start(inputs) if state is None else state
        read, outputs, memories = self.reads(inputs), [], []
        for step in range(inputs.shape[1]):
            memory = memory / 2 + read[:, step]
            hidden = torch.tanh(self.keeps(hidden) + memory)
            outputs.append(hidden)
            memories.append(memory)
        return self.answer(torch.stack(outputs, dim=1), torch.stack(memories, dim=1), lengths)

    def start(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        zeros = inputs.new_zeros(len(inputs), self.keeps.in_features)
        return zeros, zeros

    def answer(self, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
        rows = torch.arange(len(outputs))
        hidden, memory = outputs[rows, lengths - 1], memories[rows, lengths - 1]
        return Encoded(outputs, hidden, (hidden, memory))


def planted(base: type = Recurrent, **attributes: Any) -> type:
    """Returns the class with something of it replaced."""
    return type("Planted", (base,), attributes)


def changed(change: Callable[[Any, Encoded, Tensor, Tensor], Encoded], base: type = Recurrent, **more: Any) -> type:
    """Returns the class with its answer changed: `change(self, encoded, inputs, lengths)`."""

    def forward(self: Any, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        return change(self, base.forward(self, inputs, lengths, state), inputs, lengths)  # type: ignore[attr-defined]

    return planted(base, forward=forward, **more)


def before(change: Callable[[Any, Tensor, Tensor, Any], tuple[Tensor, Tensor, Any]], **more: Any) -> type:
    """Returns Recurrent with what it is given changed."""

    def forward(self: Any, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        return Recurrent.forward(self, *change(self, inputs, lengths, state))

    return planted(forward=forward, **more)


class BothWays(BiLSTM):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size, hidden_size=WIDTH)


class OneWay(LSTM):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size, hidden_size=WIDTH)


class PaddedBackwards(nn.Module, Encoder):
    """A bidirectional LSTM straight from torch, whose backward half reads the padding first."""

    causal = False

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_size, WIDTH, batch_first=True, bidirectional=True)
        self.output_size = self.final_size = 2 * WIDTH

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        outputs, _ = self.lstm(inputs)
        last = outputs[torch.arange(len(outputs)), lengths - 1]
        return Encoded(outputs, torch.cat([last[:, :WIDTH], outputs[:, 0, WIDTH:]], dim=1))


class SwappedGates(OneWay):
    """Reads its weights with the input and the forget gate exchanged."""

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        cell = self.layers.cells[0]
        order = torch.tensor([1, 0, 2, 3])
        weights = {
            name: weight.view(4, WIDTH, -1)[order].reshape(weight.shape) for name, weight in cell.named_parameters()
        }
        outputs = torch.func.functional_call(cell, weights, (inputs,))[0]
        return Encoded(outputs, outputs[torch.arange(len(outputs)), lengths - 1])


class Unsorted(Recurrent):
    """Sorts rows by length, as packing wants, and forgets to bring them back."""

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        order = lengths.argsort(descending=True)
        encoded = super().forward(inputs[order], lengths[order])
        return encoded._replace(outputs=encoded.outputs[order.argsort()], state=None)


class Unused(Recurrent):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.forgotten = nn.Linear(2, 2)


class Unregistered(Recurrent):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.mixing = torch.randn(WIDTH, WIDTH)

    def answer(self, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
        return super().answer(outputs @ self.mixing, memories, lengths)


class Remembering(Recurrent):
    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        encoded = super().forward(inputs, lengths, state)
        offset = getattr(self, "seen", 0.0)
        self.seen = offset + 1
        return encoded._replace(outputs=encoded.outputs + offset)


class Normalised(Recurrent):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.norm = nn.BatchNorm1d(WIDTH)

    def answer(self, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
        return super().answer(self.norm(outputs.transpose(1, 2)).transpose(1, 2), memories, lengths)


class Seeding(Recurrent):
    def __init__(self, input_size: int) -> None:
        torch.manual_seed(0)
        super().__init__(input_size)


class HalfPrecision(Recurrent):
    def __init__(self, input_size: int) -> None:
        torch.set_default_dtype(torch.float32)
        super().__init__(input_size)


class Swallowing(Recurrent):
    def __init__(self, input_size: int, **kwargs: Any) -> None:
        super().__init__(input_size)


def last_of_batch(self: Any, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
    return Encoded(outputs, outputs[:, -1], (outputs[:, -1], memories[:, -1]))


def only_state_of_batch(self: Any, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
    return Recurrent.answer(self, outputs, memories, lengths)._replace(state=(outputs[:, -1], memories[:, -1]))


def at_wrong_ends(self: Any, encoded: Encoded, inputs: Tensor, lengths: Tensor) -> Encoded:
    last = encoded.outputs[torch.arange(len(lengths)), lengths - 1]
    return encoded._replace(final=torch.cat([encoded.outputs[:, 0, :WIDTH], last[:, WIDTH:]], dim=1))


def shifted(self: Any, encoded: Encoded, inputs: Tensor, lengths: Tensor) -> Encoded:
    late = torch.cat([torch.zeros_like(encoded.outputs[:, :1]), encoded.outputs[:, :-1]], dim=1)
    return Encoded(late, late[torch.arange(len(lengths)), lengths - 1])


def dropped(self: Any, encoded: Encoded, inputs: Tensor, lengths: Tensor) -> Encoded:
    return encoded._replace(outputs=nn.functional.dropout(encoded.outputs, 0.5))


def ids_off_by_one(self: Any, inputs: Tensor, lengths: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
    if not inputs.is_floating_point():
        size = self.reads.in_features
        inputs = nn.functional.one_hot((inputs + 1) % size, size).to(self.reads.weight.dtype)
    return inputs, lengths, state


def table_one_off(self: Any, inputs: Any, lengths: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
    return inputs.table.roll(1, dims=0)[inputs.ids] if isinstance(inputs, Lookup) else inputs, lengths, state


def table_detached(self: Any, inputs: Any, lengths: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
    if isinstance(inputs, Lookup):
        vectors = inputs.table[inputs.ids]
        inputs = vectors.detach() + 0 * vectors
    return inputs, lengths, state


FAULTS: dict[str, tuple[type, str, str]] = {
    "the last step is taken after the padding": (planted(answer=last_of_batch), "padding", "final moves by"),
    "the backward half reads the padding first": (PaddedBackwards, "padding", "outputs moves by"),
    "directions are taken at the wrong ends": (changed(at_wrong_ends, BothWays), "final", "does not depend on"),
    "final has the directions swapped": (
        changed(lambda self, encoded, *_: encoded._replace(final=encoded.final.roll(WIDTH, dims=1)), BothWays),
        "final",
        "unit 0 of final is unit 4 of the outputs",
    ),
    "final is the first output": (
        changed(lambda self, encoded, *_: encoded._replace(final=encoded.outputs[:, 0])),
        "final",
        "away from the output at the last real step",
    ),
    "gates are swapped": (SwappedGates, "against_reference", "are gates, layers or biases in another order?"),
    "it reads ahead and says that it is causal": (planted(BothWays, causal=True), "causal", "depends on the input at"),
    "it reads ahead where no gradient shows it": (
        changed(lambda self, encoded, inputs, _: encoded._replace(outputs=encoded.outputs + inputs.detach().mean())),
        "causal",
        "where no gradient tells",
    ),
    "it is causal and says that it is not": (planted(causal=False), "causal", "set causal = True"),
    "it does not say whether it is causal": (planted(causal=None), "contract", "causal is not said"),
    "outputs come a step late": (changed(shifted), "reach", "does not depend on the input at step 0"),
    "output_size lies": (
        changed(lambda self, encoded, *_: encoded._replace(outputs=encoded.outputs.repeat(1, 1, 2))),
        "shapes",
        "make output_size say what it gives",
    ),
    "final keeps a dimension too many": (
        changed(lambda self, encoded, *_: encoded._replace(final=encoded.final[None])),
        "shapes",
        "final is (1, 5, 4)",
    ),
    "the state has the batch second": (
        changed(lambda self, encoded, *_: encoded._replace(state=torch.stack(encoded.state))),
        "shapes",
        "put the batch first",
    ),
    "the state is ignored": (before(lambda self, inputs, lengths, state: (inputs, lengths, None)), "state", "windows"),
    "half of the state is not handed on": (
        before(
            lambda self, inputs, lengths, state: (inputs, lengths, state and (state[0], torch.zeros_like(state[0])))
        ),
        "state",
        "return all that the next step needs",
    ),
    "the state is the one after the padding": (
        planted(answer=only_state_of_batch),
        "state_at_the_end",
        "the state after each row's last real step",
    ),
    "rows that were sorted stay so": (Unsorted, "order", "bring rows that were sorted by length back"),
    "outputs are centred over the batch": (
        changed(lambda self, encoded, *_: encoded._replace(outputs=encoded.outputs - encoded.outputs.mean(dim=0))),
        "company",
        "outputs moves by",
    ),
    "a row's gradient reaches the others": (
        changed(lambda self, encoded, *_: encoded._replace(final=encoded.final + encoded.final.mean(dim=0))),
        "row_gradient",
        "reaches other rows",
    ),
    "a layer is never used": (Unused, "gradients", "no gradient reaches forgotten.weight, forgotten.bias"),
    "the recurrence is detached": (
        planted(
            answer=lambda self, outputs, memories, lengths: Recurrent.answer(
                self, outputs + self.keeps(outputs).detach(), memories, lengths
            )
        ),
        "exact_gradients",
        "the gradient says",
    ),
    "a weight is not registered": (Unregistered, "weights", "register what it computes with"),
    "it drops in evaluation": (changed(dropped), "determinism", "drop only while self.training"),
    "it draws in evaluation": (changed(dropped), "random_state", "draws from torch's global random generator"),
    "it remembers the call before": (Remembering, "determinism", "keep nothing in self"),
    "it normalises over padded batches": (Normalised, "training", "keep no running statistics"),
    "it seeds the generator": (Seeding, "random_state", "building it seeds torch's global random generator"),
    "it sets the default dtype": (HalfPrecision, "settings", "torch.set_default_dtype"),
    "it writes into its inputs": (
        before(lambda self, inputs, lengths, state: (inputs.mul_(2), lengths, state)),
        "inputs_unchanged",
        "it writes into the inputs",
    ),
    "its first state has a type of its own": (
        planted(start=lambda self, inputs: (torch.zeros(len(inputs), WIDTH), torch.zeros(len(inputs), WIDTH))),
        "dtype",
        "expected m1 and m2 to have the same dtype",
    ),
    "it asks for the longest of no rows": (
        before(lambda self, inputs, lengths, state: (inputs[:, : lengths.max()], lengths, state)),
        "empty_batch",
        "No rows give no rows",
    ),
    "it squeezes": (
        changed(lambda self, encoded, *_: encoded._replace(outputs=encoded.outputs.squeeze())),
        "length_one",
        "name the dimension in squeeze",
    ),
    "ids are looked up one off": (before(ids_off_by_one, accepts_ids=True), "ids", "between ids and their one-hot"),
    "a lookup is one off": (before(table_one_off, accepts_lookup=True), "lookup", "outputs moves by"),
    "a lookup learns nothing": (
        before(table_detached, accepts_lookup=True),
        "lookup",
        "gradient of the table moves by",
    ),
    "it swallows parameters": (Swallowing, "contract", "takes **kwargs"),
    "it returns a tuple": (changed(lambda self, encoded, *_: tuple(encoded)), "shapes", "forward returns a tuple"),
}


@pytest.mark.parametrize("base", [Recurrent, BothWays, OneWay])
def test_what_faults_are_planted_into_passes(base: type) -> None:
    check_encoder(base, reference=None if base is Recurrent else torch_lstm)


@pytest.mark.parametrize(("faulty", "name", "message"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_caught_by_its_check(faulty: type, name: str, message: str) -> None:
    (check,) = [each for each in checks_for_encoder(faulty, reference=torch_lstm) if each.name == name]
    with pytest.raises(Broken) as caught:
        check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
