"""Kills runs and resumes them, and compares what they leave with a run that was never killed, byte for byte.

Each run is a process of its own, forked from this one, which has imported torch and computed nothing. Two kinds of kill
(SIGKILL, which no program can see coming) are tried: at a boundary, just before the run opens, syncs, renames or
removes something in its folder, which is where a file can be left half written; and at any moment.
"""

from __future__ import annotations

import json
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

from seqkit.errors import SeqkitError, UsageError
from seqkit.rundir import RunDirectory

_EVENTS = frozenset({"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"})


@dataclass(frozen=True)
class _Kill:
    """When a run is killed: before its n-th boundary, or after so many seconds; one of them is None.

    Attributes:
        what: what comes after the boundary.
    """

    boundary: int | None = None
    what: str = ""
    seconds: float | None = None

    def __str__(self) -> str:
        return f"after {self.seconds:.2f} s" if self.boundary is None else f"before {self.what} ({self.boundary})"


def verify_resume(
    recipe: Path, overrides: Sequence[str], kills: int, without: Sequence[str], say: Callable[[str], Any]
) -> bool:
    """Returns whether every run that was killed ended as the one that was not, and as many were killed as was asked.

    Args:
        overrides: `key=value`, laid over the recipe.
        kills: how often to kill; a run is killed twice, once while it goes on, before it is left to end.
        without: plugins to leave out.
        say: prints a line.

    Raises:
        SeqkitError: the recipe does not run.
        UsageError: this system cannot fork.
    """
    if not hasattr(os, "fork"):
        raise UsageError("verify-resume needs a system that can fork a process: Linux or macOS")
    import torch  # noqa: F401 - so that no run has to

    import seqkit.experiment  # noqa: F401

    chosen = [*overrides]
    if not any(line.startswith("train.checkpoint_seconds=") for line in overrides):
        chosen.append("train.checkpoint_seconds=0")
    options = [str(recipe.absolute()), *chosen, *(word for name in without for word in ("--no-plugin", name))]
    generator = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="seqkit-verify-") as folder:
        trial = _Trial(Path(folder) / "whole", options)
        began = time.monotonic()
        trial.start(None)
        seconds, boundaries = time.monotonic() - began, trial.boundaries
        if trial.code:
            raise _Failed(trial.code, trial.complaints)
        whole = trial.run
        assert whole is not None
        kinds = len(set(boundaries))
        say(f"not killed: {seconds:.1f} s, {len(boundaries)} boundaries of {kinds} kinds")
        done = 0
        for number, planned in enumerate(islice(_moments(boundaries, seconds, generator), 4 * kills), start=1):
            killed = _Trial(Path(folder) / f"killed-{number}", options)
            for kill in planned[: kills - done]:
                if killed.start(kill):
                    done += 1
                    say(f"kill {done}: {kill}: {killed.standing}")
            killed.start(None)
            if killed.code:
                say(f"going on failed with exit code {killed.code}: {' '.join(killed.complaints)}")
                return False
            assert killed.run is not None
            if difference := first_difference(whole, killed.run):
                say(f"differs from the run that was not killed: {difference}")
                return False
            if done == kills:
                break
    if done < kills:
        say(f"only {done} of {kills} kills could be made in {number} runs, which ended before: nothing is proved")
        return False
    say(f"{done} kills in {number} runs: each ended as the run that was not killed, byte for byte")
    return True


class _Failed(SeqkitError):
    """The recipe does not run even when it is left alone."""

    def __init__(self, code: int, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.exit_code = code
        self._lines = list(lines)

    @property
    def lines(self) -> list[str]:
        return self._lines


def _moments(boundaries: list[str], seconds: float, generator: random.Random) -> Iterator[list[_Kill]]:
    """Yields the kills of one run after another: at a boundary, of one kind after another, and then at any moment."""
    kinds: dict[str, list[int]] = {}
    for number, what in enumerate(boundaries, start=1):
        kinds.setdefault(what, []).append(number)
    while True:
        for what in generator.sample(list(kinds), len(kinds)):
            boundary = generator.choice(kinds[what])
            yield [_Kill(boundary=boundary, what=what), _Kill(seconds=generator.uniform(0, seconds))]


class _Trial:
    """One run, started as often as it is killed.

    Attributes:
        code: what the last process ended with.
        boundaries: what came after each boundary that it passed, where it was not killed.
        complaints: what it wrote on stderr.
    """

    def __init__(self, folder: Path, options: Sequence[str]) -> None:
        self.folder = folder
        self.runs = folder / "runs"
        self.options = options
        self.code = 0
        self.boundaries: list[str] = []
        self.complaints: list[str] = []
        folder.mkdir()

    @property
    def run(self) -> Path | None:
        """The run directory, once there is one."""
        found = [path for path in self.runs.iterdir() if path.name[0] != "."] if self.runs.is_dir() else []
        return found[0] if found else None

    @property
    def standing(self) -> str:
        """What the run directory holds."""
        if self.run is None:
            return "no run directory yet"
        from seqkit.checkpoint import list_checkpoints

        checkpoints = list_checkpoints(RunDirectory(self.run))
        return f"{checkpoints[0].name} stands" if checkpoints else "no checkpoint stands"

    def start(self, kill: _Kill | None) -> bool:
        """Starts the run, or goes on with it, in a process of its own; returns whether that was killed."""
        resume = ["--resume", str(self.run)] if self.run else []
        noted, complaints = self.folder / "boundaries", self.folder / "stderr"
        process = os.fork()
        if process == 0:  # pragma: no cover - in the child, which ends here
            try:
                _redirect(self.folder / "stdout", complaints)
                passed = _note_boundaries(self.runs, kill.boundary if kill else None)
                from seqkit.cli import execute

                code = execute(["run", "--runs", str(self.runs), *resume, *self.options])
                noted.write_text("\n".join(passed), encoding="utf-8")
            except BaseException as error:
                os.write(2, f"{type(error).__name__}: {error}\n".encode())
                code = 1
            os._exit(code)
        status = _wait(process, kill.seconds if kill else None)
        lines = complaints.read_text(encoding="utf-8").splitlines()
        self.complaints = [line.removeprefix("seqkit: ") for line in lines]
        self.code = os.waitstatus_to_exitcode(status)
        if self.code == 0:
            self.boundaries = noted.read_text(encoding="utf-8").splitlines()
        return self.code == -signal.SIGKILL


def _redirect(out: Path, complaints: Path) -> None:
    for number, path in ((1, out), (2, complaints)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))


