"""The message of an interrupt in a script or a notebook: the run, what is saved, and how to resume it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqkit.messages import message
from seqkit.training.callbacks import Callback


class Position(Callback):
    """The callback that knows what is saved of a run.

    Args:
        resumed: the run directory that is resumed, or None.
        arguments: further arguments of `seqkit.resume`.
    """

    def __init__(self, resumed: str | Path | None, arguments: str = "") -> None:
        self._resumed = resumed
        self._arguments = arguments
        self._run: Path | None = None
        self._step = 0
        self._is_trained = self._is_finished = False

    def on_run_start(self, run: Path, recipe: Mapping[str, Any], step: int) -> None:
        self._run, self._step = run, step

    def on_checkpoint(self, checkpoint: Path, step: int) -> None:
        self._step = step

    def on_training_end(self) -> None:
        self._is_trained = True

    def on_run_end(self, result: Mapping[str, Any] | None, error: BaseException | None) -> None:
        self._is_finished = result is not None

    def describe(self) -> str:
        """Return the message of an interrupt."""
        run = self._run or self._resumed
        if run is None:
            return message("interrupted before training: nothing was saved")
        arguments = ", ".join(filter(None, [repr(str(run)), self._arguments]))
        command = message("resume with: seqkit.resume({arguments})", arguments=arguments)
        if self._is_finished:
            return message("interrupted after the run was finished: {run}", run=run)
        if self._run is None:
            return message("{run}: interrupted before training continued; {command}", run=run, command=command)
        if self._is_trained:
            return message(
                "{run}: interrupted after training, with everything saved; {command}", run=run, command=command
            )
        return message(
            "{run}: interrupted; saved after step {step:,}; {command}", run=run, step=self._step, command=command
        )
