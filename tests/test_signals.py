"""SIGINT and SIGTERM wherever a run is: it stops in order, says how to go on, and goes on exactly."""

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
from test_plugin_packages import write
from test_train import files_of, words

import seqkit
from seqkit.checkpoint_reading import newest_checkpoint
from seqkit.errors import Interrupted
from seqkit.experiment import run_recipe
from seqkit.heads.classify import Classify
from seqkit.recipe import read_recipe
from seqkit.registry import load_registry
from seqkit.report import Report
from seqkit.rundir import RunDirectory
from seqkit.signals import StopRequest

CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One with a validation and a test split, and a baseline."""
    data = tmp_path_factory.mktemp("data") / "words.csv"
    data.write_text(words(120))
    return {
        "name": "words",
        "data": {"type": "table", "path": str(data), "split": {"by": "order", "valid": 0.2, "test": 0.2}},
        "encoder": {"type": "lstm", "hidden_size": 4},
        "head": "classify",
        "train": {"epochs": 3, "batch_size": 16, "threads": 1},
    }


@pytest.fixture(scope="module")
def whole(recipe, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What it leaves where no signal comes."""
    return files_of(seqkit.run(recipe, runs=tmp_path_factory.mktemp("whole"), quiet=True))


def interrupted(recipe: dict[str, Any], runs: Path, **options: Any) -> tuple[Interrupted, Path]:
    """Runs as the command line does, which a signal has to end; returns with what, and the run directory."""
    with pytest.raises(Interrupted) as caught, StopRequest() as stop:
        run_recipe(read_recipe(recipe), load_registry(), runs, Report(None), stop, **options)
    (path,) = runs.iterdir()
    return caught.value, path


class SignalAfter:
    """Stands for a method, and has a signal come while its n-th call works."""

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
        ("seqkit.train._take_step", 4, signal.SIGINT, 130),
        ("seqkit.train.evaluate", 2, signal.SIGTERM, 143),
        ("seqkit.evaluate.evaluate", 1, signal.SIGINT, 130),
        ("seqkit.evaluate.evaluate", 2, signal.SIGTERM, 143),
    ],
    ids=["in a step", "while validating", "while evaluating at the end", "on the second split"],
)
def test_a_signal_is_heard_wherever_a_run_is(
    place: str, calls: int, number: int, code: int, recipe, whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, name = place.rpartition(".")
    with monkeypatch.context() as patched:
        patched.setattr(place, SignalAfter(getattr(sys.modules[module], name), number, calls))
        error, path = interrupted(recipe, tmp_path / "stopped")
    assert error.exit_code == code
    assert str(error).endswith(f"and saved: go on with --resume {path}")
    assert not (path / "result.json").exists()
    assert files_of(seqkit.run(recipe, resume=path, quiet=True)) == whole


@pytest.mark.parametrize(("number", "code"), CODES)
def test_a_signal_while_the_baseline_is_computed(
    number: int, code: int, recipe, whole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = Classify.baseline
    with monkeypatch.context() as patched:
        signals = SignalAfter(compute, number, 1)
        patched.setattr(Classify, "baseline", lambda *arguments: signals(*arguments))
        error, path = interrupted(recipe, tmp_path / "stopped")
    assert error.exit_code == code
    assert str(error) == f"stopped once it was trained and saved: go on with --resume {path}"
    assert newest_checkpoint(RunDirectory.open(path))[2] == []
    assert files_of(seqkit.run(recipe, resume=path, quiet=True)) == whole


def test_a_signal_of_the_other_kind_does_not_hurry_a_run(recipe, tmp_path: Path) -> None:
    """A SIGTERM after a SIGINT, as a supervisor sends it, does not cost the checkpoint."""

    class Signals:
        @seqkit.hookimpl
        def seqkit_epoch_end(self, epoch: int) -> None:
            if epoch == 1:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGTERM)

    error, path = interrupted(recipe, tmp_path / "runs", callbacks=[Signals()])
    assert error.exit_code == 130
    assert newest_checkpoint(RunDirectory.open(path))[0] is not None


def test_the_second_interrupt_is_a_keyboard_interrupt(recipe, tmp_path: Path) -> None:
    """Where Python is at work, which hears it between two steps of its own."""

    class Signals:
        @seqkit.hookimpl
        def seqkit_checkpoint(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)

        @seqkit.hookimpl
        def seqkit_epoch_end(self, epoch: int) -> None:
            if epoch == 1:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        run_recipe(read_recipe(recipe), load_registry(), tmp_path / "runs", Report(None), stop, callbacks=[Signals()])
    (path,) = (tmp_path / "runs").iterdir()
    assert newest_checkpoint(RunDirectory.open(path))[2] == []
    assert seqkit.run(recipe, resume=path, quiet=True).result["metrics"]


def test_handlers_and_the_thread_are_given_back() -> None:
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


def test_outside_the_main_thread_signals_are_left_alone(tmp_path: Path) -> None:
    def enter() -> None:
        with StopRequest() as stop:
            asked.append(stop())

    asked: list[int] = []
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert asked == [0]


ENDLESS = """
    import sys
    from pathlib import Path

    import torch

    import seqkit
    from seqkit.cli import execute


    class Multiplies(torch.nn.Module, seqkit.contracts.Encoder):
        '''Multiplies matrices so large that Python is not heard of for many seconds.'''

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


    seqkit.register("encoder", "multiplies", Multiplies)
    sys.exit(execute(["run", "recipe.yaml"]))
    """

RECIPE = """
    name: multiplies
    data:      {type: text, text: "a basket of apples, a basket of bananas"}
    embedding: {type: learned, dim: 4}
    encoder:   {type: multiplies}
    head:      {type: next_char}
    train:     {epochs: 20, threads: 1, checkpoint_seconds: 0}
    baseline:  off
    """


def test_two_interrupts_end_a_run_that_python_cannot_reach(tmp_path: Path) -> None:
    """Within two seconds, in the middle of one operation of torch, and the last checkpoint is whole."""
    write(tmp_path / "recipe.yaml", RECIPE)
    script = write(tmp_path / "endless.py", ENDLESS)
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
        began = time.monotonic()
        _, errors = process.communicate(timeout=60)
        seconds = time.monotonic() - began
    finally:
        process.kill()
    assert (process.returncode, errors) == (130, "seqkit: interrupted\n")
    assert not (tmp_path / "multiplied").exists()
    assert seconds < 2
    run = RunDirectory.open(tmp_path / "runs" / "multiplies-1")
    checkpoint, _, passed_over = newest_checkpoint(run)
    assert checkpoint is not None
    assert passed_over == []
