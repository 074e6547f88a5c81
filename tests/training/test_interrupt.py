"""Interrupts through the Python API: the message names the run, and the traceback has no internals."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.recipes import CHARACTER_RECIPE
from helpers.training import reproducible_contents
from seqkit.training.callbacks import Callback


@pytest.fixture(autouse=True)
def interrupts_raise() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt, also if these tests run in the background, where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class InterruptAt(Callback):
    """Send SIGINT to this process at an event, one or several times."""

    def __init__(self, event: str, number: int = 1, signals: int = 1) -> None:
        self.number, self.signals = number, signals
        setattr(self, f"on_{event}", self.interrupt)

    def interrupt(self, *_: Any, **__: Any) -> None:
        self.number -= 1
        if self.number == 0:
            for _ in range(self.signals):
                signal.raise_signal(signal.SIGINT)


def interrupted(folder: Path, callback: Callback, **arguments: Any) -> pytest.ExceptionInfo[KeyboardInterrupt]:
    with pytest.raises(KeyboardInterrupt) as caught:
        seqkit.run(CHARACTER_RECIPE, runs=folder, quiet=True, callbacks=[callback], **arguments)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    frames = traceback.extract_tb(caught.tb)
    assert len(frames) <= 4  # with that of this helper
    assert [Path(frame.filename).name for frame in frames[1:]] == ["api.py", "api.py"]
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    return caught


def test_an_interrupted_run_is_saved_and_resumes_exactly(tmp_path: Path) -> None:
    complete = seqkit.run(CHARACTER_RECIPE, runs=tmp_path / "complete", quiet=True)
    caught = interrupted(tmp_path, InterruptAt("step", 2))
    path = tmp_path / "char-1"
    command = f"seqkit.resume({str(path)!r})"
    assert str(caught.value) == f"{path}: interrupted; saved after step 2; resume with: {command}"
    assert reproducible_contents(seqkit.resume(str(path), quiet=True)) == reproducible_contents(complete)


@pytest.mark.parametrize(
    ("callback", "expected"),
    [
        (InterruptAt("setup"), "{run}: interrupted; saved after step 1; resume with: seqkit.resume('{run}')"),
        (
            InterruptAt("step", 2, signals=2),
            "{run}: interrupted; saved after step 0; resume with: seqkit.resume('{run}')",
        ),
        (
            InterruptAt("training_end"),
            "{run}: interrupted after training, with everything saved; resume with: seqkit.resume('{run}')",
        ),
        (InterruptAt("run_end"), "interrupted after the run was finished: {run}"),
    ],
    ids=["before the first step", "twice", "after training", "after the run"],
)
def test_the_message_says_what_is_saved(callback: Callback, expected: str, tmp_path: Path) -> None:
    caught = interrupted(tmp_path, callback)
    assert str(caught.value) == expected.format(run=tmp_path / "char-1")


def test_nothing_is_saved_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqkit.training import setup

    monkeypatch.setattr(setup, "prepare", lambda plan: signal.raise_signal(signal.SIGINT))
    caught = interrupted(tmp_path, Callback())
    assert str(caught.value) == "interrupted before training: nothing was saved"
    path = str(tmp_path / "gone")
    with pytest.raises(KeyboardInterrupt) as again:
        seqkit.run(CHARACTER_RECIPE, resume=path, quiet=True)
    assert str(again.value) == f"{path}: interrupted before training continued; resume with: seqkit.resume({path!r})"


def test_a_run_on_data_in_memory_says_that_it_needs_the_data(tmp_path: Path) -> None:
    caught = interrupted(tmp_path, InterruptAt("step"), data=["sea shells"] * 3)
    assert str(caught.value).endswith(f"resume with: seqkit.resume({str(tmp_path / 'char-1')!r}, data=…)")


def test_other_threads_and_handlers_are_left_alone(tmp_path: Path) -> None:
    runs: list[seqkit.Run] = []
    thread = threading.Thread(target=lambda: runs.append(seqkit.run(CHARACTER_RECIPE, runs=tmp_path, quiet=True)))
    thread.start()
    thread.join()
    assert runs[0].result
    received: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        assert seqkit.run(CHARACTER_RECIPE, runs=tmp_path, quiet=True, callbacks=[InterruptAt("step")]).result
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert received == [signal.SIGINT]


def test_a_script_ends_with_a_traceback_of_three_frames(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import signal, seqkit\n"
        "from seqkit.training.callbacks import Callback\n"
        "class Interrupt(Callback):\n"
        "    def on_step(self, progress, length, loss):\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        f"seqkit.run({CHARACTER_RECIPE!r}, callbacks=[Interrupt()], quiet=True)\n"
    )
    done = subprocess.run([sys.executable, "train.py"], cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode in (-signal.SIGINT, 130)
    lines = done.stderr.splitlines()
    assert sum(line.startswith("  File ") for line in lines) == 3, done.stderr
    assert lines[-1] == (
        "KeyboardInterrupt: runs/char-1: interrupted; saved after step 1; resume with: seqkit.resume('runs/char-1')"
    )
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["char-1"]


@pytest.mark.parametrize("saved", [False, True])
def test_an_interrupted_estimator_says_whether_its_run_is_saved(
    saved: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqkit.sklearn import SequenceClassifier
    from seqkit.training import update

    monkeypatch.setattr(update, "optimizer_step", lambda _: signal.raise_signal(signal.SIGINT))
    estimator = SequenceClassifier(epochs=1, runs=str(tmp_path) if saved else None)
    with pytest.raises(KeyboardInterrupt) as caught:
        estimator.fit(["good", "bad"] * 4, ["a", "b"] * 4)
    frames = [Path(frame.filename).name for frame in traceback.extract_tb(caught.tb)]
    assert frames == ["test_interrupt.py", "estimators.py", "parameters.py", "base.py"]
    if not saved:
        assert str(caught.value) == "interrupted: nothing was saved, because `runs` is not set"
        return
    (path,) = tmp_path.iterdir()
    text = f"{path}: interrupted; saved after step 1; resume with: seqkit.resume({str(path)!r}, data=…)"
    assert str(caught.value) == text
