"""An error that is raised inside a component of a plugin: the command line names the component."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import seqkit
from helpers.commands import CommandResult
from helpers.plugins import variant
from helpers.recipes import GENERATION_RECIPE, write_recipe
from seqkit.contracts import Encoded, Encoder, Example, Reader
from seqkit.encoders.lstm import LSTM
from seqkit.registry.failures import describe_failure
from seqkit.tokenizers.char import Char

pytestmark = pytest.mark.usefixtures("isolated_registry")
HERE = Path(__file__)


def line_of(text: str) -> int:
    """Return the number of the line of this file that ends with a comment."""
    return next(number for number, line in enumerate(HERE.read_text().splitlines(), 1) if line.endswith(f"# {text}"))


class FailsLater(torch.nn.Module, Encoder):
    causal = True

    def __init__(self, input_size: int):
        super().__init__()
        self.output_size = self.final_size = input_size
        self.layer = Wrong()
        self.calls = 0

    def forward(self, inputs, lengths, state=None):
        self.calls += 1
        outputs = self.layer(inputs) if self.calls > 5 else inputs
        return Encoded(outputs, outputs[:, -1])


class Wrong(torch.nn.Module):
    def forward(self, inputs):
        raise KeyError("weights")  # the encoder's


class FailsInside(LSTM):
    causal = True

    def __init__(self, input_size: int):
        super().__init__(input_size, hidden_size=4)

    def forward(self, inputs, lengths, state=None):
        return super().forward(inputs.flatten(), lengths, state)  # of a base class


class Sentences(Reader):
    def read(self) -> Iterator[Example]:
        yield Example("a basket of apples", location="notes.txt:1")
        int("one")  # the reader's


class Exhausted(Reader):
    def read(self) -> Iterator[Example]:
        next(iter([]))  # in a generator
        yield Example("")


class FailsToEncode(Char):
    def encode(self, text):
        return [][0]  # the tokenizer's


@pytest.fixture
def run(run_command, tmp_path: Path):
    def run(**sections: object) -> CommandResult:
        recipe = write_recipe(tmp_path / "recipe.yaml", GENERATION_RECIPE | sections)
        return run_command("run", recipe, "--runs", tmp_path)

    return run


@pytest.mark.parametrize(
    ("kind", "section", "component", "place", "reason"),
    [
        ("encoder", "encoder", FailsLater, "the encoder's", "KeyError: 'weights'"),
        ("encoder", "encoder", FailsInside, "of a base class", "ValueError: not enough values to unpack"),
        ("reader", "data", Sentences, "the reader's", "int() with base 10: 'one'; after example 1 (notes.txt:1)"),
        ("reader", "data", Exhausted, "in a generator", "RuntimeError: generator raised StopIteration"),
        ("tokenizer", "tokenizer", FailsToEncode, "the tokenizer's", "IndexError: list index out of range"),
    ],
)
def test_error_names_the_component(run, kind: str, section: str, component: type, place: str, reason: str) -> None:
    seqkit.register(kind, "faulty", component)
    code, _, errors = run(**{section: {"type": "faulty"}})
    assert code == 4, errors
    error = errors.splitlines()[-1]
    assert error.startswith(f"seqkit: {kind} 'faulty' of this session failed at {HERE}:{line_of(place)}: "), error
    assert reason in error
    assert "seqkit: unexpected" not in errors


@pytest.mark.parametrize(
    ("method", "result", "problem"),
    [
        ("encode", [0, 1], "encode returns list, not int64 (time,)"),
        ("encode", None, "encode returns NoneType, not int64 (time,)"),
        ("encode", np.array([0.5, 1.0]), "encode returns float64 (2,), not int64 (time,)"),
        ("encode", np.array([1, 99, 1]), "encode returns the id 99, but vocab_size is 21"),
        ("decode", ["a"], "decode returns list, not text"),
    ],
)
def test_result_of_a_tokenizer_is_checked(run, method: str, result: object, problem: str) -> None:
    wrong = variant(Char, **{method: lambda self, value: result})
    seqkit.register("tokenizer", "faulty", wrong)
    assert run(tokenizer={"type": "faulty"}) == (4, "", f"seqkit: seqkit.tokenizers.char.Char: {problem}\n")


def test_error_outside_of_plugins_names_none() -> None:
    with pytest.raises(ValueError, match="invalid literal") as error:
        int("one")
    assert describe_failure(error.value) == ""
