"""Jobs done side by side on threads: the two directions of a layer, or the two halves of a batch.

A job's answer depends on what it is given and on nothing else, each job's arithmetic stays on one thread, and what
several jobs add to is added up in their order. So the number of threads changes how long it takes, and not one bit of
what comes out, which is why it may be chosen by a timing.

Two threads that each run a job are as fast as torch's own two threads inside each operation, or faster; and where
another process wants a core they lose what it takes, while torch's wait for each other at every operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqkit.graphs import retained

Result = TypeVar("Result")

_pool: ThreadPoolExecutor | None = None


@contextmanager
def workers(threads: int) -> Iterator[None]:
    """Has jobs done on so many threads, this one among them, from here to the end of the block.

    Outside of such a block the thread that asks for them does them all.
    """
    global _pool
    before = _pool
    if threads == 1:
        _pool = None
        try:
            yield
        finally:
            _pool = before
        return
    # Whether denormals are flushed is a thread's own setting; how many threads torch takes is not.
    with ThreadPoolExecutor(threads - 1, "seqkit", torch.set_flush_denormal, (True,)) as _pool:
        try:
            yield
        finally:
            _pool = before


class Job(NamedTuple):
    """Work on tensors.

    Attributes:
        work: takes the inputs, and returns a tuple of tensors.
        inputs: every tensor that a gradient may have to reach.
    """

    work: Callable[..., tuple[Tensor, ...]]
    inputs: Sequence[Tensor]


def side_by_side(jobs: Sequence[Job]) -> list[tuple[Tensor, ...]]:
    """Does jobs on the threads there are, and later their gradients too.

    torch computes all of a backward pass on the thread that asks for it, so the graph of each job is its own, and is
    gone through by a job again.

    Returns:
        What each job's work returned, in their order.
    """
    if not torch.is_grad_enabled() or not any(tensor.requires_grad for job in jobs for tensor in job.inputs):
        return _all([partial(job.work, *job.inputs) for job in jobs])
    sizes: list[int] = []
    outputs = iter(_SideBySide.apply(jobs, sizes, *[tensor for job in jobs for tensor in job.inputs]))
    return [tuple(next(outputs) for _ in range(size)) for size in sizes]


def _all(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Makes calls, the first of them on this thread."""
    if _pool is None:
        return [call() for call in calls]
    grad, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    def elsewhere(call: Callable[[], Result]) -> Result:
        with torch.inference_mode(inference), torch.set_grad_enabled(grad):
            return call()

    others = [_pool.submit(elsewhere, call) for call in calls[1:]]
    try:
        first = calls[0]()
    finally:
        waited = [other.exception() for other in others]  # none goes on behind the back of who reads the error
    for error in waited:
        if error is not None:
            raise error
    return [first, *(other.result() for other in others)]


class _SideBySide(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, jobs: Sequence[Job], sizes: list[int], *tensors: Tensor) -> tuple[Tensor, ...]:
        """Runs every job on inputs of its own, recording; `sizes` receives the number of each one's outputs."""
        given = iter(tensors)
        inputs = [[next(given).detach().requires_grad_(part.requires_grad) for part in job.inputs] for job in jobs]

        def run(job: Job, leaves: list[Tensor]) -> tuple[Tensor, ...]:
            with torch.enable_grad():
                return job.work(*leaves)

        outputs = _all([partial(run, job, leaves) for job, leaves in zip(jobs, inputs, strict=True)])
        sizes += map(len, outputs)
        ctx.graphs = list(zip(inputs, outputs, strict=True))
        return tuple(part.detach() for output in outputs for part in output)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *d_outputs: Tensor) -> tuple[Tensor | None, ...]:
        graphs, again = ctx.graphs, retained()
        if graphs is None:
            raise RuntimeError("the gradients of this batch have been computed already: say retain_graph=True before")
        if not again:
            ctx.graphs = None
        given = iter(d_outputs)
        reaching = [[next(given) for _ in outputs] for _, outputs in graphs]
        calls = [
            partial(_gradients, inputs, outputs, reached, again)
            for (inputs, outputs), reached in zip(graphs, reaching, strict=True)
        ]
        return None, None, *(gradient for job in _all(calls) for gradient in job)


def _gradients(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor], d_outputs: Sequence[Tensor], again: bool
) -> list[Tensor | None]:
    """Returns the gradient by each input, or None for one that needs none.

    Args:
        again: whether they may be asked for a second time.
    """
    wanted = [leaf for leaf in inputs if leaf.requires_grad]
    pairs = [(part, d_part) for part, d_part in zip(outputs, d_outputs, strict=True) if part.requires_grad]
    ends, d_ends = zip(*pairs, strict=True)
    found = iter(torch.autograd.grad(ends, wanted, d_ends, retain_graph=again, allow_unused=True))
    return [next(found) if leaf.requires_grad else None for leaf in inputs]
