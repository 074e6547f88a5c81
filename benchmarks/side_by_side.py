"""What the benchmarks have in common: both sides measured in turn, checked to compute the same, and recorded.

A benchmark is a script with a list of jobs. For each job it builds its peer, the plain PyTorch code that somebody would
write without seqkit, holds the two against each other on the same numbers, and only then times them, one after the
other, round after round, so that a machine whose speed drifts does so for both. What it prints goes into RESULTS.md
beside this file, a section a script, under the command that made it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from record import ROOT, machine, merged, replace

RECORD = Path(__file__).resolve().parent / "RESULTS.md"

HEADER = """# How fast, beside what a PyTorch user writes

Written by the scripts of this folder (`make bench DATA=…` runs them all), a section a script; no figure is typed by
hand. `DATA` stands for the folder that holds the data sets. The two sides of a row are measured in turn in one run; a
ratio is the median over the rounds, with the least and the greatest beside it.
"""


@dataclass(frozen=True)
class Measured:
    """One job, done by seqkit and by its peer.

    Attributes:
        job: what is done.
        unit: of the figures, as in `ms a step`.
        ours, peer: a figure a round, those of one round measured one right after the other.
        goal: what is asked for: how many times as fast at least; or what share of the peer's figure at most.
        faster: which of the two kinds the goal is.
        same: what was compared before anything was timed, and how far it differed.
        peer_is: the peer in a few words.
        limit: where the goal is not met, what limits it, with the measurement that shows it.
    """

    job: str
    unit: str
    ours: Sequence[float]
    peer: Sequence[float]
    goal: float
    same: str
    peer_is: str
    faster: bool = True
    limit: str = ""

    @property
    def ratios(self) -> list[float]:
        """Returns for each round how many times as fast seqkit is; or its share of the peer's figure."""
        pairs = zip(self.ours, self.peer, strict=True)
        return [peer / ours if self.faster else ours / peer for ours, peer in pairs]

    @property
    def is_met(self) -> bool:
        ratio = median(self.ratios)
        return ratio >= self.goal if self.faster else ratio <= self.goal


@dataclass
class Options:
    """What a benchmark was told.

    Attributes:
        data: the folder that holds the data sets, or None.
        rounds: how often each side is measured.
        jobs: parts of the names of the jobs to do; all where empty.
    """

    data: Path | None
    rounds: int
    jobs: list[str] = field(default_factory=list)

    def wants(self, job: str) -> bool:
        return not self.jobs or any(part in job for part in self.jobs)

    def file(self, name: str) -> Path:
        """Returns a file of the data folder.

        Raises:
            SystemExit: it is not there.
        """
        if self.data is None or not (self.data / name).exists():
            raise SystemExit(f"this needs {name} under the folder that --data names")
        return self.data / name


def main(script: str, description: str, measure: Callable[[Options], list[Measured]], rounds: int) -> int:
    """Runs a benchmark and records what it found; returns the exit code.

    Args:
        script: its file.
        rounds: how often each side is measured, unless the command says otherwise.
    """
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--data", type=Path, metavar="DIR", help="the folder that holds the data sets")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"how often to measure each side ({rounds})")
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="do only jobs whose name holds this; record nothing")
    given = parser.parse_args()
    found = measure(Options(given.data, given.rounds, given.jobs))
    content = table(found)
    print(content)
    if not given.jobs:
        name = Path(script).resolve().relative_to(ROOT)
        title = f"## `python {name}{' --data DATA' if given.data else ''}`"
        before = RECORD.read_text(encoding="utf-8") if RECORD.exists() else ""
        replace(
            RECORD, merged(before, HEADER, title, f"{introduction(description)}\n\n{content}\n\n{facts(given.rounds)}")
        )
    return 0


def table(found: Sequence[Measured]) -> str:
    """Returns a row a job, and below it what was compared and what limits where a goal is not met."""
    lines = ["| job | seqkit | peer | ratio | goal | met |", "|---|---:|---:|---:|---:|---|"]
    for each in found:
        least, middle, greatest = min(each.ratios), median(each.ratios), max(each.ratios)
        goal = f"at least {each.goal:g}" if each.faster else f"at most {each.goal:g}"
        lines.append(
            f"| {each.job} | {spread(each.ours)} {each.unit} | {spread(each.peer)} {each.unit} | "
            f"**{middle:.2f}** ({least:.2f} to {greatest:.2f}) | {goal} | {'yes' if each.is_met else 'no'} |"
        )
    lines.append("")
    for each in found:
        limit = f" {each.limit}" if each.limit and not each.is_met else ""
        lines.append(f"- {each.job}: the peer is {each.peer_is}. Compared: {each.same}.{limit}")
    return "\n".join(lines)


