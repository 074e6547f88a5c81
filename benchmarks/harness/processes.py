"""Run measured processes: a command from start to end, or two processes that take turns, one round at a time.

Imports neither torch nor seqkit: a child process inherits the peak memory of the process that starts it, and reference
processes must not pay for the import of seqkit.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness.record import ROOT

_READY = "ready"

_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes per unit of `ru_maxrss`."""


def module_name(file: str) -> str:
    """Return the dotted name of a module of this repository, for `python -m`.

    Args:
        file: Path of the module, usually its `__file__`.
    """
    return ".".join(Path(file).resolve().relative_to(ROOT).with_suffix("").parts)


def module_command(file: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of this repository with this Python."""
    return [sys.executable, "-m", module_name(file), *arguments]


def run_seqkit(*arguments: str | Path) -> str:
    """Run a command of seqkit, and return what it prints.

    Raises:
        SystemExit: it failed; it has printed why.
    """
    command = [sys.executable, "-m", "seqkit", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8")
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout


@dataclass(frozen=True)
class FinishedProcess:
    """Measurements of a process that has ended.

    Attributes:
        seconds: Time from start to end.
        peak_memory: Peak resident memory, in bytes.
        output: What the process printed, standard error included.
    """

    seconds: float
    peak_memory: int
    output: str

    @property
    def result(self) -> Any:
        """The last line of the output, parsed as JSON."""
        return json.loads(self.output.strip().splitlines()[-1])


def run_process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> FinishedProcess:
    """Run a command to its end, from the top of the repository.

    Args:
        environment: Environment variables to set in addition to the current ones.

    Raises:
        SystemExit: The command failed; the message contains the end of its output.
    """
    began = time.perf_counter()
    started = subprocess.Popen(
        command,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | (environment or {}),
    )
    assert started.stdout is not None
    with started.stdout:
        output = started.stdout.read()
    _, status, usage = os.wait4(started.pid, 0)
    seconds = time.perf_counter() - began
    started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {started.returncode}\n{output[-2000:]}")
    return FinishedProcess(seconds, usage.ru_maxrss * _MAXRSS_UNIT, output)


class RoundProcess:
    """A process that repeats the same work, one round at a time, so that two processes can take turns.

    The process wraps each round in `timed_round` and calls `report_result` at its end.

    Args:
        command: The command to run, from the top of the repository.

    Attributes:
        result: What the process passed to `report_result`; None until it has ended.
        peak_memory: Peak resident memory of the process, in bytes; 0 until it has ended.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.result: Any = None
        self.peak_memory = 0

    def __enter__(self) -> RoundProcess:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the process if it is still running."""
        self._process.kill()
        self._process.communicate()

    def wait_until_ready(self) -> None:
        """Wait until the process is ready for a round or has reported its result."""
        line = self._read_line()
        if line.strip() != _READY:
            self.result = json.loads(line)
            self.peak_memory = self.result["peak_memory"]

    def run_round(self) -> float:
        """Run one round, wait until the process is ready for the next, and return the seconds of the round."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        seconds = float(self._read_line())
        self.wait_until_ready()
        return seconds

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args!r}: the process ended before its last round")
        return line


def alternate_processes(
    ours: Sequence[str], reference: Sequence[str], rounds: int, between: Callable[[], object] = lambda: None
) -> tuple[list[float], list[float], RoundProcess, RoundProcess]:
    """Run two processes alternately, one round each at a time; each waits while the other works.

    Args:
        ours: The command of seqkit's process.
        reference: The command of the reference process.
        between: Called between the two rounds of each pair.

    Returns:
        The seconds of the rounds of each process, and the two processes, which have ended.
    """
    times: tuple[list[float], list[float]] = ([], [])
    with RoundProcess(ours) as our_process, RoundProcess(reference) as reference_process:
        our_process.wait_until_ready()
        reference_process.wait_until_ready()
        for _ in range(rounds):
            times[0].append(our_process.run_round())
            between()
            times[1].append(reference_process.run_round())
    return *times, our_process, reference_process


def wait_for_round() -> None:
    """In the child process of a `RoundProcess`: report readiness, and wait until the parent starts a round."""
    print(_READY, flush=True)
    input()


@contextmanager
def timed_round() -> Iterator[None]:
    """In the child process: wait until the parent starts a round, and report the seconds of the block."""
    wait_for_round()
    began = time.perf_counter()
    yield
    print(time.perf_counter() - began, flush=True)


def report_result(**result: Any) -> None:
    """In the child process: print the result and the peak memory as a line of JSON."""
    print(json.dumps(result | {"peak_memory": peak_memory()}), flush=True)


def peak_memory() -> int:
    """Return the peak resident memory of this process, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would include the peak memory of the parent process
        return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
