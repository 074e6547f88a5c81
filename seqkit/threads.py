"""How many CPU threads a run takes, and by which path each of its layers goes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch

from seqkit.contracts import Batch
from seqkit.encoders.lstm_layers import LSTMLayers
from seqkit.encoders.paths import JOBS
from seqkit.model import Model
from seqkit.workers import workers

THREADED_WIDTH = 256
"""From outputs of about this width on, a second thread gains more than handing work to it costs."""

_TRIES = 3
"""How often a batch is computed with each number of workers; the least time counts."""


@dataclass(frozen=True)
class Threads:
    """The CPU threads of a process.

    Attributes:
        workers: how many of the encoder's jobs are done at once (`workers.py`).
        each: how many threads torch takes for an operation, in every job.
        tried: the milliseconds that a batch took by the number of workers, where more than one number was tried.
    """

    workers: int
    each: int
    tried: dict[int, float] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.workers * self.each

    def __str__(self) -> str:
        tried = ", ".join(f"{workers * self.each}: {ms:.0f} ms a batch" for workers, ms in self.tried.items())
        return f"{self.total} thread{'s' if self.total > 1 else ''}" + (f" ({tried})" if tried else "")


def choose_threads(setting: int | Literal["auto"], model: Model, processes: int = 1) -> Threads:
    """Returns the number of CPU threads for a model that has computed a batch; with `auto`, the most workers to try.

    How many threads torch takes for an operation depends on sizes and the machine alone, never on a timing, since it
    may change the order in which numbers are added up. The number of workers changes nothing but the time.

    Args:
        processes: so many share the machine, and each gets its part of the cores.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = max(1, cores // processes)
    side_by_side = _mostly_side_by_side(model)
    if setting != "auto":
        workers = min(JOBS, setting) if side_by_side else 1
        return Threads(workers, setting // workers)
    wide = model.encoder.output_size >= THREADED_WIDTH or _size(model.head) > _size(model.encoder)
    wanted = min(cores, 4) if wide else 1
    return Threads(min(JOBS, cores), max(1, wanted // JOBS)) if side_by_side else Threads(1, wanted)


def _mostly_side_by_side(model: Model) -> bool:
    """Returns whether what was done as jobs side by side in the last batch outweighs what was not."""
    jobs = sum(
        _size(cell)
        for layers in model.encoder.modules()
        if isinstance(layers, LSTMLayers)
        for number, path in enumerate(layers.paths)
        if path.together
        for cell in layers.cells[number * layers.directions : (number + 1) * layers.directions]
    )
    return 2 * jobs > _size(model.encoder) + _size(model.head)


def _size(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


_CLEARLY = 1.1
"""Fewer workers are taken only where they save so much: a neighbour may have wanted a core just then."""


def fastest(threads: Threads, compute: Callable[[], object]) -> Threads:
    """Returns the number of workers with which a batch is computed fastest, by measuring each.

    Args:
        threads: the most workers to try.
        compute: computes one batch.
    """
    tried: dict[int, float] = {}
    for _ in range(_TRIES):
        for number in range(1, threads.workers + 1):
            with workers(number):
                began = time.perf_counter()
                compute()
                tried[number] = min(tried.get(number, math.inf), 1000 * (time.perf_counter() - began))
    return Threads(max(n for n, ms in tried.items() if ms <= _CLEARLY * min(tried.values())), threads.each, tried)


def threads_for(model: Model, batch: Batch, setting: int | Literal["auto"], processes: int) -> Threads:
    """Returns the number of CPU threads for a model, of which the workers are found out by computing a batch.

    Args:
        batch: of the usual size, on the model's device.
        setting: `train.threads`.
        processes: how many of this run share the machine.
    """
    with torch.random.fork_rng(devices=[]):
        loss = lambda: model(batch)[0].total  # noqa: E731
        with torch.no_grad():
            loss()
        chosen = choose_threads(setting, model, processes)
        if setting == "auto" and chosen.workers > 1:
            torch.set_num_threads(chosen.each)
            chosen = fastest(chosen, lambda: loss().backward())
            model.zero_grad()
    return chosen


def paths_of(model: Model) -> Iterator[str]:
    """Yields a line for each of seqkit's own LSTM layers: the path by which its last batch was computed."""
    for name, module in model.encoder.named_modules():
        if isinstance(module, LSTMLayers):
            for number, path in enumerate(module.paths, start=1):
                below = module.input_size if number == 1 else module.output_size
                where = f"{name.removesuffix('layers')}layer {number}"
                yield f"{where}, {below:,} -> {module.output_size:,}: {path}"
