"""Tests of capability flags: an override of a method that they describe resets them, unless they are declared again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import seqkit
from seqkit.contracts import CONTRACTS, Encoded, Encoder, Head, Lookup, Reader, Tokenizer
from seqkit.contracts.capabilities import check_declared
from seqkit.embeddings.learned import Learned
from seqkit.embeddings.one_hot import OneHot
from seqkit.encoders.lstm import LSTM, BiLSTM
from seqkit.encoders.projected import Projected
from seqkit.encoders.stacked import Stacked
from seqkit.errors import PluginError
from seqkit.heads.next_char import NextChar
from seqkit.modeling.model import Model
from seqkit.readers.text import Text
from seqkit.tokenizers.byte import Byte
from seqkit.tokenizers.char import Char


class Columns(Head):
    """A head whose predictions have a value per time step."""

    time_step_fields = frozenset({"forecast"})

    def build(self, output_size: int, final_size: int) -> None:
        raise NotImplementedError

    rows = loss = build  # type: ignore[assignment]


def lstm(size: int) -> LSTM:
    return LSTM(size, hidden_size=2)


def fitted_tokenizer() -> Char:
    tokenizer = Char()
    tokenizer.fit(["abcd"])
    return tokenizer


BUILD: dict[Any, Callable[[Any], Any]] = {
    LSTM: lambda cls: cls(4, hidden_size=2),
    BiLSTM: lambda cls: cls(4, hidden_size=2),
    Stacked: lambda cls: cls(4, layers=[lstm, lstm]),
    Projected: lambda cls: cls(4, encoder=lstm, proj_size=2),
    Learned: lambda cls: cls(fitted_tokenizer(), dim=4),
    OneHot: lambda cls: cls(fitted_tokenizer()),
    Char: lambda cls: cls(),
    Byte: lambda cls: cls(),
    NextChar: lambda cls: cls(),
    Text: lambda cls: cls(path=Path(__file__)),
    Columns: lambda cls: cls(),
}
"""For each component that sets a flag, a function that builds a subclass."""

FLAGS: dict[Any, list[str]] = {
    LSTM: ["accepts_ids", "accepts_lookup"],
    BiLSTM: ["accepts_ids", "accepts_lookup"],
    Stacked: ["accepts_ids", "accepts_lookup"],
    Projected: ["accepts_ids", "accepts_lookup"],
    Learned: ["as_lookup"],
    OneHot: ["is_one_hot"],
    Char: ["chunkable"],
    Byte: ["chunkable"],
    NextChar: ["takes_long_texts"],
    Text: ["text_file"],
    Columns: ["time_step_fields"],
}
every_flag = pytest.mark.parametrize(
    ("base", "flag", "method"),
    [(base, flag, method) for base, flags in FLAGS.items() for flag in flags for method in base.capabilities[flag]],
)


def is_set(base: Any, cls: Any, flag: str) -> bool:
    """Return whether an instance of a subclass has a flag; a flag that is a method counts if it returns something."""
    value = getattr(BUILD[base](cls), flag)
    if flag == "as_lookup":
        return value(torch.tensor([[0, 1]])) is not None
    return bool(value() if callable(value) else value)


def override(base: Any, method: str) -> dict[str, Any]:
    """Return a class body that overrides a method by one that calls it."""
    return {method: lambda self, *arguments, **named: getattr(base, method)(self, *arguments, **named)}


def declaration(base: Any, flag: str) -> dict[str, Any]:
    """Return a class body that declares a flag as a class does."""
    return {flag: next(vars(cls)[flag] for cls in base.__mro__ if flag in vars(cls))}


@pytest.mark.parametrize("contract", CONTRACTS.values())
def test_contracts_define_each_flag_and_the_methods_it_describes(contract: Any) -> None:
    for flag, methods in contract.capabilities.items():
        assert {flag, *methods} - {"__init__"} <= vars(contract).keys()


@every_flag
def test_flag_is_inherited_without_an_override(base: Any, flag: str, method: str) -> None:
    assert is_set(base, base, flag)
    assert is_set(base, type("Sub", (base,), {"something": "else"}), flag)


@every_flag
def test_override_resets_the_flag(base: Any, flag: str, method: str) -> None:
    cls = type("Sub", (base,), override(base, method))
    assert not is_set(base, cls, flag)
    assert not is_set(base, type("SubSub", (cls,), {}), flag)
    assert is_set(base, base, flag)


@every_flag
def test_redeclared_flag_is_preserved(base: Any, flag: str, method: str) -> None:
    cls = type("Sub", (base,), override(base, method) | declaration(base, flag))
    assert is_set(base, cls, flag)
    assert is_set(base, type("SubSub", (cls,), {}), flag)
    assert not is_set(base, type("SubSub", (cls,), override(cls, method)), flag)


@every_flag
def test_override_in_a_mixin_resets_the_flag(base: Any, flag: str, method: str) -> None:
    mixin = type("Mixin", (), override(base, method))
    assert not is_set(base, type("Sub", (mixin, base), {}), flag)
    assert is_set(base, type("Sub", (mixin, base), declaration(base, flag)), flag)
    assert is_set(base, type("Sub", (base, mixin), {}), flag)  # the mixin's method is not used


def test_class_without_the_method_resets_nothing() -> None:
    class WithKernels(nn.Module, Encoder):  # nn.Module defines a `forward` that raises
        def kernels(self) -> list[str]:
            return ["custom"]

    encoder = type("Sub", (WithKernels, LSTM), {})(4, hidden_size=2)
    assert (encoder.accepts_ids, encoder.accepts_lookup, encoder.kernels()) == (True, True, ["custom"])


def test_flag_is_reset_to_the_default_of_the_contract() -> None:
    declares = type("Declares", (), {"accepts_ids": True})
    cls = type("Sub", (LSTM, declares), override(LSTM, "forward"))  # `declares` comes after the contract
    assert cls.accepts_ids is Encoder.accepts_ids is False
    assert type("Sub", (Learned,), override(Learned, "forward")).as_lookup is seqkit.contracts.Embedding.as_lookup


def test_nested_encoder_resets_the_flag_of_the_outer_one() -> None:
    def make(size: int) -> Encoder:
        return type("Sub", (LSTM,), override(LSTM, "forward"))(size, hidden_size=2)

    for flag in FLAGS[LSTM]:
        assert not getattr(Projected(4, encoder=make, proj_size=2), flag)
        assert not getattr(Stacked(4, layers=[make, lstm]), flag)
        assert getattr(Stacked(4, layers=[lstm, make]), flag)


# Models with such subclasses


class Halving(LSTM):
    def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:  # type: ignore[override]
        return super().forward(inputs / 2, lengths, state)  # fails for a Lookup, and is wrong for ids


class HalvingTable(Halving):
    accepts_lookup = True

    def forward(self, inputs: Lookup, lengths: Tensor, state: Any = None) -> Encoded:  # type: ignore[override]
        return LSTM.forward(self, Lookup(inputs.ids, inputs.table / 2), lengths, state)


class DoubledLearned(Learned):
    def forward(self, ids: Tensor) -> Tensor:
        return 2 * super().forward(ids)


class DoubledOneHot(OneHot):
    def forward(self, ids: Tensor) -> Tensor:
        return 2 * super().forward(ids)


IDS, LENGTHS = torch.tensor([[0, 1, 2], [3, 0, 0]]), torch.tensor([3, 2])


def outputs(embedding: Any, encoder: Any) -> Tensor:
    """Return what a model of the two computes for `IDS`."""
    return Model(embedding, encoder, nn.Identity()).encode(IDS, LENGTHS).outputs  # type: ignore[arg-type]


def test_encoder_that_overrides_forward_receives_vectors() -> None:
    for embedding in (BUILD[Learned](Learned), BUILD[OneHot](OneHot)):
        encoder = BUILD[LSTM](Halving)
        assert torch.equal(outputs(embedding, encoder), LSTM.forward(encoder, embedding(IDS) / 2, LENGTHS).outputs)
        stacked = Stacked(4, layers=[lambda _, encoder=encoder: encoder, lstm])  # type: ignore[list-item,misc]
        halved = LSTM.forward(encoder, embedding(IDS) / 2, LENGTHS).outputs
        assert torch.equal(outputs(embedding, stacked), stacked.layers[1](halved, LENGTHS).outputs)
        projected = Projected(4, encoder=lambda _, encoder=encoder: encoder, proj_size=2)  # type: ignore[misc]
        assert torch.equal(outputs(embedding, projected), projected.projection(halved))


def test_encoder_that_declares_the_flag_again_receives_a_lookup() -> None:
    embedding, encoder = BUILD[Learned](Learned), BUILD[LSTM](HalvingTable)
    assert torch.equal(outputs(embedding, encoder), LSTM.forward(encoder, embedding(IDS) / 2, LENGTHS).outputs)


@pytest.mark.parametrize(("base", "cls"), [(Learned, DoubledLearned), (OneHot, DoubledOneHot)])
def test_embedding_that_overrides_forward_is_called(base: Any, cls: Any) -> None:
    embedding, encoder = BUILD[base](cls), lstm(4)
    assert torch.equal(outputs(embedding, encoder), encoder(2 * base.forward(embedding, IDS), LENGTHS).outputs)


# Invalid declarations


@pytest.fixture
def register(isolated_registry: None) -> Callable[..., Any]:
    """Return `seqkit.register`, with components that are unregistered after the test."""
    return seqkit.register


def recipe(**sections: Any) -> Mapping[str, Any]:
    return {
        "data": {"type": "text", "text": "a basket of apples"},
        "encoder": {"type": "lstm", "hidden_size": 2},
        "head": "next_char",
        "train": {"epochs": 1, "threads": 1},
        "baseline": "off",
    } | sections


def test_run_computes_with_the_forward_of_a_subclass(register: Callable[..., Any], tmp_path: Path) -> None:
    received = []

    @register("encoder", "halving")
    class Recording(Halving):
        def forward(self, inputs: Tensor, lengths: Tensor, state: Any = None) -> Encoded:  # type: ignore[override]
            received.append(inputs)
            return super().forward(inputs, lengths, state)

    seqkit.run(recipe(encoder={"type": "halving", "hidden_size": 2}), runs=tmp_path, quiet=True)
    assert received and all(inputs.is_floating_point() for inputs in received)


def test_flag_assigned_to_instance_is_rejected(register: Callable[..., Any], tmp_path: Path) -> None:
    @register("encoder", "assigning")
    class Assigning(LSTM):
        def __init__(self, input_size: int) -> None:
            super().__init__(input_size, hidden_size=2)
            self.accepts_ids = True

    for encoder in ("assigning", {"type": "projected", "proj_size": 2, "encoder": "assigning"}):
        with pytest.raises(PluginError) as caught:
            seqkit.run(recipe(encoder=encoder), runs=tmp_path, quiet=True)
        name = f"{__name__}.{Assigning.__qualname__}"
        message = f"{name} assigns accepts_ids to the instance: make it a class attribute or a property"
        assert str(caught.value).endswith(message)


OLD_NAMES = [
    (Reader, "own_file", "path_specific"),
    (Tokenizer, "piecewise", "chunkable"),
    (Tokenizer, "unwritable", "suppressed_ids"),
    (Head, "answer", "format_prediction"),
    (Head, "per_step", "per_time_step"),
]


def test_all_renamed_attributes_are_tested() -> None:
    renamed = {(contract, *names) for contract in CONTRACTS.values() for names in contract.renamed.items()}
    assert renamed == set(OLD_NAMES)


@pytest.mark.parametrize(("contract", "old", "new"), OLD_NAMES)
def test_old_attribute_name_is_rejected_with_new_name(contract: Any, old: str, new: str) -> None:
    assert new in vars(contract)
    message = rf"{__name__}\.Mine\.{old} is now called {new}: rename it$"
    with pytest.raises(PluginError, match=message):
        type("Mine", (contract,), {old: True, "__module__": __name__})
    mixin = type("Mixin", (), {old: True})
    with pytest.raises(PluginError, match=message):
        type("Mine", (mixin, contract), {"__module__": __name__})
    component = type("Mine", (contract,), {"__module__": __name__})
    component.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]
    instance = component()
    check_declared(instance)
    setattr(instance, old, True)
    with pytest.raises(PluginError, match=message):
        check_declared(instance)
