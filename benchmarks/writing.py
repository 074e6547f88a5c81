"""Writing on from a prompt, greedily: one stream, and 64 at once, beside a loop of single steps of nn.LSTM.

    python benchmarks/writing.py

The models have random weights, drawn so that they write no constant text; both sides have the same ones, and write
the same characters before they are timed. Loading is no part of the figures. The peer has a process of its own, as its
user would run it: nn.LSTM lays its weights out anew at each step, and how long that takes depends on the memory that a
process has come to keep.
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
from side_by_side import Measured, Options, in_turn, main

import seqkit
from seqkit.infer.cores import cores, one_thread
from seqkit.infer.stepper import MAX_ROWS

ALPHABET = string.ascii_letters + string.digits + " .,"
ROUNDS = 7


@dataclass(frozen=True)
class Job:
    """So many rows that are written on by a model of some size.

    Attributes:
        length: how many characters a row.
    """

    num_layers: int
    hidden_size: int
    rows: int
    length: int
    goal: float

    @property
    def name(self) -> str:
        streams = "one stream" if self.rows == 1 else f"{self.rows} streams at once"
        return f"write {self.length:,} characters, {streams}, LSTM {self.num_layers}x{self.hidden_size}"


JOBS = [Job(1, 32, 1, 2_000, 10), Job(2, 128, 1, 2_000, 10), Job(2, 512, 1, 2_000, 10), Job(2, 256, 64, 500, 2)]


def measure(options: Options) -> list[Measured]:
    return [measured(job, options.rounds) for job in JOBS if options.wants(job.name)]


def measured(job: Job, rounds: int) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        run = random_run(job, Path(folder))
        prompts = random_prompts(job.rows)
        asked = prompts if job.rows > 1 else prompts[0]
        with fastest_peer(run.path / "model.safetensors", job, prompts) as (peer, threads):
            same = compared(run.generate(prompts, length=job.length), peer.write(prompts, job.length))
            times = in_turn(
                lambda: run.generate(asked, length=job.length), lambda: peer.write(prompts, job.length), rounds
            )
        per_step = [[1e6 * seconds / job.length for seconds in side] for side in times]
        return Measured(
            job=job.name,
            unit="µs a step of the streams",
            ours=per_step[0],
            peer=per_step[1],
            goal=job.goal,
            same=same,
            peer_is=f"nn.LSTM a step at a time, one-hot rows of torch.eye, in a process of its own, with {threads}",
            limit=limit(job, min(per_step[0])),
        )


def random_run(job: Job, folder: Path) -> Any:
    """Returns a run with random weights, of the first seed whose texts go on changing to their end."""
    recipe = {
        "name": f"random-{job.num_layers}x{job.hidden_size}",
        "data": {"type": "text", "text": ALPHABET},
        "encoder": {"type": "lstm", "hidden_size": job.hidden_size, "num_layers": job.num_layers},
        "head": {"type": "next_char"},
        "train": {"steps": 1, "threads": 1},
        "baseline": "off",
    }
    file = seqkit.run(recipe, runs=folder, quiet=True).path / "model.safetensors"
    shapes = {name: tensor.shape for name, tensor in load_file(file).items()}
    for seed in range(50):
        draw = torch.Generator().manual_seed(seed)
        weights = {}
        for name, shape in shapes.items():
            first = "cells.0.weight_ih" in name  # of which one column is read at a time
            scale = 4.0 if first else 3.0 / shape[-1] ** 0.5 if len(shape) > 1 else 0.5
            weights[name] = scale * torch.randn(shape, generator=draw)
        save_file(weights, file)
        run = seqkit.load(file.parent)
        texts = run.generate(random_prompts(8), length=job.length)
        if different(texts[:1]) >= 8 and different(texts) >= 8:
            return run
    raise SystemExit("every text drawn is next to constant")


def different(texts: Sequence[str]) -> float:
    """Returns how many characters differ in the second half of a text, in the mean."""
    return fmean(len(set(text[len(text) // 2 :])) for text in texts)


def random_prompts(rows: int, length: int = 16) -> list[str]:
    draw = np.random.default_rng(0)
    return ["".join(draw.choice(list(ALPHABET), length)) for _ in range(rows)]


class PeerProcess:
    """A process that writes as `writing_peer.py` does; it asks one line of JSON and answers one.

    Args:
        weights: a safetensors file.
        threads: of torch; 0 leaves its default.
    """

    def __init__(self, weights: Path, num_layers: int, hidden_size: int, threads: int) -> None:
        script = Path(__file__).with_name("writing_peer.py")
        arguments = [str(weights), ALPHABET, str(num_layers), str(hidden_size), str(threads)]
        self._process = subprocess.Popen(
            [sys.executable, str(script), *arguments], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def write(self, prompts: Sequence[str], length: int) -> list[str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"prompts": prompts, "length": length}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@contextmanager
def fastest_peer(weights: Path, job: Job, prompts: Sequence[str]) -> Iterator[tuple[PeerProcess, str]]:
    """Yields the peer with torch's default threads or with one, whichever writes faster, and which it is."""
    length = min(job.length, 200)
    peers = {threads: PeerProcess(weights, job.num_layers, job.hidden_size, threads) for threads in (0, 1)}
    try:
        seconds = {}
        for threads, peer in peers.items():
            peer.write(prompts, length)
            taken = []
            for _ in range(5):
                began = time.perf_counter()
                peer.write(prompts, length)
                taken.append(time.perf_counter() - began)
            seconds[threads] = median(taken)
        best = min(seconds, key=seconds.__getitem__)
        yield peers[best], "one thread, which is faster than its default" if best else "its default threads"
    finally:
        for peer in peers.values():
            peer.close()


