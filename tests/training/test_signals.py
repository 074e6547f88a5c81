"""SIGINT and SIGTERM: a run that trains saves a checkpoint and resumes exactly; before that, it ends at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import seqkit
from helpers.commands import CommandResult, error_line
from helpers.recipes import vowel_csv
from helpers.training import interrupted_run, reproducible_contents
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
def complete_run(recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of the recipe without a signal."""
    return seqkit.run(recipe, runs=tmp_path_factory.mktemp("complete"), quiet=True).path


@pytest.fixture(scope="module")
def complete(complete_run: Path) -> dict[str, Any]:
    """Return the contents of that run."""
    return reproducible_contents(seqkit.load(complete_run))


@pytest.fixture
def run_recipe_command(recipe, complete_run: Path, run_command) -> Callable[..., CommandResult]:
    """Return a function that runs the recipe on the command line, in an empty folder."""
    return partial(run_command, "run", complete_run / "recipe.yaml")


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
        ("seqkit.training.update.optimizer_step", 4, signal.SIGINT, 130),
        ("seqkit.training.trainer.evaluate", 2, signal.SIGTERM, 143),
        # The first three calls are those of the validations.
        ("seqkit.training.evaluation.evaluate_split", 4, signal.SIGINT, 130),
        ("seqkit.training.evaluation.evaluate_split", 5, signal.SIGTERM, 143),
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
@pytest.mark.parametrize(
    "place",
    [
        "seqkit.data.prepare.read_splits",
        "seqkit.data.prepare.fit_tokenizer",
        "seqkit.data.prepare.make_rows",
        "seqkit.training.setup.build_model",
        "seqkit.runs.directory.write_synced",
    ],
)
def test_signal_before_training_leaves_nothing(
    place: str, number: int, code: int, run_recipe_command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, name = place.rpartition(".")
    monkeypatch.setattr(place, SignalAfter(getattr(sys.modules[module], name), number, 2 if "write" in name else 1))
    result = run_recipe_command()
    assert (result.code, error_line(result)) == (code, "interrupted before training: nothing was saved")
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_signal_that_a_component_swallows_or_converts(run_recipe_command, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(*_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except BaseException:
            raise RuntimeError("the import was not completed") from None

    monkeypatch.setattr("seqkit.data.prepare.read_splits", convert)
    result = run_recipe_command()
    assert (result.code, error_line(result)) == (143, "interrupted before training: nothing was saved")


@pytest.mark.parametrize(("number", "code"), CODES)
def test_signal_before_training_continues(
    number: int, code: int, recipe, complete, run_recipe_command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = interrupted_run(recipe, tmp_path / "runs", after=4)
    with monkeypatch.context() as patched:
        patched.setattr("seqkit.training.resume.newest_checkpoint", SignalAfter(newest_checkpoint, number, 1))
        result = run_recipe_command("--resume", path)
    expected = f"interrupted before training continued; resume with: seqkit resume {path}"
    assert (result.code, error_line(result)) == (code, expected)
    resumed = reproducible_contents(seqkit.run(recipe, resume=path, quiet=True))
    del resumed["plan"]  # it contains the git commit of the current folder, which differs
    assert resumed.items() <= complete.items()


@pytest.mark.parametrize(("number", "code"), CODES)
def test_signal_ends_other_commands(
    number: int, code: int, complete_run: Path, run_command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, *arguments in (
        ("seqkit.runs.directory.RunDirectory.read_plan", "predict", complete_run, "abc"),
        ("seqkit.recipe.resolve.resolve", "check", complete_run / "recipe.yaml"),
        ("seqkit.testing.distribution.check_distribution", "check-plugin", "seqkit"),
        ("tempfile.mkdtemp", "verify-resume", complete_run / "recipe.yaml"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(place, SignalAfter(None, number, 1))
            result = run_command(*arguments)
        assert (result.code, error_line(result)) == (code, "interrupted"), arguments


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


def test_second_sigint_ends_training_at_once(recipe, tmp_path: Path) -> None:

    class SendingHooks:
        @seqkit.hookimpl
        def seqkit_checkpoint(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)

        @seqkit.hookimpl
        def seqkit_epoch_end(self, epoch: int) -> None:
            if epoch == 1:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="^interrupted$"), StopRequest() as stop:
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
