"""The runs of `seqkit verify-resume`: each is a process that is started again after it was killed.

A run is forked from a process that has imported torch and computed nothing. The uninterrupted run is a new process, in
which Python hashes strings differently: a recipe that depends on the order of a set gives another result there.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqkit.cli.signals import end_with_parent
from seqkit.errors import PluginError, SeqkitError, describe_error
from seqkit.messages import message
from seqkit.registry.failures import describe_failure
from seqkit.runs.directory import RunDirectory

_AUDIT_EVENTS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"})


@dataclass(frozen=True)
class Kill:
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


@dataclass(frozen=True)
class Job:
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


class Trial:
    """One run, started again each time it is killed.

    Attributes:
        code: the exit code of the last process.
        boundaries: the file operations of the last process that completed the run.
        seconds: how long that process took.
        errors: the lines that the last process printed on stderr.
    """

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.job = job
        self.code = 0
        self.boundaries: list[str] = []
        self.seconds = 0.0
        self.errors: list[str] = []
        folder.mkdir(exist_ok=True)

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

    def start(self, kill: Kill | None) -> bool:
        """Start or resume the run in a forked process, and return whether the process was killed."""
        resume, parent = self.run, os.getpid()
        process = os.fork()
        if process == 0:  # pragma: no cover - the child process
            end_with_parent(parent)
            os._exit(self._run(resume, kill.boundary if kill else None))
        try:
            status = _wait(process, kill.seconds if kill else None)
        except BaseException:  # a signal: the child would write into a folder that is being removed
            os.kill(process, signal.SIGKILL)
            raise
        self._collect(os.waitstatus_to_exitcode(status))
        return self.code == -signal.SIGKILL

    def start_afresh(self) -> None:
        """Start the run in a new process, in which Python hashes strings differently."""
        seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
        job = self.job
        arguments = (os.getpid(), str(self.folder), str(job.recipe.absolute()), job.overrides, job.without)
        code = f"import sys; sys.path[:] = {sys.path!r}; from seqkit.cli.trial import main; main(*{arguments!r})"
        done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed}, check=False)
        self._collect(done.returncode)

    def _run(self, resume: Path | None, kill_at: int | None) -> int:
        """Start or resume the run in this process, and return its exit code."""
        _redirect(self.folder / "stdout", self.folder / "stderr")
        recorded = _record_boundaries(self.runs, kill_at)
        start = time.monotonic()
        try:
            self.job.run(self.runs, resume)
        except BaseException as error:
            failure = describe_failure(error)
            lines = error.lines if isinstance(error, SeqkitError) else [failure or describe_error(error)]
            os.write(2, "".join(f"{line}\n" for line in lines).encode(errors="backslashreplace"))
            return error.exit_code if isinstance(error, SeqkitError) else PluginError.exit_code if failure else 1
        lines = [str(time.monotonic() - start), *recorded]
        (self.folder / "boundaries").write_text("\n".join(lines), encoding="utf-8")
        return 0

    def _collect(self, code: int) -> None:
        """Read what a process has left."""
        self.code = code
        self.errors = (self.folder / "stderr").read_text(encoding="utf-8").splitlines()
        if code == 0:
            seconds, *self.boundaries = (self.folder / "boundaries").read_text(encoding="utf-8").splitlines()
            self.seconds = float(seconds)


def main(parent: int, folder: str, recipe: str, overrides: tuple[str, ...], without: tuple[str, ...]) -> None:
    """Run a trial in this process, which `Trial.start_afresh` has started; it ends with its parent."""
    end_with_parent(parent)
    import_torch()
    os._exit(Trial(Path(folder), Job(Path(recipe), overrides, without))._run(None, None))


def import_torch() -> None:
    """Import all that a run needs, so that it is not counted in the time of a run."""
    import seqkit.experiment
    import seqkit.training.console  # noqa: F401


def _redirect(out: Path, errors: Path) -> None:
    """Redirect stdout and stderr of this process to files."""
    for number, path in ((1, out), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.stdout, sys.stderr = (
        os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False) for number in (1, 2)
    )


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
