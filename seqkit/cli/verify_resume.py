"""`seqkit verify-resume`: kill runs, resume them, and compare the results with an uninterrupted run.

Each run is a process forked from this one, which has imported torch and computed nothing. Runs are killed with SIGKILL,
which no program can catch, in two ways: at a boundary, just before a run opens, syncs, renames or removes something in
its folder, when a file could be left incomplete; and at a random time.
"""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from seqkit.cli.run_differences import first_difference
from seqkit.errors import SeqkitError, UsageError
from seqkit.messages import message
from seqkit.runs.directory import RunDirectory

_AUDIT_EVENTS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"})


@dataclass(frozen=True)
class _Kill:
    """The time of a kill: before the n-th boundary of a run, or after some seconds. One of the two is None.

    Attributes:
        boundary: the number of the boundary.
        operation: the file operation that follows the boundary.
        seconds: the time.
    """

    boundary: int | None = None
    operation: str = ""
    seconds: float | None = None

    def __str__(self) -> str:
        if self.boundary is None:
            return message("after {seconds:.2f} s", seconds=self.seconds)
        return message("before {operation} ({number})", operation=self.operation, number=self.boundary)


def verify_resume(
    recipe: Path,
    overrides: Sequence[str],
    kills: int,
    without: Sequence[str],
    report: Callable[[str], Any],
) -> bool:
    """Return whether every killed run equals the uninterrupted run, and all kills took place.

    Args:
        recipe: the file.
        overrides: `key=value`, as on the command line.
        kills: the number of kills. A run is killed twice, the second time after it was resumed, and then completes.
        without: plugins to disable.
        report: prints a line.

    Raises:
        SeqkitError: the recipe does not run.
        UsageError: the system cannot fork a process.
    """
    if not hasattr(os, "fork"):
        raise UsageError(message("verify-resume requires a system that can fork a process: Linux or macOS"))
    import seqkit.experiment
    import seqkit.training.console  # noqa: F401 - imports torch once, so that no run has to

    chosen = [*overrides]
    if not any(line.startswith("train.checkpoint_seconds=") for line in overrides):
        chosen.append("train.checkpoint_seconds=0")
    job = _Job(recipe, tuple(chosen), tuple(without))
    generator = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="seqkit-verify-") as folder:
        reference = _Trial(Path(folder) / "reference", job)
        start = time.monotonic()
        reference.start(None)
        seconds, boundaries = time.monotonic() - start, reference.boundaries
        if reference.code:
            raise _RunFailed(reference.code, reference.errors)
        assert reference.run is not None
        report(
            message(
                "uninterrupted run: {seconds:.1f} s, {count} file operations of {kinds} kinds",
                seconds=seconds,
                count=len(boundaries),
                kinds=len(set(boundaries)),
            )
        )
        done = number = 0
        for number, planned in enumerate(islice(_plan_kills(boundaries, seconds, generator), 4 * kills), start=1):
            trial = _Trial(Path(folder) / f"killed-{number}", job)
            for kill in planned[: kills - done]:
                if trial.start(kill):
                    done += 1
                    report(message("kill {number}: {kill}: {state}", number=done, kill=kill, state=trial.state))
            trial.start(None)
            if trial.code:
                errors = " ".join(trial.errors)
                report(message("resuming failed with exit code {code}: {errors}", code=trial.code, errors=errors))
                return False
            assert trial.run is not None
            if difference := first_difference(reference.run, trial.run):
                report(message("differs from the uninterrupted run: {difference}", difference=difference))
                return False
            if done == kills:
                break
    if done < kills:
        report(
            message(
                "inconclusive: only {done} of {kills} kills took place in {runs} runs, which ended too early: "
                "increase train.epochs or train.steps",
                done=done,
                kills=kills,
                runs=number,
            )
        )
        return False
    report(
        message(
            "{kills} kills in {runs} runs: each equals the uninterrupted run, byte for byte",
            kills=done,
            runs=number,
        )
    )
    return True


@dataclass(frozen=True)
class _Job:
    """The recipe that every run trains."""

    recipe: Path
    overrides: tuple[str, ...]
    without: tuple[str, ...]

    def run(self, runs: Path, resume: Path | None) -> None:
        """Train in a folder of run directories, as `seqkit run` does."""
        from seqkit.experiment import run_recipe
        from seqkit.recipe.source import read_recipe
        from seqkit.registry import load_registry
        from seqkit.training.console import Console

        recipe = read_recipe(self.recipe.absolute(), self.overrides)
        registry = load_registry(without=self.without).check()
        run_recipe(recipe, registry, runs, [Console(sys.stdout)], resume=resume)


