"""Tests of files that a component needs once, to train, in components of every kind that may have one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import seqkit
from helpers.recipes import CHARACTER_RECIPE, SENTENCE
from seqkit.contracts import Encoded, Encoder, Example, State, Tokenizer, TrainingFile
from seqkit.errors import DataError, RecipeError
from seqkit.heads.next_char import NextChar
from seqkit.tokenizers.char import Char

pytestmark = pytest.mark.usefixtures("isolated_registry")


class Widths(nn.Module, Encoder):
    """Sum over time of a linear layer whose width is in a file."""

    causal = True

    def __init__(self, input_size: int, *, path: TrainingFile) -> None:
        super().__init__()
        self.input_size = input_size
        if path is not None:
            self.restore({"width": int(path.read_text())})

    def state(self) -> dict[str, Any]:
        return {"width": self.output_size}

    def restore(self, state: Any) -> None:
        self.output_size = self.final_size = state["width"]
        self.linear = nn.Linear(self.input_size, self.output_size)

    def forward(self, inputs: Tensor, lengths: Tensor, state: State = None) -> Encoded:
        outputs = self.linear(inputs).cumsum(dim=1) + (0 if state is None else state)
        final = outputs[torch.arange(len(outputs)), lengths - 1]
        return Encoded(outputs, final, final[:, None])


class Alphabet(Char):
    """Characters of the text and of a file."""

    def __init__(self, *, extra: TrainingFile = None) -> None:
        super().__init__()
        self.extra = extra

    def fit(self, texts: Iterable[str]) -> None:
        super().fit([*texts, *([self.extra.read_text()] if self.extra else [])])


class Named(NextChar):
    """`next_char` that stores the content of a file."""

    def __init__(self, *, path: TrainingFile) -> None:
        super().__init__()
        self.path = path
        self.content = ""

    def fit(self, examples: Sequence[Example], tokenizer: Tokenizer | None) -> None:
        super().fit(examples, tokenizer)
        assert self.path is not None
        self.content = self.path.read_text()

    def state(self) -> dict[str, Any]:
        return super().state() | {"content": self.content}

    def restore(self, state: Any) -> None:
        super().restore(state)
        self.content = state["content"]


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    seqkit.register("encoder", "widths")(Widths)
    seqkit.register("tokenizer", "alphabet")(Alphabet)
    seqkit.register("head", "named")(Named)
    for name, content in {"width": "7", "extra": "xyzXYZ", "name": "stored"}.items():
        (tmp_path / name).write_text(content)
    nested = {"type": "stacked", "layers": [{"type": "lstm", "hidden_size": 3}, {"type": "widths", "path": "width"}]}
    return CHARACTER_RECIPE | {
        "tokenizer": {"type": "alphabet", "extra": "extra"},
        "encoder": nested,
        "head": {"type": "named", "path": "name"},
    }


FILES = ("width", "extra", "name")


def test_run_needs_its_training_files_no_more(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = seqkit.run(recipe, runs="runs", quiet=True)
    digests = json.loads((run.path / "plan.json").read_text())["files_sha256"]
    assert digests.keys() == {"tokenizer.extra", "encoder.layers.1.path", "head.path"}
    fitted = json.loads((run.path / "tokenizer.json").read_text())
    assert fitted["components"] == {"encoder.layers.1": {"width": 7}}
    expected = seqkit.run(recipe, runs="runs", quiet=True, train__epochs=6)
    text = seqkit.load(run.path).generate("In", length=9)
    for name in FILES:
        (tmp_path / name).unlink()
    assert seqkit.load(run.path).generate("In", length=9) == text
    resumed = seqkit.resume(run.path, quiet=True, train__epochs=6)
    same = [(each.path / "model.safetensors").read_bytes() for each in (resumed, expected)]
    assert same[0] == same[1]
    assert json.loads((run.path / "tokenizer.json").read_text())["head"]["content"] == "stored"
    assert len(fitted["tokenizer"]["symbols"]) == len(set(SENTENCE + "xyzXYZ"))


@pytest.mark.parametrize(
    ("name", "key"), [("width", "encoder.layers.1.path"), ("extra", "tokenizer.extra"), ("name", "head.path")]
)
def test_missing_file_is_named_with_its_key(
    name: str, key: str, recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(RecipeError) as caught:
        seqkit.run(recipe, runs="runs", quiet=True)
    assert caught.value.lines == [f"recipe: {key}: the file {tmp_path / name} does not exist"]


def test_null_is_rejected_where_the_file_is_required(recipe: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"head\.path: "):
        seqkit.run(recipe | {"head": {"type": "named", "path": None}}, runs=tmp_path, quiet=True)


def test_state_without_the_component_is_corrupt(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = seqkit.run(recipe, runs="runs", quiet=True)
    fitted = json.loads((run.path / "tokenizer.json").read_text())
    (run.path / "tokenizer.json").write_text(json.dumps(fitted | {"components": {}}))
    with pytest.raises(DataError, match=r"tokenizer.json: corrupt: encoder.layers.1 cannot read its"):
        seqkit.load(run.path).generate("In", length=1)
