"""Time work within one process: two calls alternately, and matrix products alone for comparison."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, List  # noqa: UP035 - TorchScript accepts List only

import torch
from torch import Tensor, mm

from seqkit.encoders.lstm.recurrence_loops import scripted
from seqkit.layers.parallel import ParallelJob, run_parallel, worker_threads

ProductShape = tuple[int, int, int]
"""(m, k, n) of the product of an (m, k) and a (k, n) matrix."""


def alternate_calls(
    ours: Callable[[], Any], reference: Callable[[], Any], rounds: int
) -> tuple[list[float], list[float]]:
    """Return the seconds of each round of two calls, measured alternately after one warm-up call of each."""
    ours(), reference()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, seconds in zip((ours, reference), times, strict=True):
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
    return times


def multiply(lefts: List[Tensor], rights: List[Tensor], products: List[Tensor], repeats: List[int]) -> None:  # noqa: UP006
    """Multiply each pair of matrices the given number of times.

    Runs as TorchScript, so that threads do not wait for Python's interpreter lock.
    """
    for index in range(len(repeats)):
        for _ in range(repeats[index]):
            mm(lefts[index], rights[index], out=products[index])


def matrix_product_seconds(
    per_time_step: Sequence[ProductShape], time_steps: int, per_batch: Sequence[ProductShape], threads: int
) -> float:
    """Return the shortest time in which each of several threads computes the same matrix products.

    Args:
        per_time_step: Products that are computed at each time step.
        time_steps: The number of time steps.
        per_batch: Products that are computed once.
        threads: The number of threads.
    """
    shapes = [*per_time_step, *per_batch]
    lefts = [torch.randn(m, k) for m, k, _ in shapes]
    rights = [torch.randn(k, n) for _, k, n in shapes]
    repeats = [time_steps] * len(per_time_step) + [1] * len(per_batch)

    def compute(unused: Tensor) -> tuple[Tensor]:
        products = [torch.empty(m, n) for m, _, n in shapes]
        scripted(multiply)(lefts, rights, products, repeats)
        return (unused,)

    torch.set_num_threads(1)
    jobs = [ParallelJob(compute, [torch.zeros(())])] * threads
    with worker_threads(threads):
        return min(alternate_calls(lambda: run_parallel(jobs), lambda: None, 7)[0])


def multiply_add_rate() -> float:
    """Return the multiply-adds per second in products of float32 matrices of 2,048 by 2,048, on all cores."""
    torch.set_num_threads(os.cpu_count() or 1)
    left, right = torch.randn(2, 2048, 2048)
    product = left @ right
    began = time.perf_counter()
    for _ in range(5):
        torch.mm(left, right, out=product)
    return 5 * 2048**3 / (time.perf_counter() - began)