class _RunFailed(SeqkitError):
    """The recipe does not run even without a kill."""

    def __init__(self, code: int, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.exit_code = code
        self._lines = list(lines)

    @property
    def lines(self) -> list[str]:
        return self._lines


def _plan_kills(boundaries: list[str], seconds: float, generator: random.Random) -> Iterator[list[_Kill]]:
    """Yield the kills of one run after another: at a boundary, of each kind in turn, and then at a random time."""
    kinds: dict[str, list[int]] = {}
    for number, operation in enumerate(boundaries, start=1):
        kinds.setdefault(operation, []).append(number)
    while True:
        for operation in generator.sample(list(kinds), len(kinds)):
            boundary = generator.choice(kinds[operation])
            yield [_Kill(boundary=boundary, operation=operation), _Kill(seconds=generator.uniform(0, seconds))]


class _Trial:
    """One run, started again each time it is killed.

    Attributes:
        code: the exit code of the last process.
        boundaries: the file operations of the uninterrupted run.
        errors: the lines that the last process printed on stderr.
    """

    def __init__(self, folder: Path, job: _Job) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.job = job
        self.code = 0
        self.boundaries: list[str] = []
        self.errors: list[str] = []
        folder.mkdir()

    @property
    def run(self) -> Path | None:
        """The run directory, once there is one."""
        found = [path for path in self.runs.iterdir() if path.name[0] != "."] if self.runs.is_dir() else []
        return found[0] if found else None

    @property
    def state(self) -> str:
        """A description of the run directory: its last checkpoint, if any."""
        if self.run is None:
            return message("no run directory yet")
        from seqkit.training.checkpoint import list_checkpoints

        checkpoints = list_checkpoints(RunDirectory(self.run))
        if not checkpoints:
            return message("no checkpoint")
        return message("the last checkpoint is {name}", name=checkpoints[0].name)

    def start(self, kill: _Kill | None) -> bool:
        """Start or resume the run in a process, and return whether the process was killed."""
        boundaries, errors = self.folder / "boundaries", self.folder / "stderr"
        resume = self.run
        process = os.fork()
        if process == 0:  # pragma: no cover - the child process
            _redirect(self.folder / "stdout", errors)
            recorded = _record_boundaries(self.runs, kill.boundary if kill else None)
            code = 0
            try:
                self.job.run(self.runs, resume)
                boundaries.write_text("\n".join(recorded), encoding="utf-8")
            except SeqkitError as error:
                os.write(2, "".join(f"{line}\n" for line in error.lines).encode())
                code = error.exit_code
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {' '.join(str(error).split())}\n".encode())
                code = 1
            os._exit(code)
        status = _wait(process, kill.seconds if kill else None)
        self.errors = errors.read_text(encoding="utf-8").splitlines()
        self.code = os.waitstatus_to_exitcode(status)
        if self.code == 0:
            self.boundaries = boundaries.read_text(encoding="utf-8").splitlines()
        return self.code == -signal.SIGKILL


def _redirect(out: Path, errors: Path) -> None:
    """Redirect stdout and stderr of this process to files."""
    for number, path in ((1, out), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))


def _record_boundaries(folder: Path, kill_at: int | None) -> list[str]:
    """Record from now on the file operations of this process in a folder, and kill it before one of them.

    Args:
        folder: the folder.
        kill_at: the number of the operation, from 1; None for none.

    Returns:
        The operations, a list that grows. Numbers in file names are replaced by N.
    """
    recorded: list[str] = []
    fsync = os.fsync

    def record(operation: str, path: str) -> None:
        recorded.append(f"{operation} {re.sub('[0-9]+', 'N', os.path.relpath(path, folder))}")
        if len(recorded) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _AUDIT_EVENTS and isinstance(arguments[0], str | os.PathLike):
            path = os.fspath(arguments[0])
            if path.startswith(str(folder)):
                record(event.removeprefix("os.").removeprefix("shutil."), path)

    def recorded_fsync(descriptor: Any) -> None:
        try:
            path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        except OSError:  # a system without /proc
            path = str(folder)
        record("sync", path)
        fsync(descriptor)

    sys.addaudithook(audit)
    os.fsync = recorded_fsync  # type: ignore[assignment]
    return recorded


def _wait(process: int, seconds: float | None) -> int:
    """Wait for a process to end, kill it after the given time, and return its status."""
    deadline = None if seconds is None else time.monotonic() + seconds
    while deadline is not None:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return status
        if time.monotonic() >= deadline:
            os.kill(process, signal.SIGKILL)
            break
        time.sleep(0.002)
    return os.waitpid(process, 0)[1]