def compared(ours: Sequence[str], peers: Sequence[str]) -> str:
    """Holds what the two write against each other; returns what was compared.

    Raises:
        SystemExit: they write different texts.
    """
    for row, (mine, other) in enumerate(zip(ours, peers, strict=True), start=1):
        if mine != other:
            place = len(os.path.commonprefix([mine, other]))
            raise SystemExit(f"row {row}: character {place + 1} differs, {mine[place]!r} and {other[place]!r}")
    return (
        f"all {sum(map(len, ours)):,} characters are the same, {different(ours):.0f} different ones in the second half "
        "of a text"
    )


def limit(job: Job, step: float) -> str:
    """Returns how much of a step its matrix products take alone, at the rate that this machine has for them.

    Args:
        step: microseconds.
    """
    vocabulary, size = len(ALPHABET), job.hidden_size
    shapes = [(4 * size, size)] + [(4 * size, 2 * size)] * (job.num_layers - 1) + [(vocabulary, size)]
    workers = min(cores(), max(1, job.rows // MAX_ROWS))
    columns = () if job.rows == 1 else (job.rows // workers,)
    draw = np.random.default_rng(0)
    pairs = [
        (draw.standard_normal(shape, dtype=np.float32), draw.standard_normal((shape[1], *columns), dtype=np.float32))
        for shape in shapes
    ]
    taken = []
    with one_thread():
        for _ in range(30):
            began = time.perf_counter()
            for weight, values in pairs:
                weight.dot(values)
            taken.append(1e6 * (time.perf_counter() - began))
    seconds = min(taken)
    numbers = sum(rows * width for rows, width in shapes)
    if job.rows == 1:
        rate = f"{4e-3 * numbers / seconds:.0f} GB of weights a second"
    else:
        rate = f"{2e-3 * numbers * job.rows / workers / seconds:.0f} GFLOP/s on each of {workers} cores"
    return f"The products alone, measured by themselves, take {seconds:.3g} of the {step:.3g} µs, at {rate}."


if __name__ == "__main__":
    sys.exit(main(__file__, __doc__, measure, ROUNDS))
