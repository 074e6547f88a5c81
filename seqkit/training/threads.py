"""Choose the number of CPU threads of a run, from the model's sizes and by a short measurement."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch

from seqkit.contracts import Batch, Encoder
from seqkit.layers.parallel import MAX_JOBS, worker_threads
from seqkit.messages import counted, listed, message
from seqkit.modeling.model import Model

THREADED_WIDTH = 256
"""The encoder output size from which a second thread in each operation pays off."""

_REPETITIONS = 3
"""How often a batch is computed with each number of workers. The shortest time counts."""

_MARGIN = 1.1
"""Fewer workers are chosen only if more take longer by this factor: another process may have used a core meanwhile."""


@dataclass(frozen=True)
class Threads:
    """The CPU threads of a process.

    Attributes:
        workers: the number of an encoder's jobs that run in parallel (`seqkit.layers.parallel`).
        per_operation: the number of threads that torch uses for an operation, in each job.
        measured: the milliseconds that a batch took by the number of workers, if several numbers were measured.
    """

    workers: int
    per_operation: int
    measured: dict[int, float] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.workers * self.per_operation

    def __str__(self) -> str:
        count = counted(self.total, "1 thread", "{count} threads")
        measured = listed(
            message("{ms:.0f} ms with {threads}", ms=ms, threads=workers * self.per_operation)
            for workers, ms in self.measured.items()
        )
        return message("{count} (per batch: {measured})", count=count, measured=measured) if measured else count


def choose_threads(setting: int | Literal["auto"], model: Model, processes: int = 1) -> Threads:
    """Return the number of CPU threads for a model that has computed a batch; with `auto`, the maximum to try.

    The number of threads that torch uses for an operation depends on sizes and the machine alone, never on a
    measurement, because it can change the order of additions. The number of workers changes only the time.

    Args:
        setting: `train.threads`.
        model: the model.
        processes: the number of processes that share the cores of the machine.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = max(1, cores // processes)
    is_parallel = _is_mostly_parallel(model)
    if setting != "auto":
        workers = min(MAX_JOBS, setting) if is_parallel else 1
        return Threads(workers, setting // workers)
    wide = model.encoder.output_size >= THREADED_WIDTH or _size(model.head) > _size(model.encoder)
    wanted = min(cores, 4) if wide else 1
    return Threads(min(MAX_JOBS, cores), max(1, wanted // MAX_JOBS)) if is_parallel else Threads(1, wanted)


def _is_mostly_parallel(model: Model) -> bool:
    """Return whether more than half of the weights were used in parallel jobs in the last batch."""
    parallel = sum(module.parallel_weights() for module in model.encoder.modules() if isinstance(module, Encoder))
    return 2 * parallel > _size(model.encoder) + _size(model.head)


def _size(module: torch.nn.Module) -> int:
    """Return the number of weights that a token is multiplied by.

    They are all but those that are looked up, such as weights of n-grams, whose module states `multiply_adds`.
    """
    size = sum(weight.numel() for weight in module.parameters())  # a shared weight counts once
    for each in module.modules():
        weights = sum(weight.numel() for weight in each.parameters(recurse=False))
        size -= max(0, weights - getattr(each, "multiply_adds", weights))
    return size


def fastest(threads: Threads, compute: Callable[[], object]) -> Threads:
    """Measure each number of workers, and return the fastest.

    Args:
        threads: the threads, with the maximum number of workers to try.
        compute: computes one batch.
    """
    measured: dict[int, float] = {}
    for _ in range(_REPETITIONS):
        for number in range(1, threads.workers + 1):
            with worker_threads(number):
                start = time.perf_counter()
                compute()
                measured[number] = min(measured.get(number, math.inf), 1000 * (time.perf_counter() - start))
    chosen = max(number for number, ms in measured.items() if ms <= _MARGIN * min(measured.values()))
    return Threads(chosen, threads.per_operation, measured)


def measure_threads(model: Model, batch: Batch, setting: int | Literal["auto"], processes: int) -> Threads:
    """Choose the number of CPU threads for a model, and measure the number of workers on a batch.

    Args:
        model: the model, on its device.
        batch: a batch of typical size, on the same device.
        setting: `train.threads`.
        processes: the number of processes of this run that share the machine.
    """
    with torch.random.fork_rng(devices=[]):
        with torch.no_grad():
            model(batch)
        chosen = choose_threads(setting, model, processes)
        if setting == "auto" and chosen.workers > 1:
            torch.set_num_threads(chosen.per_operation)
            chosen = fastest(chosen, lambda: model(batch)[0].total.backward())
            model.zero_grad()
    return chosen


def kernel_lines(model: Model) -> Iterator[str]:
    """Yield a line for each layer that says which kernel computed the last batch."""
    for name, module in model.encoder.named_modules():
        if isinstance(module, Encoder):
            yield from (f"{name}.{line}" if name else line for line in module.kernels())
