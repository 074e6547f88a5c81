"""`seqkit verify-resume`: kill runs, resume them, and compare the results with an uninterrupted run.

Each run is a process of its own (`trial`). Runs are killed with SIGKILL, which no program can catch, in two ways: at a
boundary, just before a run opens, syncs, renames or removes something in its folder, when a file could be left
incomplete; and at a random time.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from seqkit.cli.run_differences import first_difference
from seqkit.cli.trial import Job, Kill, Trial, import_torch
from seqkit.errors import SeqkitError, UsageError
from seqkit.hookspecs import KINDS
from seqkit.messages import counted, message


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
    import_torch()
    chosen = [*overrides]
    if not any(line.startswith("train.checkpoint_seconds=") for line in overrides):
        chosen.append("train.checkpoint_seconds=0")
    chosen.append("train.trackers=[]")  # a server would record runs that are killed on purpose
    job = Job(recipe, tuple(chosen), tuple(without))
    generator = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="seqkit-verify-") as folder:
        reference = Trial(Path(folder) / "reference", job)
        if _session_has_components(without):
            reference.start(None)  # a new process would not have them
        else:
            reference.start_afresh()
        seconds, boundaries = reference.seconds, reference.boundaries
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
            trial = Trial(Path(folder) / f"killed-{number}", job)
            for kill in planned[: kills - done]:
                if trial.start(kill):
                    done += 1
                    report(message("kill {number}: {kill}: {state}", number=done, kill=str(kill), state=trial.state))
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
                "inconclusive: only {done} of {kills} took place in {runs}, which ended too early: "
                "increase train.epochs or train.steps",
                done=done,
                kills=counted(kills, "1 kill", "{count} kills"),
                runs=counted(number, "1 run", "{count} runs"),
            )
        )
        return False
    report(
        message(
            "{kills} in {runs}: each equals the uninterrupted run, byte for byte",
            kills=counted(done, "1 kill", "{count} kills"),
            runs=counted(number, "1 run", "{count} runs"),
        )
    )
    return True


def _session_has_components(without: Sequence[str]) -> bool:
    """Return whether this process has registered components of its own."""
    from seqkit.registry import load_registry
    from seqkit.registry.records import SESSION

    registry = load_registry(without=without)
    return any(entry.distribution == SESSION for kind in KINDS for entry in registry.all(kind))


class _RunFailed(SeqkitError):
    """The recipe does not run even without a kill."""

    def __init__(self, code: int, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.exit_code = code
        self._lines = list(lines)

    @property
    def lines(self) -> list[str]:
        return self._lines


def _plan_kills(boundaries: list[str], seconds: float, generator: random.Random) -> Iterator[list[Kill]]:
    """Yield the kills of one run after another: at a boundary, of each kind in turn, and then at a random time."""
    kinds: dict[str, list[int]] = {}
    for number, operation in enumerate(boundaries, start=1):
        kinds.setdefault(operation, []).append(number)
    while True:
        for operation in generator.sample(list(kinds), len(kinds)):
            boundary = generator.choice(kinds[operation])
            yield [Kill(boundary=boundary, operation=operation), Kill(seconds=generator.uniform(0, seconds))]
