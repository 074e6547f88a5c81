"""Writing on from a prompt, greedily: one stream, and 64 at once, beside a loop of single steps of nn.LSTM.

    python benchmarks/writing.py

The models have random weights, drawn so that they write no constant text; both sides have the same ones, and write
the same characters before they are timed. Everything is in one process: loading is not part of the figures.
"""

from __future__ import annotations

import string
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from side_by_side import Measured, Options, in_turn, main
from torch import nn

import seqkit
from seqkit.infer.cores import cores, one_thread

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
        run = random_run(job.num_layers, job.hidden_size, Path(folder))
        peer = Peer(run.path, job.num_layers, job.hidden_size)
        prompts = random_prompts(job.rows)
        ours: Callable[[], Any] = lambda: run.generate(prompts if job.rows > 1 else prompts[0], length=job.length)  # noqa: E731
        same = compared(run, peer, prompts, job.length)
        threads = peer.fastest_threads(prompts, min(job.length, 100))
        times = in_turn(ours, lambda: peer.write(prompts, job.length), rounds)
        per_step = [[1e6 * seconds / job.length for seconds in side] for side in times]
        return Measured(
            job=job.name,
            unit="µs a step of the streams",
            ours=per_step[0],
            peer=per_step[1],
            goal=job.goal,
            same=same,
            peer_is=f"nn.LSTM a step at a time, one-hot rows of torch.eye, inference_mode, {threads}",
            limit=limit(job, min(per_step[0])),
        )


def random_run(num_layers: int, hidden_size: int, folder: Path) -> Any:
    """Returns a run with random weights, of the first seed whose text goes on changing."""
    recipe = {
        "name": f"random-{num_layers}x{hidden_size}",
        "data": {"type": "text", "text": ALPHABET},
        "encoder": {"type": "lstm", "hidden_size": hidden_size, "num_layers": num_layers},
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
        if different(run.generate(random_prompts(8), length=400)) >= 8:
            return run
    raise SystemExit("every text drawn is next to constant")


def different(texts: Sequence[str]) -> float:
    """Returns how many characters differ in the second half of a text, in the mean."""
    return fmean(len(set(text[len(text) // 2 :])) for text in texts)


def random_prompts(rows: int, length: int = 16) -> list[str]:
    draw = np.random.default_rng(0)
    return ["".join(draw.choice(list(ALPHABET), length)) for _ in range(rows)]


class Peer:
    """What a PyTorch user would write: the prompt read at once, then a step a character with the state carried on."""

    def __init__(self, run: Path, num_layers: int, hidden_size: int) -> None:
        self.symbols = sorted(ALPHABET)
        self.ids = {symbol: number for number, symbol in enumerate(self.symbols)}
        self.eye = torch.eye(len(self.symbols))
        self.lstm = nn.LSTM(len(self.symbols), hidden_size, num_layers, batch_first=True)
        self.output = nn.Linear(hidden_size, len(self.symbols))
        weights = load_file(run / "model.safetensors")
        with torch.no_grad():
            for name, weight in self.lstm.named_parameters():
                kind, _, layer = name.rpartition("_l")
                weight.copy_(weights[f"encoder.layers.cells.{layer}.{kind}_l0"])
            self.output.weight.copy_(weights["head.output.weight"])
            self.output.bias.copy_(weights["head.output.bias"])

    @torch.inference_mode()
    def write(self, prompts: Sequence[str], length: int) -> list[str]:
        """Prompts of one length -> what follows each."""
        read = torch.tensor([[self.ids[symbol] for symbol in prompt] for prompt in prompts])
        outputs, state = self.lstm(self.eye[read])
        written = []
        for _ in range(length):
            ids = self.output(outputs[:, -1]).argmax(dim=1)
            written.append(ids)
            outputs, state = self.lstm(self.eye[ids][:, None], state)
        return ["".join(self.symbols[number] for number in row) for row in torch.stack(written, dim=1).tolist()]

    @torch.inference_mode()
    def last_logits(self, text: str) -> torch.Tensor:
        outputs, _ = self.lstm(self.eye[torch.tensor([[self.ids[symbol] for symbol in text]])])
        return self.output(outputs[0, -1])

    def fastest_threads(self, prompts: Sequence[str], length: int) -> str:
        """Sets torch's threads to its default or to one, whichever writes faster; returns which it is."""
        default = torch.get_num_threads()
        seconds = {}
        for threads in (default, 1):
            torch.set_num_threads(threads)
            self.write(prompts, length)
            taken = []
            for _ in range(5):
                began = time.perf_counter()
                self.write(prompts, length)
                taken.append(time.perf_counter() - began)
            seconds[threads] = min(taken)
        torch.set_num_threads(min(seconds, key=seconds.__getitem__))
        best = torch.get_num_threads()
        return f"{best} thread{'s'[: best > 1]}, which is {'its default' if best == default else 'faster than its default'}"


def compared(run: Any, peer: Peer, prompts: Sequence[str], length: int) -> str:
    """Holds what the two write against each other; returns what was compared.

    Raises:
        SystemExit: they write different texts, and not because two characters are equally likely.
    """
    ours, theirs = run.generate(list(prompts), length=length), peer.write(prompts, length)
    for prompt, mine, other in zip(prompts, ours, theirs, strict=True):
        if mine != other:
            place = next(place for place in range(length) if mine[place] != other[place])
            best = peer.last_logits(prompt + mine[:place]).topk(2).values
            raise SystemExit(
                f"character {place + 1} differs, {mine[place]!r} and {other[place]!r}; the two best logits are "
                f"{float(best[0] - best[1]):.2g} apart"
            )
    return (
        f"all {len(prompts) * length:,} characters are the same, {different(ours):.0f} different ones in the second half "
        "of a text"
    )


def limit(job: Job, step: float) -> str:
    """Returns how much of a step its matrix products take alone, at the rate that this machine has for them.

    Args:
        step: microseconds.
    """
    vocabulary, size = len(ALPHABET), job.hidden_size
    shapes = [(4 * size, size)] + [(4 * size, 2 * size)] * (job.num_layers - 1) + [(vocabulary, size)]
    workers = min(cores(), max(1, job.rows // 32))
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
