"""Greedy text generation, one stream and 64 parallel streams, compared with single time steps of nn.LSTM.

    python -m benchmarks.inference.generation

The models have random weights, chosen so that the generated texts vary; both sides use the same weights and generate
the same characters before they are timed. Loading is not included. The reference runs in its own process, as a user
would run it: nn.LSTM rearranges its weights at each time step, and the time for that depends on the memory that the
process has allocated before.
"""

from __future__ import annotations

import json
import os
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import seqkit
from benchmarks.harness.comparison import Comparison, Options, run_benchmark
from benchmarks.harness.processes import module_command
from benchmarks.harness.record import ROOT
from benchmarks.harness.timing import alternate_calls
from benchmarks.inference import generation_reference
from seqkit.inference.numpy_engine.blas import cores, single_threaded_blas
from seqkit.inference.numpy_engine.stepper import MAX_ROWS

ALPHABET = string.ascii_letters + string.digits + " .,"
ROUNDS = 7


@dataclass(frozen=True)
class Case:
    """A model, and the texts to generate with it.

    Attributes:
        num_layers, hidden_size: Sizes of the LSTM.
        rows: The number of parallel streams.
        length: The number of characters to generate in each stream.
        goal: The smallest speedup that meets the goal.
    """

    num_layers: int
    hidden_size: int
    rows: int
    length: int
    goal: float

    @property
    def name(self) -> str:
        streams = "one stream" if self.rows == 1 else f"{self.rows} parallel streams"
        return f"generate {self.length:,} characters, {streams}, LSTM {self.num_layers}x{self.hidden_size}"


CASES = [Case(1, 32, 1, 2_000, 10), Case(2, 128, 1, 2_000, 10), Case(2, 512, 1, 2_000, 10), Case(2, 256, 64, 500, 2)]


def measure(options: Options) -> list[Comparison]:
    """Measure the selected cases."""
    return [measure_case(case, options.rounds) for case in CASES if options.selects(case.name)]


def measure_case(case: Case, rounds: int) -> Comparison:
    """Verify and measure one case."""
    with tempfile.TemporaryDirectory() as folder:
        run = random_run(case, Path(folder))
        prompts = random_prompts(case.rows)
        our_prompts = prompts if case.rows > 1 else prompts[0]
        with fastest_reference(run.path / "model.safetensors", case, prompts) as (reference, threads):
            verified = verify_equal(run.generate(prompts, length=case.length), reference.generate(prompts, case.length))
            times = alternate_calls(
                lambda: run.generate(our_prompts, length=case.length),
                lambda: reference.generate(prompts, case.length),
                rounds,
            )
        per_time_step = [[1e6 * seconds / case.length for seconds in side] for side in times]
        return Comparison(
            case=case.name,
            unit="µs per time step",
            ours=per_time_step[0],
            reference=per_time_step[1],
            goal=case.goal,
            verified=verified,
            reference_name=(
                f"nn.LSTM one time step at a time, one-hot rows of torch.eye, in a separate process, with {threads}"
            ),
            limit=describe_limit(case, min(per_time_step[0])),
        )


def random_run(case: Case, folder: Path) -> Any:
    """Return a run with random weights, from the first seed whose texts vary to their end.

    Raises:
        SystemExit: No seed was found.
    """
    recipe = {
        "name": f"random-{case.num_layers}x{case.hidden_size}",
        "data": {"type": "text", "text": ALPHABET},
        "encoder": {"type": "lstm", "hidden_size": case.hidden_size, "num_layers": case.num_layers},
        "head": {"type": "next_char"},
        "train": {"steps": 1, "threads": 1},
        "baseline": "off",
    }
    file = seqkit.run(recipe, runs=folder, quiet=True).path / "model.safetensors"
    shapes = {name: tensor.shape for name, tensor in load_file(file).items()}
    for seed in range(50):
        generator = torch.Generator().manual_seed(seed)
        weights = {}
        for name, shape in shapes.items():
            is_input = "cells.0.weight_ih" in name  # a one-hot input reads a single column
            scale = 4.0 if is_input else 3.0 / shape[-1] ** 0.5 if len(shape) > 1 else 0.5
            weights[name] = scale * torch.randn(shape, generator=generator)
        save_file(weights, file)
        run = seqkit.load(file.parent)
        texts = run.generate(random_prompts(8), length=case.length)
        if distinct_characters(texts[:1]) >= 8 and distinct_characters(texts) >= 8:
            return run
    raise SystemExit("no random weights generate a varied text: change the scales or try more seeds")


