"""Measure how long a run takes to predict one example, or to generate one token."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

from seqkit.data.prepare import prepare
from seqkit.errors import SeqkitError
from seqkit.inference.run import Run
from seqkit.recipe.plan import Plan
from seqkit.runs.directory import RunDirectory

_EXAMPLES = 20
_SECONDS = 1.0
_TOKENS = 64


def latency(directory: RunDirectory, plan: Plan) -> float | None:
    """Return the median milliseconds of predicting one example, or of generating one token.

    Predictions are those of `Run.predict_examples`: by NumPy for the components of seqkit, else by torch.

    Args:
        directory: the run directory.
        plan: its plan, whose held-out inputs are predicted.

    Returns:
        None if the run neither predicts nor generates.
    """
    run = Run(directory)
    data = prepare(plan)
    if data.head.generates:
        prompt = plan.generate.prompt if plan.generate and plan.generate.prompt else None
        try:
            return 1000 / _TOKENS * _shortest(lambda: run.generate(prompt, length=_TOKENS))
        except SeqkitError:  # no prompt, for instance
            return None
    examples = [replace(example, target=None) for example in data.splits[data.evaluated[0]].examples]
    times = []
    end = time.perf_counter() + _SECONDS
    try:
        for example in [examples[0], *examples[:_EXAMPLES]]:
            times.append(_shortest(lambda example=example: next(iter(run.predict_examples([example])))))  # type: ignore[misc]
            if time.perf_counter() > end:
                break
    except SeqkitError:
        return None
    return 1000 * median(times)


def _shortest(compute: Callable[[], object], repetitions: int = 3) -> float:
    """Return the shortest seconds of several calls: another process may use the processor."""
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        compute()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