def spread(figures: Sequence[float]) -> str:
    """Returns the median of some figures, and how far they lie apart."""
    return f"{number(median(figures))} ({number(min(figures))} to {number(max(figures))})"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def introduction(description: str) -> str:
    """Returns the paragraphs of a script's docstring that are for readers of the record: all but its command."""
    return "\n\n".join(part.strip() for part in description.strip().split("\n\n") if not part.startswith("    "))


def facts(rounds: int) -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("seqkit", "torch", "numpy"))
    date = datetime.now(UTC).date().isoformat()
    return f"{rounds} rounds; Python {platform.python_version()}, {versions}; {machine()}; {date}"


def in_turn(ours: Callable[[], Any], peer: Callable[[], Any], rounds: int) -> tuple[list[float], list[float]]:
    """Returns the seconds that each of two calls takes, measured in turn, after one of each that does not count."""
    ours(), peer()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, seconds in zip((ours, peer), times, strict=True):
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
    return times


@dataclass(frozen=True)
class Process:
    """What a process of its own came to.

    Attributes:
        seconds: from its start to its end.
        peak: the most memory that it held, in bytes.
        output: what it printed.
    """

    seconds: float
    peak: int
    output: str

    @property
    def answer(self) -> Any:
        """What it printed last, a line of JSON."""
        return json.loads(self.output.strip().splitlines()[-1])


def process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Process:
    """Runs a command to its end, from the top of the repository.

    Args:
        environment: variables to set, besides those that are.

    Raises:
        SystemExit: it failed; its last lines are told.
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
        raise SystemExit(f"{' '.join(command)}: exit {started.returncode}\n{output[-2000:]}")
    return Process(seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), output)


class Runner:
    """A process that does the same work over and over, a lap whenever it is told to, so that two can take turns.

    The process calls `lap` around each lap, and `finished` at its end.

    Attributes:
        answer: what it said at its end; None before.
        peak: the most memory that it held, in bytes; known then too.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.answer: Any = None
        self.peak = 0

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the process where it has not ended by itself."""
        self._process.kill()
        self._process.communicate()

    def wait(self) -> None:
        """Waits until it is ready for a lap, or has ended."""
        line = self._line()
        if line.strip() != _READY:
            self.answer = json.loads(line)
            self.peak = self.answer["peak"]

    def lap(self) -> float:
        """Has it do a lap, and get ready for the next; returns the seconds of the lap."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        seconds = float(self._line())
        self.wait()
        return seconds

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args!r}: ended early")
        return line


_READY = "ready"


def wait_for_lap() -> None:
    """In a process that a `Runner` started: says that it is ready, and waits to be told."""
    print(_READY, flush=True)
    input()


@contextmanager
def lap() -> Iterator[None]:
    """In such a process: waits to be told, and tells how long the block took."""
    wait_for_lap()
    began = time.perf_counter()
    yield
    print(time.perf_counter() - began, flush=True)


def finished(**answer: Any) -> None:
    """In such a process: prints its answer, with the most memory that it held."""
    print(json.dumps(answer | {"peak": peak_memory()}), flush=True)


def peak_memory() -> int:
    """Returns the most memory that this process has held, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # where getrusage also counts what held the process that started this one
        return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def race(
    ours: Sequence[str], peer: Sequence[str], laps: int, between: Callable[[], None] = lambda: None
) -> tuple[list[float], list[float], Runner, Runner]:
    """Runs two processes, a lap of one and a lap of the other in turn, each while the other waits.

    Args:
        between: is called between the two laps.

    Returns:
        The seconds of each one's laps, and both, ended.
    """
    times: tuple[list[float], list[float]] = ([], [])
    with Runner(ours) as one, Runner(peer) as other:
        one.wait()
        other.wait()
        for _ in range(laps):
            times[0].append(one.lap())
            between()
            times[1].append(other.lap())
    return *times, one, other


def rate() -> float:
    """Returns the multiply-adds a second of float32 matrices of 2,048 by 2,048, on all cores."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    one, other = torch.randn(2, 2048, 2048)
    product = one @ other
    began = time.perf_counter()
    for _ in range(5):
        torch.mm(one, other, out=product)
    return 5 * 2048**3 / (time.perf_counter() - began)