def _note_boundaries(folder: Path, kill_at: int | None) -> list[str]:
    """Notes, from now on, what this process does to the files of a folder, and kills it before the given one.

    Returns:
        What was done, which goes on growing; numbers in the names of files are left out.
    """
    noted: list[str] = []
    sync = os.fsync

    def passed(event: str, path: str) -> None:
        noted.append(f"{event} {re.sub('[0-9]+', 'N', os.path.relpath(path, folder))}")
        if len(noted) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS and isinstance(arguments[0], str | os.PathLike):
            path = os.fspath(arguments[0])
            if path.startswith(str(folder)):
                passed(event.removeprefix("os.").removeprefix("shutil."), path)

    def noted_sync(descriptor: Any) -> None:
        try:
            path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        except OSError:  # a system without /proc
            path = str(folder)
        passed("sync", path)
        sync(descriptor)

    sys.addaudithook(hook)
    os.fsync = noted_sync  # type: ignore[assignment]
    return noted


def _wait(process: int, seconds: float | None) -> int:
    """Waits for a process to end, and kills it after so many seconds; returns its status."""
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


def first_difference(one: Path, other: Path) -> str:
    """Returns where two run directories first differ, or nothing: all but their timing."""
    first, second = RunDirectory(one), RunDirectory(other)
    for a, b in ((first.metrics, second.metrics), (first.recipe, second.recipe), (first.tokenizer, second.tokenizer)):
        if difference := _lines_differ(a.read_text(encoding="utf-8"), b.read_text(encoding="utf-8"), a.name):
            return difference
    if difference := _tensors_differ(first.model, second.model, first.model.name):
        return difference
    for a, b in ((first.plan, second.plan), (first.result, second.result)):
        untimed = [json.dumps(_untimed(json.loads(path.read_text(encoding="utf-8"))), indent=1) for path in (a, b)]
        if difference := _lines_differ(untimed[0], untimed[1], a.name):
            return difference
    return _checkpoints_differ(first, second)


def _checkpoints_differ(first: RunDirectory, second: RunDirectory) -> str:
    from seqkit.checkpoint import list_checkpoints

    last = [list_checkpoints(run)[:1] for run in (first, second)]
    names = [found[0].name if found else "none" for found in last]
    if names[0] != names[1]:
        return f"the last checkpoint is {names[1]}, not {names[0]}"
    if not last[0]:
        return ""
    one, other = last[0][0], last[1][0]
    files = [{file.name for file in folder.iterdir()} for folder in (one, other)]
    if odd := files[0] ^ files[1]:
        return f"{names[0]}/{min(odd)} is in one alone"
    for name in sorted(name for name in files[0] if name.endswith(".safetensors")):
        if difference := _tensors_differ(one / name, other / name, f"{names[0]}/{name}"):
            return difference
    states = [json.loads((folder / "state.json").read_text(encoding="utf-8")) for folder in (one, other)]
    for state in states:
        del state["progress"]["seconds"]
    texts = [json.dumps(state, indent=1) for state in states]
    return _lines_differ(texts[0], texts[1], f"{names[0]}/state.json")


def _tensors_differ(one: Path, other: Path, name: str) -> str:
    if one.read_bytes() == other.read_bytes():
        return ""
    from safetensors.torch import load

    first, second = load(one.read_bytes()), load(other.read_bytes())
    if first.keys() != second.keys():
        return f"{name}: {min(first.keys() ^ second.keys())} is in one alone"
    for key in sorted(first):
        if first[key].shape != second[key].shape or not first[key].equal(second[key]):
            return f"{name}: {key}"
    return f"{name}: its bytes"


def _lines_differ(one: str, other: str, name: str) -> str:
    first, second = one.splitlines(), other.splitlines()
    for number, (a, b) in enumerate(zip(first, second, strict=False), start=1):
        if a != b:
            return f"{name}:{number}: {b.strip()[:80]}, not {a.strip()[:80]}"
    return "" if len(first) == len(second) else f"{name}: {len(second)} lines, not {len(first)}"


def _untimed(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "timing"}
