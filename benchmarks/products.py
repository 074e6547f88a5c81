"""How long the matrix products of a job take alone, in the shapes and on the threads that seqkit has them in."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from side_by_side import in_turn
from torch import Tensor

from seqkit.workers import Job, side_by_side, workers

Shape = tuple[int, int, int]
"""(height, depth, width) of a product of two matrices."""


def seconds(every_step: Sequence[Shape], steps: int, at_once: Sequence[Shape], threads: int) -> float:
    """Returns the least time of several in which each of some threads does the same products.

    Args:
        every_step: products that are done at each of so many steps.
        at_once: products that are done once.
    """

    operands = [
        (torch.randn(height, depth), torch.randn(depth, width), times)
        for shapes, times in ((every_step, steps), (at_once, 1))
        for height, depth, width in shapes
    ]

    def products(anything: Tensor) -> tuple[Tensor]:
        for one, other, times in operands:
            product = one @ other
            for _ in range(times - 1):
                torch.mm(one, other, out=product)
        return (anything,)

    torch.set_num_threads(1)
    jobs = [Job(products, [torch.zeros(())])] * threads
    with workers(threads):
        return min(in_turn(lambda: side_by_side(jobs), lambda: None, 5)[0])
