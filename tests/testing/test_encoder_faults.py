"""Tests that the checks of encoders detect common mistakes, each inserted into a correct encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqkit.contracts import Encoded, Encoder, Lookup, PositiveInt
from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.testing import ContractViolation, check_encoder, checks_for_encoder
from seqkit.testing.builtin.encoders import torch_lstm

WIDTH = 4


class Recurrent(nn.Module, Encoder):
    """A simple recurrence with a memory, computed time step by time step. The faulty encoders are variants of it.

    c_t = c_{t-1} / 2 + x_t A,  h_t = tanh(h_{t-1} B + c_t)
    """

    causal = True

    def __init__(self, input_size: int, *, hidden_size: PositiveInt = WIDTH) -> None:
        super().__init__()
        self.input = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)
        self.output_size = self.final_size = hidden_size

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        hidden, memory = self.start(inputs) if state is None else state
        projected, outputs, memories = self.input(inputs), [], []
        for step in range(inputs.shape[1]):
            memory = memory / 2 + projected[:, step]
            hidden = torch.tanh(self.recurrent(hidden) + memory)
            outputs.append(hidden)
            memories.append(memory)
        return self.collect(torch.stack(outputs, dim=1), torch.stack(memories, dim=1), lengths)

    def start(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        zeros = inputs.new_zeros(len(inputs), self.recurrent.in_features)
        return zeros, zeros

    def collect(self, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
        rows = torch.arange(len(outputs))
        hidden, memory = outputs[rows, lengths - 1], memories[rows, lengths - 1]
        return Encoded(outputs, hidden, (hidden, memory))


def faulty_class(base: type = Recurrent, **attributes: Any) -> type:
    """Return a subclass with some attributes replaced."""
    return type("Faulty", (base,), attributes)


def with_result(change: Callable[[Any, Encoded, Tensor, Tensor], Encoded], base: type = Recurrent, **more: Any) -> type:
    """Return a subclass whose result is changed: `change(self, encoded, inputs, lengths)`."""

    def forward(self: Any, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        return change(self, base.forward(self, inputs, lengths, state), inputs, lengths)  # type: ignore[attr-defined]

    return faulty_class(base, forward=forward, **more)


def with_arguments(change: Callable[[Any, Tensor, Tensor, Any], tuple[Tensor, Tensor, Any]], **more: Any) -> type:
    """Return a subclass of Recurrent whose arguments are changed."""

    def forward(self: Any, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        return Recurrent.forward(self, *change(self, inputs, lengths, state))

    return faulty_class(forward=forward, **more)


class Bidirectional(BiLSTM):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size, hidden_size=WIDTH)


class Forward(LSTM):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size, hidden_size=WIDTH)


class BackwardReadsPadding(nn.Module, Encoder):
    """A bidirectional LSTM of torch whose backward direction reads the padding first."""

    causal = False

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_size, WIDTH, batch_first=True, bidirectional=True)
        self.output_size = self.final_size = 2 * WIDTH

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        outputs, _ = self.lstm(inputs)
        last = outputs[torch.arange(len(outputs)), lengths - 1]
        return Encoded(outputs, torch.cat([last[:, :WIDTH], outputs[:, 0, WIDTH:]], dim=1))


class SwappedGates(Forward):
    """An LSTM with the weights of the input and the forget gate exchanged."""

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        cell = self.layers.cells[0]
        order = torch.tensor([1, 0, 2, 3])
        weights = {
            name: weight.view(4, WIDTH, -1)[order].reshape(weight.shape) for name, weight in cell.named_parameters()
        }
        outputs = torch.func.functional_call(cell, weights, (inputs,))[0]
        return Encoded(outputs, outputs[torch.arange(len(outputs)), lengths - 1])


class SortsRows(Recurrent):
    """An encoder that sorts rows by length, as for packing, and restores only the order of outputs."""

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

    def collect(self, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
        return super().collect(outputs @ self.mixing, memories, lengths)


class Stateful(Recurrent):
    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        encoded = super().forward(inputs, lengths, state)
        offset = getattr(self, "seen", 0.0)
        self.seen = offset + 1
        return encoded._replace(outputs=encoded.outputs + offset)


class Normalized(Recurrent):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.norm = nn.BatchNorm1d(WIDTH)

    def collect(self, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
        return super().collect(self.norm(outputs.transpose(1, 2)).transpose(1, 2), memories, lengths)


class SeedsGenerator(Recurrent):
    def __init__(self, input_size: int) -> None:
        torch.manual_seed(0)
        super().__init__(input_size)


class SinglePrecision(Recurrent):
    def __init__(self, input_size: int) -> None:
        torch.set_default_dtype(torch.float32)
        super().__init__(input_size)


class InstanceFlag(Recurrent):
    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.accepts_ids = False


class VariableKeywords(Recurrent):
    def __init__(self, input_size: int, **kwargs: Any) -> None:
        super().__init__(input_size)


class PositionalParameter(Recurrent):
    def __init__(self, input_size: int, units: int = 4) -> None:
        super().__init__(input_size)


def last_of_batch(self: Any, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
    return Encoded(outputs, outputs[:, -1], (outputs[:, -1], memories[:, -1]))


def only_state_of_batch(self: Any, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
    return Recurrent.collect(self, outputs, memories, lengths)._replace(state=(outputs[:, -1], memories[:, -1]))


def at_wrong_ends(self: Any, encoded: Encoded, inputs: Tensor, lengths: Tensor) -> Encoded:
    last = encoded.outputs[torch.arange(len(lengths)), lengths - 1]
    return encoded._replace(final=torch.cat([encoded.outputs[:, 0, :WIDTH], last[:, WIDTH:]], dim=1))


def shifted(self: Any, encoded: Encoded, inputs: Tensor, lengths: Tensor) -> Encoded:
    delayed = torch.cat([torch.zeros_like(encoded.outputs[:, :1]), encoded.outputs[:, :-1]], dim=1)
    return Encoded(delayed, delayed[torch.arange(len(lengths)), lengths - 1])


def dropped(self: Any, encoded: Encoded, inputs: Tensor, lengths: Tensor) -> Encoded:
    return encoded._replace(outputs=nn.functional.dropout(encoded.outputs, 0.5))


def ids_off_by_one(self: Any, inputs: Tensor, lengths: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
    if not inputs.is_floating_point():
        size = self.input.in_features
        inputs = nn.functional.one_hot((inputs + 1) % size, size).to(self.input.weight.dtype)
    return inputs, lengths, state


def table_off_by_one(self: Any, inputs: Any, lengths: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
    return inputs.table.roll(1, dims=0)[inputs.ids] if isinstance(inputs, Lookup) else inputs, lengths, state


def table_detached(self: Any, inputs: Any, lengths: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
    if isinstance(inputs, Lookup):
        vectors = inputs.table[inputs.ids]
        inputs = vectors.detach() + 0 * vectors
    return inputs, lengths, state


FAULTS: dict[str, tuple[type, str, str]] = {
    "final is taken after the padding": (
        faulty_class(collect=last_of_batch),
        "padding_independence",
        "in final when the batch is padded by 3 more time steps",
    ),
    "the backward direction reads the padding first": (
        BackwardReadsPadding,
        "padding_independence",
        "in outputs when the batch is padded by 3 more time steps",
    ),
    "directions are taken at the wrong ends": (
        with_result(at_wrong_ends, Bidirectional),
        "final",
        "final does not depend on time step",
    ),
    "final has the directions swapped": (
        with_result(lambda self, encoded, *_: encoded._replace(final=encoded.final.roll(WIDTH, dims=1)), Bidirectional),
        "final",
        "unit 0 of final equals unit 4 of outputs",
    ),
    "final is the first output": (
        with_result(lambda self, encoded, *_: encoded._replace(final=encoded.outputs[:, 0])),
        "final",
        "from the output at the last real time step",
    ),
    "gates are swapped": (SwappedGates, "matches_reference", "check the order of gates, layers and biases"),
    "causal is True, but outputs depend on later time steps": (
        faulty_class(Bidirectional, causal=True),
        "causality",
        "depends on the input at time step",
    ),
    "causal is True, but outputs depend on later time steps without a gradient": (
        with_result(
            lambda self, encoded, inputs, _: encoded._replace(outputs=encoded.outputs + inputs.detach().mean())
        ),
        "causality",
        "although its gradient with respect to them is zero",
    ),
    "causal is False, but no output depends on later time steps": (
        faulty_class(causal=False),
        "causality",
        "set causal = True",
    ),
    "a width parameter is not one of the constructor": (
        faulty_class(width_parameters=("size",)),
        "width_parameters",
        "set it to a tuple of the names of keyword-only integer parameters",
    ),
    "width_parameters is a string": (
        faulty_class(width_parameters="hidden_size"),
        "width_parameters",
        "width_parameters is 'hidden_size'",
    ),
    "causal is not set": (faulty_class(causal=None), "contract", "causal is not set: set it to True"),
    "outputs are delayed by a time step": (
        with_result(shifted),
        "uses_own_time_step",
        "time step 0 does not depend on the input at time step 0",
    ),
    "output_size is wrong": (
        with_result(lambda self, encoded, *_: encoded._replace(outputs=encoded.outputs.repeat(1, 1, 2))),
        "shapes",
        "set output_size to its width",
    ),
    "final has an extra dimension": (
        with_result(lambda self, encoded, *_: encoded._replace(final=encoded.final[None])),
        "shapes",
        "final is (1, 5, 4)",
    ),
    "the batch is the second dimension of the state": (
        with_result(lambda self, encoded, *_: encoded._replace(state=torch.stack(encoded.state))),
        "shapes",
        "put the batch dimension first",
    ),
    "the state is ignored": (
        with_arguments(lambda self, inputs, lengths, state: (inputs, lengths, None)),
        "carried_state",
        "when a row is encoded in windows of lengths [1, 1, 1, 1, 1, 1, 1]",
    ),
    "half of the state is ignored": (
        with_arguments(
            lambda self, inputs, lengths, state: (inputs, lengths, state and (state[0], torch.zeros_like(state[0])))
        ),
        "carried_state",
        "return all that the next time step needs",
    ),
    "the state is the one after the padding": (
        faulty_class(collect=only_state_of_batch),
        "state_ignores_padding",
        "return the state after each row's last real time step",
    ),
    "sorted rows are not restored": (SortsRows, "row_order", "after sorting rows by length, restore their order"),
    "outputs are centered over the batch": (
        with_result(lambda self, encoded, *_: encoded._replace(outputs=encoded.outputs - encoded.outputs.mean(dim=0))),
        "batch_independence",
        "in outputs when a row is encoded alone",
    ),
    "the gradient of a row reaches other rows": (
        with_result(lambda self, encoded, *_: encoded._replace(final=encoded.final + encoded.final.mean(dim=0))),
        "gradient_isolation",
        "reaches other rows",
    ),
    "a layer is never used": (
        Unused,
        "gradient_flow",
        "no gradient reaches the weights forgotten.weight, forgotten.bias",
    ),
    "the recurrence is detached": (
        faulty_class(
            collect=lambda self, outputs, memories, lengths: Recurrent.collect(
                self, outputs + self.recurrent(outputs).detach(), memories, lengths
            )
        ),
        "gradcheck",
        "but finite differences give",
    ),
    "a weight is not registered": (Unregistered, "weights_round_trip", "register all tensors that forward uses"),
    "dropout is applied in evaluation mode": (
        with_result(dropped),
        "determinism",
        "apply dropout only if self.training",
    ),
    "random numbers are used in evaluation mode": (
        with_result(dropped),
        "global_rng_unchanged",
        "the global random generator of torch is used in evaluation mode",
    ),
    "results depend on earlier calls": (Stateful, "determinism", "store nothing on self"),
    "it normalizes over padded batches": (Normalized, "training_mode", "do not update running statistics"),
    "the constructor seeds the generator": (
        SeedsGenerator,
        "global_rng_unchanged",
        "the constructor seeds the global random generator of torch",
    ),
    "it sets the default dtype": (SinglePrecision, "global_settings_unchanged", "(torch.set_default_dtype)"),
    "inputs are modified in place": (
        with_arguments(lambda self, inputs, lengths, state: (inputs.mul_(2), lengths, state)),
        "inputs_unchanged",
        "the argument inputs is modified in place",
    ),
    "the initial state has the default dtype": (
        faulty_class(start=lambda self, inputs: (torch.zeros(len(inputs), WIDTH), torch.zeros(len(inputs), WIDTH))),
        "dtype",
        "expected m1 and m2 to have the same dtype",
    ),
    "outputs are squeezed": (
        with_result(lambda self, encoded, *_: encoded._replace(outputs=encoded.outputs.squeeze())),
        "single_time_step",
        "pass a dimension to squeeze",
    ),
    "ids are off by one": (
        with_arguments(ids_off_by_one, accepts_ids=True),
        "ids_match_one_hot",
        "between ids and their one-hot vectors",
    ),
    "a lookup is off by one": (
        with_arguments(table_off_by_one, accepts_lookup=True),
        "lookup_matches_vectors",
        "in outputs between a lookup and its vectors",
    ),
    "a lookup has no gradient": (
        with_arguments(table_detached, accepts_lookup=True),
        "lookup_matches_vectors",
        "in the gradient of the table",
    ),
    "the constructor takes any parameter": (VariableKeywords, "contract", "takes **kwargs"),
    "a parameter precedes the star": (
        PositionalParameter,
        "contract",
        "no recipe can set 'units', which precedes the `*` of the constructor",
    ),
    "a flag is assigned on the instance": (
        InstanceFlag,
        "contract",
        "assigns accepts_ids to the instance: make it a class attribute or a property",
    ),
    "forward returns a tuple": (
        with_result(lambda self, encoded, *_: tuple(encoded)),
        "shapes",
        "forward returns a tuple",
    ),
}


@pytest.mark.parametrize("base", [Recurrent, Bidirectional, Forward])
def test_correct_encoders_pass(base: type) -> None:
    check_encoder(base, reference=None if base is Recurrent else torch_lstm)


@pytest.mark.parametrize(("faulty", "name", "message"), FAULTS.values(), ids=FAULTS)
def test_faults_are_detected(faulty: type, name: str, message: str) -> None:
    (check,) = [each for each in checks_for_encoder(faulty, reference=torch_lstm) if each.name == name]
    with pytest.raises(ContractViolation) as caught:
        check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
