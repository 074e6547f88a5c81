"""How long the matrix products of a job take alone, in the shapes and on the threads that seqkit has them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import List  # noqa: UP035 - TorchScript reads this form alone

import torch
from side_by_side import in_turn
from torch import Tensor, mm

from seqkit.encoders.steps import fast
from seqkit.workers import Job, side_by_side, workers

Shape = tuple[int, int, int]
"""(height, depth, width) of a product of two matrices."""


def multiply(ones: List[Tensor], others: List[Tensor], products: List[Tensor], times: List[int]) -> None:  # noqa: UP006
    """Multiplies each pair so many times; as TorchScript, so that threads do not wait for Python."""
    for place in range(len(times)):
        for _ in range(times[place]):
            mm(ones[place], others[place], out=products[place])


def seconds(every_step: Sequence[Shape], steps: int, at_once: Sequence[Shape], threads: int) -> float:
    """Returns the least time of several in which each of some threads does the same products.

    Args:
        every_step: products that are done at each of so many steps.
        at_once: products that are done once.
    """
    shapes = [*every_step, *at_once]
    ones = [torch.randn(height, depth) for height, depth, _ in shapes]
    others = [torch.randn(depth, width) for _, depth, width in shapes]
    times = [steps] * len(every_step) + [1] * len(at_once)

    def products(anything: Tensor) -> tuple[Tensor]:
        made = [torch.empty(height, width) for height, _, width in shapes]
        fast(multiply)(ones, others, made, times)
        return (anything,)

    torch.set_num_threads(1)
    jobs = [Job(products, [torch.zeros(())])] * threads
    with workers(threads):
        return min(in_turn(lambda: side_by_side(jobs), lambda: None, 7)[0])
