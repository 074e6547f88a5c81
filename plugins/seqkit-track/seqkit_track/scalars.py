"""What the trackers of other tools have in common: values of a name at a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import seqkit
from seqkit.contracts import PositiveInt, Tracker


class ScalarTracker(Tracker, ABC):
    """Record numbers by name and step: `step/loss`, `valid/accuracy`, and at the end `result/test/accuracy`.

    Args:
        every: the number of steps from one record of loss, learning rate and gradient norm to the next.
    """

    def __init__(self, *, every: PositiveInt = 1) -> None:
        self.every = every
        self._step = 0
        self._last: dict[str, int] = {}

    @abstractmethod
    def open(self, run: Path, recipe: Mapping[str, Any], step: int) -> dict[str, int]:
        """Begin or continue the record of a run; return the last step at which each name was recorded.

        Args:
            run: the run directory.
            recipe: the complete recipe.
            step: the steps taken so far, above 0 in a run that is resumed.
        """

    @abstractmethod
    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Record numbers of a step."""

    def close(self, error: BaseException | None) -> None:
        """End the record of a run.

        Args:
            error: what ended the run, or None.
        """

    @seqkit.hookimpl
    def seqkit_run_start(self, run: Path, recipe: Mapping[str, Any], step: int) -> None:
        """Begin or continue the record."""
        self._step = step
        self._last = self.open(run, recipe, step)

    @seqkit.hookimpl
    def seqkit_step(self, step: int, loss: float, lr: float, gradient_norm: float) -> None:
        """Record loss, learning rate and gradient norm."""
        self._step = step
        if step % self.every == 0:
            self._record(step, {"step/loss": loss, "step/lr": lr, "step/gradient_norm": gradient_norm})

    @seqkit.hookimpl
    def seqkit_epoch_end(self, epoch: int, step: int, metrics: Mapping[str, Mapping[str, float]]) -> None:
        """Record the metrics of each split."""
        self._record(step, {"epoch": epoch} | _names("", metrics))

    @seqkit.hookimpl
    def seqkit_run_end(self, result: Mapping[str, Any] | None, error: BaseException | None) -> None:
        """Record the metrics of the best weights."""
        if result is not None:
            self._record(self._step, _names("result/", result["metrics"]))
        self.close(error)

    def _record(self, step: int, values: Mapping[str, float]) -> None:
        """Record what is not there yet: a resumed run repeats steps, with the same values."""
        new = {name: value for name, value in values.items() if self._last.get(name, -1) < step}
        if new:
            self.write(step, new)
            self._last |= dict.fromkeys(new, step)


def _names(prefix: str, metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return the metrics that are numbers, named after their split."""
    return {
        f"{prefix}{split}/{name}": value
        for split, scores in metrics.items()
        for name, value in scores.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
