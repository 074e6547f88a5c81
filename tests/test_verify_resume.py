"""`seqkit verify-resume`: it passes what goes on exactly, and finds out what does not."""

# ruff: noqa: F401, F811 - fixtures are imported by name

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from test_cli import process
from test_plugin_packages import session, write
from test_run_directory import labels_recipe

import seqkit
from seqkit import registry, verify
from seqkit.checkpoint import list_checkpoints
from seqkit.cli import execute
from seqkit.contracts import Encoded, Encoder
from seqkit.rundir import RunDirectory
from seqkit.tokenizers.char import Char
from seqkit.verify import first_difference

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]

RECIPE = """
    name: verified
    data:      {type: text, text: "a basket of apples, a basket of bananas"}
    encoder:   {type: lstm, hidden_size: 4}
    head:      {type: next_char}
    train:     {epochs: 3, batch_size: 2, sequence_length: 8, threads: 1}
    generate:  {prompt: "a bas", length: 5}
    """


@pytest.fixture
def verified(session, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Returns a function that runs `verify-resume` in this process, whose components its forks have too."""

    def verify(*arguments: str, encoder: str = "lstm, hidden_size: 4") -> tuple[int, str, str]:
        recipe = write(tmp_path / "recipe.yaml", RECIPE.replace("lstm, hidden_size: 4", encoder))
        capsys.readouterr()
        return execute(["verify-resume", str(recipe), *arguments]), *capsys.readouterr()

    return verify


def test_a_run_that_goes_on_exactly_passes(tmp_path: Path) -> None:
    write(tmp_path / "recipe.yaml", RECIPE)
    done = process("verify-resume", "recipe.yaml", "--kills", "4", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, *kills, last = done.stdout.splitlines()
    told = re.fullmatch(r"not killed: [\d.]+ s, (\d+) boundaries of (\d+) kinds", first)
    assert told is not None, first
    assert int(told[1]) > int(told[2]) > 20
    for number, line in enumerate(kills, start=1):
        stands = r"(no run directory yet|no checkpoint stands|step-[0-9]{9}(-epoch-[0-9]{9})? stands)"
        assert re.fullmatch(rf"kill {number}: (before \w+ \S+ \(\d+\)|after [\d.]+ s): {stands}", line), line
    assert len(kills) == 4
    runs = re.fullmatch(r"4 kills in (\d) runs: each ended as the run that was not killed, byte for byte", last)
    assert runs is not None, last
    assert 2 <= int(runs[1]) <= 4
    assert {file.name for file in tmp_path.iterdir()} == {"recipe.yaml"}


class Counts(torch.nn.Module, Encoder):
    """Keeps what it has seen where no checkpoint finds it."""

    causal = True

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.output_size = self.final_size = input_size
        self.weight = torch.nn.Parameter(torch.ones(input_size))
        self.calls = 0

    def change(self) -> float:
        self.calls += 1
        return 1 + self.calls / 10

    def forward(self, inputs, lengths, state=None):
        outputs = inputs * self.weight * self.change()
        return Encoded(outputs, outputs[torch.arange(len(outputs)), lengths - 1])


class Draws(Counts):
    """Draws from a generator of its own, which nobody seeded."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.generator = np.random.default_rng()

    def change(self) -> float:
        return 1 + float(self.generator.normal()) / 10


class Learns(Char):
    """Learns the number of its process beside the text."""

    def fit(self, texts) -> None:
        super().fit([*texts, str(os.getpid())])


@pytest.mark.parametrize("encoder", [Counts, Draws])
def test_an_encoder_that_does_not_go_on_exactly_is_found_out(encoder, verified, tmp_path: Path) -> None:
    registry.register("encoder", "inexact", encoder)
    code, out, errors = verified("embedding={type: learned, dim: 4}", "--kills", "4", encoder="inexact")
    assert (code, errors) == (1, "")
    assert re.search(
        r"^differs from the run that was not killed: (metrics\.jsonl|result\.json):\d+: .*, not ", out, re.MULTILINE
    )
    assert "byte for byte" not in out


def test_a_tokenizer_that_learns_another_vocabulary_each_time_is_found_out(verified, tmp_path: Path) -> None:
    registry.register("tokenizer", "inexact", Learns)
    code, out, errors = verified("tokenizer={type: inexact}", "--kills", "4")
    assert (code, errors) == (1, "")
    *_, last = out.splitlines()
    assert re.match(
        r"going on failed with exit code 3: .*: the data is not what it was when this run began: train"
        r"|differs from the run that was not killed: ",
        last,
    )


def test_a_recipe_that_does_not_run_is_told_as_run_tells_it(verified) -> None:
    code, out, errors = verified("encoder.hidden_size=0", "--kills", "1")
    assert (code, out) == (2, "")
    assert "encoder.hidden_size: must be above 0" in errors
    code, _, errors = verified("train.optimizer={type: sgd, lr: 1e38}", "--kills", "1")
    assert code == 5
    assert errors.count("the step was not taken") == 1


# Where two run directories differ


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    return seqkit.run(labels_recipe(folder), runs=folder / "runs", quiet=True).path


def edit(file: str, before: str, after: str) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        text = (run / file).read_text(encoding="utf-8")
        assert text.count(before)
        (run / file).write_text(text.replace(before, after, 1), encoding="utf-8")

    return change


def shift(file: Path, name: str) -> None:
    tensors = load_file(file)
    tensors[name] = tensors[name] + np.float32(1e-6)
    save_file(tensors, file)


def checkpoint(run: Path) -> Path:
    (path,) = list_checkpoints(RunDirectory(run))
    return path


CHANGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "nothing": (lambda run: None, ""),
    "timing": (edit("result.json", '"train_seconds": ', '"train_seconds": 1'), ""),
    "a row of metrics": (
        edit("metrics.jsonl", '"epoch": 2', '"epoch": 7'),
        r'metrics\.jsonl:2: {"epoch": 7, .*, not {"epoch": 2',
    ),
    "a row more": (
        lambda run: (run / "metrics.jsonl").write_bytes((run / "metrics.jsonl").read_bytes() + b"{}\n"),
        r"metrics\.jsonl: 4 lines, not 3",
    ),
    "the recipe": (edit("recipe.yaml", "bilstm", "lstm"), r'recipe\.yaml:11: "type": "lstm",, not "type": "bilstm",'),
    "the vocabulary": (edit("tokenizer.json", "吃", "喝"), r'tokenizer\.json:\d+: "喝".*, not "吃"'),
    "a weight": (
        lambda run: shift(run / "model.safetensors", "head.output.bias"),
        r"model\.safetensors: head\.output\.bias$",
    ),
    "the plan": (
        edit("plan.json", '"hidden_size": 4', '"hidden_size": 5'),
        r'plan\.json:\d+: "hidden_size": 5,, not "hidden_size": 4,$',
    ),
    "a metric": (edit("result.json", '"accuracy": ', '"accuracy": 1'), r'result\.json:\d+: "accuracy": 1'),
    "a moment": (
        lambda run: shift(checkpoint(run) / "optimizer.safetensors", "1.exp_avg"),
        r"step-0+3-epoch-0+3/optimizer\.safetensors: 1\.exp_avg$",
    ),
    "the step": (
        lambda run: checkpoint(run).rename(checkpoint(run).with_name("step-000000002-epoch-000000002")),
        r"the last checkpoint is step-0+2-epoch-0+2, not step-0+3-epoch-0+3$",
    ),
    "no checkpoint": (lambda run: shutil.rmtree(checkpoint(run)), r"the last checkpoint is none, not step-"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_first_difference_is_named_by_file_and_place(what: str, finished: Path, tmp_path: Path) -> None:
    change, told = CHANGES[what]
    other = shutil.copytree(finished, tmp_path / "other")
    change(other)
    difference = first_difference(finished, other)
    assert re.match(told, difference), difference
    assert bool(difference) == bool(told)


def test_kills_that_never_come_prove_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class NeverKilled:
        code, run, boundaries, complaints = 0, tmp_path, ["open a"], []

        def __init__(self, folder: Path, options: list[str]) -> None:
            pass

        def start(self, kill: object) -> bool:
            return False

    monkeypatch.setattr(verify, "_Trial", NeverKilled)
    monkeypatch.setattr(verify, "first_difference", lambda one, other: "")
    said: list[str] = []
    assert verify.verify_resume(tmp_path / "recipe.yaml", [], 2, [], said.append) is False
    assert said[-1].startswith("only 0 of 2 kills could be made in 8 runs")
