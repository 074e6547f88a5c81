"""Tests that the checks of encoders detect mistakes of training mode, long rows and instances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from test_encoder_faults import Recurrent, faulty_class, with_arguments, with_result
from torch import Tensor, nn

from seqkit.contracts import Encoded
from seqkit.testing import (
    Check,
    ContractViolation,
    checks_for_encoder,
)


class NormalizesInTraining(Recurrent):
    """An encoder that normalizes over the batch in training mode alone."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.norm = nn.BatchNorm1d(input_size, track_running_stats=False)

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        if self.training:
            inputs = self.norm(inputs.transpose(1, 2)).transpose(1, 2)
        return super().forward(inputs, lengths, state)


class Positions(Recurrent):
    """An encoder with a table of positions, which ends at 128."""

    padding_idx: int | None = None
    length = 128

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.positions = nn.Embedding(self.length, input_size, padding_idx=self.padding_idx)

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        encoded = super().forward(inputs + self.positions(torch.arange(inputs.shape[1])), lengths)
        return encoded._replace(state=None)


class TwoGenerators(Recurrent):
    """An encoder with dropout from a generator that no seed reaches."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.generator = np.random.default_rng()

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        if self.training:
            inputs = inputs * torch.from_numpy(self.generator.integers(0, 2, tuple(inputs.shape)))
        return super().forward(inputs, lengths, state)


class KeepsGraph(Recurrent):
    """An encoder that keeps its last state on self in training mode."""

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        if self.training:
            state = getattr(self, "kept", state)
        encoded = super().forward(inputs, lengths, state)
        if self.training:
            self.kept = encoded.state
        return encoded


class Counts(Recurrent):
    """An encoder that scales its inputs by the number of its calls in training mode."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        if self.training:
            self.calls += 1
            inputs = inputs * self.calls
        return super().forward(inputs, lengths, state)


class Shared(Recurrent):
    """An encoder whose projection belongs to the class."""

    projection = nn.Linear(WIDTH := 4, WIDTH)

    def collect(self, outputs: Tensor, memories: Tensor, lengths: Tensor) -> Encoded:
        return super().collect(self.projection.to(outputs.dtype)(outputs), memories, lengths)


class CachesByIdentity(Recurrent):
    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
        if state is not None or self.training:
            return super().forward(inputs, lengths, state)
        cache = self.__dict__.setdefault("cache", {})
        if id(inputs) not in cache:
            cache[id(inputs)] = (super().forward(inputs, lengths, state), inputs)
        return cache[id(inputs)][0]


def in_training(change: Any) -> Any:
    """Return a change of arguments or results that is made in training mode only."""

    def changed(self: Any, one: Any, *rest: Any) -> Any:
        return change(self, one, *rest) if self.training else (one if isinstance(one, Encoded) else (one, *rest))

    return changed


def next_step(self: Any, encoded: Encoded, inputs: Tensor, lengths: Tensor) -> Encoded:
    """Add the next real output to each output."""
    following = nn.functional.pad(encoded.outputs, (0, 0, 0, 1))[:, 1:]
    is_real = torch.arange(1, 1 + following.shape[1]) < lengths[:, None]
    return encoded._replace(outputs=encoded.outputs + following * is_real[:, :, None])


