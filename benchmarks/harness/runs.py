"""Runs of seqkit within a benchmark: epochs as timed rounds, and the model of a finished run."""

from __future__ import annotations

import time

import seqkit
from benchmarks.harness.processes import wait_for_round
from seqkit.inference.loading import RunParts
from seqkit.modeling.model import Model


class EpochRounds:
    """A callback that turns each epoch of a run into a round of a `RoundProcess`.

    Args:
        epochs: The number of epochs of the run.
    """

    def __init__(self, epochs: int) -> None:
        self.remaining = epochs
        self.began = 0.0

    @seqkit.hookimpl
    def seqkit_run_start(self) -> None:
        wait_for_round()
        self.began = time.perf_counter()

    @seqkit.hookimpl
    def seqkit_epoch_end(self) -> None:
        print(time.perf_counter() - self.began, flush=True)
        self.remaining -= 1
        if self.remaining:
            self.seqkit_run_start()


def trained_model(run: seqkit.Run) -> Model:
    """Return the torch model of a finished run."""
    return RunParts(run.directory).torch_engine.model
