"""The kernels of an LSTM layer compared with each other: the measurements behind the constants of `lstm/dispatch.py`.

    python -m benchmarks.training.kernels

A batch with 100 time steps passes forward and backward through one layer with each of two kernels alternately; the
shortest time of each counts. The criterion is the number that `dispatch.py` compares with its constant in order to
choose between the two. A row is marked as slower if the kernel that is not chosen was faster by more than 10%.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.harness.comparison import introduction, measurement_facts
from benchmarks.harness.processes import module_name
from benchmarks.harness.record import RESULTS, write_atomically
from benchmarks.harness.timing import alternate_calls
from seqkit.contracts import Lookup
from seqkit.encoders.lstm import dispatch
from seqkit.encoders.lstm.dispatch import KernelChoice
from seqkit.encoders.lstm.layers import LSTMLayers
from seqkit.layers.parallel import MAX_JOBS, worker_threads
from seqkit.layers.penalties import ActivationPenalties
from seqkit.modeling.device import isolated_torch_state

TIME = 100
RECORD = RESULTS / "kernels.md"


class Case(NamedTuple):
    """One layer and batch, and two kernels for it.

    Attributes:
        name: Sizes of the layer and the batch.
        criterion: What `dispatch.py` would compare with its constant.
        chooses_first: Whether `dispatch.py` would choose the first kernel.
        first, second: The two kernels.
        inputs: (batch, time, input_size), or ids or a lookup in their place.
        lengths: int64 (batch,).
        sizes: Arguments of `LSTMLayers`.
    """

    name: str
    criterion: float
    chooses_first: bool
    first: KernelChoice
    second: KernelChoice
    inputs: Any
    lengths: Tensor
    sizes: dict[str, int]


def kernel(
    directions: int, rows: int, *, uses_lookup: bool = False, uses_recurrence: bool = False, allow_parallel: bool = True
) -> KernelChoice:
    """Return a kernel, with the division into parallel jobs that `dispatch.py` would choose for a large batch.

    Args:
        directions: 1 or 2.
        rows: The rows of the batch.
        uses_lookup, uses_recurrence: See `KernelChoice`.
        allow_parallel: Whether to divide the layer into parallel jobs.
    """
    is_large = allow_parallel and rows >= MAX_JOBS * dispatch.MIN_JOB_ROWS
    row_chunks = MAX_JOBS // directions if is_large else 1
    parallel = allow_parallel and row_chunks * directions > 1
    bidirectional_call = directions == 2 and not (parallel or uses_recurrence)
    return KernelChoice(uses_lookup, uses_recurrence, row_chunks, parallel, bidirectional_call)


def directions_and_rows(directions: int, rows: int) -> str:
    return f"{directions} direction{'s' * (directions > 1)}, {rows} rows"


def parallel_cases() -> Iterator[Case]:
    """First: two parallel jobs. Second: one after the other. torch's kernel, no padding. Criterion: multiply-adds."""
    for directions in (1, 2):
        for rows, hidden_size in ((32, 16), (32, 32), (32, 48), (32, 64), (32, 128)):
            work = rows * TIME * 4 * hidden_size * 2 * hidden_size
            yield Case(
                f"{directions_and_rows(directions, rows)}, {hidden_size} units",
                work,
                work >= dispatch.MIN_JOB_WORK,
                kernel(directions, rows),
                kernel(directions, rows, allow_parallel=False),
                torch.randn(rows, TIME, hidden_size, requires_grad=True),
                torch.full((rows,), TIME),
                {"input_size": hidden_size, "hidden_size": hidden_size, "directions": directions},
            )


