"""Where one way of computing a layer of LSTM overtakes another: what the constants of `encoders/paths.py` rest on.

    python benchmarks/paths.py

A batch of 100 steps goes forwards and backwards through one layer by each of two ways in turn, and the least time of
each counts. The number is what `paths.py` compares with its constant; from the constant on, the first way is taken.
A row in which the way that is not taken was the faster by more than a tenth is marked.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from record import ROOT, replace
from side_by_side import facts, in_turn, introduction
from torch import Tensor

from seqkit.contracts import Lookup
from seqkit.device import borrowed_torch
from seqkit.encoders import paths
from seqkit.encoders.lstm_layers import LSTMLayers
from seqkit.workers import workers

TIME = 100
RECORD = ROOT / "benchmarks" / "PATHS.md"


class Case(NamedTuple):
    """One layer and batch, and two ways to compute it.

    Attributes:
        number: what `paths.py` would compare with its constant.
        takes_first: whether it would then take the first way.
        first, second: the ways.
    """

    name: str
    number: float
    takes_first: bool
    first: paths.Path
    second: paths.Path
    inputs: Any
    lengths: Tensor
    sizes: dict[str, int]


def way(directions: int, rows: int, *, looks_up: bool = False, recurs: bool = False, jobs: bool = True) -> paths.Path:
    parts = paths.JOBS // directions if jobs and rows >= paths.JOBS * paths.ROWS_A_JOB else 1
    together = jobs and parts * directions > 1
    return paths.Path(looks_up, recurs, parts, together, at_once=directions == 2 and not (together or recurs))


def jobs() -> Iterator[Case]:
    """Two jobs side by side, or one after the other: torch's kernel, no padding; the number is multiply-adds."""
    for directions in (1, 2):
        for rows, hidden_size in ((32, 16), (32, 32), (32, 48), (32, 64), (32, 128)):
            work = rows * TIME * 4 * hidden_size * 2 * hidden_size
            yield Case(
                f"{directions} direction{'s' * (directions > 1)}, {rows} rows, {hidden_size} units",
                work,
                work >= paths.WORTH_A_JOB,
                way(directions, rows),
                way(directions, rows, jobs=False),
                torch.randn(rows, TIME, hidden_size, requires_grad=True),
                torch.full((rows,), TIME),
                {"input_size": hidden_size, "hidden_size": hidden_size, "directions": directions},
            )


def lookups() -> Iterator[Case]:
    """The input looked up, with seqkit's recurrence, or multiplied, with torch's kernel."""
    for directions in (1, 2):
        for rows, width, hidden_size, distinct in (
            *((32, 65, 128, 0), (64, 65, 128, 0), (64, 65, 256, 0), (32, 400, 64, 0), (32, 3200, 128, 0)),
            *((16, 128, 128, 400), (32, 64, 64, 400), (32, 128, 64, 400), (32, 128, 128, 1600), (32, 128, 128, 800)),
            *((64, 128, 128, 800), (32, 256, 256, 800)),
        ):
            lengths = torch.randint(TIME * 9 // 10, TIME + 1, (rows,))
            lengths[0] = TIME
            real, parts = int(lengths.sum()), way(directions, rows).parts
            ids = torch.randint(0, distinct or width, (rows, TIME))
            share = max(0, real - parts * distinct) / real
            number = paths.spared(3 if distinct else 2, rows // parts, share, width, hidden_size)
            kind = f"{distinct} vectors of {width}" if distinct else f"one-hot of {width}"
            yield Case(
                f"{directions} direction{'s' * (directions > 1)}, {rows} rows, {kind}, {hidden_size} units",
                number,
                number >= paths.LOOK_UP_FROM,
                way(directions, rows, looks_up=True, recurs=True),
                way(directions, rows),
                Lookup(ids, torch.randn(distinct, width, requires_grad=True)) if distinct else ids,
                lengths,
                {"input_size": width, "hidden_size": hidden_size, "directions": directions},
            )


def padding() -> Iterator[Case]:
    """seqkit's recurrence, which skips the padding, or torch's kernel; the number is the share of real steps."""
    for directions in (1, 2):
        for shortest in (10, 40, 60, 70, 80, 90):
            lengths = torch.linspace(shortest, TIME, 32).long()
            share = int(lengths.sum()) / (32 * TIME)
            yield Case(
                f"{directions} direction{'s' * (directions > 1)}, 32 rows of {shortest} to {TIME} steps, 128 units",
                share,
                share < paths.FULL,
                way(directions, 32, recurs=True),
                way(directions, 32),
                torch.randn(32, TIME, 128, requires_grad=True),
                lengths,
                {"input_size": 128, "hidden_size": 128, "directions": directions},
            )


def calls(case: Case) -> tuple[Callable[[], None], Callable[[], None]]:
    layers = LSTMLayers(num_layers=1, bias=True, dropout=0.0, proj_size=0, **case.sizes)

    def by(path: paths.Path) -> Callable[[], None]:
        def call() -> None:
            layers._paths = lambda *_: [path]  # type: ignore[method-assign]
            encoded = layers(case.inputs, case.lengths)
            (encoded.outputs.sum() + encoded.final.sum()).backward()

        return call

    return by(case.first), by(case.second)


def section(cases: Callable[[], Iterator[Case]], constant: str, rounds: int) -> str:
    lines = [
        f"## {constant} = {getattr(paths, constant):,}",
        "",
        cases.__doc__ or "",
        "",
        "| layer and batch | number | first way | second way | times as fast | taken |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for case in cases():
        first, second = (1000 * min(times) for times in in_turn(*calls(case), rounds))
        ratio = second / first
        wrong = (ratio < 1 / 1.1) if case.takes_first else (ratio > 1.1)
        number = f"{case.number:,.2f}" if constant == "FULL" else f"{case.number:,.0f}"
        taken = ("first" if case.takes_first else "second") + (" (slower)" if wrong else "")
        lines.append(f"| {case.name} | {number} | {first:.1f} ms | {second:.1f} ms | {ratio:.2f} | {taken} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often to measure each way (9)")
    rounds = parser.parse_args().rounds
    with borrowed_torch(seed=1), workers(paths.JOBS):
        torch.set_num_threads(1)
        sections = [
            section(jobs, "WORTH_A_JOB", rounds),
            section(lookups, "LOOK_UP_FROM", rounds),
            section(padding, "FULL", rounds),
        ]
    head = f"# Which way a layer is computed\n\nWritten by `python benchmarks/{Path(__file__).name}`."
    text = "\n\n".join([head, introduction(__doc__ or ""), *sections, facts(rounds)])
    replace(RECORD, text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
