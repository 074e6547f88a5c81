"""`seqkit verify-resume`: it succeeds for runs that resume exactly, and detects those that do not."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

import seqkit
from helpers.commands import run_process
from helpers.distributions import install
from helpers.plugins import write_dedented
from helpers.recipes import classification_recipe
from seqkit import registry
from seqkit.cli import execute
from seqkit.cli import verify_resume as verify
from seqkit.cli.run_differences import first_difference
from seqkit.contracts import Encoded, Encoder
from seqkit.runs.directory import RunDirectory
from seqkit.tokenizers.char import Char
from seqkit.training.checkpoint import list_checkpoints

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
def run_verify_resume(
    isolated_registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs `verify-resume` in this process, whose forks have its registered components."""

    def verify(*arguments: str, encoder: str = "lstm, hidden_size: 4") -> tuple[int, str, str]:
        recipe = write_dedented(tmp_path / "recipe.yaml", RECIPE.replace("lstm, hidden_size: 4", encoder))
        capsys.readouterr()
        return execute(["verify-resume", str(recipe), *arguments]), *capsys.readouterr()

    return verify


def test_exact_resume_passes(run_verify_resume, tmp_path: Path) -> None:
    code, out, errors = run_verify_resume("--kills", "4")
    assert (code, errors) == (0, "")
    first, *kills, last = out.splitlines()
    counts = re.fullmatch(r"uninterrupted run: [\d.]+ s, (\d+) file operations of (\d+) kinds", first)
    assert counts is not None, first
    assert int(counts[1]) > int(counts[2]) > 20
    for number, line in enumerate(kills, start=1):
        state = r"(no run directory yet|no checkpoint|the last checkpoint is step-[0-9]{9}(-epoch-[0-9]{9})?)"
        assert re.fullmatch(rf"kill {number}: (before \w+ \S+ \(\d+\)|after [\d.]+ s): {state}", line), line
    assert len(kills) == 4
    runs = re.fullmatch(r"4 kills in (\d) runs?: each equals the uninterrupted run, byte for byte", last)
    assert runs is not None, last
    assert 2 <= int(runs[1]) <= 4
    assert {file.name for file in tmp_path.iterdir()} == {"recipe.yaml"}


class CountingEncoder(torch.nn.Module, Encoder):
    """An encoder whose output depends on a counter that is not saved in checkpoints."""

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


class RandomEncoder(CountingEncoder):
    """An encoder whose output depends on a random generator that is not seeded."""

    def __init__(self, input_size: int) -> None:
        super().__init__(input_size)
        self.generator = np.random.default_rng()

    def change(self) -> float:
        return 1 + float(self.generator.normal()) / 10


class ProcessTokenizer(Char):
    """A tokenizer whose vocabulary depends on the process number."""

    def fit(self, texts) -> None:
        super().fit([*texts, str(os.getpid())])


SETS = """
from seqkit.tokenizers.char import Char

class Sets(Char):
    def fit(self, texts):
        super().fit(texts)
        self.vocabulary.restore({"symbols": sorted(list(set(self.vocabulary.symbols))[4:])})

@seqkit.hookimpl
def seqkit_tokenizers():
    yield Component("sets", "seqkit_sets:Sets", "a tokenizer for a test")
"""