def renormalize(self: Any, inputs: Tensor, lengths: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
    with torch.no_grad():
        self.input.weight.div_(2 * self.input.weight.norm())
    return inputs, lengths, state


def chunked(self: Any, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:
    """Start from nothing at every 64th time step."""
    parts = [Recurrent.forward(self, inputs[:, :64], lengths.clamp(max=64), state)]
    for start in range(64, inputs.shape[1], 64):
        size = (lengths - start).clamp(1, 64)
        parts.append(Recurrent.forward(self, inputs[:, start : start + 64], size))
    outputs = torch.cat([part.outputs for part in parts], dim=1)
    encoded = Recurrent.collect(self, outputs, outputs, lengths)
    return encoded._replace(state=parts[-1].state if inputs.shape[1] > 64 else parts[0].state)


ENCODERS: dict[str, tuple[type, str, str]] = {
    "BatchNorm in training mode": (NormalizesInTraining, "training_independence", "BatchNorm does"),
    "outputs depend on later time steps in training mode": (
        with_result(in_training(lambda self, e, *_: e._replace(outputs=e.outputs + e.outputs.flip(1)))),
        "training_independence",
        "padding",
    ),
    "outputs depend on the next time step in training mode": (
        with_result(
            in_training(next_step),
        ),
        "training_independence",
        "later time",
    ),
    "final is taken after the padding in training mode": (
        with_result(in_training(lambda self, e, *_: e._replace(final=e.outputs[:, -1]))),
        "training_independence",
        "depends on its padding",
    ),
    "outputs are centered over the batch in training mode": (
        with_result(in_training(lambda self, e, *_: e._replace(outputs=e.outputs - e.outputs.mean(0)))),
        "training_independence",
        "depends on other rows",
    ),
    "the graph of the last step is kept": (KeepsGraph, "training_steps", "backward through the graph a second time"),
    "a buffer counts the calls": (Counts, "training_steps", "store nothing on self"),
    "dropout has its own generator": (TwoGenerators, "training_steps", "use the global random generators of torch"),
    "forward changes a weight in training mode": (
        with_arguments(in_training(renormalize)),
        "training_steps",
        "changes the weights input.weight",
    ),
    "forward ends training mode": (
        with_arguments(lambda self, *arguments: (self.eval(), *arguments)[1:]),
        "training_steps",
        "do not call eval()",
    ),
    "inputs are modified in training mode": (
        with_arguments(in_training(lambda self, inputs, lengths, state: (inputs.mul_(2), lengths, state))),
        "training_steps",
        "the argument inputs is modified in place",
    ),
    "an output is detached in training mode": (
        with_result(in_training(lambda self, e, *_: e._replace(outputs=e.outputs + e.outputs.sin().detach()))),
        "training_gradcheck",
        "remove the detach()",
    ),
    "a gradient is scaled in training mode": (
        with_result(
            in_training(lambda self, e, *_: e._replace(final=2 * e.final - e.final.detach())),
        ),
        "training_gradcheck",
        "finite differences give",
    ),
    "the table of positions ends at 128": (Positions, "long_rows", "IndexError"),
    "position 0 has no gradient": (
        faulty_class(Positions, padding_idx=0, length=999),
        "gradcheck",
        "positions.weight[0] has no gradient",
    ),
    "the state is lost at time step 64": (faulty_class(forward=chunked), "long_rows", "in windows of 37"),
    "instances share a layer": (Shared, "independent_instances", "share the class attribute projection"),
    "weights are random without a seed": (
        faulty_class(
            __init__=lambda self, input_size: (
                Recurrent.__init__(self, input_size),
                nn.init.constant_(self.input.bias, float(np.random.default_rng().normal()) * 1e-9),
                None,
            )[2]
        ),
        "independent_instances",
        "input.bias differs between two instances",
    ),
    "results are cached by identity": (CachesByIdentity, "determinism", "cache no results"),
    "results are float32": (
        with_result(lambda self, e, *_: e._replace(outputs=e.outputs.float(), final=e.final.float())),
        "dtype",
        "outputs is torch.float32 for weights and inputs of torch.float64",
    ),
}


@pytest.mark.parametrize(("faulty", "name", "message"), ENCODERS.values(), ids=ENCODERS)
def test_encoder_faults_are_detected(faulty: type, name: str, message: str) -> None:
    assert_detected(checks_for_encoder(faulty), name, message)


def assert_detected(checks: list[Check], name: str, message: str) -> None:
    (check,) = [each for each in checks if each.name == name]
    with pytest.raises(ContractViolation) as caught:
        check()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
