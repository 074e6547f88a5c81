"""SIGINT and SIGTERM: wherever a run is, it saves a checkpoint, names the command to resume, and resumes exactly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.plugins import write_dedented
from helpers.recipes import vowel_csv
from helpers.training import reproducible_contents
from seqkit.cli.signals import StopRequest
from seqkit.errors import Interrupted
from seqkit.experiment import run_recipe
from seqkit.heads.classify import Classify
from seqkit.recipe.source import read_recipe
from seqkit.registry import load_registry
from seqkit.runs.directory import RunDirectory
from seqkit.training.checkpoint_loading import newest_checkpoint

CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return a recipe with a validation split, a test split and a baseline."""
    data = tmp_path_factory.mktemp("data") / "words.csv"
    data.write_text(vowel_csv(120))
    return {
        "name": "words",
        "data": {"type": "table", "path": str(data), "split": {"by": "order", "valid": 0.2, "test": 0.2}},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": "classify",
        "train": {"epochs": 3, "batch_size": 16, "threads": 1},
    }


@pytest.fixture(scope="module")
def complete(recipe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the contents of a run of the recipe without a signal."""
    return reproducible_contents(seqkit.run(recipe, runs=tmp_path_factory.mktemp("complete"), quiet=True))


def run_until_interrupted(recipe: dict[str, Any], runs: Path, **options: Any) -> tuple[Interrupted, Path]:
    """Run a recipe as the command line does until a signal ends it; return the error and the run directory."""
    with pytest.raises(Interrupted) as caught, StopRequest() as stop:
        run_recipe(read_recipe(recipe), load_registry(), runs, stop=stop, **options)
    (path,) = runs.iterdir()
    return caught.value, path


class SignalAfter:
    """Replace a function, and send a signal to this process just before the n-th call.

    Args:
        method: the function.
        number: of the signal.
        calls: the number of the call, from 1.
    """

    def __init__(self, method: Any, number: int, calls: int) -> None:
        self.method, self.number, self.calls = method, number, calls

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.calls -= 1
        if self.calls == 0:
            os.kill(os.getpid(), self.number)
        return self.method(*arguments, **options)


@pytest.mark.parametrize(
    ("place", "calls", "number", "code"),
    [
        ("seqkit.training.trainer.optimizer_step", 4, signal.SIGINT, 130),
        ("seqkit.training.trainer.evaluate", 2, signal.SIGTERM, 143),
        ("seqkit.training.evaluation.evaluate", 1, signal.SIGINT, 130),
        ("seqkit.training.evaluation.evaluate", 2, signal.SIGTERM, 143),
    ],
    ids=["in a step", "in validation", "in the final evaluation", "in the evaluation of the second split"],
)
def test_signal_interrupts_training_and_evaluation(
    place: str, calls: int, number: int, code: int, recipe, complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, name = place.rpartition(".")
    with monkeypatch.context() as patched:
        patched.setattr(place, SignalAfter(getattr(sys.modules[module], name), number, calls))
        error, path = run_until_interrupted(recipe, tmp_path / "stopped")
    assert error.exit_code == code
    assert str(error).endswith(f"saved; resume with: seqkit resume {path}")
    assert not (path / "result.json").exists()
    assert reproducible_contents(seqkit.run(recipe, resume=path, quiet=True)) == complete


@pytest.mark.parametrize(("number", "code"), CODES)
def test_signal_during_the_baseline(
    number: int, code: int, recipe, complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = Classify.baseline
    with monkeypatch.context() as patched:
        signals = SignalAfter(compute, number, 1)
        patched.setattr(Classify, "baseline", lambda *arguments: signals(*arguments))
        error, path = run_until_interrupted(recipe, tmp_path / "stopped")
    assert error.exit_code == code
    assert str(error) == f"stopped after training, with everything saved; resume with: seqkit resume {path}"
    assert newest_checkpoint(RunDirectory.open(path))[2] == []
    assert reproducible_contents(seqkit.run(recipe, resume=path, quiet=True)) == complete


def test_sigterm_after_sigint_does_not_prevent_the_checkpoint(recipe, tmp_path: Path) -> None:
    """Supervisors send both signals."""

    class SendingHooks:
        @seqkit.hookimpl
        def seqkit_epoch_end(self, epoch: int) -> None:
            if epoch == 1:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGTERM)

    error, path = run_until_interrupted(recipe, tmp_path / "runs", callbacks=[SendingHooks()])
    assert error.exit_code == 130
    assert newest_checkpoint(RunDirectory.open(path))[0] is not None


def test_second_sigint_raises_keyboard_interrupt(recipe, tmp_path: Path) -> None:
    """Python raises it between two of its own instructions."""

    class SendingHooks:
        @seqkit.hookimpl
        def seqkit_checkpoint(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)

        @seqkit.hookimpl
        def seqkit_epoch_end(self, epoch: int) -> None:
            if epoch == 1:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        run_recipe(read_recipe(recipe), load_registry(), tmp_path / "runs", [SendingHooks()], stop)
    (path,) = (tmp_path / "runs").iterdir()
    assert newest_checkpoint(RunDirectory.open(path))[2] == []
    assert seqkit.run(recipe, resume=path, quiet=True).result["metrics"]


def test_handlers_and_thread_are_restored() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    for _ in range(3):
        with StopRequest() as stop:
            assert signal.getsignal(signal.SIGINT) != before[0]
            assert stop() == 0
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert signal.set_wakeup_fd(-1) == -1
    for thread in threading.enumerate():
        if thread.name == "seqkit-signals":
            thread.join(timeout=10)
            assert not thread.is_alive()


def test_signals_are_not_handled_outside_the_main_thread(tmp_path: Path) -> None:
    def enter() -> None:
        with StopRequest() as stop:
            numbers.append(stop())

    numbers: list[int] = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert numbers == [0]


SCRIPT = """
    import sys
    from pathlib import Path

    import torch

    import seqkit
    from seqkit.cli import execute


    class Multiply(torch.nn.Module, seqkit.contracts.Encoder):
        '''Multiplies large matrices, which keeps Python from handling signals for many seconds.'''

        causal = True

        def __init__(self, input_size: int) -> None:
            super().__init__()
            self.output_size = self.final_size = input_size
            self.scale = torch.nn.Parameter(torch.ones(()))
            self.calls = 0

        def forward(self, inputs, lengths, state=None):
            self.calls += 1
            if self.calls == 6:
                Path("multiplying").touch()
                torch.linalg.multi_dot([torch.ones(5000, 5000)] * 20)
                Path("multiplied").touch()
            outputs = inputs * self.scale
            return seqkit.contracts.Encoded(outputs, outputs[:, -1])


    seqkit.register("encoder", "multiply", Multiply)
    sys.exit(execute(["run", "recipe.yaml"]))
    """

RECIPE = """
    name: multiply
    data:      {type: text, text: "a basket of apples, a basket of bananas"}
    embedding: {type: learned, dim: 4}
    encoder:   {type: multiply}
    head:      {type: next_char}
    train:     {epochs: 20, threads: 1, checkpoint_seconds: 0}
    baseline:  off
    """


def test_two_sigint_end_a_long_torch_operation(tmp_path: Path) -> None:
    """The process ends within two seconds, and the last checkpoint is intact."""
    write_dedented(tmp_path / "recipe.yaml", RECIPE)
    script = write_dedented(tmp_path / "script.py", SCRIPT)
    process = subprocess.Popen(
        [sys.executable, script], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 200
        while not (tmp_path / "multiplying").exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        _, errors = process.communicate(timeout=60)
        seconds = time.monotonic() - start
    finally:
        process.kill()
    assert (process.returncode, errors) == (130, "seqkit: interrupted\n")
    assert not (tmp_path / "multiplied").exists()
    assert seconds < 2
    run = RunDirectory.open(tmp_path / "runs" / "multiply-1")
    checkpoint, _, skipped = newest_checkpoint(run)
    assert checkpoint is not None
    assert skipped == []