def lookup_cases() -> Iterator[Case]:
    """First: input products looked up, with seqkit's recurrence. Second: multiplied, with torch's kernel."""
    for directions in (1, 2):
        for rows, width, hidden_size, distinct in (
            *((32, 65, 128, 0), (64, 65, 128, 0), (64, 65, 256, 0), (32, 400, 64, 0), (32, 3200, 128, 0)),
            *((16, 128, 128, 400), (32, 64, 64, 400), (32, 128, 64, 400), (32, 128, 128, 1600), (32, 128, 128, 800)),
            *((64, 128, 128, 800), (32, 256, 256, 800)),
        ):
            lengths = torch.randint(TIME * 9 // 10, TIME + 1, (rows,))
            lengths[0] = TIME
            real_time_steps, row_chunks = int(lengths.sum()), kernel(directions, rows).row_chunks
            ids = torch.randint(0, distinct or width, (rows, TIME))
            fraction = max(0, real_time_steps - row_chunks * distinct) / real_time_steps
            saved = dispatch.saved_work(3 if distinct else 2, rows // row_chunks, fraction, width, hidden_size)
            vectors = f"{distinct} vectors of {width}" if distinct else f"one-hot of {width}"
            yield Case(
                f"{directions_and_rows(directions, rows)}, {vectors}, {hidden_size} units",
                saved,
                saved >= dispatch.MIN_LOOKUP_WORK,
                kernel(directions, rows, uses_lookup=True, uses_recurrence=True),
                kernel(directions, rows),
                Lookup(ids, torch.randn(distinct, width, requires_grad=True)) if distinct else ids,
                lengths,
                {"input_size": width, "hidden_size": hidden_size, "directions": directions},
            )


def padding_cases() -> Iterator[Case]:
    """First: seqkit's recurrence, which skips padding. Second: torch's kernel. Criterion: share of real time steps."""
    for directions in (1, 2):
        for shortest in (10, 40, 60, 70, 80, 90):
            lengths = torch.linspace(shortest, TIME, 32).long()
            fill = int(lengths.sum()) / (32 * TIME)
            yield Case(
                f"{directions_and_rows(directions, 32)} of {shortest} to {TIME} time steps, 128 units",
                fill,
                fill < dispatch.MIN_FILL,
                kernel(directions, 32, uses_recurrence=True),
                kernel(directions, 32),
                torch.randn(32, TIME, 128, requires_grad=True),
                lengths,
                {"input_size": 128, "hidden_size": 128, "directions": directions},
            )


SECTIONS = {"MIN_JOB_WORK": parallel_cases, "MIN_LOOKUP_WORK": lookup_cases, "MIN_FILL": padding_cases}
"""The cases for each constant of `dispatch.py`."""


def calls(case: Case) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return a call for each kernel of a case: one forward and one backward pass."""
    nothing = {"dropout": None, "penalties": ActivationPenalties(0.0, 0.0)}
    layers = LSTMLayers(num_layers=1, bias=True, proj_size=0, **nothing, **case.sizes)  # type: ignore[arg-type]

    def call_with(choice: KernelChoice) -> Callable[[], None]:
        def call() -> None:
            layers._choose_kernels = lambda *_: [choice]  # type: ignore[method-assign]
            encoded = layers(case.inputs, case.lengths)
            (encoded.outputs.sum() + encoded.final.sum()).backward()

        return call

    return call_with(case.first), call_with(case.second)


def section(cases: Callable[[], Iterator[Case]], constant: str, rounds: int) -> str:
    """Measure the cases of one constant of `dispatch.py`, and return their section of the record.

    Args:
        cases: Yields the cases; its docstring describes the two kernels.
        constant: The name of the constant.
        rounds: The number of measurements of each kernel.
    """
    value = getattr(dispatch, constant)
    lines = [
        f"## {constant} = {value:,}",
        "",
        cases.__doc__ or "",
        "",
        "| layer and batch | criterion | first | second | speedup | chosen |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for case in cases():
        first, second = (1000 * min(times) for times in alternate_calls(*calls(case), rounds))
        speedup = second / first
        is_slower = (speedup < 1 / 1.1) if case.chooses_first else (speedup > 1.1)
        criterion = f"{case.criterion:,.2f}" if value < 1 else f"{case.criterion:,.0f}"
        chosen = ("first" if case.chooses_first else "second") + (" (slower)" if is_slower else "")
        lines.append(f"| {case.name} | {criterion} | {first:.1f} ms | {second:.1f} ms | {speedup:.2f} | {chosen} |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> int:
    """Measure every case and write the record."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {module_name(__file__)}", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=9,
        metavar="N",
        help="number of measurements of each kernel (default: %(default)s)",
    )
    rounds = parser.parse_args().rounds
    with isolated_torch_state(seed=1), worker_threads(MAX_JOBS):
        torch.set_num_threads(1)
        sections = [section(cases, constant, rounds) for constant, cases in SECTIONS.items()]
    header = (
        f"# Which kernel computes a layer\n\nGenerated by `python -m {module_name(__file__)}`; do not edit by hand."
    )
    text = "\n\n".join([header, introduction(__doc__ or ""), *sections, measurement_facts(rounds)])
    write_atomically(RECORD, text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
