"""Parallel jobs on CPU threads, with gradients: the two directions of an encoder, or two halves of a batch.

An encoder whose parts do not depend on each other can compute them in parallel:

    from seqkit.layers.parallel import ParallelJob, run_parallel

    class TwoProjections(torch.nn.Module, Encoder):
        ...

        def forward(self, inputs, lengths, state=None):
            def project(inputs, weight):
                return (inputs @ weight.t(),)

            jobs = [ParallelJob(project, [inputs, weight]) for weight in (self.left, self.right)]
            (left,), (right,) = run_parallel(jobs)
            ...

        def parallel_weights(self):
            return self.left.numel() + self.right.numel()

seqkit reads `parallel_weights` to decide how many threads run the jobs (`worker_threads`). A gradient reaches only the
tensors that are listed in a job's inputs, so list the weights too.

The number of threads does not change the result by a single bit: a job depends on its inputs alone, its operations run
on one thread, and contributions of several jobs to one gradient are added in the order of the jobs. It can therefore be
chosen by timing. Two threads that run a job each are at least as fast as torch's own two threads within every
operation, and lose less when another process needs a core, because they do not wait for each other at each operation.
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

from seqkit.messages import message

Result = TypeVar("Result")

MAX_JOBS = 2
"""The number of parallel jobs that seqkit's own encoders divide a layer into, and the maximum of worker threads."""

_pool: ThreadPoolExecutor | None = None


@contextmanager
def worker_threads(number: int) -> Iterator[None]:
    """Run parallel jobs on a number of threads, the current one included, until the end of the block.

    Outside of such a block, all jobs run on the thread that calls `run_parallel`.
    """
    global _pool
    outer = _pool
    if number == 1:
        _pool = None
        try:
            yield
        finally:
            _pool = outer
        return
    # Flushing denormal numbers to zero is a setting of each thread; the number of torch's threads is not.
    with ThreadPoolExecutor(number - 1, "seqkit", torch.set_flush_denormal, (True,)) as _pool:
        try:
            yield
        finally:
            _pool = outer


class ParallelJob(NamedTuple):
    """A function of tensors that may run on another thread.

    Attributes:
        work: receives the inputs and returns a tuple of tensors. It must not use random numbers: their order would
            depend on the threads.
        inputs: all tensors that may need a gradient, weights included.
    """

    work: Callable[..., tuple[Tensor, ...]]
    inputs: Sequence[Tensor]


def run_parallel(jobs: Sequence[ParallelJob]) -> list[tuple[Tensor, ...]]:
    """Run jobs on the worker threads, and their backward passes too.

    torch computes a whole backward pass on the thread that calls it. Each job therefore has a separate graph, whose
    backward pass is a job again.

    Returns:
        The result of each job, in the order of the jobs.
    """
    if not torch.is_grad_enabled() or not any(tensor.requires_grad for job in jobs for tensor in job.inputs):
        return _call_all([partial(job.work, *job.inputs) for job in jobs])
    sizes: list[int] = []
    outputs = iter(_ParallelFunction.apply(jobs, sizes, *[tensor for job in jobs for tensor in job.inputs]))
    return [tuple(next(outputs) for _ in range(size)) for size in sizes]


def _call_all(calls: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return the result of each call. The first runs on this thread, the others on worker threads if there are any."""
    if _pool is None:
        return [call() for call in calls]
    grad, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()

    def call_in_same_mode(call: Callable[[], Result]) -> Result:
        with torch.inference_mode(inference), torch.set_grad_enabled(grad):
            return call()

    futures = [_pool.submit(call_in_same_mode, call) for call in calls[1:]]
    try:
        first = calls[0]()
    finally:
        errors = [future.exception() for future in futures]  # an error is raised only when no job runs any more
    for error in errors:
        if error is not None:
            raise error
    return [first, *(future.result() for future in futures)]


class _ParallelFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, jobs: Sequence[ParallelJob], sizes: list[int], *tensors: Tensor) -> tuple[Tensor, ...]:
        """Run each job on detached inputs and record its graph. `sizes` receives the number of outputs of each job."""
        remaining = iter(tensors)
        inputs = [[next(remaining).detach().requires_grad_(part.requires_grad) for part in job.inputs] for job in jobs]

        def run(job: ParallelJob, leaves: list[Tensor]) -> tuple[Tensor, ...]:
            with torch.enable_grad():
                return job.work(*leaves)

        outputs = _call_all([partial(run, job, leaves) for job, leaves in zip(jobs, inputs, strict=True)])
        sizes += map(len, outputs)
        ctx.graphs = list(zip(inputs, outputs, strict=True))
        return tuple(part.detach() for output in outputs for part in output)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *d_outputs: Tensor) -> tuple[Tensor | None, ...]:
        graphs, retain_graph = ctx.graphs, graph_is_retained()
        if graphs is None:
            raise RuntimeError(
                message("the gradients of this batch were already computed: use retain_graph=True to repeat it")
            )
        if not retain_graph:
            ctx.graphs = None
        remaining = iter(d_outputs)
        d_outputs_by_job = [[next(remaining) for _ in outputs] for _, outputs in graphs]
        calls = [
            partial(_gradients, inputs, outputs, d_job_outputs, retain_graph)
            for (inputs, outputs), d_job_outputs in zip(graphs, d_outputs_by_job, strict=True)
        ]
        return None, None, *(gradient for job in _call_all(calls) for gradient in job)


def _gradients(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor], d_outputs: Sequence[Tensor], retain_graph: bool
) -> list[Tensor | None]:
    """Return the gradient of each input of a job, None for those that need none.

    Args:
        inputs: the leaves of the job's graph.
        outputs: the results of the job.
        d_outputs: the gradient of each output.
        retain_graph: whether the graph may be needed again.
    """
    leaves = [leaf for leaf in inputs if leaf.requires_grad]
    pairs = [(part, d_part) for part, d_part in zip(outputs, d_outputs, strict=True) if part.requires_grad]
    ends, d_ends = zip(*pairs, strict=True)
    gradients = iter(torch.autograd.grad(ends, leaves, d_ends, retain_graph=retain_graph, allow_unused=True))
    return [next(gradients) if leaf.requires_grad else None for leaf in inputs]


_keeps_graph = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True)


def graph_is_retained() -> bool:
    """Return, within a backward pass, whether the graph may be needed again (`retain_graph=True`).

    If not, the tensors that an autograd function saved may be overwritten. True if this version of torch cannot
    determine it.
    """
    return bool(_keeps_graph())