def distinct_characters(texts: Sequence[str]) -> float:
    """Return the mean number of distinct characters in the second half of each text."""
    return fmean(len(set(text[len(text) // 2 :])) for text in texts)


def random_prompts(rows: int, length: int = 16) -> list[str]:
    """Return random prompts, the same in every call."""
    generator = np.random.default_rng(0)
    return ["".join(generator.choice(list(ALPHABET), length)) for _ in range(rows)]


class ReferenceProcess:
    """A process of `generation_reference.py`.

    Args:
        weights: A safetensors file.
        num_layers, hidden_size: Sizes of the LSTM.
        threads: The number of torch's threads, or 0 for torch's default.
    """

    def __init__(self, weights: Path, num_layers: int, hidden_size: int, threads: int) -> None:
        arguments = [str(weights), ALPHABET, str(num_layers), str(hidden_size), str(threads)]
        command = module_command(generation_reference.__file__, *arguments)
        self._process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def generate(self, prompts: Sequence[str], length: int) -> list[str]:
        """Return the text generated from each prompt."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"prompts": prompts, "length": length}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@contextmanager
def fastest_reference(weights: Path, case: Case, prompts: Sequence[str]) -> Iterator[tuple[ReferenceProcess, str]]:
    """Yield the reference with torch's default threads or with one thread, whichever is faster, and a description."""
    length = min(case.length, 200)
    processes = {threads: ReferenceProcess(weights, case.num_layers, case.hidden_size, threads) for threads in (0, 1)}
    try:
        medians = {}
        for threads, process in processes.items():
            process.generate(prompts, length)
            seconds = []
            for _ in range(5):
                began = time.perf_counter()
                process.generate(prompts, length)
                seconds.append(time.perf_counter() - began)
            medians[threads] = median(seconds)
        best = min(medians, key=medians.__getitem__)
        yield processes[best], "one thread, which is faster than its default" if best else "its default threads"
    finally:
        for process in processes.values():
            process.close()


def verify_equal(ours: Sequence[str], reference: Sequence[str]) -> str:
    """Verify that both sides generated the same texts, and describe what was compared.

    Raises:
        SystemExit: The texts differ.
    """
    for row, (our_text, other) in enumerate(zip(ours, reference, strict=True), start=1):
        if our_text != other:
            place = len(os.path.commonprefix([our_text, other]))
            raise SystemExit(f"row {row}: character {place + 1} differs: {our_text[place]!r} and {other[place]!r}")
    return (
        f"all {sum(map(len, ours)):,} characters are equal; the second half of a text has "
        f"{distinct_characters(ours):.0f} distinct characters"
    )


def describe_limit(case: Case, microseconds: float) -> str:
    """Measure the matrix products of a time step alone, and describe their share of the whole.

    Args:
        case: Sizes of the model and the number of streams.
        microseconds: The time of a whole time step.
    """
    vocab_size, size = len(ALPHABET), case.hidden_size
    shapes = [(4 * size, size)] + [(4 * size, 2 * size)] * (case.num_layers - 1) + [(vocab_size, size)]
    threads = min(cores(), max(1, case.rows // MAX_ROWS))
    columns = () if case.rows == 1 else (case.rows // threads,)
    generator = np.random.default_rng(0)
    pairs = [
        (
            generator.standard_normal(shape, dtype=np.float32),
            generator.standard_normal((shape[1], *columns), dtype=np.float32),
        )
        for shape in shapes
    ]
    times = []
    with single_threaded_blas():
        for _ in range(30):
            began = time.perf_counter()
            for weight, values in pairs:
                weight.dot(values)
            times.append(1e6 * (time.perf_counter() - began))
    shortest = min(times)
    numbers = sum(rows * width for rows, width in shapes)
    if case.rows == 1:
        rate = f"{4e-3 * numbers / shortest:.0f} GB of weights per second"
    else:
        rate = f"{2e-3 * numbers * case.rows / threads / shortest:.0f} GFLOP/s on each of {threads} cores"
    return f"The matrix products alone take {shortest:.3g} of the {microseconds:.3g} µs, at {rate}."


if __name__ == "__main__":
    sys.exit(run_benchmark(__file__, __doc__, measure, ROUNDS))