def test_recipe_that_depends_on_the_order_of_a_set_is_detected(tmp_path: Path) -> None:
    install(tmp_path / "installed", "seqkit-sets", SETS)
    write_dedented(tmp_path / "recipe.yaml", RECIPE)
    done = run_process(
        *("verify-resume", "recipe.yaml", "tokenizer={type: sets, unknown: mark}", "--kills", "1"),
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "installed"), *sys.path]), "SEQKIT_PLUGINS": "on"},
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search("^differs from the uninterrupted run: ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("encoder", [CountingEncoder, RandomEncoder])
def test_inexact_encoder_is_detected(encoder, run_verify_resume, tmp_path: Path) -> None:
    registry.register("encoder", "inexact", encoder)
    code, out, errors = run_verify_resume("embedding={type: learned, dim: 4}", "--kills", "4", encoder="inexact")
    assert (code, errors) == (1, "")
    assert re.search(
        r"^differs from the uninterrupted run: (metrics\.jsonl|result\.json):\d+: .*, not ", out, re.MULTILINE
    )
    assert "byte for byte" not in out


def test_inexact_tokenizer_is_detected(run_verify_resume, tmp_path: Path) -> None:
    registry.register("tokenizer", "inexact", ProcessTokenizer)
    code, out, errors = run_verify_resume("tokenizer={type: inexact}", "--kills", "4")
    assert (code, errors) == (1, "")
    *_, last = out.splitlines()
    assert re.match(
        r"resuming failed with exit code 3: .*: the data differs from that of the saved run \(train\)"
        r"|differs from the uninterrupted run: ",
        last,
    )


def test_errors_of_the_recipe_are_those_of_run(run_verify_resume) -> None:
    registry.register("tokenizer", "unused", Char)  # the uninterrupted run is forked, which takes less time
    code, out, errors = run_verify_resume("encoder.hidden_size=0", "--kills", "1")
    assert (code, out) == (2, "")
    assert "encoder.hidden_size: must be a positive integer" in errors
    code, _, errors = run_verify_resume("train.optimizer={type: sgd, lr: 1e38}", "--kills", "1")
    assert code == 5
    assert errors.count("the step was not taken") == 1


# Differences between two run directories


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a finished run."""
    folder = tmp_path_factory.mktemp("finished")
    return seqkit.run(classification_recipe(folder), runs=folder / "runs", quiet=True).path


def edit(file: str, before: str, after: str) -> Callable[[Path], None]:
    """Return a function that replaces a text in a file of a run directory."""

    def change(run: Path) -> None:
        text = (run / file).read_text(encoding="utf-8")
        assert text.count(before)
        (run / file).write_text(text.replace(before, after, 1), encoding="utf-8")

    return change


def shift(file: Path, name: str) -> None:
    """Change the values of a tensor in a safetensors file."""
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
    "an additional row": (
        lambda run: (run / "metrics.jsonl").write_bytes((run / "metrics.jsonl").read_bytes() + b"{}\n"),
        r"metrics\.jsonl: 4 lines, not 3",
    ),
    "the recipe": (edit("recipe.yaml", "bilstm", "lstm"), r"recipe\.yaml:\d+: type: lstm, not type: bilstm"),
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
    "what the report shows": (
        edit("report.json", '"examples": 4', '"examples": 5'),
        r'report\.json:\d+: "examples": 5,, not "examples": 4,$',
    ),
    "the page": (lambda run: (run / "report.html").unlink(), ""),
    "optimizer state": (
        lambda run: shift(checkpoint(run) / "optimizer.safetensors", "1.exp_avg"),
        r"step-0+3-epoch-0+3/optimizer\.safetensors: 1\.exp_avg$",
    ),
    "the checkpoint's step": (
        lambda run: checkpoint(run).rename(checkpoint(run).with_name("step-000000002-epoch-000000002")),
        r"the last checkpoint is step-0+2-epoch-0+2, not step-0+3-epoch-0+3$",
    ),
    "no checkpoint": (lambda run: shutil.rmtree(checkpoint(run)), r"only one of the runs has a checkpoint, step-"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_first_difference_names_file_and_place(case: str, finished: Path, tmp_path: Path) -> None:
    change, expected = CHANGES[case]
    other = shutil.copytree(finished, tmp_path / "other")
    change(other)
    difference = first_difference(finished, other)
    assert re.match(expected, difference), difference
    assert bool(difference) == bool(expected)


def test_check_without_enough_kills_is_inconclusive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class NeverKilled:
        code, run, boundaries, errors, seconds = 0, tmp_path, ["open a"], [], 1.0

        def __init__(self, folder: Path, job: object) -> None:
            pass

        def start(self, kill: object) -> bool:
            return False

        def start_afresh(self) -> None:
            pass

    monkeypatch.setattr(verify, "Trial", NeverKilled)
    monkeypatch.setattr(verify, "first_difference", lambda one, other: "")
    lines: list[str] = []
    assert verify.verify_resume(tmp_path / "recipe.yaml", [], 2, [], lines.append) is False
    assert lines[-1] == (
        "inconclusive: only 0 of 2 kills took place in 8 runs, which ended too early: "
        "increase train.epochs or train.steps"
    )
